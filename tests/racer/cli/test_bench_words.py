"""What is said of a bench before it begins, and while it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from racer.bench.bench import Progress
from racer.bench.contest import Terms, contest_of
from racer.bench.entry import entrants_of
from racer.bench.opening import Opening
from racer.cli.bench_words import announcement, at_work, line, spent, stage
from tests.core.lanes import lane

A, B = lane("a/m"), lane("b/m")
HALF = Progress(3, 20, 40, 143, ("a/m", "b/m"), ("b/m",), 0.0)


def opening(*lanes: Any, waits: tuple[str, ...] = (), notes: tuple[str, ...] = (), **terms: Any) -> Opening:
    contest = contest_of(entrants_of(lanes, 1), replace(Terms(rounds=10), **terms))
    return Opening(contest, lanes, waits, notes)


def test_it_says_what_it_will_send() -> None:
    """In all, to lanes alone, in races, and to each provider at most; then what is to be known of it."""
    assert announcement(opening(A, B, waits=("a waits",), notes=("c takes no part",)), dry=False) == [
        "bench: 2 lanes, 10 rounds and a warm-up",
        "  sends 65 requests: 22 to lanes alone, 43 in races",
        "  races of up to 2 lanes: all 20, frugal 13, one 10",
        "  a: 44 at most",
        "  b: 44 at most",
        "  a waits",
        "  c takes no part",
    ]


def test_without_races_none_are_told() -> None:
    """And one is one."""
    assert announcement(opening(A, rounds=1, policies=(), warm_up=False), dry=True) == [
        "bench: 1 lane, 1 round",
        "  would send 1 request: 1 to lanes alone",
        "  a: 1 at most",
    ]


@pytest.mark.parametrize(("number", "text"), [(-1, "warm-up"), (3, "round 4 of 20"), (20, "last races")])
def test_the_stage_is_told(number: int, text: str) -> None:
    """What frugal has left is raced on behind the last round."""
    assert stage(replace(HALF, number=number)) == text


def test_who_is_asked_and_who_is_waited_for_is_told() -> None:
    """In one line for a pipe."""
    assert spent(HALF) == "40 of 143 requests"
    assert at_work(HALF) == "asking a/m; waiting to ask b/m"
    assert line(HALF) == "bench: round 4 of 20, 40 of 143 requests, asking a/m; waiting to ask b/m"
    assert line(replace(HALF, asked=(), waiting=())) == "bench: round 4 of 20, 40 of 143 requests"


def test_many_are_counted() -> None:
    """The line must not run over."""
    many = tuple(f"{name}/m" for name in "abcdefgh")

    assert at_work(replace(HALF, asked=many, waiting=())) == (
        "asking a/m, b/m, c/m, d/m, e/m, f/m and 2 more"
    )
