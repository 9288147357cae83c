"""Which counters a lane draws from, by which names, and how much of each a call takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.metering import (
    NEURONS_OF_AN_UNKNOWN_CALL,
    USD_A_NEURON,
    amount_of,
    charges_of,
    holder_of,
    meters_of,
)
from racer.core.provider import Account, Lane, Limit, Model, Provider
from racer.core.quota import Meter
from racer.core.span import Calendar, Once, Rolling
from racer_adapters.secret import Secret
from racer_adapters.types import Usage

if TYPE_CHECKING:
    from datetime import tzinfo

PACIFIC = timezone(timedelta(hours=-8))
KEY = Secret("test-key-of-nobody")
OTHER_KEY = Secret("test-key-of-others")
DAY = Limit("requests", 1000.0, "day")
MINUTE = Limit("requests", 30.0, "minute")


def zone(name: str) -> tzinfo:
    assert name == "America/Los_Angeles"
    return PACIFIC


def lane(
    *limits: Limit,
    account: Account | None = None,
    own: tuple[Limit, ...] = (),
    model: str = "m",
    parallel: int | None = None,
    min_interval: float = 0.0,
) -> Lane:
    provider = Provider(
        "a", "openai", "https://a.test", limits=limits, parallel=parallel, min_interval=min_interval
    )
    return Lane(f"a/{model}", provider, Model(model, limits=own), account or Account("a:KEY", KEY), "a.test")


def names(lane_: Lane) -> list[str]:
    return [meter.name for meter in meters_of(lane_, zone)]


HOLDER = f"a#{KEY.fingerprint()}"


# ---------------------------------------------------------------- which meters


def test_without_limits_nothing_is_counted() -> None:
    """A provider that states none is as free as its own refusals say."""
    assert meters_of(lane(), zone) == ()


def test_every_limit_of_the_account_has_a_meter() -> None:
    """In the order of the configuration, the model's own behind its provider's."""
    tokens = Limit("tokens", 200_000.0, "day", scope="model", reset="00:00 America/Los_Angeles")
    (minute, mine) = meters_of(lane(MINUTE, own=(tokens,)), zone)

    assert minute == Meter(
        f"{HOLDER} requests/minute", "a", "a:KEY", "", "requests", "minute", 30.0, Rolling(60.0)
    )
    assert mine == Meter(
        f"{HOLDER}/m tokens/day from 00:00 America/Los_Angeles",
        "a",
        "a:KEY",
        "m",
        "tokens",
        "day",
        200_000.0,
        Calendar("day", 0, 0, PACIFIC),
    )


def test_where_a_limit_was_read_makes_it_less_than_certain() -> None:
    """What the catalogue says with a source gives way to a provider's word; what the user wrote does not."""
    read, written = meters_of(lane(replace(DAY, source="their docs"), MINUTE), zone)

    assert (read.own, read.source) == (False, "their docs")
    assert (written.own, written.source) == (True, "configured")


@pytest.mark.parametrize(
    ("limit", "name", "span"),
    [
        (DAY, "requests/day", Rolling(86_400.0)),
        (replace(DAY, reset="00:00 UTC"), "requests/day from 00:00 UTC", Calendar("day", 0, 0, UTC)),
        (replace(DAY, per="rolling 5h"), "requests/rolling 5h", Rolling(18_000.0)),
        (Limit("usd", 5.0, "once"), "usd/once", Once()),
    ],
)
def test_each_window_is_a_meter_of_its_own(limit: Limit, name: str, span: object) -> None:
    """Its name says which, so that a changed configuration does not go on with another window's count."""
    (meter,) = meters_of(lane(limit), zone)

    assert (meter.name, meter.span) == (f"{HOLDER} {name}", span)


def test_two_limits_of_the_same_thing_are_one_meter() -> None:
    """A call would be counted twice in it. Of the provider's and the model's own the lower holds."""
    for_each = Limit("requests", 1000.0, "day", scope="model")
    mine = replace(for_each, amount=250.0)

    assert [meter.amount for meter in meters_of(lane(for_each, own=(mine,)), zone)] == [250.0]
    assert [meter.amount for meter in meters_of(lane(mine, own=(for_each,)), zone)] == [250.0]


@given(
    st.lists(
        st.builds(
            Limit,
            st.sampled_from(["requests", "tokens"]),
            st.integers(1, 9).map(float),
            st.sampled_from(["minute", "day"]),
            st.sampled_from(["account", "model", "org", "others"]),
        )
    ),
    st.sampled_from([None, "org"]),
)
def test_no_lane_has_a_meter_twice(limits: list[Limit], pool: str | None) -> None:
    """Whatever a configuration repeats."""
    found = names(lane(*limits, account=Account("a:KEY", KEY, pool)))

    assert len(found) == len(set(found))


def test_calls_in_flight_and_the_pause_between_two_are_limits_too() -> None:
    """`parallel` and `min_interval` hold for the account, as all processes share it."""
    pause, flight = meters_of(lane(parallel=4, min_interval=1.5), zone)

    assert (pause.name, pause.amount, pause.span) == (f"{HOLDER} requests/1.5 s", 1.0, Rolling(1.5))
    assert (flight.name, flight.amount, flight.span) == (f"{HOLDER} calls/flight", 4.0, None)


# ---------------------------------------------------------------- whose they are


def test_a_pool_is_counted_for_all_of_its_keys() -> None:
    """Two keys of one organisation draw from the same limits, each model's alike."""
    limits = (DAY, replace(MINUTE, scope="model"))
    one, two = (lane(*limits, account=Account(f"a:{name}", key, "org")) for name, key in
                (("ONE", KEY), ("TWO", OTHER_KEY)))  # fmt: skip

    assert names(one) == names(two) == ["a:org requests/day", "a:org/m requests/minute"]


def test_a_limit_of_a_pool_holds_for_its_keys_alone() -> None:
    """`scope` may name the pool: a key outside has nothing to do with it."""
    shared = replace(DAY, scope="org")

    assert names(lane(shared, account=Account("a:ONE", KEY, "org"))) == ["a:org requests/day"]
    assert names(lane(shared)) == []


def test_a_key_is_the_same_in_whatever_variable_it_is_found() -> None:
    """Renamed or told twice, it has what it had: no fresh quota, and none that two processes spend twice."""
    assert holder_of(Account("a:KEY", KEY)) == holder_of(Account("a:KEY_2", KEY)) == HOLDER
    assert holder_of(Account("a:KEY", OTHER_KEY)) != HOLDER
    assert holder_of(Account("b:KEY", KEY)) != HOLDER


def test_no_name_holds_a_key() -> None:
    """Names are written down and shown."""
    account = Account("a:KEY", KEY)

    assert KEY.reveal() not in repr(meters_of(lane(DAY, parallel=1, account=account), zone))


def test_who_needs_no_key_is_counted_by_name() -> None:
    """A local server, say."""
    assert holder_of(Account("ollama")) == "ollama"


def test_models_are_counted_apart_where_the_limit_is_each_models() -> None:
    """Else they draw from the same meter."""
    each, account = replace(DAY, scope="model"), MINUTE

    assert names(lane(each, account, model="x"))[1:] == names(lane(each, account, model="y"))[1:]
    assert names(lane(each, model="x")) != names(lane(each, model="y"))


# ---------------------------------------------------------------- how much


PRICED = Model("m", price=(0.10, 0.50))
FREE = Model("m")
USED = Usage(1_000, 200)
AMOUNTS: list[tuple[str, Usage, Model, float]] = [
    ("requests", USED, FREE, 1.0),
    ("calls", USED, FREE, 1.0),
    ("tokens", USED, FREE, 1_200.0),
    ("input_tokens", USED, FREE, 1_000.0),
    ("output_tokens", USED, FREE, 200.0),
    ("usd", USED, FREE, 0.002),
    ("usd", USED, PRICED, 0.0002),
    ("usd", replace(USED, usd=0.7), PRICED, 0.7),
    ("usd", replace(USED, usd=-1.0), PRICED, 0.0),
    ("usd", replace(USED, usd=0.0), PRICED, 0.0),
    ("neurons", USED, FREE, NEURONS_OF_AN_UNKNOWN_CALL),
    ("neurons", USED, PRICED, 0.0002 / USD_A_NEURON),
    ("neurons", replace(USED, neurons=12.5), PRICED, 12.5),
    ("neurons", replace(USED, neurons=-3.0), PRICED, 0.0),
    ("neurons", replace(USED, neurons=0.0), FREE, 0.0),
]


@pytest.mark.parametrize(("unit", "usage", "model", "amount"), AMOUNTS)
def test_how_much_a_call_takes(unit: str, usage: Usage, model: Model, amount: float) -> None:
    """What the provider has stated goes before what we reckon; nothing is ever negative."""
    meter = Meter("m", "a", "a", "", unit, "day", 10.0, Rolling(1.0))

    assert amount_of(meter, usage, model) == pytest.approx(amount)


def test_a_call_is_charged_on_all_of_its_meters() -> None:
    """In their order."""
    meters = meters_of(lane(DAY, Limit("tokens", 9.0, "day")), zone)

    assert charges_of(meters, USED, FREE) == ((meters[0], 1.0), (meters[1], 1_200.0))
