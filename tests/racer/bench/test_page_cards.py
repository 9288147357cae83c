"""The cards: what a bench has found at a glance, and no more than it has found."""

from __future__ import annotations

import re

from racer.bench.page_cards import answering, cards
from tests.racer.bench.documents import Lane, bench


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_who_is_fastest_and_whether_that_is_sure() -> None:
    """The next one stands beside it, and whether the two were told apart."""
    sure = text(cards(bench((Lane("p/fast", 0.2), Lane("p/slow", 2.0)), 60)))
    unsure = text(cards(bench((Lane("p/this", 1.0), Lane("p/that", 1.01)), 30)))

    assert "by their median the two are told apart" in sure
    assert "by their median the two cannot be told apart" in unsure


def test_what_a_policy_costs() -> None:
    """Requests an answer, lanes that were stopped among them."""
    assert "What racing costs, in requests an answer all 3.00 frugal 1.00 one 1.00" in text(cards(bench()))


def test_no_policy_and_one_lane() -> None:
    """Nothing is compared with nothing."""
    found = text(cards(bench((Lane("p/only", 1.0),), policies=())))

    assert "Fastest lane" in found
    assert "Next" not in found
    assert "Fastest race" not in found


def test_nobody_answered() -> None:
    """Then there is no card."""
    assert cards(bench((Lane("p/dead", 1.0, 1.0),), policies=())) == ""


def test_a_lane_that_mostly_fails_is_not_the_fastest() -> None:
    """Unless all do."""
    rows = bench((Lane("p/flaky", 0.1, 0.9), Lane("p/slow", 1.0)), 30, ())["rows"]

    assert [row["name"] for row in answering(rows, "lane")] == ["p/slow"]
    assert [row["name"] for row in answering(rows[:1], "lane")] == ["p/flaky"]
