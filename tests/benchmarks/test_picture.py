"""benchmarks/picture.py and headline.py: what the README is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.headline import NEEDED, part
from benchmarks.picture import STYLES, draw, rows

if TYPE_CHECKING:
    from pathlib import Path


def seen(slowest: float, requests: float) -> dict[str, Any]:
    return {"curve": [slowest * (point + 1) / 100 for point in range(100)], "requests": requests}


PEERS: dict[str, dict[str, Any]] = {
    "racer_client:all": seen(1.0, 4.0),
    "racer_client:frugal": seen(1.5, 1.1),
    "freelm_client:stream": seen(3.0, 1.0),
    "litellm_race:stream": {"curve": [], "requests": 4.0},
}


def test_who_is_slowest_stands_first_and_who_never_answered_not_at_all() -> None:
    """The picture is drawn from the bottom to the top."""
    found = rows(PEERS)

    assert [(row.title, row.ours) for row in found] == [
        ("freelm", False),
        ("racer frugal", True),
        ("racer all", True),
    ]
    assert found[0].seconds == pytest.approx((1.5, 2.85, 2.97))


def test_the_same_figures_make_the_same_picture(tmp_path: Path) -> None:
    """Byte for byte, small, for light and for dark pages."""
    pytest.importorskip("matplotlib")
    draw(PEERS, tmp_path / "once")
    draw(PEERS, tmp_path / "twice")

    for style in STYLES:
        once = (tmp_path / "once" / f"tail-{style.name}.svg").read_bytes()
        assert once == (tmp_path / "twice" / f"tail-{style.name}.svg").read_bytes()
        assert style.ours.encode() in once
        assert len(once) < 60_000


@pytest.mark.parametrize("missing", NEEDED)
def test_the_readme_waits_until_all_that_it_says_was_measured(missing: str) -> None:
    """Half of a table would say less than that of before."""
    results: Any = {name: object() for name in NEEDED if name != missing}

    assert part(results) is None
