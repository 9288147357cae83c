"""What Workers AI answers -> events: results in three forms, refusals by number, and its list of models.

Reader rules:
1. A whole reply is an envelope: `success` and `errors` count before `result`, whatever the status was. The
   frames of a stream have none.
2. By model, a reply is in Cloudflare's own form or in OpenAI's, or in that of OpenAI's Responses. All are put
   into the second, which completions.py reads.
3. In Cloudflare's own the text is `response`: a text, or parsed JSON where the reply was to be JSON, or a
   number where a piece looks like one. Calls of tools are flat or as OpenAI's; an empty one is a full stop.
4. A stream of either form may end with a usage in Cloudflare's own, which tells the neurons. `p` is padding.
5. A stream ends with its marker; in Cloudflare's own form nothing says why.
6. A result without anything in it is an answer that the model left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer_adapters import bodies
from racer_adapters.completions import Completions
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import NotJson, as_list, as_object, as_text, dump, parse_first
from racer_adapters.refusals import COMMON, Rules, in_band, rows
from racer_adapters.types import Installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from racer_adapters.dialect import Event

# Cloudflare's own numbers: they stand for a status where the envelope came without one.
RULES: Rules = (
    *rows(Kind.QUOTA, (429,), "code=3036;"),
    *rows(Kind.OVERLOADED, (429,), "code=3040;"),
    *rows(Kind.NO_MODEL, (400, 404), "code=5007;", "code=3042;"),
    *rows(Kind.DENIED, (403,), "code=5016;", "code=5018;", "code=3041;", "code=5035;"),
    *rows(Kind.TOO_LONG, (400, 413), "code=3006;", "code=5021;"),
    *rows(Kind.SERVER, (408, 500), "code=3007;", "code=3008;", "code=3043;"),
    # A wrong account in the address, or one that is closed, is wrong for every model of the key.
    *rows(Kind.AUTH, (400, 403, 404), "code=10000;", "code=7003;", "code=7000;", "code=6003;", "code=3023;"),
    *rows(Kind.BAD_REQUEST, (400,), "code=5004;", "code=5006;", "code=3003;"),
    # The model could not keep to the schema.
    *rows(Kind.INVALID, (), "json mode couldn't be met"),
    *COMMON,
)

FINISHES = {"completed": "stop", "max_output_tokens": "length", "failed": "error"}


class Results:
    """Reads one reply, streamed or whole."""

    __slots__ = ("_completions",)

    def __init__(self) -> None:
        self._completions = Completions(RULES)

    @property
    def complete(self) -> bool:
        return self._completions.complete

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        if message.get("errors") or message.get("success") is False:
            return [in_band(RULES, bodies.in_json(message))]
        if not message.keys() & {"success", "result"}:
            return self._completions.frame(name, _completion(message, "delta"))
        result = message.get("result")
        said = {"response": result} if isinstance(result, str) else as_object(result)
        if not any(said.values()):
            return [WireError(Kind.EMPTY, "the model left out its answer; it may not stream here")]
        return self._completions.frame(name, _completion(said, "message"))

    def end(self) -> Sequence[Event]:
        return self._completions.end()


def _completion(said: dict[str, Any], place: str) -> dict[str, Any]:
    """The same in OpenAI's form: a whole one with its `message`, a piece of one with its `delta`."""
    if "choices" in said:
        return said
    if isinstance(said.get("output"), list):
        return _from_responses(said)
    response = said.get("response")
    message = {
        "content": response if isinstance(response, str) else "" if response is None else dump(response),
        "tool_calls": [*_calls(said)],
    }
    choice = {place: message, "finish_reason": said.get("finish_reason")}
    return {"choices": [choice], "usage": said.get("usage"), "error": said.get("error")}


def _calls(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for call in map(as_object, as_list(said.get("tool_calls"))):
        if "function" not in call:
            call = {"id": call.get("id"), "function": call}
        function = as_object(call["function"])
        if call.get("id") or function.get("name") or function.get("arguments"):
            yield call


def _from_responses(said: dict[str, Any]) -> dict[str, Any]:
    """The items of a result in the form of OpenAI's Responses."""
    items = [as_object(item) for item in as_list(said.get("output"))]
    message = {
        "content": _texts(items, "message"),
        "reasoning": _texts(items, "reasoning"),
        "tool_calls": [
            {"id": item.get("call_id") or item.get("id"), "function": item}
            for item in items
            if item.get("type") == "function_call"
        ],
    }
    why = as_text(as_object(said.get("incomplete_details")).get("reason")) or as_text(said.get("status"))
    choice = {"message": message, "finish_reason": FINISHES.get(why, why)}
    return {"choices": [choice], "usage": said.get("usage"), "error": said.get("error")}


def _texts(items: Sequence[dict[str, Any]], kind: str) -> str:
    parts = [
        as_object(part) for item in items if item.get("type") == kind for part in as_list(item.get("content"))
    ]
    return "".join(as_text(part.get("text")) or as_text(part.get("refusal")) for part in parts)


def read_models(listed: Sequence[bytes]) -> tuple[Installed, ...]:
    """Those that generate text, in the server's order. Never raises."""
    try:
        models = as_list(as_object(parse_first(listed[0]) if listed else None).get("result"))
    except NotJson:
        return ()
    return tuple(
        Installed(as_text(model.get("name")), can=_abilities(model))
        for model in map(as_object, models)
        if as_text(model.get("name")) and as_object(model.get("task")).get("name") == "Text Generation"
    )


def _abilities(model: dict[str, Any]) -> tuple[str, ...]:
    for said in map(as_object, as_list(model.get("properties"))):
        if said.get("property_id") == "function_calling" and said.get("value") == "true":
            return ("tools",)
    return ()
