"""What a bench has found, in sentences: gains with their cost, and what it cannot say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.bench.figures import comparisons, rows
from racer.bench.quantile import joint_level, places
from racer.bench.report import Comparison, Estimate, Report, Spending
from racer.bench.words import about, sentences
from tests.racer.bench.samples import asked, contenders, drawn, lanes, policies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.bench.sample import Sample


def report(samples: Sequence[Sample]) -> Report:
    found = rows(samples, contenders(samples), {})
    return Report(
        began=0.0, ended=1.0, seed=1, rounds=1, rounds_done=1, warm_up=False, prompts=1, width=3,
        confidence=0.95, announced=Spending(), sent=Spending(), rows=found,
        comparisons=comparisons(samples, found, 1), samples=samples, machine={},
    )  # fmt: skip


def said(samples: Sequence[Sample], *changed: Comparison) -> tuple[str, ...]:
    """Without those of bounds; `changed` takes the place of what was compared."""
    full = report(samples)
    told = sentences(replace(full, comparisons=changed) if changed else full)
    return tuple(each for each in told if not each.startswith("too few answers"))


def gain(value: float, low: float, high: float, share: str = "p50", b: str = "p/a") -> Comparison:
    return Comparison("all", b, share, Estimate(value, low, high), told_apart=True)


RACES = lanes(a=[0.4] * 20) + policies(all=[0.2] * 20, one=[0.5] * 20)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (gain(0.12, 0.05, 0.2), "half of its races 0.12 s (0.05–0.20) sooner than p/a, the best lane alone"),
        (
            gain(-0.12, -0.2, -0.05),
            "half of its races 0.12 s (0.05–0.20) later than p/a, the best lane alone",
        ),
        (gain(0.012, 0.004, 0.1004), "half of its races 12 ms (4–100) sooner than p/a, the best lane alone"),
        (gain(1.5, 1.0, 2.0, "p95", "one"), "19 of 20 races 1.50 s (1.00–2.00) sooner than `one`"),
    ],
)
def test_what_a_policy_gains(found: Comparison, sentence: str) -> None:
    """Sooner or later, with bounds in the same unit and the cost beside it."""
    assert said(RACES, found) == (f"all answers {sentence}, for 1.00 requests an answer",)


def test_a_policy_that_is_not_told_apart() -> None:
    """Said once, of the median; with the number of rounds where there is one."""
    unsure = Comparison("all", "p/a", "p50", Estimate(0.01, -0.1, 0.1), told_apart=False, rounds_needed=133)
    nothing = replace(unsure, b="one", rounds_needed=None)

    assert said(RACES, unsure, replace(unsure, share="p95")) == (
        "too few rounds to tell by their medians (about so many would): all from p/a (140)",
    )
    few = "too few rounds to tell by their medians (about so many would)"
    assert said(RACES, unsure, replace(unsure, b="one"), nothing) == (
        f"{few}: all from p/a (140); all from one (140)",
        "next to nothing between the medians of all and one",
    )


def test_lanes_that_cannot_be_told_apart() -> None:
    """Those that can are in the table; of the p95 nothing is said."""
    samples = lanes(a=drawn(30, 0.40, 1), b=drawn(30, 0.41, 2), c=drawn(30, 2.0, 3))

    [sentence] = said(samples)

    assert sentence.startswith("too few rounds to tell by their medians (about so many would): p/")
    assert "p/c" not in sentence


def test_which_quantiles_have_no_upper_bound() -> None:
    """Of all contenders or of some, and how many answers would have one."""
    few = sentences(report(lanes(a=[0.4] * 20, b=[0.4] * 20)))
    mixed = sentences(report(lanes(a=[0.4] * 140, b=[0.4] * 20)))

    short = "too few answers to say how high it may be (about so many would): "
    assert f"{short}p95 (130); p99 (630)" in few
    assert f"{short}p95 of p/b (130); p99 (630)" in mixed


@pytest.mark.parametrize(("count", "share"), [(130, 0.95), (650, 0.99)])
def test_so_many_answers_as_are_named_do(count: int, share: float) -> None:
    """Two contenders with so many of everything have an upper bound; with a tenth less they have none."""
    for answers, bound in ((count, True), (count * 9 // 10, False)):
        claims = [(answers, p) for p in (0.5, 0.95, 0.99, 0.5, 0.95, 0.99, 0.5)] * 2
        _, high = places(answers, share, joint_level(claims, 0.95))
        assert (high is not None) is bound


def test_nothing_is_said_of_nothing() -> None:
    """Nobody answered."""
    assert sentences(report([asked("p/a", 0, 0.1, "server")])) == ()


@pytest.mark.parametrize(
    ("count", "told"), [(7, 7), (72, 72), (133, 140), (140, 140), (1059, 1100), (9999, 10000)]
)
def test_numbers_of_two_digits(count: int, told: int) -> None:
    """Rounded up, so that it is never too few."""
    assert about(count) == told
