"""What a plan says, in words: how many prompts by when, who answers them, what is missing. Pure.

Instants are unix seconds, and told in `zone`. A plan for hours is told in times of day, one for some minutes
in how long it takes.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, assert_never

from racer.cli.usage_words import figure, length
from racer.core.span import LENGTHS, Calendar, Once, Rolling

if TYPE_CHECKING:
    from datetime import tzinfo

    from racer.batch.missing import Help, Shortfall
    from racer.batch.plan import Forecast, Tank

SOON = 600.0  # seconds: how far ahead the time of day says too little
BRIEF = 600.0  # sleeps of which nobody need be told
SLEEPS_TOLD, NAMES_TOLD, KEYS_TOLD = 3, 4, 3
WEEK = 6  # days in which a weekday is told without a date


def headline(found: Forecast, zone: tzinfo) -> str:
    """5,000 prompts: 3,900 today, the rest by Tue 03:10 (80 %: 02:30–05:00), free"""
    if not found.prompts:
        return "no prompts: nothing to do"
    what = f"{figure(found.prompts)} prompt{'' if found.prompts == 1 else 's'}"
    return f"{what}: {', '.join(_parts(found, zone))}, {money(found.usd)}"


def _parts(found: Forecast, zone: tzinfo) -> list[str]:
    if found.unfinished:
        return _never(found, zone)
    end = found.middle
    by = f"{ending(found, zone)} ({spread(found, zone)})"
    if end - found.now < SOON or _day(end, zone) == _day(found.now, zone):
        return [by]
    days = _by_days(found, zone)
    return [*days, f"the rest {by}"] if days else [by]


def _by_days(found: Forecast, zone: tzinfo) -> list[str]:
    """How many are done today, and tomorrow where that is not the last day."""
    told, before = list[str](), 0
    for ahead, name in enumerate(("today", "tomorrow")):
        midnight = _midnight(found.now, ahead + 1, zone)
        if found.middle <= midnight:
            break
        done = found.done(midnight)
        if done > before:
            told.append(f"{figure(done - before)} {name}")
        before = done
    return told


def _never(found: Forecast, zone: tzinfo) -> list[str]:
    """What stays undone, and how far it goes before."""
    done = found.prompts - found.unfinished
    last = next((at for at, count in found.steps if count >= found.steps[-1][1] - 1e-6), found.now)
    went = [f"{figure(done)} by {when(last, found.now, zone)}"] if done else []
    if last - found.now > 360 * LENGTHS["day"]:
        return [*went, f"the other {figure(found.unfinished)} take longer than a year"]
    whom = sorted({_name(tank) for tank in found.why if isinstance(tank.span, Once)})
    why = f" ({' and '.join(whom)} used up)" if whom else ""
    return [*went, f"{'the other ' if done else ''}{figure(found.unfinished)} never{why}"]


# ---------------------------------------------------------------- instants


def ending(found: Forecast, zone: tzinfo) -> str:
    """When it likely ends: by Tue 03:10, or in 4 min."""
    if found.middle == inf:
        return "never"
    seconds = found.middle - found.now
    if seconds < SOON:
        return f"in about {length(seconds)}"
    return f"by {when(found.middle, found.now, zone)}"


def spread(found: Forecast, zone: tzinfo) -> str:
    """The range: 80 %: 02:30–05:00, with its days where they are not that of the likely end."""
    if found.middle - found.now < SOON:
        low, high = (_long(each - found.now) for each in (found.low, found.high))
    elif _day(found.low, zone) == _day(found.middle, zone) == _day(found.high, zone):
        low, high = (f"{datetime.fromtimestamp(each, zone):%H:%M}" for each in (found.low, found.high))
    else:
        low, high = (when(each, found.now, zone) for each in (found.low, found.high))
    return f"80 %: {low}–{high}"


def when(at: float, now: float, zone: tzinfo) -> str:
    """18:10 today, Tue 03:10 in the days after, then 2026-12-03 03:10."""
    if at == inf:
        return "never"
    then = datetime.fromtimestamp(at, zone)
    days = (then.date() - datetime.fromtimestamp(now, zone).date()).days
    if days == 0:
        return f"{then:%H:%M}"
    return f"{then:%a %H:%M}" if 0 < days <= WEEK else f"{then:%Y-%m-%d %H:%M}"


def _long(seconds: float) -> str:
    return "never" if seconds == inf else length(seconds)


def _day(at: float, zone: tzinfo) -> int | None:
    return None if at == inf else datetime.fromtimestamp(at, zone).toordinal()


def _midnight(now: float, days: int, zone: tzinfo) -> float:
    """The beginning of a day to come."""
    today = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return (today + timedelta(days=days)).timestamp()


# ---------------------------------------------------------------- money, lanes, sleeps


def money(usd: float) -> str:
    if usd <= 0:
        return "free"
    return f"${usd:,.2f}" if usd >= 0.005 else "under $0.01"


def shares(found: Forecast) -> str:
    """Who answers how many: groq 3,000, cerebras 1,500, 2 others 500."""
    told = [f"{name} {figure(count)}" for name, count in found.shares[:NAMES_TOLD]]
    others = found.shares[NAMES_TOLD:]
    if others:
        what = "another" if len(others) == 1 else f"{len(others)} others"
        told.append(f"{what} {figure(sum(count for _, count in others))}")
    return ", ".join(told)


def sleeps(found: Forecast, zone: tzinfo) -> str:
    """When nothing can run for a while: sleeps 14:20–Tue 02:00, Tue 03:10–Wed 02:00 and 3 times more."""
    slept = [each for each in found.sleeps if each[1] - each[0] >= BRIEF]
    told = [
        f"{when(start, found.now, zone)}–{when(until, found.now, zone)}"
        for start, until in slept[:SLEEPS_TOLD]
    ]
    more = len(slept) - len(told)
    rest = f" and {more} time{'' if more == 1 else 's'} more" if more else ""
    return f"sleeps {', '.join(told)}{rest}" if told else ""


# ---------------------------------------------------------------- what is missing


def lacking(found: Forecast, short: Shortfall, zone: tzinfo) -> list[str]:
    """Lines: how many are missing by then, which limit it is, which keys would help."""
    by = when(short.by, found.now, zone)
    keys = short.keys[:KEYS_TOLD]
    return [
        f"by {by}: {figure(short.done)} of {figure(found.prompts)} prompts, {figure(short.lacks)} missing",
        _cause(short),
        *(_key(each, found, zone) for each in keys),
    ]


def _cause(short: Shortfall) -> str:
    tank = short.tank
    if tank is None:
        match short.cause:
            case "concurrency":
                return "more calls at once would help: --concurrency"
            case "rate":
                return "a higher --rate would help"
            case _:
                return "the lanes are too slow for it: more lanes would help"
    what = f"held up by {_name(tank)}: {_amount(tank, tank.limit)}"
    if short.extra is None:
        return f"{what}; more of it alone would not do"
    return f"{what}; {_amount(tank, short.extra)} more would do"


def _key(found: Help, plan: Forecast, zone: tzinfo) -> str:
    who = f"{found.provider} with a key in {found.variable}"
    if found.end == inf:
        return f"{who}: {figure(found.done)} in time"
    end = when(found.end, plan.now, zone)
    return f"{who}: done by {end}" if found.meets else f"{who}: {figure(found.done)} in time, all by {end}"


def _name(tank: Tank) -> str:
    return tank.label or tank.name


def _amount(tank: Tank, amount: float) -> str:
    """100 requests a day"""
    unit = tank.unit.replace("_", " ")
    text = f"{figure(amount)} {unit.removesuffix('s') if amount == 1 and unit != 'usd' else unit}"
    match tank.span:
        case None:
            return f"{text} at once"
        case Once():
            return text
        case Calendar(per):
            return f"{text} a {per}"
        case Rolling(seconds):
            per = next((name for name, long in LENGTHS.items() if long == seconds), "")
            return f"{text} in any {length(seconds)}" if not per else f"{text} a{'n' * (per == 'hour')} {per}"
        case _:
            assert_never(tank.span)
