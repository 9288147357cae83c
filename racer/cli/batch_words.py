"""What `racer batch` says, in words: while it runs, and when it is stopped. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.cells import cell_len

from racer.cli import bars, failure
from racer.cli.bars import Piece
from racer.cli.usage_words import dollars, length
from racer.core.printable import CONTROLS, one_line
from racer.errors import JobError

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from racer.batch.progress import LaneProgress, Progress
    from racer.cli.bars import Glyphs
    from racer.cli.batch_order import Order
    from racer.errors import RacerError

DAY = 86_400.0
MOST_WAITING = 3
ROWS_OF_FACTS = 3
SHORTEST_METER = 4

UNKEPT = "OUT is stdout: no job is kept, so a later run begins from the first line"
_TO_BE_CHANGED = frozenset({"changed", "exists", "busy", "missing", "newer", "corrupt"})


# ---------------------------------------------------------------- amounts and time


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def speed(rate: float) -> str:
    """Prompts a second, or of a longer time where it takes that for one. Empty for none."""
    for factor, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if rate * factor >= 1:
            value = rate * factor
            return f"{value:,.0f}/{unit}" if value >= 100 else f"{value:.1f}/{unit}"
    return ""


def when(at: float, now: datetime) -> str:
    """An instant to come, in the zone of `now`: with its weekday, or its date, where it is another day's."""
    if at > now.timestamp() + 1000 * DAY:
        return "in years"
    then = datetime.fromtimestamp(max(at, now.timestamp()), now.tzinfo)
    if then.date() == now.date():
        return f"{then:%H:%M}"
    return f"{then:%a %H:%M}" if then - now < timedelta(days=6) else f"{then:%Y-%m-%d %H:%M}"


def until(at: float, now: datetime) -> str:
    return f"until {when(at, now)} (in {length(at - now.timestamp())})"


# ---------------------------------------------------------------- while it runs


def ended(progress: Progress) -> int:
    """Lines that will not be asked again: answered and failed ones, of all runs."""
    return progress.done + progress.failed


def line(progress: Progress, now: datetime) -> str:
    """How it stands, on one line."""
    far = _far(progress)
    if progress.total:
        far += f" ({_percent(progress)} %)"
    said = ", ".join((*_facts(progress), *_end(progress, now, spread=True)))
    return "; ".join(filter(None, (f"{far}: {said}", *waits(progress, now))))


def waits(progress: Progress, now: datetime) -> list[str]:
    """Who waits, and for what: all of them, or the few lanes that are asked soonest."""
    if progress.asleep_until is not None:
        why = one_line(progress.why_asleep)
        return [f"asleep {until(progress.asleep_until, now)}" + (f": {why}" if why else "")]
    waiting = [lane for lane in progress.lanes if lane.waits is not None]
    waiting.sort(key=lambda lane: float("inf") if lane.until is None else lane.until)
    said = [_wait(lane, now) for lane in waiting[:MOST_WAITING]]
    if more := len(waiting) - len(said):
        said.append(f"{count(more, 'more lane')} {'waits' if more == 1 else 'wait'}")
    return said


def frame(progress: Progress, now: datetime, width: int, glyphs: Glyphs) -> list[list[Piece]]:
    """A picture of it, a row a list; no row has more cells than `width`."""
    facts = _packed([*_facts(progress), *_end(progress, now)], width)
    rows = [
        _meter(progress, width, glyphs),
        *([Piece(row)] for row in facts),
        *([Piece(row, "yellow")] for row in waits(progress, now)),
    ]
    if progress.stopping:
        rows.append([Piece(stopping(progress), "yellow")])
    return [_cropped(row, width, glyphs) for row in rows]


def _far(progress: Progress) -> str:
    """Of a pipe, nobody knows how much there is to come."""
    if progress.total is None:
        return f"{ended(progress):,} so far"
    return f"{ended(progress):,} of {progress.total:,}"


def _percent(progress: Progress) -> int:
    """Rounded down: 100 is said when nothing is left."""
    return 100 * ended(progress) // (progress.total or 1)


def _facts(progress: Progress) -> list[str]:
    tokens = progress.input_tokens + progress.output_tokens
    said = [
        (True, f"{progress.failed:,} failed"),
        (True, f"{progress.in_flight:,} in flight"),
        (bool(speed(progress.rate)), speed(progress.rate)),
        (tokens > 0, count(tokens, "token")),
        (progress.usd > 0, dollars(progress.usd)),
    ]
    return [text for true, text in said if true]


def _end(progress: Progress, now: datetime, *, spread: bool = False) -> list[str]:
    if progress.ends is None:
        return []
    low, middle, high = progress.ends
    left = f"{length(middle - now.timestamp())} left"
    usual = f"done at {when(middle, now)}"
    return [left, f"{usual} (80 %: {when(low, now)} to {when(high, now)})" if spread else usual]


def _wait(lane: LaneProgress, now: datetime) -> str:
    till = "" if lane.until is None else f" {until(lane.until, now)}"
    reason = one_line(lane.waits or "")
    return f"{one_line(lane.lane)} waits{till}" + (f": {reason}" if reason else "")


def _meter(progress: Progress, width: int, glyphs: Glyphs) -> list[Piece]:
    """How far it is: thick what is done, thin what is left."""
    told = _far(progress)
    if progress.total is None:
        return [Piece(told, "bold")]
    told = f"{_percent(progress):3} %  {told}"
    cells = width - cell_len(told) - 2
    if cells < SHORTEST_METER:
        return [Piece(told.strip(), "bold")]
    thick = min(cells * ended(progress) // max(progress.total, 1), cells)
    return [
        Piece(glyphs.thick * thick, "green"),
        Piece(glyphs.thin * (cells - thick), "dim"),
        Piece(f"  {told}", "bold"),
    ]


def _packed(facts: Sequence[str], width: int) -> list[str]:
    """As many on a row as there is room for. What is behind the last row is not said."""
    rows: list[str] = []
    for fact in facts:
        if rows and cell_len(rows[-1]) + 2 + cell_len(fact) <= width:
            rows[-1] += f", {fact}"
        else:
            rows.append(fact)
    return rows[:ROWS_OF_FACTS]


def _cropped(row: list[Piece], width: int, glyphs: Glyphs) -> list[Piece]:
    """Only a row of one piece can be too long: those of more were made to fit."""
    if len(row) > 1:
        return row
    (piece,) = row
    cells = min(cell_len(piece.text), width)
    return [replace(piece, text=bars.fitted(piece.text, cells, glyphs))]


# ---------------------------------------------------------------- when it is stopped


def stopping(progress: Progress | None, *, patience: float | None = None) -> str:
    """After the first ctrl-C, or a signal that has `patience` seconds for what is in flight."""
    flying = 0 if progress is None else progress.in_flight
    if not flying:
        return "stopping"
    doing = f"finishing {count(flying, 'prompt')} in flight"
    if patience is not None:
        return f"{doing}, for {patience:g} s at most"
    return f"{doing}; ctrl-C again ends at once"


def going_on(order: Order) -> str:
    """What to do for the rest."""
    if order.out is None:
        return "what is on stdout stays; no job is kept, so the same command begins from the first line"
    again = "run the same command again"
    if order.restart:
        again += " without --restart"
    if order.source == "-":
        again += ", with the same input"
    return f"{again}: it goes on where it stopped"


def not_asked(lines: int) -> str:
    """At the end of a run for errors alone, where there are lines that were never asked."""
    told = f"{count(lines, 'line')} {'has' if lines == 1 else 'have'} no answer, and this run was not for"
    return (
        f"{told} {'it' if lines == 1 else 'them'}: racer batch IN OUT, without --errors-only, asks the rest"
    )


def code_of(error: RacerError) -> int:
    """2 for files that somebody must see to first, 1 for what time or room will heal."""
    if isinstance(error, JobError):
        return failure.USAGE if error.kind in _TO_BE_CHANGED else failure.LOST
    return failure.code_of(error)


# ---------------------------------------------------------------- rows on stdout


def row_text(row: bytes, *, on_terminal: bool, ascii_only: bool = False) -> str:
    """A row of OUT with its line end: the same JSON, in what stdout can hold and a terminal may get."""
    text = row.decode("utf-8", "replace")
    if ascii_only:
        text = json.dumps(json.loads(text), separators=(",", ":"))
    return (CONTROLS.sub(_escape, text) if on_terminal else text) + "\n"


def _escape(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
