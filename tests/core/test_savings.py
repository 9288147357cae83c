"""Savings: whose answers count, at which price, and what is taken off."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from racer.core.provider import Limit, Model, Provider
from racer.core.savings import Price, PriceList, gives, plain_name, savings_of


class Row(NamedTuple):
    provider: str
    model: str
    answer_input: int = 0
    answer_output: int = 0
    usd: float = 0.0


def provider(name: str, *models: Model, limits: tuple[Limit, ...] = (), local: bool = False) -> Provider:
    return Provider(name, "openai", f"https://{name}.test", models=models, limits=limits, local=local)


DAILY = Limit("requests", 100, "day")
CHEAP = provider("cheap", Model("openai/gpt-20b", price=(1, 2)), limits=(DAILY,))
DEAR = provider("dear", Model("gpt-20b", price=(10, 20)), limits=(DAILY,))
OTHER = provider("other", Model("big", price=(4, 8)))
FREE = provider("free", Model("gpt:20b"), Model("unheard-of"), limits=(DAILY,))
ALL = (DEAR, CHEAP, OTHER, FREE)

NAMES = {
    "openai/gpt-oss-20b": "gpt-oss-20b",
    "@cf/openai/gpt-oss-20b": "gpt-oss-20b",
    "accounts/fireworks/models/gpt-oss-20b": "gpt-oss-20b",
    "gpt-oss:20b": "gpt-oss-20b",
    "openai/gpt-oss-20b:free": "gpt-oss-20b",
    "llama3.2:latest": "llama3.2",
    "Meta-Llama-3.3-70B-Instruct": "llama-3.3-70b-instruct",
    "meta-llama/llama-3.3-70b-instruct:free": "llama-3.3-70b-instruct",
}


@pytest.mark.parametrize(("name", "plain"), NAMES.items())
def test_a_model_has_many_names(name: str, plain: str) -> None:
    """By maker, by server, by variant."""
    assert plain_name(name) == plain


PRICES = [
    ("dear", "gpt-20b", Price(10, 20, "own", "dear")),
    ("free", "gpt:20b", Price(1, 2, "same", "cheap")),
    ("gone", "gpt-20b", Price(1, 2, "same", "cheap")),
    ("free", "unheard-of", Price(4, 8, "median")),
]


@pytest.mark.parametrize(("name", "model", "price"), PRICES)
def test_whose_price_it_is(name: str, model: str, price: Price) -> None:
    """The model's own, or that of the cheapest who has a model of its name, or the median of all."""
    assert PriceList(ALL).of(name, model) == price


def test_the_median_of_two_is_between_them() -> None:
    """Prices of 0 are no list prices."""
    nothing = provider("zero", Model("zero", price=(0, 0)))

    assert PriceList((CHEAP, OTHER, nothing)).of("a", "b") == Price(2.5, 5, "median")


def test_without_prices_nothing_is_worth_anything() -> None:
    """And it is said that nobody has one."""
    found = savings_of([Row("free", "unheard-of", 10, 10)], [FREE])

    assert [(row.price, row.worth) for row in found.rows] == [(None, 0.0)]


def test_tokens_of_winners_at_list_prices() -> None:
    """Of all days together, the dearest model first; a model without an answer has no row."""
    rows = [
        Row("free", "gpt:20b", 1_000_000, 500_000),
        Row("free", "gpt:20b", 1_000_000, 500_000),
        Row("free", "unheard-of", 1_000_000, 1_000_000),
        Row("cheap", "openai/gpt-20b"),
    ]
    found = savings_of(rows, ALL)

    assert [(row.model, row.tokens, row.worth) for row in found.rows] == [
        ("unheard-of", 2_000_000, 12.0),
        ("gpt:20b", 3_000_000, 4.0),
    ]
    assert (found.worth, found.paid, found.bought) == (16.0, 0.0, ())


def test_what_is_paid_for_is_not_saved() -> None:
    """Unless its provider tells what it cost: that is taken off. Of who is not there nothing is known."""
    rows = [Row("other", "big", 10, 10), Row("gone", "x", 10, 10), Row("other", "small", 10, 10, 0.5)]
    found = savings_of(rows, ALL)

    assert [(row.model, row.paid) for row in found.rows] == [("small", 0.5)]
    assert (found.paid, found.bought) == (0.5, ("gone", "other"))


GIVES = {
    "nothing known": (provider("a", Model("m")), False),
    "a price": (provider("a", Model("m", price=(1, 1))), False),
    "a minute": (provider("a", Model("m"), limits=(Limit("requests", 1, "minute"),)), False),
    "five hours": (provider("a", Model("m"), limits=(Limit("requests", 1, "rolling 5h"),)), False),
    "a rolling day": (provider("a", Model("m"), limits=(Limit("requests", 1, "rolling 24h"),)), True),
    "a month": (provider("a", Model("m"), limits=(Limit("requests", 1, "month"),)), True),
    "credits": (provider("a", Model("m", price=(1, 1)), limits=(Limit("usd", 1, "once"),)), True),
    "a model's own": (provider("a", Model("m", limits=(DAILY,))), True),
    "a price of 0": (provider("a", Model("m", price=(0, 0))), True),
    "local": (provider("a", local=True), True),
}


@pytest.mark.parametrize(("given", "free"), GIVES.values(), ids=GIVES)
def test_who_gives_something_away(given: Provider, free: bool) -> None:
    """A limit for a day or longer is an allowance; one for a minute holds for those who pay, too."""
    assert gives(given) is free


def test_beside_models_that_cost_nothing_no_price_is_none() -> None:
    """A model without a price costs nothing where another one's price is 0."""
    mixed = provider("a", Model("zero", price=(0, 0)), Model("plain"), Model("paid", price=(1, 1)))

    found = savings_of([Row("a", name, 1, 1) for name in ("zero", "plain", "paid")], [mixed])

    assert {row.model for row in found.rows} == {"zero", "plain"}
    assert found.bought == ("a",)
