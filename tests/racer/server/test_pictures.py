"""Pictures in base64."""

from __future__ import annotations

import pytest

from racer.server.pictures import data_url, kind_of


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("/9j/4AAQ", "image/jpeg"), ("R0lGODdh", "image/gif"), ("UklGRiQA", "image/webp"),
        ("iVBORw0K", "image/png"), ("AAAA", "image/png"),
    ],
)  # fmt: skip
def test_kinds(data: str, kind: str) -> None:
    """By the first bytes."""
    assert kind_of(data) == kind
    assert data_url(data, "x") == f"data:{kind};base64,{data}"


def test_what_was_said_of_it() -> None:
    """A type that was given counts; lines are joined."""
    assert data_url("AA\r\nBB==\n", "x", "image/gif") == "data:image/gif;base64,AABB=="


@pytest.mark.parametrize(
    "data", [None, "", 4, " ", "a b!", "https://x.com/a.png", "A=A", "A===", "\n" * 10**6]
)
def test_what_is_none(data: object) -> None:
    """Told with its place, and at once."""
    with pytest.raises(ValueError, match=r"^x is no (text|base64): give a picture as base64$"):
        data_url(data, "x")
