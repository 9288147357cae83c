"""A request that a fault strikes, and what the provider says of itself when it reports the fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from racer.sim.exchange import Refusal
from racer.sim.profile import PERIODS
from racer.sim.quota import Closed, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.exchange import Frames, Reply, Turn, Why, Wire
    from racer.sim.fault import Fault
    from racer.sim.profile import Pace

REFUSALS: Mapping[str, Why] = {
    "400": "bad_field",
    "401": "bad_key",
    "402": "credit",
    "403": "forbidden",
    "404": "no_model",
    "413": "too_big",
    "429": "limit",
    "insufficient_quota": "no_quota",
    "500": "server",
    "502": "gateway",
    "503": "unavailable",
    "504": "timeout",
    "529": "overloaded",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A request that a fault strikes. `delay`: seconds until it shows."""

    wire: Wire
    turn: Turn
    pace: Pace
    fault: Fault

    @property
    def delay(self) -> float:
        return self.pace.first if self.fault.delay is None else self.fault.delay

    @property
    def stream(self) -> bool:
        return self.turn.ask.stream

    def frames(self) -> Frames:
        return self.wire.stream(self.turn)

    def whole(self) -> Reply:
        return self.wire.whole(self.turn)

    def headers(self) -> Mapping[str, str]:
        return self.frames().headers if self.stream else self.whole().headers

    def said(self, *tokens: str, reasoning: tuple[str, ...] = ()) -> Scene:
        """The same scene with another answer: well-formed, ended, and with no call of a tool."""
        answer = replace(self.turn.answer, tokens=tokens, reasoning=reasoning, calls=(), finish="stop")
        return replace(self, turn=replace(self.turn, answer=answer))


def fault_refusal(turn: Turn, fault: Fault) -> Refusal:
    """What the provider says of itself when the fault is an error that it reports."""
    why = REFUSALS.get(fault.kind, "server")
    closed = _closed(turn, fault) if why == "limit" else None
    message = "Bad request" if why == "bad_field" else ""
    return Refusal(why, message, turn.ask.model if why != "bad_key" else "***", fault.retry_after, closed)


def _closed(turn: Turn, fault: Fault) -> Closed:
    """The provider's own limit of that kind, as if it were used up; one made up where it has none."""
    answer, unit = turn.answer, fault.unit
    requested = answer.prompt_tokens + answer.output_tokens if unit == "tokens" else 1
    for one in turn.moment.standings:
        if (one.unit, one.period) == (unit, fault.per):
            return Closed(replace(one, used=one.limit), min(requested, one.limit))
    wait = fault.retry_after if isinstance(fault.retry_after, float) else PERIODS[fault.per]
    limit = max(30, requested)
    return Closed(Standing(unit, fault.per, PERIODS[fault.per], limit, limit, wait), requested)
