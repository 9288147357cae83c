"""What a race may expect: the words of others, passed on as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.core.allowance import Allowance
from racer.core.latency import Latencies
from racer.core.lessons import key_of
from racer.core.outlook import INSTANT, LATE, VERY_LATE, Outlook
from racer.core.price import Worth
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane

NOW = 1_800_000_000.0


class Gate:
    """Every call is worth half of the seconds since 2027, and takes of the last of its limits."""

    def worth(self, lane: Lane, at: float) -> Worth:
        return Worth((at - NOW) / 2 + len(lane.id), last=True)


def outlook(latencies: Latencies, *allowances: Allowance, at: float = NOW, sparing: bool = True) -> Outlook:
    return Outlook(latencies, Gate(), allowances, lambda: at, sparing=sparing)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it prices, and no more is asked


def test_what_was_learned_is_told() -> None:
    """Of the model, whatever the account; and as it is now."""
    latencies, one = Latencies(), lane("a/m", account="k1")
    for _ in range(200):
        latencies.of(key_of(one)).observe(at=NOW, first_token=0.1, total=0.2, ended="answered", tokens=10)
    stats, told = latencies.of(key_of(one)), outlook(latencies, Allowance())

    assert stats.first(LATE) == told.first(one) < 0.3
    assert stats.expected() == told.expected(one) < 1.0
    assert told.first(lane("b/m")) > 1.0
    assert stats.rest(5.0) == told.rest(one, 5.0) > 0
    assert stats.total(VERY_LATE) == told.late(one) < 1.0
    assert told.overdue(one, 5.0)
    assert not told.overdue(one, 0.1)


def test_a_short_answer_is_expected_sooner() -> None:
    """Where the call bounds it."""
    latencies, one = Latencies(), lane("a/m")
    for tokens, seconds in ((10, 0.2), (600, 9.0)) * 50:
        latencies.of(key_of(one)).observe(
            at=NOW, first_token=0.1, total=seconds, ended="answered", tokens=tokens
        )
    short = Outlook(latencies, Gate(), (), lambda: NOW, size="small")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - as above

    assert short.expected(one) < 1.0 < outlook(latencies).expected(one)


def test_a_local_lane_has_no_price() -> None:
    """Others have the one that their limits give them now."""
    told = outlook(Latencies(), Allowance(), at=NOW + 4)

    assert 0.0 == told.price(lane("a/m", local=True))
    assert 5.0 == told.price(lane("b/m"))


def test_the_last_of_a_limit_is_spared_unless_it_was_switched_off() -> None:
    """A local lane has no limit that could come to its end."""
    for sparing in (True, False):
        told = outlook(Latencies(), sparing=sparing)
        assert (sparing, False) == (told.last(lane("a/m")), told.last(lane("a/m", local=True)))


@pytest.mark.parametrize("extra", [0.0, 0.25])
def test_extra_requests_come_out_of_the_allowance(extra: float) -> None:
    """Until there is none left."""
    allowance = Allowance(extra, most=2)
    told = outlook(Latencies(), allowance)
    taken = 0
    while told.may_add():
        told.add()
        taken += 1

    assert taken == (2 if extra else 0)


def test_an_extra_request_comes_out_of_every_allowance() -> None:
    """The smallest bounds it; without any there is no bound."""
    large, small = Allowance(most=5), Allowance(most=2)
    told = outlook(Latencies(), large, small)
    told.add()
    assert told.may_add()
    told.add()

    assert not told.may_add()
    assert (3.0, 0.0) == (large.left, small.left)
    assert outlook(Latencies()).may_add()


def test_lanes_are_told_apart_by_their_models() -> None:
    """Two keys of one model teach each other."""
    one = lane("a/m")
    assert key_of(one) == key_of(replace(one, id="a/m@k2"))


def test_what_is_reckoned_holds_for_an_instant() -> None:
    """A race makes several plans at once; a moment later things may have changed."""
    latencies, one, clock = Latencies(), lane("a/m"), [NOW]
    told = Outlook(latencies, Gate(), (), lambda: clock[0])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - as above
    expected, price = told.expected(one), told.price(one)
    for _ in range(50):
        latencies.of(key_of(one)).observe(at=NOW, first_token=0.1, total=0.2, ended="answered", tokens=10)

    clock[0] += INSTANT / 2
    assert (expected, price) == (told.expected(one), told.price(one))
    clock[0] += INSTANT
    assert expected > told.expected(one)
    assert price < told.price(one)
    clock[0] = NOW - 5
    assert price > told.price(one)


@pytest.mark.parametrize(
    ("in_hand", "at", "forgotten"),
    [(20.0, NOW, True), (10.0, NOW, False), (20.0, NOW + 2, False)],
    ids=["never asked", "too little is allowed", "it is dear"],
)
def test_a_lane_is_forgotten_where_an_extra_request_may_find_out(
    in_hand: float, at: float, forgotten: bool
) -> None:
    """Not at a price, nor with the last that is allowed; one that was asked of late is known."""
    allowance, latencies = Allowance(), Latencies()
    allowance.left = in_hand
    told = Outlook(latencies, Free(), (allowance,), lambda: at)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - as above

    assert forgotten is told.forgotten(lane("a/m"))
    assert not told.forgotten(lane("a/m", local=True))
    latencies.of("b/m").observe(at=NOW, first_token=0.1, total=0.2, ended="answered", tokens=10)
    assert not told.forgotten(lane("b/m"))


class Free:
    """Calls cost nothing in the first second."""

    def worth(self, lane: Lane, at: float) -> Worth:
        return Worth(max(0.0, at - NOW - 1))
