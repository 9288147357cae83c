"""Why lanes started, in words that name the others; what extra lanes cost, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.accounts.timeline import timeline_of
from racer.cli.why_words import extra, plan
from racer.core.tax import Tax
from racer.store.readings import Planned
from tests.racer.accounts.ledgers import NOW
from tests.racer.accounts.races import lane, race, story

if TYPE_CHECKING:
    from racer.store.readings import Lane, Race

FAILED = lane("a/m", "failed", reason="server 500", first_token=None, latency=0.25, why="first")
SILENT = lane("a/m", "lost", first_token=None, latency=2.0, why="first")
SPOKEN = lane("a/m", "lost", latency=9.0, why="first")
HERE = lane("l/m", "lost", first_token=None, latency=9.0, why="ahead")


def planned(*attempts: Lane, race_: Race | None = None) -> list[str]:
    return plan(timeline_of(story(race_ or race(), *attempts), (), NOW))


STARTS: dict[str, tuple[list[Lane], str]] = {
    "the first": ([lane("b/m", why="first")], "first"),
    "at once": ([SILENT, lane("b/m", start=0.001, why="beside")], "together with the first"),
    "behind one that is loaded": ([HERE, lane("b/m", why="first")], "together with the first"),
    "for a local one": ([FAILED, lane("b/m", start=0.25, why="first")], "a/m had failed"),
    "behind who was stopped": (
        [SILENT, lane("b/m", start=3.0, why="first")],
        "nobody else was at work",
    ),
    "later": ([SILENT, lane("b/m", start=0.5, why="beside")], "beside the others"),
    "loaded": ([lane("b/m", why="ahead")], "loaded here, costs nothing"),
    "late": ([SILENT, lane("b/m", start=1.2, why="late")], "1.20 s without a token from a/m"),
    "late, and one is loaded": (
        [SILENT, HERE, lane("b/m", start=1.2, why="late")],
        "1.20 s without a token from a/m",
    ),
    "late, and others have failed": (
        [SILENT, lane("c/m", "failed", start=0.1, latency=0.2), lane("b/m", start=1.2, why="late")],
        "1.20 s without a token from a/m",
    ),
    "nobody knows who was late": ([SPOKEN, lane("b/m", start=1.2, why="late")], "another was late"),
    "stalled": ([SPOKEN, SILENT, lane("b/m", start=1.2, why="stalled")], "a/m had gone silent"),
    "nobody knows who stalled": ([SILENT, lane("b/m", start=1.2, why="stalled")], "another had gone silent"),
    "replaces the last to fail": (
        [
            FAILED,
            lane("c/m", "failed", latency=0.5),
            lane("d/m", "failed", latency=2.0),
            lane("b/m", start=0.5, why="replaces"),
        ],
        "c/m had failed",
    ),
    "goes on for another": (
        [
            lane("a/m", "failed", reason="network: reset, behind 1,234 characters"),
            lane("b/m", start=0.75, why="replaces"),
        ],
        "a/m had broken off",
    ),
    "nobody knows who failed": ([SILENT, lane("b/m", start=0.5, why="replaces")], "another had failed"),
    "another version's": ([lane("b/m", why="on a\x1b[2J whim")], "on a whim"),
}


@pytest.mark.parametrize(("rows", "words"), STARTS.values(), ids=STARTS)
def test_why_a_lane_started(rows: list[Lane], words: str) -> None:
    """By what was seen of those that had started before it."""
    assert planned(*rows)[-1] == f"b/m: {words}"


@pytest.mark.parametrize(
    ("price", "more"),
    [(None, ""), (0.0, ""), (0.004, ""), (0.35, ", worth 0.35 s"), (12.0, ", worth 12.00 s")],
)
def test_a_price_is_told_where_there_is_one(price: float | None, more: str) -> None:
    """What costs nothing is not worth a word."""
    assert planned(lane("b/m", why="first", price=price)) == [f"b/m: first{more}"]


def test_who_was_to_start_and_did_not() -> None:
    """When, and at what price."""
    due = (Planned("c/m\x1b[2J", 1.84, 0.4, "late"), Planned("d/m", 2.0, 0.0, "late"))

    assert planned(lane(why="first"), race_=race(due=due)) == [
        "a/m: first",
        "c/m: was to start at 1.84 s, worth 0.40 s",
        "d/m: was to start at 2.00 s",
    ]


def test_lanes_with_the_same_words_share_a_line() -> None:
    """As those of `all` do."""
    rows = [lane(f"{name}/m", why="beside", price=0.1 * (name == "d")) for name in "bcde"]

    assert planned(lane(why="first"), *rows) == [
        "a/m: first",
        "b/m, c/m, e/m: together with the first",
        "d/m: together with the first, worth 0.10 s",
    ]


def test_of_an_old_race_nothing_is_said() -> None:
    """Nobody wrote down why its lanes started."""
    assert planned(lane(), lane("b/m")) == []


TAXES = [
    (None, None),
    (Tax(), None),
    (Tax(1, 0, 0, 0.0, 2.0), None),
    (
        Tax(3, 2, 1412, 0.0, 1.34),
        "Extra: 2 requests, 1,412 tokens beside the one that was needed; they saved about 1.3 s.",
    ),
    (
        Tax(4, 1, 1, 0.25, 0.01),
        "Extra: 1 request, 1 token, 0.2500 USD beside the 3 that were needed; it saved nothing.",
    ),
    (
        Tax(2, 1, 9, 0.00002, 0.2),
        "Extra: 1 request, 9 tokens, under 0.0001 USD beside the one that was needed; it saved about 0.2 s.",
    ),
    (Tax(2, 1, 0, 0.0, 0.0), "Extra: 1 request beside the one that was needed; it saved nothing."),
]


@pytest.mark.parametrize(("tax", "line"), TAXES)
def test_what_extra_lanes_cost(tax: Tax | None, line: str | None) -> None:
    """Requests, tokens and money beside what was needed, and the time that they saved."""
    assert extra(tax) == line
