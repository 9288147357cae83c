"""Which limits a name means: a provider's, an account's, those of a model, or one by its own name. Pure."""

from __future__ import annotations

import shlex
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from racer.cli import usage_words
from racer.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.accounts.gauge import Gauge
    from racer.store.readings import Usage

SHOWN = 8


class Choice(NamedTuple):
    """What was asked for: a name, and where it means several limits, which of them."""

    name: str
    unit: str | None = None
    per: str | None = None


def names_of(row: Usage) -> tuple[str, ...]:
    """What a limit may be called, the widest first."""
    models = (f"{row.provider}/{row.model}", f"{row.account}/{row.model}") if row.model else ()
    return (row.provider, row.account, *models, row.meter)


def named(gauges: Sequence[Gauge], name: str) -> tuple[Gauge, ...]:
    """The limits that `name` means; calls in flight are none, for they end by themselves.

    Raises BadRequest with the names that there are, the nearest first.
    """
    counted = [gauge for gauge in gauges if gauge.row.per != "flight"]
    found = tuple(gauge for gauge in counted if name in names_of(gauge.row))
    if not found:
        raise BadRequest(f"nothing is counted under {name!r}; {_known(counted, name)}")
    return found


def _known(gauges: Sequence[Gauge], name: str) -> str:
    """Names that people would type: not those of single limits."""
    known = dict.fromkeys(each for gauge in gauges for each in names_of(gauge.row)[:-1])
    if not known:
        return "no account that is set up has a limit: `racer providers` tells who is"
    nearest = sorted(known, key=lambda each: -SequenceMatcher(None, name.lower(), each.lower()).ratio())
    more = len(nearest) - SHOWN
    rest = f", and {more} more: `racer usage` shows them" if more > 0 else ""
    return f"known are: {', '.join(nearest[:SHOWN])}{rest}"


def chosen(gauges: Sequence[Gauge], choice: Choice) -> Gauge:
    """The one limit that `choice` means. Raises BadRequest that lists them, where it means several."""
    found = named(gauges, choice.name)
    fit = [gauge for gauge in found if _fits(gauge, choice)]
    if len(fit) == 1:
        return fit[0]
    head = f"{choice.name!r} has {len(fit) or 'no'} limits" + _given(choice)
    raise BadRequest("\n".join([f"{head}; choose one of:", *(_line(each) for each in (fit or found))]))


def _fits(gauge: Gauge, choice: Choice) -> bool:
    row = gauge.row
    return choice.unit in (None, row.unit) and choice.per in (None, row.per, row.per.removeprefix("rolling "))


def _given(choice: Choice) -> str:
    """What narrows the name down."""
    given = (("--unit", choice.unit), ("--per", choice.per))
    said = [f"{option} {value}" for option, value in given if value is not None]
    return f" with {' '.join(said)}" if said else ""


def _line(gauge: Gauge) -> str:
    """What would have to be typed instead."""
    row = gauge.row
    name = f"{row.account}/{row.model}" if row.model else row.account
    return f"  {shlex.quote(name)} --unit {row.unit} --per {shlex.quote(row.per)}  ({usage_words.limit(row)})"
