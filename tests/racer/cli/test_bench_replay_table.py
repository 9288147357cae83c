"""A replay on paper: the table at any width, and what stands under it."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from racer.bench.hindsight import AS_IT_WAS, Hindsight, hindsight_of
from racer.bench.replay import Result
from racer.bench.trace import Trace
from racer.cli.bench_replay_table import headline, replay_page
from racer.cli.console import screen
from tests.racer.bench.traces import BEGAN, race, seen, trace

NOW = datetime.fromtimestamp(BEGAN + 90_000, UTC)


def hindsight(*, answered: bool = True, policies: tuple[str, ...] = ("one",)) -> Hindsight:
    races = [race(number, seen(), policy=policies[number % len(policies)]) for number in range(40)]
    whole = trace(races)
    found = Trace(tuple(races), whole.lanes, (("z\x1b[2J/m", "asked 1 times"),), {"without an end": 1})
    was = [Result(1.0 + number / 10, 1, 1) for number in range(40)]
    mine = [Result(0.5, 2, 1) if answered else Result(None, 1, 1, "expired") for _ in was]
    gone = {"a/m": "no limit of it is known"}
    return hindsight_of(found, {AS_IT_WAS: was, "all": mine}, gone, began=BEGAN + 90_000, seed=1)


def shown(found: Hindsight, width: int = 100) -> str:
    file = io.StringIO()
    console = screen(file, {"COLUMNS": str(width)})
    console.print(replay_page(found, width=width, now=NOW))
    return "\n".join(line.rstrip() for line in file.getvalue().split("\n"))


def test_a_page_has_a_row_for_each_policy() -> None:
    """With its bounds under it, where they are known."""
    lines = shown(hindsight()).split("\n")

    assert lines[0] == "40 races, 2027-01-15 08:00 to 2027-01-15 08:13, run with one; nothing was sent"
    assert lines[2].split() == [
        "policy",
        "p50",
        "p95",
        "p99",
        "failed",
        "requests",
        "an",
        "answer",
        "metered",
    ]
    was, bounds, everybody = (line.split() for line in lines[3:6])
    assert was[:4] == ["as", "it", "was", "2.95"]
    assert bounds[-1].endswith("–?")
    assert everybody == ["all", "0.50", "s", "0.50", "s", "0.50", "s", "0", "80", "2.00", "40"]


def test_under_it_stands_what_it_says_and_what_it_cannot_know() -> None:
    """Whatever comes from outside is harmless."""
    text = shown(hindsight())

    assert "With `all` your p95 would have been" in text
    assert "\nleft out\n  z/m: asked 1 times\n  1 race: without an end\n" in text
    assert "\nreplayed all the same\n  a/m: not configured any more; no limit of it is known\n" in text
    assert "\nhow\n  Your own races" in text
    assert "\nwhat it cannot know\n  Lanes are drawn" in text
    assert "\x1b" not in text


def test_a_policy_that_answers_nothing_has_no_times() -> None:
    """Nor bounds."""
    rows = [line.split() for line in shown(hindsight(answered=False)).split("\n")]

    assert ["all", "-", "-", "-", "40", "40", "-", "40"] in rows


@pytest.mark.parametrize("width", [40, 60, 71, 72, 120])
def test_no_line_is_too_long(width: int) -> None:
    """Where there is little room there are fewer columns, and no bounds."""
    lines = shown(hindsight(), width).split("\n")

    assert max(map(len, lines)) <= width
    assert any("metered" in line for line in lines) == (width >= 72)


def test_policies_that_were_mixed_are_counted() -> None:
    """Those that most races were run with come first."""
    told = headline(hindsight(policies=("one", "all", "one")), NOW)

    assert told.endswith("run with one 27, all 13; nothing was sent")
