"""Which limits a name means, and what is said where it means none, or too many."""

from __future__ import annotations

import pytest

from racer.accounts.gauge import Gauge
from racer.cli.naming import Choice, chosen, named
from racer.errors import BadRequest
from tests.racer.accounts.ledgers import usage

DAY = Gauge(usage(), None, None)
MINUTE = Gauge(usage(per="minute", limit=30), None, None)
ROLLING = Gauge(usage("tokens", per="rolling 5h", model="m/1", meter="a#1/m/1 tokens/rolling 5h"), None, None)
SECOND = Gauge(usage(account="a:KEY 2", meter="a#2 requests/day"), None, None)
FLIGHT = Gauge(usage("calls", per="flight", meter="a#1 calls/flight"), None, None)
OTHER = Gauge(usage(provider="b", account="b", meter="b requests/day"), None, None)
ALL = (DAY, MINUTE, ROLLING, SECOND, FLIGHT, OTHER)

NAMES = {
    "a": (DAY, MINUTE, ROLLING, SECOND),
    "a:KEY": (DAY, MINUTE, ROLLING),
    "a/m/1": (ROLLING,),
    "a:KEY/m/1": (ROLLING,),
    "a#1 requests/day": (DAY,),
    "b": (OTHER,),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_name_means(name: str) -> None:
    """A provider, an account, a model of either, a limit; never calls in flight."""
    assert named(ALL, name) == NAMES[name]


def refusal(name: str, unit: str | None = None, per: str | None = None) -> str:
    with pytest.raises(BadRequest) as caught:
        chosen(ALL, Choice(name, unit, per))
    return str(caught.value)


@pytest.mark.parametrize("name", ["a:KEx", "a#1 calls/flight", "", "a\udcff"])
def test_an_unknown_name_is_answered_with_those_there_are(name: str) -> None:
    """The nearest first, and no single limits."""
    text = refusal(name)

    assert text.startswith(f"nothing is counted under {name!r}; known are: ")
    assert name != "a:KEx" or text.split("known are: ")[1].startswith("a:KEY, ")
    assert "#" not in text.partition("; ")[2]


def test_of_many_names_some_are_told() -> None:
    """And where the others are."""
    many = [Gauge(usage(provider=f"p{number}", account=f"p{number}"), None, None) for number in range(10)]

    with pytest.raises(BadRequest, match=r"known are: p7, .*, and 2 more: `racer usage` shows them"):
        named(many, "p7x")


def test_without_any_limit_there_is_no_name() -> None:
    """Whoever is not set up has none."""
    with pytest.raises(BadRequest, match="no account that is set up has a limit"):
        named((), "a")


CHOICES = [
    (Choice("b"), OTHER),
    (Choice("a:KEY", per="day"), DAY),
    (Choice("a", unit="tokens"), ROLLING),
    (Choice("a", per="5h"), ROLLING),
    (Choice("a", per="rolling 5h"), ROLLING),
    (Choice("a:KEY", "requests", "minute"), MINUTE),
]


@pytest.mark.parametrize(("choice", "gauge"), CHOICES)
def test_one_limit_is_chosen(choice: Choice, gauge: Gauge) -> None:
    """By its name, and where that means several by unit and window."""
    assert chosen(ALL, choice) is gauge


def test_a_choice_among_several_is_asked_for() -> None:
    """With what to type for each: those that fit, or all where none does."""
    assert (
        refusal("a", "requests")
        == """\
'a' has 3 limits with --unit requests; choose one of:
  a:KEY --unit requests --per day  (100 requests a day)
  a:KEY --unit requests --per minute  (30 requests a minute)
  'a:KEY 2' --unit requests --per day  (100 requests a day)"""
    )
    none = refusal("a:KEY", per="week")
    assert none.startswith("'a:KEY' has no limits with --per week; choose one of:\n")
    assert none.endswith("\n  a:KEY/m/1 --unit tokens --per 'rolling 5h'  (100 tokens in any 5h)")
