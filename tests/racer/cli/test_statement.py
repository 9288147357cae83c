"""The statement: sums by account, refusals apart from alerts, and all of it as plain values."""

from __future__ import annotations

import json

import pytest

from racer.cli.gauge import Gauge
from racer.cli.statement import Statement, Total, totals_of
from racer.core.provider import Limit, Model, Provider
from racer.core.savings import savings_of
from racer.core.span import Rolling
from tests.racer.cli.ledgers import NOW, alarm, day, usage

FREE = Provider(
    "a", "openai", "https://a.test", models=(Model("m", price=(1, 2)),), limits=(Limit("requests", 9, "day"),)
)


def test_sums_are_by_account() -> None:
    """Of all days and models. A late reply is a lost one."""
    days = [
        day(calls=10, lost=2, late=1, failed=2),
        day("2027-01-13", calls=20, model="n", usd=0.5),
        day(account="a:ANOTHER", calls=2),
    ]

    assert totals_of(days) == (
        Total("a:ANOTHER", 2, 1, 0, 0, 2000, 0.0),
        Total("a:KEY", 30, 15, 3, 2, 30_000, 0.5),
    )


def test_refusals_are_apart_from_alerts() -> None:
    """They say that we have counted wrong, or that others use the account."""
    alarms = (alarm(), alarm("unforeseen", times=2))
    found = Statement(NOW, NOW - 9, "", (), (), alarms)

    assert (found.reached, found.unforeseen) == ((alarms[0],), (alarms[1],))


def test_all_of_it_as_plain_values() -> None:
    """That JSON can hold; what was not asked for is None."""
    statement = Statement(
        NOW, NOW - 9, "racer.db", (Gauge(usage(), Rolling(60.0), None),), totals_of([day()]), (alarm(),)
    )
    document = statement.to_dict()

    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert (document["forecast"], document["saved"], document["unforeseen"]) == (None, None, [])
    assert document["alerts"][0]["window"] == "day"
    assert document["totals"][0]["tokens"] == 10_000
    assert Statement(NOW, NOW, "", (), (), ()).to_dict()["database"] is None


def test_savings_as_plain_values() -> None:
    """With the price that was taken, and when it was read."""
    savings = savings_of([day(usd=0.001), day(provider="b")], [FREE])
    found = Statement(NOW, NOW, "", (), (), (), None, savings, "May").to_dict()["saved"]

    assert found["prices_of"] == "May"
    assert (found["worth_usd"], found["paid_usd"]) == (0.00625, 0.001)
    assert found["usd"] == 0.00525
    assert found["not_counted"] == ["b"]
    assert found["models"] == [
        {
            "provider": "a",
            "model": "m",
            "input_tokens": 3750,
            "output_tokens": 1250,
            "worth_usd": 0.00625,
            "paid_usd": 0.001,
            "price": [1, 2],
            "price_basis": "own",
            "price_of": "a",
        }
    ]


LOCAL = Provider("a", "openai", "https://a.test", local=True)
OTHER = Provider("b", "openai", "https://b.test", models=(Model("x", price=(1, 1)),))


@pytest.mark.parametrize(("providers", "basis"), [((LOCAL,), None), ((LOCAL, OTHER), "median")])
def test_a_price_may_be_nobodys(providers: tuple[Provider, ...], basis: str | None) -> None:
    """The median of all, or none at all."""
    savings = savings_of([day()], providers)
    document = Statement(NOW, NOW, "", (), (), (), None, savings).to_dict()
    (model,) = document["saved"]["models"]

    assert (model["price_basis"], model["price_of"]) == (basis, None)
