"""The outlook: whose rate is taken, who counts together, and what is said where nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from racer.accounts.gauge import gauges_of
from racer.accounts.outlook import Outlook, outlook_of
from racer.acquaintance import zone
from tests.racer.accounts.ledgers import NOW, day
from tests.racer.accounts.rows import LONG_KEY, config_of_rows, row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.store.readings import Day

DAILY = {"requests": 100, "per": "day", "reset": "00:00 UTC"}
ENV = {"A_KEY": LONG_KEY, "B_KEY": LONG_KEY + "b", "C_KEY": LONG_KEY + "c"}
HALF_A_DAY = 43_200.0


def outlook(
    days: Sequence[Day] = (), tokens: float | None = None, env: dict[str, str] | None = None, **rows: Any
) -> Outlook:
    """At noon, of providers of which nothing was used today."""
    config = config_of_rows(ENV if env is None else env, **rows)
    gauges = gauges_of(config.providers, (), zone, NOW)
    return outlook_of(config.providers, gauges, days, now=NOW, today="2027-01-15", tokens=tokens)


def seconds(found: Outlook) -> dict[str, float | None]:
    return {line.account: line.lasts and line.lasts.usual.seconds for line in found.lines}


def test_without_use_there_is_no_rate() -> None:
    """So there is no forecast, but who has limits is known."""
    found = outlook(a=row(limits=[DAILY]), b=row("b"))

    assert (found.pace, found.together) == (None, None)
    assert [(line.account, line.lasts, line.limited) for line in found.lines] == [
        ("a:A_KEY", None, True),
        ("b:B_KEY", None, False),
    ]


def test_each_account_has_its_own_rate() -> None:
    """A hundred a day are left: 400 calls a day take six hours. Together they bear the sum of it."""
    days = [
        day("2027-01-13", 200, account="a:A_KEY"),
        day("2027-01-14", 600, account="a:A_KEY"),
        day("2027-01-14", 50, account="b:B_KEY", provider="b"),
    ]
    found = outlook(days, a=row(limits=[DAILY]), b=row("b", limits=[DAILY]), c=row("c", limits=[DAILY]))

    assert found.pace is not None
    assert (found.pace.low.calls, found.pace.usual.calls, found.pace.high.calls) == (200, 425, 650)
    assert seconds(found) == {"a:A_KEY": 21_600.0, "b:B_KEY": float("inf"), "c:C_KEY": None}
    lasts = found.lines[0].lasts
    assert lasts is not None
    assert (lasts.soonest.seconds, lasts.latest.seconds) == (14_400.0, HALF_A_DAY + 43_200.0)
    assert found.together is not None
    assert found.together.usual.cover == pytest.approx(300 / 425)


def test_at_a_rate_that_is_given_each_stands_alone() -> None:
    """A thousand tokens a call without other knowledge: 400 calls a day, and together they last."""
    found = outlook(
        (), 400_000, a=row(limits=[DAILY]), b=row("b", limits=[{"tokens": 1_000_000, "per": "day"}])
    )

    assert seconds(found) == {"a:A_KEY": 21_600.0, "b:B_KEY": float("inf")}
    assert found.together is not None
    assert found.together.usual.lasts


def test_dollars_depend_on_who_serves() -> None:
    """By the mean of the prices of an account's models; as the provider told them, where it did."""
    models = [{"name": "m", "price": [1, 3]}, {"name": "n", "price": [3, 5]}, {"name": "o"}]
    given = row(limits=[{"usd": 5, "per": "once"}], models=models)

    alone = outlook((), 1_000_000, a=given)
    told = outlook([day("2027-01-14", 10, account="a:A_KEY", usd=1.0)], a=given)
    by_price = outlook([day("2027-01-14", 4000, account="a:A_KEY")], a=given)

    assert seconds(alone)["a:A_KEY"] == pytest.approx(86_400 * 5 / (0.75 * 2 + 0.25 * 4))
    assert seconds(told)["a:A_KEY"] == pytest.approx(86_400 * 5)
    assert seconds(by_price)["a:A_KEY"] == pytest.approx(86_400 * 5 / (3 * 1 + 1 * 3))


def test_keys_of_a_pool_are_one_account() -> None:
    """What was used with each is used of the pool."""
    given = row(keys=[{"pool": "org", "use": ["$A_1", "$A_2"]}], limits=[{**DAILY, "scope": "org"}])
    days = [day("2027-01-14", 200, account="a:A_1"), day("2027-01-14", 200, account="a:A_2")]

    found = outlook(days, env={"A_1": LONG_KEY, "A_2": LONG_KEY + "2"}, a=given)

    assert seconds(found) == {"a:org": 21_600.0}


def test_only_what_costs_nothing_counts_together() -> None:
    """Who takes money lasts as long as there is some; who has no limit is named."""
    minute = {"requests": 100, "per": "minute"}
    found = outlook(
        [day()],
        a=row(limits=[minute]),
        b=row("b", local=True, base_url="http://127.0.0.1:1/v1"),
        c=row("c", models=[{"name": "m", "price": [0, 0]}], limits=[minute]),
    )

    assert found.together is not None
    assert found.together.usual.cover == pytest.approx(100 * 1440 / 10)
    assert found.apart == ("b:B_KEY",)
    assert outlook([day()], a=row(limits=[minute])).together is None


def test_as_plain_values() -> None:
    """What never comes is None."""
    found = outlook([day("2027-01-14", 400, account="a:A_KEY")], a=row(limits=[DAILY]), b=row("b"))

    document = found.to_dict(NOW)

    assert document["tokens_a_day"] == 400_000
    assert document["tokens_a_day_range"] == [400_000, 400_000]
    assert document["accounts"] == [
        {
            "account": "a:A_KEY",
            "limited": True,
            "forecast": {
                "lasts": False,
                "empty_at": NOW + 21_600,
                "days": 0.25,
                "days_range": [0.25, 0.25],
                "days_of_demand_a_day": 0.25,
                "expires_at": None,
            },
        },
        {"account": "b:B_KEY", "limited": False, "forecast": None},
    ]
    assert outlook().to_dict(NOW)["tokens_a_day"] is None
