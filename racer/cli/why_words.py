"""Why each lane of a race started, who was to start next, and what extra lanes cost, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.accounts.timeline import BEHIND, TICK, Fate
from racer.cli import usage_words
from racer.cli.tables import seconds
from racer.core.printable import one_line
from racer.core.view import Why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.accounts.timeline import Run, Timeline
    from racer.core.tax import Tax

TOGETHER = 0.01  # seconds between starts that are one
SEEN = 0.005  # what is less is nothing, with two digits
SAVED = 0.05  # the same of what was saved, with one


def plan(timeline: Timeline) -> list[str]:
    """Who started why and at what price, then who was to start when. Lanes with the same words share a line.

    Of what was written before these were known, nothing.
    """
    runs = timeline.runs
    said = [(run.row.lane, _started(run, runs[:at])) for at, run in enumerate(runs) if run.row.why]
    said += [
        (due.lane, _priced(f"was to start at {seconds(due.at)}", due.price)) for due in timeline.race.due
    ]
    lines: dict[str, list[str]] = {}
    for lane, words in said:
        lines.setdefault(words, []).append(one_line(lane))
    return [f"{', '.join(lanes)}: {words}" for words, lanes in lines.items()]


def extra(tax: Tax | None) -> str | None:
    """The tax of a race; None where it had no extra lane, or nobody knows."""
    if tax is None or not tax.requests:
        return None
    several, needed = tax.requests > 1, tax.sent - tax.requests
    cost = [f"{tax.requests} request{'s' if several else ''}"]
    cost += [f"{tax.tokens:,} token{'' if tax.tokens == 1 else 's'}"] if tax.tokens else []
    cost += [usage_words.dollars(tax.usd)] if tax.usd else []
    beside = "the one that was needed" if needed == 1 else f"the {needed} that were needed"
    saved = f"about {tax.saved:.1f} s" if tax.saved >= SAVED else "nothing"
    return f"Extra: {', '.join(cost)} beside {beside}; {'they' if several else 'it'} saved {saved}."


def _started(run: Run, before: Sequence[Run]) -> str:
    return _priced(_reason(run, before), run.row.price or 0.0)


def _priced(words: str, price: float) -> str:
    return f"{words}, worth {seconds(price)}" if price >= SEEN else words


def _reason(run: Run, before: Sequence[Run]) -> str:
    match run.row.why:
        case Why.AHEAD:
            return "loaded here, costs nothing"
        case Why.FIRST | Why.BESIDE if _is_together(run, before):
            return "together with the first"
        case Why.FIRST:
            return _failed(run, before) or ("nobody else was at work" if before else "first")
        case Why.BESIDE:
            return "beside the others"
        case Why.LATE:
            return _late(run, before)
        case Why.STALLED:
            return _stalled(run, before)
        case Why.REPLACES:
            return _failed(run, before) or "another had failed"
        case other:
            return one_line(other or "")


def _is_together(run: Run, before: Sequence[Run]) -> bool:
    return bool(before) and run.start - before[0].start <= TOGETHER


def _failed(run: Run, before: Sequence[Run]) -> str | None:
    """Whose place it took: that of the last one to fail before it."""
    failed = [
        (each.end, each)
        for each in before
        if each.fate is Fate.FAILED and each.end is not None and each.end <= run.start + TICK
    ]
    if not failed:
        return None
    _, last = max(failed, key=lambda each: each[0])
    return f"{one_line(last.row.lane)} had {'broken off' if BEHIND.search(last.reason) else 'failed'}"


def _late(run: Run, before: Sequence[Run]) -> str:
    """It was the last start that was waited for; those that are loaded here are waited for by nobody."""
    silent = [each for each in _at_work(run, before) if not _has_spoken(each, run.start)]
    if not silent:
        return "another was late"
    return f"{seconds(run.start - silent[-1].start)} without a token from {one_line(silent[-1].row.lane)}"


def _stalled(run: Run, before: Sequence[Run]) -> str:
    spoken = [one_line(each.row.lane) for each in _at_work(run, before) if _has_spoken(each, run.start)]
    return f"{spoken[-1] if spoken else 'another'} had gone silent"


def _at_work(run: Run, before: Sequence[Run]) -> list[Run]:
    """Who was running when it started, those that are loaded here not counted."""
    others = (each for each in before if each.row.why != Why.AHEAD)
    return [each for each in others if each.end is None or each.end > run.start]


def _has_spoken(run: Run, at: float) -> bool:
    return run.first_token is not None and run.first_token <= at
