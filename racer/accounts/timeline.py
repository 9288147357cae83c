"""The timeline of a race, from its rows: what became of each lane, and what would have helped. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from racer.core.consequence import FOREVER
from racer.core.defeat import advice, nobody
from racer.core.field import Skipped
from racer.core.heat import Ending, Outcome
from racer.core.printable import one_line
from racer.core.tax import Tax
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from racer.core.provider import Provider
    from racer.store.readings import Lane, Planned, Race, Story

GRACE = 30.0  # seconds after its deadline by which the end of a race has been written, if ever
NAMES_A_LINE = 8
TICK = 0.001
RESUME = (
    "resume=True, or `racer ask --resume`: where a reply breaks off, another lane then goes on from there."
)
NO_KEY = "no key: set "
BEHIND = re.compile(r", behind ([\d,]+) characters\Z")  # what the reason of a leader that broke off ends with
FULL = ("used up", "busy")  # what reasons of limits without room begin with
UNTRIED = {
    Ending.WON: "not needed: the race was won before its turn",
    Ending.EXHAUSTED: "the race was over before its turn",
    Ending.EXPIRED: "the deadline came before its turn",
    Ending.REFUSED: "the race was over before its turn",
    Ending.BROKEN: "the race was over before its turn",
    Ending.ABORTED: "the race was stopped before its turn",
}


class Fate(StrEnum):
    """What became of a lane that started; `GONE`: its process ended, and nobody saw how it went on."""

    WON = "won"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LATE = "late"
    RUNNING = "running"
    GONE = "gone"


_FATES = {Outcome.WON: Fate.WON, Outcome.FAILED: Fate.FAILED, Outcome.LATE: Fate.LATE}


class Run(NamedTuple):
    """One attempt. Seconds from the start of the race; None where it never came to that, or nobody knows.

    `behind`: it went on behind so many characters, where another lane had broken off.
    """

    row: Lane
    fate: Fate
    start: float
    first_token: float | None
    end: float | None
    reason: str
    behind: int | None = None


class Untried(NamedTuple):
    """A lane that could have run and never did. `kept_out`: for its reason; otherwise it had no turn."""

    lane: str
    reason: str
    kept_out: bool


class Spent(NamedTuple):
    """What counted of the limits although it won nothing: lanes that were cancelled, or came late."""

    requests: int
    tokens: int
    estimated: bool


class Timeline(NamedTuple):
    """`untried` might have run and never did; `skipped` could not. Each with its reason.

    `ending` is None while the race runs; `abandoned` then says that it has been over for long, unseen.
    """

    race: Race
    ending: Ending | None
    abandoned: bool
    runs: tuple[Run, ...]
    untried: tuple[Untried, ...]
    skipped: tuple[Skipped, ...]
    help: tuple[str, ...]
    elapsed: float

    @property
    def is_lost(self) -> bool:
        """Over, without a winner, and not because somebody stopped it."""
        return self.ending not in (None, Ending.WON, Ending.ABORTED)

    @property
    def spent(self) -> Spent:
        rows = [run.row for run in self.runs if run.fate in (Fate.CANCELLED, Fate.LATE, Fate.GONE)]
        tokens = sum((row.input_tokens or 0) + (row.output_tokens or 0) for row in rows)
        return Spent(len(rows), tokens, any(row.estimated for row in rows))

    @property
    def tax(self) -> Tax | None:
        """What extra lanes cost and saved; None while it runs, or where nobody wrote it down."""
        race = self.race
        if race.sent is None:
            return None
        return Tax(
            race.sent,
            race.extra_requests or 0,
            race.extra_tokens or 0,
            race.extra_usd or 0.0,
            race.saved or 0.0,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `--json` prints them: the names of Reply and its attempts where they have one."""
        race = self.race
        return {
            **_head(race, abandoned=self.abandoned),
            "attempts": [_attempt(run) for run in self.runs],
            "planned": [_planned(each) for each in race.due],
            "not_started": [each._asdict() for each in self.untried],
            "skipped": [{"name": each.name, "reason": each.reason} for each in self.skipped],
            "counted_without_winning": self.spent._asdict(),
            "tax": None if self.tax is None else _tax(self.tax),
            "help": list(self.help),
        }


def entry(race: Race, now: float) -> dict[str, Any]:
    """A race among others, in plain values: what its timeline begins with. `now` in unix seconds."""
    return _head(race, abandoned=race.ending is None and _is_overdue(race, now))


def _head(race: Race, *, abandoned: bool) -> dict[str, Any]:
    return {
        "race_id": race.id,
        "at": race.at,
        "policy": race.policy,
        "lanes": race.width,
        "deadline": race.deadline,
        "ending": race.ending,
        "abandoned": abandoned,
        "latency": _rounded(race.latency),
        "winner": race.winner,
    }


def _attempt(run: Run) -> dict[str, Any]:
    row = run.row
    tokens = {"input_tokens": row.input_tokens, "output_tokens": row.output_tokens}
    usage = {**tokens, "estimated": bool(row.estimated), "usd": row.usd}
    return {
        "lane": row.lane,
        "provider": row.provider,
        "model": row.model,
        "account": row.account,
        "start": _rounded(row.start),
        "price": _rounded(row.price),
        "why": row.why,
        "outcome": row.outcome,
        "fate": str(run.fate),
        "reason": row.reason,
        "status": row.status,
        "latency": _rounded(row.latency),
        "first_token": _rounded(row.first_token),
        "resumed_at": run.behind,
        "usage": None if row.input_tokens is None else usage,
    }


def _planned(due: Planned) -> dict[str, Any]:
    return due._asdict() | {"at": _rounded(due.at), "price": _rounded(due.price)}


def _tax(tax: Tax) -> dict[str, Any]:
    return {
        "sent": tax.sent,
        "extra_requests": tax.requests,
        "extra_tokens": tax.tokens,
        "extra_usd": tax.usd,
        "saved": _rounded(tax.saved),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def timeline_of(story: Story, providers: Sequence[Provider], now: float) -> Timeline:
    """`now` in unix seconds."""
    race = story.race
    ending = None if race.ending is None else Ending(race.ending)
    overdue = _is_overdue(race, now)
    runs = _with_seams([_run(row, overdue=overdue) for row in story.attempts])
    tried = {row.lane for row in story.attempts}
    kept_out = dict(race.kept_out)
    untried = tuple(_untried(lane, kept_out.get(lane), ending) for lane in race.lanes if lane not in tried)
    skipped = tuple(Skipped(one_line(name), one_line(reason)) for name, reason in story.skipped)
    timeline = Timeline(
        race,
        ending,
        ending is None and overdue,
        runs,
        untried,
        skipped,
        (),
        _elapsed(race, runs, None if overdue else now),
    )
    return timeline._replace(help=tuple(_help(timeline, providers)))


def _is_overdue(race: Race, now: float) -> bool:
    return now > race.at + race.deadline + GRACE


def _run(row: Lane, *, overdue: bool) -> Run:
    first = None if row.first_token is None else row.start + row.first_token
    end = None if row.latency is None else row.start + row.latency
    return Run(row, _fate(row, overdue=overdue), row.start, first, end, one_line(row.reason or ""))


def _with_seams(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Whoever started after a leader had broken off went on from there: the race had no other use for it."""
    seams = list(_seams(runs))
    return tuple(
        run._replace(behind=max((place for end, place in seams if run.start >= end - TICK), default=None))
        for run in runs
    )


def _seams(runs: Iterable[Run]) -> Iterator[tuple[float, int]]:
    """When each leader that was read from broke off, and how many characters its reader had by then."""
    for run in runs:
        found = BEHIND.search(run.reason)
        if found is not None and run.fate is Fate.FAILED and run.end is not None:
            yield run.end, int(found[1].replace(",", ""))


def _fate(row: Lane, *, overdue: bool) -> Fate:
    if row.outcome == "running":
        return Fate.GONE if overdue else Fate.RUNNING
    if row.outcome == Outcome.LOST:  # a lane that was stopped has no reason; one that died with us has
        return Fate.CANCELLED if row.reason is None else Fate.GONE
    return _FATES[Outcome(row.outcome)]


def _untried(lane: str, reason: str | None, ending: Ending | None) -> Untried:
    if reason is not None:
        return Untried(one_line(lane), one_line(reason), kept_out=True)
    return Untried(one_line(lane), "not yet" if ending is None else UNTRIED[ending], kept_out=False)


def _elapsed(race: Race, runs: Iterable[Run], now: float | None) -> float:
    """How far the time axis goes. `now` counts while the race may still run."""
    known = [instant for run in runs for instant in (run.start, run.first_token, run.end) if instant]
    if race.latency is not None:
        known.append(race.latency)
    elif race.ending is None and now is not None:
        known.append(now - race.at)
    return max(known, default=0.0)


# ---------------------------------------------------------------- what would have helped


def _help(timeline: Timeline, providers: Sequence[Provider]) -> Iterator[str]:
    """Nothing of a race that was won, runs, or was stopped."""
    match timeline.ending:
        case Ending.EXHAUSTED if not timeline.runs:
            yield _entry(timeline, providers)
        case Ending.EXHAUSTED | Ending.REFUSED:
            yield advice(_kinds(run.reason for run in timeline.runs if run.fate is Fate.FAILED))
        case Ending.EXPIRED:
            yield from _time(timeline)
        case Ending.BROKEN:
            yield RESUME
            return
        case _:
            return
    yield from _keys(timeline.skipped)


def _entry(timeline: Timeline, providers: Sequence[Provider]) -> str:
    """For a race that found no lane: by what kept them out, or else the words of its error."""
    if kinds := _kinds(each.reason for each in timeline.untried):
        return advice(kinds)
    lasting = [Skipped(each.lane, each.reason, FOREVER) for each in timeline.untried]
    return nobody(providers, (*lasting, *timeline.skipped), None, timeline.race.at).help


def _kinds(reasons: Iterable[str]) -> list[Kind]:
    """What the reasons begin with."""
    heads = (reason.partition(":")[0] for reason in reasons)
    words = [Kind.QUOTA if head in FULL else head.partition(" ")[0] for head in heads]
    return [Kind(word) for word in words if word in set(Kind)]


def _time(timeline: Timeline) -> Iterator[str]:
    race = timeline.race
    stopped = [run for run in timeline.runs if _was_running(run, race)]
    answering = [one_line(run.row.lane) for run in stopped if run.first_token is not None]
    yield f"A longer deadline=: it was {race.deadline:g} s{_underway(answering, len(stopped))}."
    places = 1 if race.policy == "one" else race.width
    count = sum(not each.kept_out for each in timeline.untried)
    if count and len(stopped) >= places:
        yield f"More lanes= at once, or policy all: {count} lane{'' if count == 1 else 's'} had no turn."


def _was_running(run: Run, race: Race) -> bool:
    """To the end of the race: not one that was stopped for a leader, which then failed."""
    if run.fate is not Fate.CANCELLED:
        return False
    return run.end is None or race.latency is None or run.end >= race.latency - TICK


def _underway(answering: Sequence[str], stopped: int) -> str:
    if answering:
        return f", and {_some(answering)} had begun to answer"
    return f", and {stopped} lane{' was' if stopped == 1 else 's were'} still silent" if stopped else ""


def _keys(skipped: Iterable[Skipped]) -> Iterator[str]:
    """The variables that nobody has set; none of them helps a race that was for some providers alone."""
    reasons = {each.name: each.reason for each in skipped}
    if "not in only" in reasons.values():
        return
    unset = [reason.removeprefix(NO_KEY) for reason in reasons.values() if reason.startswith(NO_KEY)]
    if unset:
        yield f"The key of one more provider: set {_some(unset)}. `racer init` tells where to get it."


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMES_A_LINE
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:NAMES_A_LINE])}, or one of {more} more"
