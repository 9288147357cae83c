"""The end of a batch in words: what was answered, by whom, what failed and why; and as a document. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from racer.cli.batch_words import count, ended
from racer.cli.usage_words import dollars
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from racer.batch.line import Result
    from racer.batch.progress import LaneProgress, Progress
    from racer.cli.batch_order import Order

MOST_LANES = 6
MOST_REASONS = 8
MOST_CODES = 50
LONGEST_REASON = 300
_OF_THE_RUN = {"concurrency", "rate", "attempts", "max_errors", "deadline", "policy", "lanes", "cache"}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why lines failed in this run: how many for the same, and what was said of the first of them."""

    code: str
    lines: int
    first: int
    message: str


class Tally:
    """Counts what failed, by its code; memory does not grow with the number of lines."""

    def __init__(self) -> None:
        self._reasons: dict[str, Reason] = {}
        self.failed = 0

    def add(self, result: Result) -> None:
        if result.failure is None:
            return
        self.failed += 1
        code = result.failure.code
        if code not in self._reasons and len(self._reasons) >= MOST_CODES:
            code = "other"
        known = self._reasons.get(code)
        if known is None:
            message = one_line(result.failure.message).removeprefix(f"line {result.line}: ")
            self._reasons[code] = Reason(code, 1, result.line, message[:LONGEST_REASON])
        else:
            self._reasons[code] = replace(known, lines=known.lines + 1)

    @property
    def reasons(self) -> list[Reason]:
        """The most frequent first."""
        return sorted(self._reasons.values(), key=lambda each: -each.lines)


def summary(
    progress: Progress, tally: Tally, order: Order, strangers: Mapping[str, int] = MappingProxyType({})
) -> list[str]:
    """The last words, a line each. `strangers`: models that lines asked for and nobody has."""
    said = [
        _result(progress),
        *_spent(progress),
        *_answered(progress),
        *_strangers(strangers),
        *_failures(progress, tally, order),
    ]
    return [said[0], *(f"  {text}" for text in said[1:])]


def document(
    progress: Progress, tally: Tally, order: Order, *, ending: str, message: str | None
) -> dict[str, Any]:
    """The same for programs. `ending` is done, stopped or interrupted."""
    return {
        "ending": ending,
        "message": message,
        "out": order.said_out,
        "total": progress.total,
        "answered": progress.done,
        "failed": progress.failed,
        "earlier": progress.earlier,
        "left": left(progress),
        "seconds": round(progress.elapsed, 3),
        "requests": progress.attempts,
        "input_tokens": progress.input_tokens,
        "output_tokens": progress.output_tokens,
        "usd": round(progress.usd, 6),
        "lanes": [
            {"lane": lane.lane, "answered": lane.answered, "failed": lane.failed}
            for lane in _busiest(progress)
        ],
        "failures": [
            {"code": each.code, "lines": each.lines, "first_line": each.first, "message": each.message}
            for each in tally.reasons
        ],
    }


def left(progress: Progress) -> int | None:
    """Lines without a row; None where nobody knows how many there are."""
    return None if progress.total is None else max(progress.total - ended(progress), 0)


def _result(progress: Progress) -> str:
    done, more = progress.done, left(progress)
    if progress.total is None:
        told = f"{count(done, 'prompt')} answered"
    else:
        told = f"{done:,} of {count(progress.total, 'prompt')} answered"
    told += f", {progress.failed:,} failed" + (f", {more:,} left" if more else "")
    earlier = f"; {progress.earlier:,} of them in earlier runs" if progress.earlier else ""
    return f"{told}, in {lasted(progress.elapsed)}{earlier}"


def _spent(progress: Progress) -> Iterator[str]:
    if not progress.attempts:
        return
    tokens = f"{count(progress.input_tokens, 'token')} in, {progress.output_tokens:,} out"
    paid = dollars(progress.usd) if progress.usd else "nothing paid"
    yield f"{count(progress.attempts, 'request')}, {tokens}, {paid}"


def _busiest(progress: Progress) -> list[LaneProgress]:
    """Who had a part in it, those with most answers first."""
    used = [lane for lane in progress.lanes if lane.answered or lane.failed]
    return sorted(used, key=lambda lane: -lane.answered)


def _answered(progress: Progress) -> Iterator[str]:
    lanes = [lane for lane in _busiest(progress) if lane.answered]
    if not lanes:
        return
    said = [f"{one_line(lane.lane)} {lane.answered:,}" for lane in lanes[:MOST_LANES]]
    if others := lanes[MOST_LANES:]:
        said.append(f"{count(len(others), 'other')} {sum(lane.answered for lane in others):,}")
    yield f"answered by {', '.join(said)}"


def _strangers(lines: Mapping[str, int]) -> Iterator[str]:
    if not lines:
        return
    most = sorted(lines.items(), key=lambda each: -each[1])
    told = ", ".join(f"{one_line(model)} ({count(number, 'line')})" for model, number in most[:MOST_LANES])
    more = ", …" if len(most) > MOST_LANES else ""
    yield f"nobody has {told}{more}: any lane was asked"


def _failures(progress: Progress, tally: Tally, order: Order) -> Iterator[str]:
    for each in tally.reasons[:MOST_REASONS]:
        which = f"line {each.first}" if each.lines == 1 else f"line {each.first} is the first"
        yield f"{each.lines:,} failed ({which}): {each.message or each.code}"
    if rest := sum(each.lines for each in tally.reasons[MOST_REASONS:]):
        yield f"{rest:,} failed for other reasons"
    if (before := progress.failed - tally.failed) > 0:
        yield f"{before:,} failed in earlier runs: OUT says why"
    if progress.failed and order.out is not None:
        same = ", with the options of this run" if _is_particular(order) else ""
        yield f"to try them again: racer batch --errors-only {_typed(order.said_out)}{same}"


def _is_particular(order: Order) -> bool:
    """Whether options were given that the answers depend on: a job goes on with none but these."""
    own = (order.system, order.schema, order.form, order.column)
    return any(each is not None for each in own) or not order.options.keys() <= _OF_THE_RUN


def _typed(name: str) -> str:
    """As it is typed in a shell; a name that looks like an option is none behind its folder."""
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def lasted(seconds: float) -> str:
    """How long it took, in two units."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    for big, name, small, part in ((days, "days", hours, "h"), (hours, "h", minutes, "min")):
        if big:
            return f"{big:,} {name[: -1 if name == 'days' and big == 1 else None]} {small} {part}"
    return f"{minutes} min {rest} s"
