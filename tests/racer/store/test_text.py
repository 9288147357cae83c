"""What is stored as text is short, and whole characters."""

from __future__ import annotations

import pytest

from racer.store.text import LONGEST_NAME, storable


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("groq/llama-3.3", "groq/llama-3.3"),
        ("größer 🏁", "größer 🏁"),
        ("a\0b", "a\ufffdb"),
        ("ü\0\udc80", "ü\ufffd?"),
        ("x" * 600, "x" * LONGEST_NAME),
        ("🏁" * 600, "🏁" * LONGEST_NAME),
    ],
)
def test_text_is_made_fit(text: str, kept: str) -> None:
    """Plain text stays as it is; what SQLite or a tool would stumble over is replaced; the rest is cut."""
    assert storable(text) == kept


def test_another_length_may_be_asked_for() -> None:
    """Reasons may be longer than names."""
    assert storable("x" * 600, 550) == "x" * 550
