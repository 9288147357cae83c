"""What a race may expect: the words of others, passed on as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.core.allowance import Allowance
from racer.core.latency import Latencies
from racer.core.lessons import key_of
from racer.core.outlook import LATE, Outlook
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane

NOW = 1_800_000_000.0


class Gate:
    """Every call is worth half of the seconds since 2027."""

    def price(self, lane: Lane, at: float) -> float:
        return (at - NOW) / 2 + len(lane.id)


def outlook(latencies: Latencies, allowance: Allowance, at: float = NOW) -> Outlook:
    return Outlook(latencies, Gate(), allowance, lambda: at)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - it prices, and no more is asked


def test_what_was_learned_is_told() -> None:
    """Of the model, whatever the account; and as it is now."""
    latencies, one = Latencies(), lane("a/m", account="k1")
    for _ in range(200):
        latencies.of(key_of(one)).observe(at=NOW, first_token=0.1, total=0.2, ended="answered", tokens=10)
    stats, told = latencies.of(key_of(one)), outlook(latencies, Allowance())

    assert stats.first(LATE) == told.first(one) < 0.3
    assert stats.expected() == told.expected(one) < 1.0
    assert told.first(lane("b/m")) > 1.0


def test_a_local_lane_has_no_price() -> None:
    """Others have the one that their limits give them now."""
    told = outlook(Latencies(), Allowance(), at=NOW + 4)

    assert 0.0 == told.price(lane("a/m", local=True))
    assert 5.0 == told.price(lane("a/m"))


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


def test_lanes_are_told_apart_by_their_models() -> None:
    """Two keys of one model teach each other."""
    one = lane("a/m")
    assert key_of(one) == key_of(replace(one, id="a/m@k2"))
