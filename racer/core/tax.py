"""The tax of a race: what lanes cost that ran beside those that were needed, and the time they saved. Pure.

Rule 1: needed is what one lane after the other would have asked: in order of start, those that failed until
        the first that did not. Whatever else ran is extra.
Rule 2: a lane on a machine of the user's own costs nothing. It is needed only where there is no other.
Rule 3: saved is the time that the needed ones would have taken by themselves, less that of the race. How long
        one would have taken that was stopped is what was learned of its lane.
Rule 4: a race that nobody won has saved nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from racer.core.heat import Outcome
from racer.core.savings import is_free
from racer_adapters.quick import quick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.core.provider import Lane
    from racer.core.reply import Attempt

    Ran = tuple[Lane, Attempt]


@quick
@dataclass(frozen=True, slots=True)
class Tax:
    """Of one race, or the sum of many. `sent` are all metered requests, `requests` the extra ones among them.

    `tokens` and `usd` are those of the extra ones, `saved` is seconds.
    """

    sent: int = 0
    requests: int = 0
    tokens: int = 0
    usd: float = 0.0
    saved: float = 0.0


NONE = Tax()
_ONE = Tax(1)


def tax_of(
    ran: Sequence[Ran], latency: float, *, won: bool, deadline: float, rest: Callable[[Lane, float], float]
) -> Tax:
    """Of a race in which `ran` started, in this order, and which took `latency` seconds.

    `rest` tells how much longer a lane would have taken that was stopped at an age.
    """
    if len(ran) == 1:
        return NONE if ran[0][0].provider.local else _ONE
    metered = [one for one in ran if not one[0].provider.local]
    needed = _needed(metered or ran)
    extra = metered[len(needed) :]
    saved = max(0.0, min(_alone(needed, rest), deadline) - latency) if won else 0.0
    used = [attempt.usage for _, attempt in extra if attempt.usage is not None]
    tokens = sum(usage.input_tokens + usage.output_tokens for usage in used)
    return Tax(len(metered), len(extra), tokens, sum(_usd(*one) for one in extra), saved)


def _needed(ran: Sequence[Ran]) -> Sequence[Ran]:
    for at, (_, attempt) in enumerate(ran):
        if attempt.outcome is not Outcome.FAILED:
            return ran[: at + 1]
    return ran


def _alone(needed: Sequence[Ran], rest: Callable[[Lane, float], float]) -> float:
    """How long they would have taken, one after the other."""
    seconds = sum(attempt.latency for _, attempt in needed)
    for lane, last in needed[-1:]:
        seconds += rest(lane, last.latency) if last.outcome is Outcome.LOST else 0.0
    return seconds


def _usd(lane: Lane, attempt: Attempt) -> float:
    """What its provider has said; else by the list price of a model that is not given away."""
    usage, price = attempt.usage, lane.model.price
    if usage is None:
        return 0.0
    if usage.usd is not None:
        return usage.usd
    if price is None or is_free(lane.provider, lane.model.name):
        return 0.0
    return (usage.input_tokens * price[0] + usage.output_tokens * price[1]) / 1e6
