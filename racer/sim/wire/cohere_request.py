"""Reading a request of Cohere's chat, version 2, as strictly as they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.sim.conversation import Said, conversation, wanted_tools
from racer.sim.exchange import Ask, Refusal, ToolSpec, Unfit
from racer.sim.json_value import as_array, as_object, is_integer, is_number
from racer.sim.wire.openai_request import read_body, read_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.exchange import Moment, Request

ROLES = ("system", "user", "assistant", "tool")


def unfit(message: str, subject: str = "") -> Unfit:
    return Unfit(Refusal("bad_field", f"invalid request: {message}", subject))


def read_ask(request: Request, moment: Moment) -> Ask:
    """Raises Unfit."""
    key = read_key(request, moment)
    body = read_body(request.body)
    _check_fields(body, moment)
    model = _model(body, moment)
    talk = conversation(_messages(body))
    is_json, schema = _shape(body)
    return Ask(
        model=model,
        prompt=talk.prompt,
        prefix=talk.prefix,
        broken=talk.broken,
        stream=body.get("stream") is True,
        key=key,
        max_tokens=body.get("max_tokens"),
        stop=tuple(as_array(body.get("stop_sequences")) or ()),
        json=is_json,
        schema=schema,
        tools=_tools(body, talk.question),
        reasoning=(as_object(body.get("thinking")) or {}).get("type") != "disabled",
    )


def _check_fields(body: Mapping[str, Any], moment: Moment) -> None:
    for name, value in body.items():
        if name not in FIELDS or name in moment.provider.refuses:
            raise Unfit(Refusal("unknown_field", f"parameter '{name}' is not a valid field", name))
        if value is not None and not FIELDS[name][0](value):
            raise unfit(f"{name} must be {FIELDS[name][1]}.", name)


def _model(body: Mapping[str, Any], moment: Moment) -> str:
    model = body.get("model") or ""
    if not model:
        raise unfit("a model parameter is required for this endpoint.", "model")
    if model not in moment.provider.models:
        raise Unfit(Refusal("no_model", subject=model))
    return str(model)


def _messages(body: Mapping[str, Any]) -> list[Said]:
    given = as_array(body.get("messages")) or []
    if not given:
        raise unfit("messages must be at least 1 message long.", "messages")
    return [_said(as_object(message) or {}, place) for place, message in enumerate(given)]


def _said(message: Mapping[str, Any], place: int) -> Said:
    role = message.get("role")
    if role not in ROLES:
        raise unfit(f"messages[{place}].role must be one of {', '.join(ROLES)}.", "messages")
    if role == "system" and place:
        raise Unfit(Refusal("bad_field", "system turn must be the first in the list", "messages"))
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise unfit(f"messages[{place}].tool_call_id must be a text.", "messages")
    calls = as_array(message.get("tool_calls")) or []
    content = message.get("content")
    text = _text(content, place) if content is not None else str(message.get("tool_plan") or "")
    if not text and role != "tool" and not calls:
        raise Unfit(Refusal("bad_field", "message must not be empty in a turn", "messages"))
    return Said(text, str(role), plain=not calls)


def _text(content: Any, place: int) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(_part(as_object(part) or {}, place) for part in as_array(content) or ())


def _part(part: Mapping[str, Any], place: int) -> str:
    if part.get("type") == "text" and isinstance(text := part.get("text"), str):
        return text
    image = as_object(part.get("image_url")) or {}
    if part.get("type") == "image_url" and isinstance(url := image.get("url"), str):
        return url
    raise unfit(f"messages[{place}].content has a part of an unknown type.", "messages")


def _shape(body: Mapping[str, Any]) -> tuple[bool, Mapping[str, Any] | None]:
    wanted = as_object(body.get("response_format")) or {"type": "text"}
    if wanted.get("type") not in ("text", "json_object"):
        raise unfit("response_format.type must be text or json_object.", "response_format")
    if wanted.get("type") == "text":
        return False, None
    if body.get("tools"):
        raise unfit("response_format is not supported with tools.", "response_format")
    return True, as_object(wanted.get("json_schema"))


def _tools(body: Mapping[str, Any], question: str) -> tuple[ToolSpec, ...]:
    tools = [_tool_spec(tool, place) for place, tool in enumerate(as_array(body.get("tools")) or ())]
    choice = body.get("tool_choice")
    if choice is not None and not tools:
        raise unfit("tool_choice may only be given with tools.", "tool_choice")
    return () if choice == "NONE" else wanted_tools(tools, question, must=choice is not None)


def _tool_spec(tool: Any, place: int) -> ToolSpec:
    function = as_object((as_object(tool) or {}).get("function")) or {}
    name, parameters = function.get("name"), as_object(function.get("parameters"))
    if not isinstance(name, str) or not name or parameters is None:
        raise unfit(f"tools[{place}].function must have a name and parameters.", "tools")
    return ToolSpec(name, parameters)


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


def _is_between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and low <= value <= high


def _is_stops(value: Any) -> bool:
    stops = as_array(value)
    return stops is not None and len(stops) <= 5 and all(isinstance(stop, str) for stop in stops)


FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "citation_options": (_is(dict), "an object"),
    "documents": (_is(list), "a list"),
    "frequency_penalty": (_is_between(0, 1), "between 0 and 1.0 inclusive"),
    "k": (_is_between(0, 500), "between 0 and 500 inclusive"),
    "logprobs": (_is(bool), "true or false"),
    "max_tokens": (lambda value: is_integer(value) and value >= 1, "at least 1"),
    "messages": (_is(list), "a list"),
    "model": (_is(str), "a text"),
    "p": (_is_between(0.01, 0.99), "between 0.01 and 0.99 inclusive"),
    "presence_penalty": (_is_between(0, 1), "between 0 and 1.0 inclusive"),
    "priority": (is_integer, "a whole number"),
    "response_format": (_is(dict), "an object"),
    "safety_mode": (_is(str), "a text"),
    "seed": (is_integer, "a whole number"),
    "stop_sequences": (_is_stops, "a list of at most 5 texts"),
    "stream": (_is(bool), "true or false"),
    "strict_tools": (_is(bool), "true or false"),
    "temperature": (_is_between(0, 1), "between 0 and 1.0 inclusive"),
    "thinking": (_is(dict), "an object"),
    "tool_choice": (lambda value: value in ("REQUIRED", "NONE"), "REQUIRED or NONE"),
    "tools": (_is(list), "a list"),
}
