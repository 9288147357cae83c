"""The page of a replay: what was, beside what would have been."""

from __future__ import annotations

from typing import Any

from racer.bench.page_hindsight import hindsight_drawn, hindsight_parts, keys
from tests.racer.bench.documents import replay


def test_what_was_is_drawn_as_a_lane() -> None:
    """It is told apart from the policies by its colour and its shape."""
    rows = hindsight_drawn(replay())["rows"]

    assert [row["kind"] for row in rows] == ["lane", "policy", "policy", "policy"]
    assert all(row["error_rate"] == 0 for row in rows)


def test_names_in_sentences_stand_out() -> None:
    """They come in backticks."""
    found = hindsight_parts(replay())["sentences"]

    assert "With <strong>all</strong> your p95 would have been" in found
    assert "`" not in found


def test_nothing_is_left_out() -> None:
    """Then nothing is said of it."""
    nothing: dict[str, Any] = {"left_out": [], "passed_over": {}, "comparisons": []}
    parts = hindsight_parts(replay() | nothing)

    assert (parts["left_out"], parts["comparisons"]) == ("", "")


def test_the_keys_say_what_the_colours_mean() -> None:
    """A replay has no lanes in its plots."""
    assert "as it was" in keys("as it was", "a policy, replayed")
