"""Races under way, and those that have just ended."""

from __future__ import annotations

from racer.core.facts import ClockJumped
from racer.core.heat import Ending, Outcome
from racer.server import lately
from racer.server.lately import Lately
from tests.racer.server.rooms import WON, B, begins, ends, over, speaks, started


def test_a_race_under_way() -> None:
    """Its lanes as they stand."""
    seen = Lately()
    for fact in (started(), begins(), begins(attempt=1, on=B), speaks(attempt=1, on=B)):
        seen.observe(fact, 1000.0)
    seen.observe(ends(Outcome.FAILED, reason="rate 429: slow\ndown", status=429), 1000.5)
    (race,) = seen.running.values()
    told = race.to_dict(1001.0)

    assert told | {"attempts": []} == {
        "race_id": "r", "at": 1000.0, "policy": "all", "lanes": 4, "deadline": 60.0, "ending": None,
        "abandoned": False, "latency": None, "winner": None, "elapsed": 1.0, "attempts": [],
    }  # fmt: skip
    failed, runs = told["attempts"]
    assert failed == {
        "lane": "a/m", "provider": "a", "model": "m", "start": 0.25, "why": "first", "first_token": None,
        "outcome": "failed", "reason": "rate 429: slow down", "latency": 1.5,
    }  # fmt: skip
    assert (runs["outcome"], runs["first_token"], runs["reason"]) == ("running", 0.5, None)


def test_a_race_that_is_over() -> None:
    """It is no longer under way, and known until the database has it."""
    seen = Lately()
    for fact in (*WON, ClockJumped(1.0), over(race="another")):
        seen.observe(fact, 1000.0)

    assert seen.running == {}
    assert (seen.knows("r"), seen.has_ended("r"), seen.knows("another")) == (True, True, False)
    (entry,) = seen.with_mine([], 5)
    assert (entry["ending"], entry["winner"], entry["latency"]) == ("won", "a/m", 2.0)


def test_facts_of_races_that_nobody_saw_begin() -> None:
    """They are of a race from before, or one too many."""
    seen = Lately()
    for fact in WON[1:]:
        seen.observe(fact, 1.0)

    assert (seen.running, seen.knows("r")) == ({}, False)


def test_beside_what_is_written() -> None:
    """The database has the last word on a race that it has to its end, and the newest comes first."""
    seen = Lately()
    seen.observe(started("x"), 10.0)
    seen.observe(over(Ending.EXHAUSTED, "x"), 11.0)
    seen.observe(started("y"), 12.0)
    seen.observe(started("z"), 13.0)
    seen.observe(over(race="z"), 14.0)
    written = [
        {"race_id": "z", "at": 13.5, "ending": "won", "written": True},
        {"race_id": "y", "at": 12.0, "ending": None},
        {"race_id": "w", "at": 1.0, "ending": "won"},
    ]

    mine = seen.with_mine(written, 10)

    assert [(each["race_id"], each["ending"]) for each in mine] == [
        ("z", "won"), ("y", None), ("x", "exhausted"), ("w", "won"),
    ]  # fmt: skip
    assert mine[0]["written"]
    assert [each["race_id"] for each in seen.with_mine(written, 2)] == ["z", "y"]


def test_what_is_kept_has_a_bound() -> None:
    """The oldest goes, and beyond so many at once nothing new is watched."""
    seen = Lately()
    for number in range(lately.REMEMBERED + 1):
        seen.observe(started(str(number)), 1.0)
        seen.observe(over(race=str(number)), 1.0)
    assert (seen.knows("0"), seen.knows("1")) == (False, True)

    for number in range(lately.MOST_RUNNING + 1):
        seen.observe(started(str(number)), 1.0)
    assert len(seen.running) == lately.MOST_RUNNING
