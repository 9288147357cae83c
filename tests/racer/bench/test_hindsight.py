"""Hindsight: rows, what can be told apart, the sentences, and the document."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from racer.bench.hindsight import (
    AS_IT_WAS,
    FAR,
    LIMITS,
    METHOD,
    Hindsight,
    comparisons_of,
    hindsight_of,
    rows_of,
    seconds,
    sentences,
)
from racer.bench.replay import Result
from racer.bench.trace import Trace
from racer_adapters.errors import Kind, WireError
from tests.racer.bench.traces import BEGAN, GAP, race, seen, trace

BROKEN = WireError(Kind.SERVER, status=500)


def results(count: int = 100, *, latency: float = 1.0, requests: int = 1, failed: int = 0) -> list[Result]:
    """From half of `latency` to one and a half of it; p95 is at 1.45 of it."""
    step = latency / count
    found = [Result(latency / 2 + step * number, requests, requests) for number in range(count)]
    return [*found[: count - failed], *[Result(None, requests, requests, "expired")] * failed]


def hindsight(policies: dict[str, list[Result]], was: list[Result], *, had: str = "one, two") -> Hindsight:
    """Raced with the policies `had`."""
    names = had.split(", ")
    found = trace([race(number, seen(), policy=names[number % len(names)]) for number in range(len(was))])
    return hindsight_of(found, {AS_IT_WAS: was, **policies}, {}, began=BEGAN, seed=1)


def said(policy: list[Result], was: list[Result], *, had: str = "one, two") -> str:
    (sentence,) = sentences(hindsight({"frugal": policy}, was, had=had))
    return sentence


# ---------------------------------------------------------------- rows


def test_a_row_counts_what_was_asked_and_answered() -> None:
    """Quantiles are of answers; failures are told by how the races ended."""
    found = [Result(2.0, 3, 2), Result(1.0, 1, 1, drawn=True), Result(None, 4, 4, "expired")]

    (row,) = rows_of({"all": found})

    assert (row.races, row.answered, row.requests, row.metered, row.drawn) == (3, 2, 8, 7, 1)
    assert row.failures == {"expired": 1}
    assert row.requests_per_answer == 4.0
    assert row.latency["p50"].value == pytest.approx(1.5)
    assert row.latency["p95"].high is None, "two answers bound nothing"


def test_a_row_without_answers_has_no_times() -> None:
    """Nor a number of requests an answer."""
    (row,) = rows_of({"all": [Result(None, 1, 1, "exhausted")]})

    assert row.latency == {}
    assert row.requests_per_answer is None
    assert row.to_dict()["requests_per_answer"] is None


def test_bounds_hold_together() -> None:
    """With more rows beside it, each is a little less sure."""
    (alone,) = rows_of({"one": results(2000)})
    together = rows_of({name: results(2000) for name in ("one", "all", "frugal", AS_IT_WAS)})[0]

    (low, high), (lower, higher) = (row.latency["p50"][1:] for row in (alone, together))
    assert (low or 0) - (lower or 0) > 0
    assert (higher or 0) - (high or 0) > 0


# ---------------------------------------------------------------- comparisons


def test_a_policy_that_is_faster_is_told_apart() -> None:
    """Below 0 it would have been later; over the races that all have answered."""
    faster, was = results(latency=1.0), results(latency=2.0)

    p50, p95 = comparisons_of({AS_IT_WAS: was, "all": faster}, seed=1)

    assert (p50.a, p50.b, p50.share) == ("all", AS_IT_WAS, "p50")
    assert p50.difference.value == pytest.approx(1.0, abs=0.01)
    assert p95.difference.value == pytest.approx(1.45, abs=0.02)
    assert p50.told_apart
    assert p95.told_apart


def test_two_that_are_alike_are_not_told_apart() -> None:
    """Small differences of either sign."""
    chance = Random(5)
    was = results()
    alike = [Result((each.latency or 0) + chance.gauss(0, 0.01), 1, 1) for each in was]

    assert not any(each.told_apart for each in comparisons_of({AS_IT_WAS: was, "all": alike}, seed=1))


def test_few_races_tell_nothing_of_their_slowest() -> None:
    """Bounds that they cannot have are not stated."""
    p50, p95 = comparisons_of({AS_IT_WAS: results(30, latency=9), "all": results(30)}, seed=1)

    assert p50.told_apart
    assert (p95.told_apart, p95.difference.low, p95.difference.high) == (False, None, None)


def test_without_a_race_that_all_have_answered_nothing_is_compared() -> None:
    """One has failed whenever the other has not."""
    found = {AS_IT_WAS: [Result(1.0, 1, 1)], "all": [Result(None, 1, 1, "expired")]}

    assert comparisons_of(found, seed=1) == ()


# ---------------------------------------------------------------- sentences


def test_what_a_policy_would_have_given_is_said() -> None:
    """The headline: p95, and what it would have cost."""
    policy = [*results(latency=1.0)[:92], *[Result(1.5, 2, 2)] * 8]

    assert said(policy, results(latency=3.0)) == (
        "With `frugal` your p95 would have been 1.50 s instead of 4.34 s, at 8 % more requests."
    )


@pytest.mark.parametrize(
    ("mine", "theirs", "cost"),
    [
        (1, 1, "at as many requests"),
        (1, 2, "at 50 % fewer requests"),
        (3, 2, "at 50 % more requests"),
        (3, 1, "at 3.0 times the requests"),
        (1, 0, "at as many requests"),
    ],
)
def test_requests_are_compared(mine: int, theirs: int, cost: str) -> None:
    """For each answer."""
    was = results(latency=3.0, requests=theirs)

    assert said(results(requests=mine), was).endswith(f", {cost}.")


def test_requests_that_nobody_counts_are_compared_where_there_are_no_others() -> None:
    """Local lanes alone."""
    was = [Result(each.latency, 1, 0) for each in results(latency=3.0)]
    policy = [Result(each.latency, 2, 0) for each in results()]

    assert said(policy, was).endswith(", at 2.0 times the requests.")


def test_what_cannot_be_told_apart_is_about_the_same() -> None:
    """With both figures."""
    assert said(results()[:30], results(latency=1.05)[:30]) == (
        "With `frugal` your p95 would have been about what it was (0.78 s, it was 0.82 s), "
        "at as many requests."
    )


@pytest.mark.parametrize("latency", [1.0, 1.0005])
def test_what_prints_alike_is_about_the_same(latency: float) -> None:
    """Whether the two are told apart or not."""
    assert said(results(), results(latency=latency)) == (
        "With `frugal` your p95 would have been about what it was (1.45 s), at as many requests."
    )


def test_the_policy_that_was_run_shows_how_near_a_replay_comes() -> None:
    """Where all races were run with it."""
    assert said(results(), results(latency=1.02), had="frugal") == (
        "`frugal` is what you had: replayed, its p95 is 1.45 s, and it was 1.48 s, at as many requests."
    )


@pytest.mark.parametrize("was", [results(latency=2.0), results(requests=2)])
def test_a_replay_that_is_far_from_what_was_says_so(was: list[Result]) -> None:
    """In its time, or in its requests: then something held that is not known here."""
    assert FAR in said(results(), was, had="frugal")
    assert FAR not in said(results(), was, had="one")


def test_races_without_an_answer_are_said() -> None:
    """More, or fewer than there were."""
    assert said(results(failed=7), results()).endswith(", and 7 more races without an answer.")
    assert said(results(), results(failed=1)).endswith(", and 1 fewer race without an answer.")


def test_a_policy_that_answers_nothing_is_said_to() -> None:
    """There is no p95 to tell."""
    assert said(results(40, failed=40), results(40)) == (
        "With `frugal` 0 of 40 races would have been answered."
    )


def test_long_times_have_fewer_digits() -> None:
    """Nobody reads hundredths of half a minute."""
    assert (seconds(9.994), seconds(12.34)) == ("9.99 s", "12.3 s")


# ---------------------------------------------------------------- the document


def test_the_document_has_all_of_it() -> None:
    """As report.json holds it: plain values alone."""
    races = [race(number, seen("a/m"), policy="one") for number in range(6)]
    races += [race(6, seen("a/m", error=BROKEN), seen("b/m", stopped=True), policy="all")]
    found = Trace(
        tuple(races), trace(races).lanes, (("b/m", "asked 1 times: 5 are needed"),), {"without an end": 2}
    )
    found = replace(found, asides=(race(7, seen("a/m"), lanes=("a/m",)),))
    was = [Result(1.0, 1, 1)] * 7
    whole = hindsight_of(
        found, {AS_IT_WAS: was, "all": was}, {"a/m": "no limit of it is known"}, began=BEGAN + 999, seed=3
    )

    document = whole.to_dict()

    assert document == json.loads(json.dumps(document))
    assert (document["racer_replay"], document["seed"], document["races"]) == (1, 3, 7)
    assert (document["began"], document["since"], document["until"]) == (BEGAN + 999, BEGAN, BEGAN + 6 * GAP)
    assert document["recorded"] == {"one": 6, "all": 1}
    assert document["lanes"] == [
        {"lane": "a/m", "attempts": 8, "answered": 7, "failed": 1, "stopped": 0, "configured": False}
    ]
    assert document["left_out"] == [{"lane": "b/m", "reason": "asked 1 times: 5 are needed"}]
    assert document["passed_over"] == {"without an end": 2}
    assert [(row["name"], row["kind"]) for row in document["rows"]] == [
        ("as it was", "recorded"),
        ("all", "policy"),
    ]
    assert set(document["rows"][0]["latency"]) == {"p50", "p95", "p99"}
    assert [each["share"] for each in document["comparisons"]] == ["p50", "p95"]
    assert document["sentences"] == list(sentences(whole))
    assert (document["method"], document["limits"]) == (list(METHOD), list(LIMITS))
    assert len(METHOD) == 3
