"""The statement: sums by account, refusals apart from alerts, and all of it as plain values."""

from __future__ import annotations

import json

import pytest

from racer.accounts.gauge import Gauge
from racer.accounts.statement import RaceTax, Statement, Total, taxes_of, totals_of
from racer.core.provider import Limit, Model, Provider
from racer.core.savings import savings_of
from racer.core.span import Rolling
from racer.store.readings import Taxed
from tests.racer.accounts.ledgers import NOW, alarm, day, usage

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


# ---------------------------------------------------------------- race tax

TAXED = (
    Taxed("one", 10, 9, 12, 0, 0, 0.0, 0.0),
    Taxed("hedge", 0, 0, 0, 0, 0, 0.0, 0.0),
    Taxed("all", 4, 3, 12, 6, 900, 0.25, 4.5),
)


def test_the_race_tax_has_a_row_a_policy() -> None:
    """In the order of their names, of those that raced."""
    assert taxes_of(TAXED) == (RaceTax("all", 3, 12, 6, 900, 0.25, 4.5), RaceTax("one", 9, 12))
    assert taxes_of(()) == ()


def test_the_race_tax_is_summed_up() -> None:
    """Over all policies; without any there is none."""
    found = Statement(NOW, NOW - 9, "", (), (), (), taxes=taxes_of(TAXED))

    assert found.tax == RaceTax("", 12, 24, 6, 900, 0.25, 4.5)
    assert found._replace(taxes=()).tax == RaceTax()


@pytest.mark.parametrize(
    ("tax", "share", "per_answer"),
    [(RaceTax("", 12, 24, 6), 0.25, 0.5), (RaceTax(), None, None), (RaceTax("", 0, 8, 4), 0.5, None)],
)
def test_shares_of_the_race_tax(tax: RaceTax, share: float | None, per_answer: float | None) -> None:
    """Of all requests, and an answer; none of nothing."""
    assert (tax.share, tax.per_answer) == (share, per_answer)


def test_the_race_tax_as_plain_values() -> None:
    """The sum, and each policy under its name; where nobody has raced, nothing was sent."""
    statement = Statement(NOW, NOW - 9, "", (), (), (), taxes=taxes_of(TAXED))
    document = statement.to_dict()["tax"]

    assert json.loads(json.dumps(document, allow_nan=False)) == document
    all_, one = document.pop("by_policy")
    assert document == {
        "answers": 12,
        "sent": 24,
        "extra_requests": 6,
        "share": 0.25,
        "per_answer": 0.5,
        "extra_tokens": 900,
        "extra_usd": 0.25,
        "saved": 4.5,
    }
    assert [(each["policy"], each["share"]) for each in (all_, one)] == [("all", 0.5), ("one", 0.0)]
    assert {*all_} == {"policy", *document}
    bare = Statement(NOW, NOW, "", (), (), ()).to_dict()["tax"]
    assert (bare["sent"], bare["share"], bare["by_policy"]) == (0, None, [])


# ---------------------------------------------------------------- savings

LOCAL = Provider("a", "openai", "https://a.test", local=True)
OTHER = Provider("b", "openai", "https://b.test", models=(Model("x", price=(1, 1)),))


@pytest.mark.parametrize(("providers", "basis"), [((LOCAL,), None), ((LOCAL, OTHER), "median")])
def test_a_price_may_be_nobodys(providers: tuple[Provider, ...], basis: str | None) -> None:
    """The median of all, or none at all."""
    savings = savings_of([day()], providers)
    document = Statement(NOW, NOW, "", (), (), (), None, savings).to_dict()
    (model,) = document["saved"]["models"]

    assert (model["price_basis"], model["price_of"]) == (basis, None)
