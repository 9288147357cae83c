"""What `racer usage` says, in words: amounts, windows, instants, how long something lasts. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from racer.cli import allowance
from racer.core.provider import Limit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer.accounts.gauge import Gauge
    from racer.accounts.outlook import Line, Outlook, Range
    from racer.accounts.statement import RaceTax
    from racer.core.forecast import Runway
    from racer.core.savings import Price, Savings
    from racer.store.readings import Alarm, Usage

NOTHING = "-"
UNDER = "under "
DAY = 86_400.0
FAR = 1000.0  # days: nobody plans further ahead
TAX = ("policy", "requests", "extra", "an answer", "tokens", "paid", "saved")
TELLERS = {"header": "a header", "error": "an error"}


# ---------------------------------------------------------------- amounts


def figure(value: float) -> str:
    """With separators; fractions only of what is small."""
    return allowance.amount(round(value, 4) if abs(value) < 100 else round(value))


def dollars(value: float) -> str:
    return f"{value:,.2f} USD" if abs(value) >= 1 or value == 0 else f"{least(value, 4)} USD"


def least(value: float, places: int) -> str:
    """With so many places. What is too little for them is said to be under the least that they can show."""
    step = 10.0**-places
    return f"{UNDER}{step:g}" if 0 < value < step else f"{value:,.{places}f}"


def limit(row: Usage | Alarm) -> str:
    """1,000 requests a day; the number is what holds now."""
    value = row.limit if row.limit == int(row.limit) else round(row.limit, 4)
    if row.per == "flight":
        return f"{figure(value)} call{'' if value == 1 else 's'} at once"
    length, _, letter = row.per.partition(" ")
    per = f"rolling {length}{letter}" if letter == "s" else row.per
    return allowance.one(Limit(row.unit, value, per))


# ---------------------------------------------------------------- time


def instant(at: float, now: datetime, *, brief: bool = False) -> str:
    """An instant to come, in the zone of `now`: 15:40 (in 5 h). `brief`: only how far away it is."""
    seconds = at - now.timestamp()
    if brief or seconds < 120 or seconds > FAR * DAY:
        return f"in {length(seconds)}"
    then = now + timedelta(seconds=seconds)
    if then.date() == now.date():
        return f"{then:%H:%M} (in {length(seconds)})"
    return f"{then:%Y-%m-%d %H:%M}"


def past(at: float, now: datetime) -> str:
    """An instant that was: with the day where it was another one."""
    then = datetime.fromtimestamp(at, now.tzinfo)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"


def day(at: float) -> str:
    """The day in UTC, as the sums of days are."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def length(seconds: float) -> str:
    for unit, name in ((DAY, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{round(seconds / unit):,} {name}"
    return f"{max(1, round(seconds))} s"


def reset(gauge: Gauge, now: datetime, *, brief: bool = False) -> str:
    """When more of it is to be had; of credits, that they end."""
    if gauge.expired:
        return "expired"
    if gauge.resets_at is None:
        return "never" if gauge.row.per == "once" else NOTHING
    when = instant(gauge.resets_at, now, brief=brief)
    return f"ends {when}" if gauge.row.per == "once" else when


def amounts(gauge: Gauge, now: datetime) -> str:
    """All of it in a few words, where there is no room for columns."""
    when = reset(gauge, now, brief=True)
    more = "" if when == NOTHING else f", resets {when}" if when.startswith("in ") else f", {when}"
    return f"{figure(gauge.used)} used, {figure(gauge.left)} left{more}"


# ---------------------------------------------------------------- remarks


def remarks(gauge: Gauge) -> list[str]:
    """What is odd about a limit: who used of it, who holds it, who says so."""
    row = gauge.row
    said = [
        (row.outside > 0, f"{figure(row.outside)} used by others, says the provider"),
        (gauge.held > 0, f"{figure(gauge.held)} held by running processes"),
        (row.teller != "configured", f"told by {TELLERS.get(row.teller, row.teller)}; {_expected(row)}"),
        (not gauge.current, "not configured any more"),
    ]
    return [text for true, text in said if true]


def _expected(row: Usage) -> str:
    return f"configured are {figure(row.amount)}"


def place(row: Usage | Alarm) -> str:
    return f"{row.account} {row.model}".strip()


def refused(alarm: Alarm, now: datetime) -> str:
    """A refusal that was not foreseen."""
    times = "once" if alarm.times == 1 else f"{alarm.times} times"
    counted = f"{figure(alarm.used)} of {limit(alarm)} were counted"
    return f"{place(alarm)}: {times}, last at {past(alarm.at, now)}, when {counted}"


def reached(alarm: Alarm, now: datetime) -> str:
    share = f"{alarm.level * 100:.4g} %"
    return f"{past(alarm.at, now)}  {place(alarm)}: {share} used, {figure(alarm.used)} of {limit(alarm)}"


# ---------------------------------------------------------------- race tax


def taxed(tax: RaceTax) -> list[str]:
    """How many requests were extra and what they cost; the time that was saved."""
    said = [_extra(tax), _saved(tax)]
    return [text for text in said if text]


def _extra(tax: RaceTax) -> str:
    if not tax.requests:
        return "no request was extra"
    share = least(100 * (tax.share or 0.0), 0)
    count = f"{figure(tax.requests)} of {figure(tax.sent)} requests ({share} %)"
    were = "was" if tax.requests == 1 else "were"
    each = "" if tax.per_answer is None else f", {least(tax.per_answer, 2)} an answer"
    paid = dollars(tax.usd) if tax.usd else "nothing paid"
    return f"{count} {were} extra{each}: {figure(tax.tokens)} tokens, {paid}"


def _saved(tax: RaceTax) -> str:
    """A lane on the user's own machine may save time without a request that is extra."""
    if not tax.saved:
        return "no time was saved" if tax.requests else ""
    each = f", {pause(tax.saved / tax.answers)} an answer" if tax.answers else ""
    saved = pause(tax.saved)
    about = "" if saved.startswith(UNDER) else "about "
    return f"racing saved {about}{saved} of waiting{each}"


def pause(seconds: float) -> str:
    """A length that may be a part of a second."""
    return f"{least(seconds, 1)} s" if seconds < 10 else length(seconds)


def tax_rows(taxes: Iterable[RaceTax]) -> list[tuple[str, str, str, str, str, str, str]]:
    """Each policy under TAX: what is of the extra requests stands behind their number, then the time."""
    return [
        (
            tax.policy,
            figure(tax.sent),
            figure(tax.requests),
            NOTHING if tax.per_answer is None else least(tax.per_answer, 2),
            figure(tax.tokens),
            dollars(tax.usd) if tax.usd else NOTHING,
            pause(tax.saved) if tax.saved else NOTHING,
        )
        for tax in taxes
    ]


# ---------------------------------------------------------------- forecasts


def pace(outlook: Outlook) -> str:
    """The rate that a forecast is made for."""
    found = outlook.pace
    if found is None:
        return "forecast: nothing was used yet; --tokens-per-day N gives a rate"
    rate = f"forecast at {figure(round(found.usual.tokens))} tokens a day"
    if outlook.given is not None:
        return f"{rate}, for each account alone"
    if found.days == 1:
        return f"{rate}, as on the one day with use"
    spread = f"{figure(round(found.low.tokens))} to {figure(round(found.high.tokens))}"
    return f"{rate}, the mean of the last {found.days} days with use ({spread})"


def line(found: Line, now: datetime) -> str:
    if found.lasts is not None:
        return lasting(found.lasts, now)
    return "not used of late" if found.limited else "no limit known"


def outlook_rows(outlook: Outlook, now: datetime) -> list[tuple[str, str, str]]:
    """Each account and all together: its name, how long it lasts, what comes back. Empty without a rate."""
    if outlook.pace is None:
        return []
    rows = [(each.account, line(each, now), cover(each.lasts)) for each in outlook.lines]
    both = outlook.together
    return rows if both is None else [*rows, ("all together", lasting(both, now), cover(both))]


def lasting(found: Range, now: datetime) -> str:
    """The usual case, and in brackets the range, where there is one."""
    usual, soonest, latest = (_point(each, now) for each in (found.usual, found.soonest, found.latest))
    if found.usual.seconds < 60:
        return "used up"
    if found.usual.lasts:
        return "lasts" if found.soonest.lasts else f"lasts; on the busiest days it runs out {soonest}"
    text = f"{'expires' if found.usual.unused else 'runs out'} {usual}"
    return text if soonest == latest else f"{text} ({soonest} to {latest})"


def _point(runway: Runway, now: datetime) -> str:
    if runway.lasts:
        return "never"
    if runway.seconds >= 2 * DAY:
        return f"in {runway.days:.0f} days" if runway.days < FAR else f"in over {FAR:.0f} days"
    then = now + timedelta(seconds=runway.seconds)
    day = "today" if then.date() == now.date() else "tomorrow"
    return f"{day} at {then:%H:%M}" if then.date() <= (now + timedelta(days=1)).date() else f"on {then:%A}"


def cover(found: Range | None) -> str:
    """How many days' demand comes back each day."""
    if found is None or found.usual.cover in (0, float("inf")):
        return NOTHING
    value = found.usual.cover
    return f"{value:.2g} days' use" if value < 100 else "over 100 days' use"


# ---------------------------------------------------------------- prices


def saved(savings: Savings, priced: str) -> str:
    return f"not spent: {dollars(savings.worth - savings.paid)}, by list prices of {priced}"


def savings_rows(savings: Savings) -> list[tuple[str, str, str, str, str]]:
    """Each model: its name, tokens of its answers, what they are worth, what was paid, whose price it is."""
    return [
        (
            f"{row.provider}/{row.model}",
            figure(row.tokens),
            dollars(row.worth),
            dollars(row.paid),
            basis(row.price),
        )
        for row in savings.rows
    ]


def basis(price: Price | None) -> str:
    """Whose price it is."""
    if price is None:
        return "no price known"
    match price.basis:
        case "own":
            return "its own"
        case "same":
            return f"that at {price.where}"
        case "median":
            return "median of all"
