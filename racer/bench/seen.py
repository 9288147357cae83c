"""What a call or a race came to, as a sample: its outcome, and times that count from its first request."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from racer.bench.sample import ANSWERED, KEPT_OUT, Kind, Sample
from racer.core.heat import Outcome
from racer.core.reply import Reply
from racer.core.tokens import tokens_of
from racer.errors import BadRequest, DeadlineExceeded, NoLanes
from racer_adapters.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.reply import Attempt

    Ending = Reply[Any] | Exception

DEADLINE = "deadline"
UNKNOWN = "unknown"
FAR, MANY = 2, 20  # times what is seen, and so many tokens more: what we count is an estimate
NOT_WANTED = "not in only"  # the bench's own wish, of whom nobody needs to hear


def sample_of(
    kind: Kind,
    contender: str,
    number: int,
    prompt: int,
    attempts: Sequence[Attempt],
    ending: Ending,
    *,
    at: float,
    took: float,
) -> Sample:
    """`at` and `took` are those of the first request to the end. A reply knows by itself how long it took."""
    first = min((each.start for each in attempts), default=0.0)
    late = isinstance(ending, DeadlineExceeded)
    shifted = tuple(_shifted(each, first, str(ending) if late else None) for each in attempts)
    if not isinstance(ending, Reply):
        outcome = outcome_of(ending) if attempts else KEPT_OUT
        return Sample(
            kind, contender, number, prompt, at, outcome, took,
            reason=_reason(contender, ending, shifted), attempts=shifted,
        )  # fmt: skip
    won = next((each.lane for each in attempts if each.outcome is Outcome.WON), None)
    return Sample(
        kind, contender, number, prompt, at, ANSWERED, ending.latency - first,
        first_token=None if ending.first_token is None else ending.first_token - first,
        input_tokens=ending.usage.input_tokens,
        output_tokens=ending.usage.output_tokens,
        answered_by=won,
        attempts=shifted,
        thought=has_thought(ending),
    )  # fmt: skip


def has_thought(reply: Reply[Any]) -> bool:
    """Was more written than is seen? It has reasoning, or its provider counts far more than its text has."""
    shown = (reply.text, *(made.arguments for made in reply.tool_calls))
    tokens, counted = sum(map(tokens_of, shown)), reply.usage.output_tokens
    return bool(reply.reasoning) or counted >= max(FAR * tokens, tokens + MANY)


def outcome_of(error: Exception) -> str:
    """The class of a failure: of several, the most frequent; of these, the first."""
    if isinstance(error, DeadlineExceeded):
        return DEADLINE
    cause = error.__cause__
    found = cast("ExceptionGroup[Exception]", cause).exceptions if isinstance(cause, ExceptionGroup) else ()
    kinds = Counter(str(each.kind) for each in found if isinstance(each, WireError))
    return kinds.most_common(1)[0][0] if kinds else UNKNOWN


def _shifted(attempt: Attempt, first: float, late: str | None) -> Attempt:
    """One that was cut off by the deadline of the bench has failed: to the race it was merely stopped."""
    moved = replace(attempt, start=attempt.start - first)
    if late is None or attempt.outcome is not Outcome.LOST:
        return moved
    return replace(moved, outcome=Outcome.FAILED, reason=late.partition("\n")[0])


def _reason(contender: str, error: Exception, attempts: Sequence[Attempt]) -> str:
    """In a line. A lane's own, where there is but one."""
    if isinstance(error, NoLanes):
        skipped = [(name, reason) for name, reason in error.skipped if reason != NOT_WANTED]
        reasons = dict.fromkeys(reason for name, reason in skipped if name == contender)
        reasons = reasons or dict.fromkeys(reason for name, reason in skipped if "/" in name)
        return "; ".join(reasons) or str(error).partition("\n")[0]
    if len(attempts) == 1 and attempts[0].reason and not isinstance(error, BadRequest):
        return attempts[0].reason
    return str(error).partition("\n")[0]
