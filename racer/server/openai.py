"""OpenAI's chat completions: bodies of its clients read, replies written as its clients expect them.

Every field is used, passed on, of no effect, or refused by its name: nothing that a client has sent is
dropped in silence that would change the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from racer.server.fields import check_names
from racer.server.names import options_of
from racer.server.openai_parts import check_parts
from racer.server.question import Question, Refused, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.options import Options
    from racer.core.piece import Piece
    from racer.core.provider import Lane
    from racer.core.reply import Reply
    from racer.server.streaming import Opening
    from racer_adapters.types import ToolDelta

USED = ("temperature", "top_p", "stop", "seed", "tools", "tool_choice", "response_format")
NEWER = "max_completion_tokens"
OWN = ("messages", "model", "stream", "stream_options", "max_tokens", NEWER, "n")
# Into the body that a provider gets, under the same name; one that does not know it may refuse.
PASSED_ON: Mapping[str, tuple[tuple[type, ...], str]] = {
    "frequency_penalty": ((int, float), "a number"),
    "presence_penalty": ((int, float), "a number"),
    "logit_bias": ((dict,), "an object of tokens and numbers"),
    "parallel_tool_calls": ((bool,), "true or false"),
    "reasoning_effort": ((str,), "a text such as low"),
    "verbosity": ((str,), "a text such as low"),
}
# They say who asks, or how a provider is to keep its books; no answer depends on them, and not every
# provider takes them.
NO_EFFECT: Mapping[str, tuple[tuple[type, ...], str]] = {
    "user": ((str,), "a text"),
    "safety_identifier": ((str,), "a text"),
    "metadata": ((dict,), "an object"),
    "store": ((bool,), "true or false"),
    "service_tier": ((str,), "a text such as auto"),
    "prompt_cache_key": ((str,), "a text"),
    "prompt_cache_options": ((dict,), "an object"),
    "prompt_cache_retention": ((str,), "a text such as 24h"),
}
# What most clients send although it says nothing: the same as leaving it out.
_DEFAULTS: Mapping[str, tuple[object, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "parallel_tool_calls": (True,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "modalities": (["text"],),
    "functions": ([],),
    "best_of": (1,),
    "echo": (False,),
}
_INSTEAD: Mapping[str, str] = {
    "logprobs": "providers do not agree on them: leave it out",
    "top_logprobs": "providers do not agree on them: leave it out",
    "functions": "it is the old form: use tools",
    "function_call": "it is the old form: use tool_choice",
    "audio": "answers are text: leave it out",
    "modalities": 'answers are text: leave it out, or send ["text"]',
    "prediction": "no two providers share it: leave it out",
    "moderation": "no two providers share it: leave it out",
    "web_search_options": "no two providers share it: leave it out",
}
_KNOWN = frozenset((*USED, *OWN, *PASSED_ON, *NO_EFFECT))
_UNKNOWN = (
    "it is not known: use the fields of OpenAI's chat completions; where a request goes, and with which \
headers and keys, is the server's to say"
)


class OpenAI:
    """The surface of POST /v1/chat/completions."""

    def question(self, body: Mapping[str, Any], lanes: Sequence[Lane]) -> Question:
        given = {
            name: value
            for name, value in body.items()
            if value is not None and not _says_nothing(name, value)
        }
        check_names(given, _KNOWN, _UNKNOWN, instead=_INSTEAD)
        check_parts(given)
        if given.get("n", 1) != 1 or isinstance(given.get("n"), bool):
            raise wrong("n", "n can only be 1: one answer wins the race", "unsupported_value")
        options: dict[str, Any] = dict(options_of(given.get("model"), lanes))
        options |= {name: given[name] for name in USED if name in given}
        if (most := _most_tokens(given)) is not None:
            options["max_tokens"] = most
        _typed(given, NO_EFFECT)
        if extra := _typed(given, PASSED_ON):
            options["extra"] = extra
        stream = _flag(given, "stream")
        return Question(
            messages=_messages(given),
            options=cast("Options", options),
            model=given["model"],
            stream=stream,
            include_usage=_include_usage(given, stream=stream),
            names={"max_tokens": NEWER} if NEWER in given else {},
        )

    def whole(self, question: Question, reply: Reply) -> Mapping[str, Any]:
        answer = reply.to_openai()
        if reply.reasoning:
            answer["choices"][0]["message"]["reasoning_content"] = reply.reasoning
        return answer

    def encoder(self, question: Question) -> Chunks:
        return Chunks(include_usage=question.include_usage)

    def refusal(self, refused: Refused) -> Mapping[str, Any]:
        return {
            "error": {
                "message": refused.message,
                "type": refused.kind,
                "param": refused.param,
                "code": refused.code,
            }
        }


SURFACE = OpenAI()


class Chunks:
    """A reply as server-sent `chat.completion.chunk`s."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._head: dict[str, Any] = {}
        self._role: dict[str, Any] = {"role": "assistant"}

    def keep_alive(self) -> bytes:
        return b": waiting\n\n"

    def begin(self, opening: Opening) -> bytes:
        self._head = {
            "id": f"chatcmpl-{opening.id}",
            "object": "chat.completion.chunk",
            "created": opening.created,
            "model": f"{opening.provider}/{opening.model}",
        }
        return b""

    def piece(self, piece: Piece) -> bytes:
        delta, self._role = self._role, {}
        if piece.reasoning:
            delta["reasoning_content"] = piece.reasoning
        if piece.text:
            delta["content"] = piece.text
        if piece.tool_calls:
            delta["tool_calls"] = [_fragment(each) for each in piece.tool_calls]
        return self._chunk(delta)

    def end(self, reply: Reply) -> bytes:
        whole = reply.to_openai()
        last, self._role = self._chunk(self._role, whole["choices"][0]["finish_reason"]), {}
        if self._include_usage:
            last += _event({**self._head, "choices": [], "usage": whole["usage"]})
        return last + b"data: [DONE]\n\n"

    def broken(self, refused: Refused) -> bytes:
        return _event(SURFACE.refusal(refused))

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        more = {"usage": None} if self._include_usage else {}
        return _event({**self._head, "choices": [choice], **more})


def model_list(names: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
    """What GET /v1/models gives, from names and their owners."""
    return {"object": "list", "data": [model_card(name, owner) for name, owner in names]}


def model_card(name: str, owner: str) -> Mapping[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def _fragment(delta: ToolDelta) -> dict[str, Any]:
    """The name stands in the first fragment of a call alone, as OpenAI's own do."""
    said: dict[str, Any] = {"index": delta.index}
    if delta.id:
        said["id"] = delta.id
    if delta.name:
        said["type"] = "function"
    said["function"] = {"name": delta.name} if delta.name else {}
    said["function"]["arguments"] = delta.arguments
    if delta.signature:
        said["extra_content"] = {"google": {"thought_signature": delta.signature}}
    return said


def _says_nothing(name: str, value: object) -> bool:
    return any(
        value == each and isinstance(value, bool) == isinstance(each, bool)
        for each in _DEFAULTS.get(name, ())
    )


def _typed(given: Mapping[str, Any], fields: Mapping[str, tuple[tuple[type, ...], str]]) -> dict[str, Any]:
    """Those of `fields` that are given. Raises Refused for one of another type."""
    found: dict[str, Any] = {}
    for name, (types, words) in fields.items():
        if (value := given.get(name)) is None:
            continue
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise wrong(name, f"{name} is to be {words}")
        found[name] = value
    return found


def _messages(given: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    messages = given.get("messages")
    if messages is None:
        raise wrong("messages", "messages is missing: give a list of messages with role and content")
    if not isinstance(messages, list):
        raise wrong("messages", "messages is no list: give a list of messages with role and content")
    return cast("Sequence[Mapping[str, Any]]", messages)


def _most_tokens(given: Mapping[str, Any]) -> object:
    """OpenAI's newer name goes before the older one."""
    for name in (NEWER, "max_tokens"):
        if (value := given.get(name)) is not None:
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise wrong(name, f"{name} is to be a whole number above 0")
            return value
    return None


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise wrong(name, f"{name} is to be true or false")
    return value


def _include_usage(given: Mapping[str, Any], *, stream: bool) -> bool:
    options = given.get("stream_options")
    if options is None:
        return False
    if not stream:
        raise wrong("stream_options", "stream_options is for streams: send stream: true, or leave it out")
    if not isinstance(options, dict):
        raise wrong("stream_options", 'stream_options is to be an object such as {"include_usage": true}')
    said = cast("dict[str, Any]", options)
    for name in said:
        if name not in ("include_usage", "include_obfuscation"):
            raise wrong("stream_options", "stream_options has a field that is not known: use include_usage")
    asked = said.get("include_usage")
    if not isinstance(asked, bool | None):
        raise wrong("stream_options.include_usage", "stream_options.include_usage is to be true or false")
    return asked is True
