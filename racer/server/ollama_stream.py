"""A reply as Ollama writes it: whole, or as lines of JSON. Pure.

1. Calls of tools come whole, with their arguments as an object, as Ollama's own do: so they wait for the end.
2. While nothing is there to say, a blank is sent: it may stand before any JSON, and a client that reads line
   by line does not see it.
3. Times are those of the race, in nanoseconds and never 0, for clients divide by them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from racer.core.piece import Piece
from racer_adapters.turns import arguments_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.core.reply import Reply
    from racer.server.question import Refused
    from racer.server.streaming import Opening

_SECOND = 1_000_000_000


class Lines:
    """A streamed reply. `thoughts`: whether they are shown."""

    content_type = "application/x-ndjson"

    def __init__(self, *, thoughts: bool) -> None:
        self._thoughts = thoughts
        self._head: dict[str, Any] = {}
        self._begun = False

    def keep_alive(self) -> bytes:
        return b" "

    def begin(self, opening: Opening) -> bytes:
        self._head = _head(f"{opening.provider}/{opening.model}", opening.created)
        return b""

    def piece(self, piece: Piece) -> bytes:
        thought = piece.reasoning if self._thoughts else ""
        if not (piece.text or thought):
            return b""
        self._begun = True
        return self._line(message=_message(piece.text, thought), done=False)

    def end(self, reply: Reply) -> bytes:
        first = b"" if self._begun else self.piece(Piece(reply.text, reply.reasoning))
        if reply.tool_calls:
            first += self._line(message=_message("", "") | _calls(reply), done=False)
        return first + self._line(message=_message("", ""), **_summary(reply))

    def broken(self, refused: Refused) -> bytes:
        return orjson.dumps({"error": refused.message}) + b"\n"

    def _line(self, **fields: Any) -> bytes:
        return orjson.dumps(self._head | fields) + b"\n"


def answer_of(reply: Reply, *, thoughts: bool) -> Mapping[str, Any]:
    """A whole reply."""
    message = _message(reply.text, reply.reasoning if thoughts else "")
    if reply.tool_calls:
        message |= _calls(reply)
    return _head(f"{reply.provider}/{reply.model}", reply.created) | {"message": message} | _summary(reply)


def _head(model: str, created: int) -> dict[str, Any]:
    return {"model": model, "created_at": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _message(text: str, thought: str) -> dict[str, Any]:
    said = {"role": "assistant", "content": text}
    return said | {"thinking": thought} if thought else said


def _calls(reply: Reply) -> dict[str, Any]:
    return {
        "tool_calls": [
            {"id": call.id, "function": {"index": at, "name": call.name, "arguments": arguments_object(call)}}
            for at, call in enumerate(reply.tool_calls)
        ]
    }


def _summary(reply: Reply) -> dict[str, Any]:
    first = min(reply.first_token or 0.0, reply.latency)
    return {
        "done": True,
        "done_reason": "length" if reply.finish_reason == "length" else "stop",
        "total_duration": _nanoseconds(reply.latency),
        "load_duration": 0,
        "prompt_eval_count": reply.usage.input_tokens,
        "prompt_eval_duration": _nanoseconds(first),
        "eval_count": reply.usage.output_tokens,
        "eval_duration": _nanoseconds(reply.latency - first),
    }


def _nanoseconds(seconds: float) -> int:
    return max(1, int(seconds * _SECOND))
