"""benchmarks/results.py: what was measured is kept section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.results import Measured, Section, load, page, save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def said(data: Mapping[str, Any]) -> str:
    return f"It is {data['value']}."


SECTIONS = tuple(Section(name, name.upper(), dict[str, Any], said) for name in ("first", "second"))


def measured(value: int, date: str = "2026-11-20") -> Measured:
    return Measured(date, "./scripts/benchmarks", "Linux, 2 cores", 12.4, {"value": value})


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    """Each section with its date, its command and its figures."""
    results = {"first": measured(1), "second": measured(2, "2026-11-21")}

    save(tmp_path / "results.json", results)

    assert load(tmp_path / "results.json") == results


def test_nothing_was_measured_yet(tmp_path: Path) -> None:
    """A clean clone may have no figures."""
    assert load(tmp_path / "results.json") == {}


def test_the_same_figures_are_the_same_bytes(tmp_path: Path) -> None:
    """Whatever section was measured first."""
    save(tmp_path / "a", {"first": measured(1), "second": measured(2)})
    save(tmp_path / "b", {"second": measured(2), "first": measured(1)})

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_section_that_is_measured_again_leaves_the_others_as_they_were() -> None:
    """Their figures and their dates."""
    before = {"first": measured(1), "second": measured(2)}

    after = page(SECTIONS, {**before, "first": measured(3, "2026-11-22")})

    assert "It is 3." in after
    assert "It is 1." not in after
    assert after.partition("## SECOND")[2] == page(SECTIONS, before).partition("## SECOND")[2]


def test_sections_stand_in_their_order_with_where_they_come_from() -> None:
    """Date, command, machine and duration are part of a figure."""
    written = page(SECTIONS, {"second": measured(2), "first": measured(1)})

    assert written.index("## FIRST") < written.index("## SECOND") < written.index("## More")
    assert "Measured on 2026-11-20 in 12 s by `./scripts/benchmarks` on Linux, 2 cores." in written


def test_what_was_not_measured_is_left_out() -> None:
    """No section without figures."""
    assert "## SECOND" not in page(SECTIONS, {"first": measured(1)})
