"""What a job lacks: which limit, how much more of it, whose key."""

from __future__ import annotations

from datetime import UTC
from math import inf

import pytest

from racer.batch.missing import Offer, Shortfall, missing
from racer.batch.plan import Forecast, Speed, Tank, forecast
from racer.core.span import DAY, Calendar, Once

NOON = 1_800_014_400.0  # of a day in UTC
MIDNIGHT = NOON + DAY / 2
DAILY = Calendar("day", 0, 0, UTC)
TANK = Tank("d", DAILY, 1000, label="groq requests")
LANE = Speed("groq/m", "groq", 1.0, 1000, at_once=8, charges=(("d", 1.0),))


def plan(prompts: int, *speeds: Speed, concurrency: int = 64, rate: float | None = None) -> Forecast:
    tanks = (TANK, Tank("spare", DAILY, 10))
    return forecast(prompts, speeds or (LANE,), tanks, NOON, concurrency=concurrency, rate=rate)


def short(found: Forecast, by: float, *offers: Offer) -> Shortfall:
    lack = missing(found, by, offers)
    assert lack is not None
    return lack


def test_nothing_is_missing() -> None:
    """Where half of the draws end in time."""
    found = plan(900)

    assert missing(found, found.middle) is None


def test_the_limit_and_how_much_more_of_it() -> None:
    """So many more a day are just enough, in two digits."""
    lack = short(plan(1500), MIDNIGHT - 60)

    assert (lack.done, lack.lacks, lack.tank, lack.cause) == (1000, 500, TANK, "limit")
    assert lack.extra is not None
    assert 500 <= lack.extra <= 520


def test_the_limit_that_helps_most() -> None:
    """Although another one is used up, too."""
    lanes = (LANE, Speed("spare/m", "spare", 100.0, 1000, charges=(("spare", 1.0),)))

    assert short(plan(1500, *lanes), MIDNIGHT - 60).tank == TANK


def test_very_much_more_may_be_needed() -> None:
    """More than the limit itself."""
    fast = Speed("groq/m", "groq", 0.01, 1000, at_once=8, charges=(("d", 1.0),))
    lack = short(plan(50_000, fast), MIDNIGHT - 60)

    assert lack.extra == pytest.approx(49_000, rel=0.05)


def test_more_of_a_limit_may_not_be_enough() -> None:
    """Where the lane is too slow as well."""
    lack = short(plan(100_000), NOON + 600)

    assert (lack.tank, lack.extra) == (TANK, None)


def test_lanes_may_be_too_slow() -> None:
    """Then no limit is to blame."""
    lack = short(plan(900), NOON + 20)

    assert (lack.tank, lack.extra, lack.cause) == (None, None, "speed")


def test_the_job_may_hold_itself_up() -> None:
    """By its own rate or by how many calls it makes at once."""
    assert short(plan(900, rate=0.1), NOON + 600).cause == "rate"
    assert short(plan(900, concurrency=1), NOON + 600).cause == "concurrency"


def offer(name: str, limit: float, seconds: float = 1.0, span: Calendar | Once = DAILY) -> Offer:
    lane = Speed(f"{name}/m", name, seconds, 0, at_once=8, charges=((name, 1.0),))
    return Offer(name, f"{name.upper()}_API_KEY", (lane,), (Tank(name, span, limit),))


def test_keys_that_would_help() -> None:
    """Those with which it is done in time come first, the sooner the better; then those that do the most."""
    offers = [
        offer("little", 100),
        offer("slow", 600, 4.0),
        offer("fast", 600, 0.5),
        offer("none", 0),
        offer("more", 300),
    ]
    lack = short(plan(1500), MIDNIGHT - 60, *offers)

    assert [(key.provider, key.meets) for key in lack.keys] == [
        ("fast", True),
        ("slow", True),
        ("more", False),
        ("little", False),
    ]
    assert lack.keys[0].variable == "FAST_API_KEY"
    assert [key.done for key in lack.keys] == [1500, 1500, 1300, 1100]


def test_a_job_without_lanes_can_be_saved() -> None:
    """By the key of somebody who has enough; a few credits do not end it."""
    found = forecast(50, (), (), NOON, concurrency=4)
    lack = short(found, MIDNIGHT, offer("some", 10, span=Once()), offer("enough", 100))

    assert (found.middle, lack.done, lack.cause) == (inf, 0, "speed")
    assert [(key.provider, key.end < inf) for key in lack.keys] == [("enough", True), ("some", False)]
