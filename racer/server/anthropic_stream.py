"""A reply as Anthropic writes it: a message, or named events of one. Pure.

Blocks come one behind the other: thoughts and text, then each call of a tool. Text that comes when a call has
begun stands behind the calls; thoughts that come then are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from racer.core.piece import piece_of
from racer.server.calls import Calls
from racer_adapters.turns import arguments_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from racer.core.piece import Piece
    from racer.core.reply import Reply
    from racer.server.question import Refused
    from racer.server.streaming import Opening
    from racer_adapters.types import ToolDelta

STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
KINDS: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_BLOCKS: Mapping[str, tuple[Mapping[str, str], str, str]] = {
    "text": ({"text": ""}, "text_delta", "text"),
    "thinking": ({"thinking": "", "signature": ""}, "thinking_delta", "thinking"),
}


def message_of(reply: Reply, *, thoughts: bool) -> Mapping[str, Any]:
    """A whole reply. `thoughts`: whether they are shown."""
    content: list[dict[str, Any]] = []
    if reply.reasoning and thoughts:
        content.append({"type": "thinking", "thinking": reply.reasoning, "signature": ""})
    if reply.text:
        content.append({"type": "text", "text": reply.text})
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_object(call)}
        for call in reply.tool_calls
    ]
    head = _message(reply.race_id, f"{reply.provider}/{reply.model}", _usage(*_counts(reply)))
    return head | {"content": content, "stop_reason": stop_of(reply)}


def stop_of(reply: Reply) -> str:
    if reply.finish_reason is None or reply.finish_reason == "other":
        return "tool_use" if reply.tool_calls else "end_turn"
    return STOPS[reply.finish_reason]


def error_of(refused: Refused) -> Mapping[str, Any]:
    """The id of the request stands in the header request-id."""
    kind = KINDS.get(refused.status, "api_error" if refused.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": refused.message}, "request_id": None}


class Events:
    """A streamed reply. `input_tokens` is what is told of the prompt until the provider has counted it."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, *, thoughts: bool, input_tokens: int = 0) -> None:
        self._thoughts = thoughts
        self._input_tokens = input_tokens
        self._begun = False
        self._race = ""
        self._blocks = 0
        self._open = ""  # the kind of the block that is open
        self._calls = Calls()
        self._late: list[str] = []  # text that came behind the beginning of a call

    def keep_alive(self) -> bytes:
        """A comment before the message has begun: no event comes before that."""
        return _event("ping") if self._begun else b": waiting\n\n"

    def begin(self, opening: Opening) -> bytes:
        self._begun, self._race = True, opening.id
        usage = _usage(self._input_tokens, 0)
        message = _message(opening.id, f"{opening.provider}/{opening.model}", usage)
        return _event("message_start", message=message)

    def piece(self, piece: Piece) -> bytes:
        data = b""
        if self._calls:
            self._late.append(piece.text)
        else:
            data += self._said("thinking", piece.reasoning if self._thoughts else "")
            data += self._said("text", piece.text)
        return data + self._called(self._calls.add(piece.tool_calls))

    def end(self, reply: Reply) -> bytes:
        data = b"" if self._blocks or self._calls else self.piece(piece_of(reply))
        data += self._called(self._calls.rest()) + self._said("text", "".join(self._late)) + self._close()
        delta = {"stop_reason": stop_of(reply), "stop_sequence": None, "stop_details": None}
        data += _event("message_delta", delta=delta, usage=_usage(*_counts(reply)))
        return data + _event("message_stop")

    def broken(self, refused: Refused) -> bytes:
        return b"event: error\ndata: " + orjson.dumps(error_of(refused)) + b"\n\n"

    def _said(self, kind: str, words: str) -> bytes:
        if not words:
            return b""
        block, delta, field = _BLOCKS[kind]
        data = b"" if self._open == kind else self._start(kind, {"type": kind, **block})
        return data + self._delta({"type": delta, field: words})

    def _called(self, fragments: Iterable[ToolDelta]) -> bytes:
        data = b""
        for each in fragments:
            if each.name:
                id_ = each.id or f"toolu_{self._race}_{each.index}"
                block: dict[str, Any] = {"type": "tool_use", "id": id_, "name": each.name, "input": {}}
                data += self._start(f"call {each.index}", block)
            if each.arguments:
                data += self._delta({"type": "input_json_delta", "partial_json": each.arguments})
        return data

    def _start(self, kind: str, block: Mapping[str, Any]) -> bytes:
        closed = self._close()
        self._open = kind
        self._blocks += 1
        return closed + _event("content_block_start", index=self._blocks - 1, content_block=block)

    def _delta(self, delta: Mapping[str, str]) -> bytes:
        return _event("content_block_delta", index=self._blocks - 1, delta=delta)

    def _close(self) -> bytes:
        was, self._open = self._open, ""
        return _event("content_block_stop", index=self._blocks - 1) if was else b""


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **fields}) + b"\n\n"


def _message(race: str, model: str, usage: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": f"msg_{race}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": usage,
    }


def _counts(reply: Reply) -> tuple[int, int]:
    return reply.usage.input_tokens, reply.usage.output_tokens


def _usage(input_tokens: int, output_tokens: int) -> dict[str, int]:
    return {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }
