"""Is there room for a bench? What it would take at most, beside what is left of each limit.

A window that is open again within the patience of the bench is no obstacle: it is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING

from racer.bench.contest import contest_of
from racer.core.metering import charges_of
from racer.core.span import LENGTHS, Calendar, Once, Rolling
from racer_adapters.types import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from racer.bench.contest import Contest, Entrant, Terms
    from racer.core.provider import Lane
    from racer.core.quota import Meter
    from racer.core.span import Span
    from racer.ledger import Ledger

USUAL_ANSWER = 256  # tokens, where nothing says how long an answer may be
FOREVER = float("inf")
BRIEF = 10.0  # seconds: shorter windows are not worth a word
_HINTS = {"hour": "an hour", "flight": "at once", "once": "in all"}


@dataclass(frozen=True, slots=True)
class Holding:
    """What is `left` of a limit, and what a call of each of `lanes` takes of it.

    `opens_at`: when there is more of it, in unix seconds; None where nobody knows. `passes`: it is open again
    so soon that a bench waits for it.
    """

    provider: str
    text: str
    unit: str
    limit: float
    left: float
    lanes: Mapping[str, float]
    opens_at: float | None = None
    length: float = FOREVER
    passes: bool = False

    @property
    def one(self) -> float:
        """What one call takes, at most."""
        return max(self.lanes.values())

    def wanted(self, contest: Contest) -> float:
        """What the contest takes of it, at most."""
        taking = [each.lane for each in contest.entrants if each.lane in self.lanes]
        return self.one * contest.most(taking) if taking else 0.0

    def lacks(self, contest: Contest) -> bool:
        wanted = self.wanted(contest)
        return wanted > 0 and (self.one > self.limit if self.passes else wanted > self.left)


async def holdings(ledger: Ledger, lanes: Sequence[Lane], usage: Usage, patience: float) -> list[Holding]:
    """One for each limit that a call with `usage` on one of `lanes` is counted in."""
    await ledger.counted(lanes)
    meters: dict[str, Meter] = {}
    takes: dict[str, dict[str, float]] = {}
    for lane in lanes:
        for meter, amount in charges_of(ledger.meters(lane), usage, lane.model):
            if meter.span is not None:
                meters[meter.name] = meter
                takes.setdefault(meter.name, {})[lane.id] = amount
    return [_holding(ledger, meter, takes[name], patience) for name, meter in meters.items()]


def _holding(ledger: Ledger, meter: Meter, lanes: Mapping[str, float], patience: float) -> Holding:
    pocket = ledger.pocket(meter)
    standing = None if pocket is None else pocket.standing
    limit = meter.amount if standing is None else standing.limit
    left = limit if pocket is None else min(limit, pocket.left)
    opens_at = None if standing is None else standing.opens_at
    return Holding(
        meter.provider,
        f"{limit:,.10g} {meter.unit.replace('_', ' ')} {_per(meter.per)}",
        meter.unit,
        limit,
        max(0.0, left),
        lanes,
        opens_at,
        _length(meter.span),
        passes=_length(meter.span) <= patience,
    )


def _length(span: Span | None) -> float:
    match span:
        case Rolling(seconds):
            return seconds
        case Calendar(per):
            return LENGTHS[per]
        case Once() | None:
            return FOREVER


def _per(per: str) -> str:
    first, _, rest = per.partition(" ")
    if first == "rolling":
        return f"in any {rest}"
    return _HINTS.get(per, f"in {per}" if rest else f"a {per}")


def usage_of(prompt: int, most: int | None) -> Usage:
    """Of one call, for the longest prompt."""
    return Usage(prompt, USUAL_ANSWER if most is None else most, estimated=True)


# ---------------------------------------------------------------- words


def objections(contest: Contest, held: Iterable[Holding]) -> list[str]:
    """A line for each limit that the contest may exhaust; then what would fit. Empty: there is room."""
    held = list(held)
    short = [each for each in held if each.lacks(contest)]
    if not short:
        return []
    return [*(_line(each, contest) for each in short), f"What would fit: {_fitting(contest, held, short)}."]


def waits(contest: Contest, held: Iterable[Holding]) -> list[str]:
    """A line for each limit of a short window that the contest takes more of than it has, and how long."""
    found: list[str] = []
    for each in held:
        windows = each.wanted(contest) / each.limit if each.passes and each.limit > 0 else 0.0
        if windows > 1 and each.length > BRIEF:
            wait = ceil(windows - 1) * each.length
            told = f"{wait:.0f} s" if wait < 120 else f"{wait / 60:.0f} min"
            found.append(f"{each.provider} has {each.text}: up to {told} of waiting for that")
    return found


def _line(holding: Holding, contest: Contest) -> str:
    limit, left, unit = holding.text, holding.left, holding.unit.replace("_", " ")
    if holding.one > holding.limit:
        return (
            f"{holding.provider}: one call takes up to {holding.one:,.10g} {unit}, and its limit is {limit}"
        )
    wanted = holding.wanted(contest)
    until = "" if holding.opens_at is None else f" until {_clock(holding.opens_at)}"
    return f"{holding.provider}: up to {wanted:,.10g} {unit}, and {left:,.10g} of {limit} are left{until}"


def _clock(at: float) -> str:
    then = datetime.fromtimestamp(at).astimezone()
    return f"{then:%H:%M}" if then.date() == datetime.now().astimezone().date() else f"{then:%Y-%m-%d %H:%M}"


def _fitting(contest: Contest, held: Sequence[Holding], short: Sequence[Holding]) -> str:
    terms = contest.terms
    names = ",".join(dict.fromkeys(each.provider for each in short))
    ways: list[str] = []
    if rounds := _most_rounds(contest.entrants, terms, held):
        ways.append(f"--rounds {rounds}")
    if budget := _largest_budget(contest, held):
        ways.append(f"--budget {budget}")
    whole = set(dict.fromkeys(each.provider for each in contest.entrants))
    if whole - set(names.split(",")):
        ways.append(f"--exclude {names}")
    return " or ".join(ways) or "nothing of it now: ask again later, or ask fewer lanes with --only"


def _most_rounds(entrants: Sequence[Entrant], terms: Terms, held: Sequence[Holding]) -> int:
    for rounds in range(terms.rounds - 1, 0, -1):
        if _fits(contest_of(entrants, replace(terms, rounds=rounds)), held):
            return rounds
    return 0


def _largest_budget(contest: Contest, held: Sequence[Holding]) -> int:
    """With which everybody still takes part."""
    low, high = 0, max(contest.announced.providers.values(), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if _fits(contest_of(contest.entrants, replace(contest.terms, budget=middle)), held):
            low = middle
        else:
            high = middle - 1
    least = contest_of(contest.entrants, replace(contest.terms, budget=low))
    return 0 if least.cut else max(least.announced.providers.values())


def _fits(contest: Contest, held: Sequence[Holding]) -> bool:
    return not any(each.lacks(contest) for each in held)
