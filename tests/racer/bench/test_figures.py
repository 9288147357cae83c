"""Rows and comparisons: what counts, what does not, and how often they are wrong."""

from __future__ import annotations

import math

import pytest

from racer.bench.figures import best_lane, comparisons, rows
from racer.bench.quantile import estimate, joint_level
from racer.bench.report import Comparison, Estimate, Row
from racer.bench.sample import Kind, Sample
from racer.core.heat import Outcome
from tests.racer.bench.samples import asked, contenders, drawn, lanes, policies, raced, run

LANE = (Kind.LANE, "p/a")
P95 = 1.6448536269514722


def rows_of(samples: list[Sample]) -> tuple[Row, ...]:
    return rows(samples, contenders(samples), {})


def compared(samples: list[Sample], seed: int = 1) -> dict[tuple[str, str, str], Comparison]:
    return {(each.a, each.b, each.share): each for each in comparisons(samples, rows_of(samples), seed)}


# ---------------------------------------------------------------- rows


def test_a_row_counts_what_was_asked() -> None:
    """Answers, failures by class with the most frequent first, what was kept out, and requests sent."""
    samples = [
        asked("p/a", 0, 0.1, "server"),
        asked("p/a", 1, 0.2),
        asked("p/a", 2, 9.0, "rate_limited"),
        asked("p/a", 3, 9.0, "rate_limited"),
        asked("p/a", 4, 0.0, "kept_out"),
    ]

    [row] = rows(samples, [LANE], {"p/a": ["30 a minute"]})

    assert (row.kind, row.name, row.asked, row.answered, row.sent, row.kept_out) == (*LANE, 5, 1, 4, 1)
    assert list(row.failures.items()) == [("rate_limited", 2), ("server", 1)]
    assert row.limits == ("30 a minute",)
    assert row.error_rate == 0.75


def test_latency_is_of_answers_alone() -> None:
    """A failure that took nine seconds is no latency; nor is its first token."""
    samples = [asked("p/a", 0, 0.5, first_token=0.2), asked("p/a", 1, 9.0, "cut", first_token=8.0)]

    [row] = rows_of(samples)

    assert {name: each.value for name, each in row.latency.items()} == {"p50": 0.5, "p95": 0.5, "p99": 0.5}
    assert row.first_token["p50"] == Estimate(0.2, None, None)


def test_warm_ups_are_in_no_figure() -> None:
    """Neither counts, nor seconds, nor races that a lane ran in."""
    samples = [
        asked("p/a", -1, 7.0),
        asked("p/a", 0, 0.5),
        raced("all", -1, 7.0, run("p/a")),
    ]

    lane, policy = rows(samples, [LANE, (Kind.POLICY, "all")], {})

    assert (lane.asked, lane.latency["p50"].value, lane.wins, lane.entered) == (1, 0.5, 0, 0)
    assert (policy.asked, policy.sent) == (0, 0)


def test_who_never_answered_has_no_quantiles() -> None:
    """Nor a speed; a contender that was never asked has a row all the same, in its place."""
    samples = [asked("p/b", 0, 1.0, "server")]

    never, failed = rows(samples, [LANE, (Kind.LANE, "p/b")], {})

    assert (never.name, never.asked, never.latency, never.error_rate) == ("p/a", 0, {}, None)
    assert (failed.asked, failed.latency, failed.first_token, failed.tokens_per_second) == (1, {}, {}, None)


def test_who_is_no_contender_has_no_row() -> None:
    """What else there is in the samples does not come up."""
    assert [row.name for row in rows(lanes(a=[1.0], b=[2.0]), [LANE], {})] == ["p/a"]


def test_speed_is_the_median_of_answers() -> None:
    """From the first token on, of answers that have both."""
    samples = [
        asked("p/a", 0, 1.2, first_token=0.2, output_tokens=50),
        asked("p/a", 1, 1.2, first_token=0.2, output_tokens=70),
        asked("p/a", 2, 1.2, first_token=0.2, output_tokens=60),
        asked("p/a", 3, 1.2, output_tokens=900),
    ]

    [row] = rows_of(samples)

    assert row.tokens_per_second is not None
    assert row.tokens_per_second.value == pytest.approx(60.0)


def test_wins_are_of_the_races_of_policies() -> None:
    """Of those a lane ran in, whether they were answered or not; twice in one race is once."""
    samples = [
        asked("p/a", 0, 0.3),
        asked("p/b", 0, 0.4),
        raced("all", 0, 0.3, run("p/a"), run("p/b", Outcome.LOST)),
        raced("all", 1, 0.3, run("p/a", Outcome.FAILED), run("p/b", Outcome.LATE), run("p/a")),
        raced("frugal", 0, 0.3, run("p/b")),
        raced("frugal", 1, 9.0, run("p/b", Outcome.FAILED), outcome="server"),
    ]

    a, b, every, frugal = rows_of(samples)

    assert (a.wins, a.entered, b.wins, b.entered) == (2, 2, 1, 4)
    assert (every.wins, every.entered, every.sent, every.requests_per_answer) == (0, 0, 5, 2.5)
    assert frugal.requests_per_answer == 2.0


def test_bounds_of_all_rows_hold_together() -> None:
    """Each is at the level that the number of all that is stated leaves for it."""
    samples = lanes(a=drawn(150, 0.3, 1), b=drawn(150, 0.4, 2))
    level = joint_level([(150, p) for p in (0.5, 0.95, 0.99)] * 2, 0.95)

    row, _ = rows_of(samples)

    assert row.latency["p95"] == estimate((each.took for each in samples[:150]), 0.95, level)
    assert row.latency["p95"].high is not None
    assert row.latency["p99"].high is None


@pytest.mark.parametrize(("rounds", "shares"), [(20, ("p50",)), (60, ("p50", "p95")), (200, ("p50", "p95"))])
def test_all_true_ones_lie_within_in_95_of_100_benches(rounds: int, shares: tuple[str, ...]) -> None:
    """Four lanes a bench: a bench fails when a single median or p95 of a single lane does."""
    held = 0
    for seed in range(100):
        medians = {"a": 0.3, "b": 0.3, "c": 0.5, "d": 0.8}
        took = {name: drawn(rounds, m, 10 * seed + i, 0.6) for i, (name, m) in enumerate(medians.items())}
        true = {"p50": 1.0, "p95": math.exp(0.6 * P95)}
        found = rows_of(lanes(**took))
        held += all(
            _within(row.latency[share], medians[row.name[-1]] * true[share])
            for row in found
            for share in shares
        )

    assert held >= 95


def _within(found: Estimate, true: float) -> bool:
    return (found.low is None or found.low <= true) and (found.high is None or true <= found.high)


# ---------------------------------------------------------------- comparisons


def test_lanes_are_compared_in_order_of_their_medians() -> None:
    """Each with the next slower one, so the difference is mostly above 0; medians and p95."""
    samples = lanes(b=[0.5] * 10, c=[0.9] * 10, a=[0.3] * 10)

    found = compared(samples)

    assert list(found) == [
        ("p/a", "p/b", "p50"),
        ("p/a", "p/b", "p95"),
        ("p/b", "p/c", "p50"),
        ("p/b", "p/c", "p95"),
    ]
    first = found["p/a", "p/b", "p50"]
    assert first.difference == pytest.approx((0.2, 0.2, 0.2))
    assert (first.told_apart, first.rounds_needed) == (True, None)


def test_policies_are_compared_with_the_best_lane_and_with_one() -> None:
    """Not with each other, and `one` not with itself."""
    samples = lanes(a=[0.3] * 6, b=[0.4] * 6) + policies(all=[0.2] * 6, one=[0.35] * 6, frugal=[0.25] * 6)

    pairs = [(a, b) for a, b, share in compared(samples) if share == "p50"]

    assert pairs == [
        ("p/a", "p/b"),
        ("all", "p/a"),
        ("all", "one"),
        ("frugal", "p/a"),
        ("frugal", "one"),
        ("one", "p/a"),
    ]


def test_what_a_policy_gains_is_above_zero() -> None:
    """The lane's seconds less the policy's."""
    samples = lanes(a=drawn(40, 0.4, 1)) + policies(all=drawn(40, 0.2, 2))

    gain = compared(samples)["all", "p/a", "p50"]

    assert gain.told_apart
    assert gain.difference.low is not None
    assert 0 < gain.difference.low < gain.difference.value < 0.3


def test_only_rounds_in_which_both_answered_count() -> None:
    """What one of them answered alone is not held against the other, nor are warm-ups and further races."""
    samples = [
        *lanes(a=[0.1] * 8),
        asked("p/a", -1, 50.0),
        asked("p/a", 8, 50.0),
        asked("p/a", 7, 50.0),
        *(asked("p/b", number, 0.2) for number in range(8)),
        asked("p/b", 8, 0.0, "server"),
        asked("p/b", -1, 70.0),
    ]

    assert compared(samples)["p/a", "p/b", "p50"].difference == pytest.approx((0.1, 0.1, 0.1))


def test_who_never_met_is_not_compared() -> None:
    """Nor who never answered."""
    samples = [asked("p/a", 0, 0.1), asked("p/b", 1, 0.2), asked("p/c", 0, 0.2, "server")]

    assert comparisons(samples, rows_of(samples), 1) == ()
    assert comparisons([], [], 1) == ()


def test_few_rounds_bound_nothing() -> None:
    """Five rounds tell no medians apart, seventy no p95; it is said how many would be the least."""
    few = compared(lanes(a=[0.1] * 5, b=[0.9] * 5))["p/a", "p/b", "p50"]
    more = compared(lanes(a=[0.1] * 71, b=[0.9] * 71))["p/a", "p/b", "p95"]

    assert (few.difference, few.told_apart, few.rounds_needed) == ((0.8, None, None), False, 6)
    assert (more.difference, more.told_apart, more.rounds_needed) == ((0.8, None, None), False, 72)


def test_how_many_rounds_would_tell_is_about_right() -> None:
    """With so many as were named, most benches of the same lanes do tell them apart."""
    few = compared(lanes(a=drawn(30, 0.40, 1), b=drawn(30, 0.46, 2)))["p/a", "p/b", "p50"]
    assert not few.told_apart
    assert few.rounds_needed is not None
    assert 30 < few.rounds_needed < 500

    enough = [
        compared(lanes(a=drawn(300, 0.40, seed), b=drawn(300, 0.46, -seed - 1)))[
            "p/a", "p/b", "p50"
        ].told_apart
        for seed in range(3)
    ]
    assert enough.count(True) >= 2


def test_no_difference_needs_no_number_of_rounds() -> None:
    """Two that are the same, or so close that ten thousand rounds would not do."""
    same = compared(lanes(a=[0.2, 0.4] * 5, b=[0.4, 0.2] * 5))["p/a", "p/b", "p50"]
    close = compared(lanes(a=drawn(60, 0.4, 4), b=[each + 1e-4 for each in reversed(drawn(60, 0.4, 4))]))

    assert (same.told_apart, same.rounds_needed) == (False, None)
    assert (close["p/a", "p/b", "p50"].told_apart, close["p/a", "p/b", "p50"].rounds_needed) == (False, None)


def test_a_seed_repeats_the_comparisons() -> None:
    """The bounds are drawn, so that they are the same only for the same seed."""
    samples = lanes(a=drawn(30, 0.3, 1), b=drawn(30, 0.4, 2))

    assert compared(samples, 5) == compared(samples, 5)
    assert compared(samples, 5) != compared(samples, 6)


def test_lanes_that_are_alike_are_seldom_told_apart() -> None:
    """Of 25 benches of four equal lanes, at most one finds any two medians apart."""
    wrong = 0
    for seed in range(25):
        took = {name: drawn(30, 0.3, 100 * seed + i) for i, name in enumerate("abcd")}
        wrong += any(each.told_apart for each in compared(lanes(**took), seed).values())

    assert wrong <= 1


# ---------------------------------------------------------------- the best lane


def test_the_best_lane_has_the_lowest_median() -> None:
    """A policy is no lane."""
    samples = lanes(b=[0.5], a=[0.3]) + policies(all=[0.1])

    best = best_lane(rows_of(samples))

    assert best is not None
    assert best.name == "p/a"


def test_who_mostly_fails_is_not_the_best() -> None:
    """However fast its one answer was; unless they all do."""
    samples = [asked("p/a", 0, 0.1), *(asked("p/a", number, 0.1, "server") for number in (1, 2))]

    alone, beside = best_lane(rows_of(samples)), best_lane(rows_of(samples + lanes(b=[0.5])))

    assert alone is not None
    assert beside is not None
    assert (alone.name, beside.name) == ("p/a", "p/b")


def test_no_answer_has_no_best_lane() -> None:
    """None of them is."""
    assert best_lane(rows_of([asked("p/a", 0, 0.1, "server")])) is None
