"""Lengths of time, by examples."""

from __future__ import annotations

import pytest

from racer.core.duration import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24h", 86_400.0),
        ("1h30m", 5_400.0),
        ("0.5m", 30.0),
        ("2d", 172_800.0),
        ("0s", 0.0),
        ("soon", None),
        ("24", None),
        ("24h ", None),
        ("", None),
    ],
)
def test_seconds(text: str, expected: float | None) -> None:
    """A length of time is the sum of its parts, in seconds."""
    assert seconds(text) == expected
