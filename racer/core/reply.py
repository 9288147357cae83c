"""What the caller gets: the reply of the winner, and the story of every lane that ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from racer.core.plain import plain
from racer_adapters.quick import quick

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # the checkers bring it: with a default, `Reply` alone is enough

    from racer.core.heat import Outcome
    from racer_adapters.types import FinishReason, ToolCall, Usage

    T = TypeVar("T", default=Any)
else:
    from typing import TypeVar

    T = TypeVar("T")


@quick
@dataclass(frozen=True, slots=True)
class Attempt:
    """One lane's run. Seconds; `start` counts from the start of the race, the others from there.

    `outcome` is won, lost (stopped because another had won), failed (`reason` says why) or late (valid,
    but after the winner). `usage` is None where nothing is known of it. `resumed_at`: it went on behind so
    many characters of the reply, where another lane's stream had broken. `streamed`: it was asked for its
    answer piece by piece, as all are but a lane that has nobody beside it. `forced`: it was to rest for its
    failures, and was asked because nobody else was left.
    """

    lane: str
    provider: str
    model: str
    start: float
    latency: float
    outcome: Outcome
    reason: str | None = None
    status: int | None = None
    first_token: float | None = None
    usage: Usage | None = None
    resumed_at: int | None = None
    streamed: bool = True
    forced: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `--json` prints them."""
        return {
            "lane": self.lane,
            "provider": self.provider,
            "model": self.model,
            "start": round(self.start, 6),
            "outcome": str(self.outcome),
            "reason": self.reason,
            "status": self.status,
            "latency": round(self.latency, 6),
            "first_token": None if self.first_token is None else round(self.first_token, 6),
            "usage": None if self.usage is None else _usage(self.usage),
            "resumed_at": self.resumed_at,
        }


@quick
@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """The first valid reply. `latency` and `first_token` are seconds from the start of the race.

    `parsed` is the value that `into=` has asked for; None where that was nothing, or a tool is called.
    """

    text: str
    provider: str
    model: str
    usage: Usage
    latency: float
    race_id: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    first_token: float | None = None
    reasoning: str = ""
    parsed: T = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  see above
    cached: bool = False
    attempts: tuple[Attempt, ...] = ()
    created: int = 0

    def to_openai(self) -> dict[str, Any]:
        """A `chat.completion` mapping that the official client's types accept."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None, "refusal": None}
        if self.tool_calls:
            message["tool_calls"] = [_openai_call(call) for call in self.tool_calls]
        return {
            "id": f"chatcmpl-{self.race_id}",
            "object": "chat.completion",
            "created": self.created,
            "model": f"{self.provider}/{self.model}",
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "finish_reason": _openai_finish(self),
                    "logprobs": None,
                }
            ],
            "usage": {
                "prompt_tokens": self.usage.input_tokens,
                "completion_tokens": self.usage.output_tokens,
                "total_tokens": self.usage.input_tokens + self.usage.output_tokens,
            },
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `--json` prints them: the same names as in Python."""
        return {
            "text": self.text,
            "tool_calls": [
                {"id": call.id, "name": call.name, "arguments": call.arguments} for call in self.tool_calls
            ],
            "finish_reason": self.finish_reason,
            "reasoning": self.reasoning,
            "parsed": plain(self.parsed),
            "provider": self.provider,
            "model": self.model,
            "usage": _usage(self.usage),
            "latency": round(self.latency, 6),
            "first_token": None if self.first_token is None else round(self.first_token, 6),
            "race_id": self.race_id,
            "cached": self.cached,
            "attempts": [attempt.to_dict() for attempt in self.attempts],
        }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "estimated": usage.estimated,
    }


def _openai_call(call: ToolCall) -> dict[str, Any]:
    """With a signature where Google's own compatible endpoint has it, so that it comes back with the call."""
    function = {"name": call.name, "arguments": call.arguments}
    signed = {"extra_content": {"google": {"thought_signature": call.signature}}} if call.signature else {}
    return {"id": call.id, "type": "function", "function": function, **signed}


def _openai_finish(reply: Reply) -> str:
    if reply.finish_reason is None or reply.finish_reason == "other":
        return "tool_calls" if reply.tool_calls else "stop"
    return reply.finish_reason
