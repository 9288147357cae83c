"""Gauges: every limit that is configured has one, and what the store knows of it is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from racer.accounts.gauge import COLUMNS, Gauge, gauges_of
from racer.acquaintance import zone
from racer.core.field import field_of
from racer.core.metering import meters_of
from racer.core.span import Rolling
from tests.racer.accounts.ledgers import NOW, usage
from tests.racer.accounts.rows import LONG_KEY, config_of_rows, row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer.store.readings import Usage

DAY = 86_400.0
MIDNIGHT = NOW + DAY / 2
ENV = {"A_KEY": LONG_KEY, "B_KEY": LONG_KEY}
LIMITS = [
    {"requests": 30, "per": "minute", "scope": "model"},
    {"requests": 100, "per": "day", "reset": "00:00 UTC"},
    {"usd": 5, "per": "once", "expires": "2027-02-01"},
]


def gauges(given: dict[str, Any], rows: Iterable[Usage] = (), now: float = NOW, **others: Any) -> list[Gauge]:
    """Of a provider `a` and `others`; `rows` are what is stored."""
    config = config_of_rows(ENV, a=given, **others)
    return list(gauges_of(config.providers, rows, zone, now))


def name_of(given: dict[str, Any]) -> str:
    """The name of the only meter."""
    config = config_of_rows(ENV, a=given)
    (lane,) = field_of(config.providers, {}).lanes
    (meter,) = meters_of(lane, zone)
    return meter.name


def one(given: dict[str, Any], **stored: Any) -> Gauge:
    """The gauge of a single limit, of which so much is stored."""
    provider = row(limits=[given])
    (found,) = gauges(provider, [usage(meter=name_of(provider))._replace(**stored)])
    return found


def test_limits_show_before_they_are_used() -> None:
    """The account's first, then those of each model; a provider without a key has none."""
    models = [{"name": "m"}, {"name": "n"}]

    found = gauges(row(limits=LIMITS, models=models), b=row("b", limits=LIMITS, key_names=["OTHER"]))

    assert [(each.row.model, each.row.unit, each.used, each.left) for each in found] == [
        ("", "requests", 0, 100),
        ("", "usd", 0, 5),
        ("m", "requests", 0, 30),
        ("n", "requests", 0, 30),
    ]
    assert {(each.row.provider, each.row.account) for each in found} == {("a", "a:A_KEY")}


def test_when_more_is_to_be_had() -> None:
    """A day ends for everybody; what rolls says when the first of it is back; credits expire."""
    rolling, daily, once = {"requests": 1, "per": "day"}, LIMITS[1], LIMITS[2]

    assert one(daily).resets_at == MIDNIGHT
    assert one(daily, resets_at=5.0).resets_at == MIDNIGHT
    assert one(rolling).resets_at is None
    assert one(rolling, resets_at=NOW + 5).resets_at == NOW + 5
    assert one(once).resets_at == 1_801_440_000.0


def test_credits_that_have_expired_are_gone() -> None:
    """Whatever was left of them."""
    (found,) = gauges(row(limits=[LIMITS[2]]), now=1_801_440_000.0)

    assert found.expired
    assert (found.row.limit, found.left) == (5, 0)


def test_what_counts() -> None:
    """Used by us and by others; what living processes hold is not left either."""
    found = one(LIMITS[1], used=40.0, outside=5.0, leased=15.0)

    assert (found.used, found.held, found.left) == (45, 15, 40)


def test_never_less_than_nothing_is_left() -> None:
    """Also where a limit was lowered."""
    assert one(LIMITS[1], used=140.0).left == 0


def test_calls_in_flight_are_leased() -> None:
    """That is how they are used."""
    given = row(parallel=4)
    (found,) = gauges(given, [usage(meter=name_of(given), per="flight", leased=3.0)])

    assert (found.used, found.held, found.left) == (3, 0, 1)


TOLD = [
    ("configured", 50.0, None, 100.0),
    ("header", 50.0, None, 50.0),
    ("header", 500.0, None, 100.0),
    ("header", 500.0, "the docs", 500.0),
]


@pytest.mark.parametrize(("teller", "limit", "source", "holds"), TOLD)
def test_the_limit_is_that_of_the_configuration_now(
    teller: str, limit: float, source: str | None, holds: float
) -> None:
    """It may have changed since; what a provider told holds, of the user's own limits only if it is less."""
    given = {**LIMITS[1], **({"source": source} if source else {})}

    assert one(given, limit=limit, teller=teller).row.limit == holds


def test_limits_that_are_gone_show_while_they_are_used() -> None:
    """Of another key, say; they are marked."""
    stored = [usage(meter="x", used=3.0), usage(meter="y")]

    found = gauges(row(limits=[LIMITS[1]]), stored)

    assert [(each.row.meter, each.current) for each in found if each.used] == [("x", False)]
    assert len(found) == 2


def test_of_servers_that_tell_their_models_all_is_shown() -> None:
    """For they were not asked now."""
    server = row(base_url="http://127.0.0.1:1", dialect="ollama", key_names=[], discover=True, limits=LIMITS)

    (found,) = gauges(server, [usage(meter="x")])

    assert found.current


def test_one_as_plain_values() -> None:
    """Under names that stay."""
    found = Gauge(usage(used=2.0, leased=1.0), Rolling(60.0), NOW).to_dict()

    assert tuple(found) == COLUMNS
    assert (found["model"], found["window"], found["held"], found["left"]) == (None, "day", 1.0, 97.0)
