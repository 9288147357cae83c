"""Is there room for a bench? What it would take at most, beside what is left of each limit.

A window that is open again within the patience of the bench is no obstacle: it is waited for.
"""

from __future__ import annotations

from bisect import bisect_left
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
    so soon that a bench waits for it. `once`: it never is. `holder` is whose it is, where that is not the
    whole provider: a model's, or of one of several accounts.
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
    once: bool = False
    holder: str = ""

    @property
    def whose(self) -> str:
        return self.holder or self.provider

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
    holders: dict[str, str] = {}
    for lane in lanes:
        for meter, amount in charges_of(ledger.meters(lane), usage, lane.model):
            if meter.span is not None:
                meters[meter.name] = meter
                takes.setdefault(meter.name, {})[lane.id] = amount
                holders[meter.name] = _holder(lane, meter)
    return [
        replace(_holding(ledger, meter, takes[name], patience), holder=holders[name])
        for name, meter in meters.items()
    ]


def _holder(lane: Lane, meter: Meter) -> str:
    """As its lanes are called, without what they do not have in common."""
    model = f"/{meter.model}" if meter.model else ""
    account = meter.account.partition(":")[2] or meter.account
    several = account and len(lane.provider.accounts) > 1
    return f"{meter.provider}{model}@{account}" if several else f"{meter.provider}{model}"


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
        once=isinstance(meter.span, Once),
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
    lines = dict.fromkeys(_line(each, contest) for each in short)
    return [*lines, f"What would fit: {_fitting(contest, held, short)}."]


def waits(contest: Contest, held: Iterable[Holding]) -> list[str]:
    """A line for each provider with a limit of a short window that the contest takes more of than it has.

    The longest counts: what is waited for at the same time is not waited for twice.
    """
    found: dict[str, tuple[float, str]] = {}
    for each in held:
        windows = each.wanted(contest) / each.limit if each.passes and each.limit > 0 else 0.0
        if windows > 1 and each.length > BRIEF:
            wait = ceil(windows - 1) * each.length
            if wait > found.get(each.provider, (0.0, ""))[0]:
                found[each.provider] = wait, f"{each.whose} has {each.text}"
    lines = [f"{what}: up to {_lasting(wait)} of waiting for that" for wait, what in found.values()]
    if len(found) > 1:
        wait = max(wait for wait, _ in found.values())
        lines.append(f"these are waited for at once: about {_lasting(wait)} in all at most")
    return lines


def _lasting(wait: float) -> str:
    return f"{wait:.0f} s" if wait < 120 else f"{wait / 60:.0f} min"


def _line(holding: Holding, contest: Contest) -> str:
    limit, left, unit = holding.text, holding.left, holding.unit.replace("_", " ")
    if holding.one > holding.limit:
        return f"{holding.whose}: one call takes up to {holding.one:,.10g} {unit}, and its limit is {limit}"
    wanted = holding.wanted(contest)
    until = "" if holding.opens_at is None else f" until {_clock(holding.opens_at)}"
    return f"{holding.whose}: up to {wanted:,.10g} {unit}, and {left:,.10g} of {limit} are left{until}"


def _clock(at: float) -> str:
    then = datetime.fromtimestamp(at).astimezone()
    return f"{then:%H:%M}" if then.date() == datetime.now().astimezone().date() else f"{then:%Y-%m-%d %H:%M}"


def _fitting(contest: Contest, held: Sequence[Holding], short: Sequence[Holding]) -> str:
    names = ",".join(dict.fromkeys(each.provider for each in short))
    ways = _fewer(contest, held)
    if budget := _largest_budget(contest, held):
        ways.append(f"--budget {budget}")
    whole = set(dict.fromkeys(each.provider for each in contest.entrants))
    if whole - set(names.split(",")):
        ways.append(f"--exclude {names}")
    return " or ".join(ways) or _nothing(contest, short)


def _fewer(contest: Contest, held: Sequence[Holding]) -> list[str]:
    """Fewer rounds; and without races all of them, or at least more."""
    terms, ways = contest.terms, list[str]()
    if rounds := _most_rounds(contest.entrants, terms, held):
        ways.append(f"--rounds {rounds}")
    alone = _most_rounds(contest.entrants, replace(terms, policies=()), held) if terms.policies else 0
    if alone > rounds:
        fewer = f" --rounds {alone}" if alone < terms.rounds else ""
        ways.append(f"--policies none{fewer}")
    return ways


def _nothing(contest: Contest, short: Sequence[Holding]) -> str:
    """What helps where no bench of these lanes fits."""
    fewer = "ask fewer lanes with --only" if len(contest.entrants) > 1 else "ask other lanes"
    if any(each.one > each.limit for each in short):
        return f"nothing of it: {fewer}, or for shorter answers with --max-tokens"
    if any(each.once for each in short):
        return f"nothing of it, and that limit does not open again: {fewer}"
    return f"nothing of it now: ask again later, or {fewer}"


def _most_rounds(entrants: Sequence[Entrant], terms: Terms, held: Sequence[Holding]) -> int:
    def is_too_much(rounds: int) -> bool:
        return not _fits(contest_of(entrants, replace(terms, rounds=rounds)), held)

    return bisect_left(range(1, terms.rounds + 1), True, key=is_too_much)


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
