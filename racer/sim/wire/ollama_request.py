"""Reading a request of Ollama's own dialect: /api/chat and /api/generate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.conversation import Said, conversation, wanted_tools
from racer.sim.exchange import Ask, Refusal, ToolSpec, Unfit
from racer.sim.json_value import as_array, as_object, is_integer, is_number, is_stop
from racer.sim.loaded import full_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.conversation import Conversation
    from racer.sim.exchange import Moment, Request

ROLES = ("system", "user", "assistant", "tool")
INTEGERS = ("num_ctx", "num_predict", "seed", "top_k")
NUMBERS = ("temperature", "top_p", "min_p", "repeat_penalty")


def unfit(message: str) -> Unfit:
    return Unfit(Refusal("bad_field", message))


def check_key(request: Request, moment: Moment) -> str | None:
    """A local server reads no key; one with a list of keys (the cloud) does. Raises Unfit."""
    key = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if moment.provider.keys is not None and key not in moment.provider.keys:
        raise Unfit(Refusal("bad_key" if key else "no_key"))
    return key or None


def read_ask(request: Request, moment: Moment, surface: str) -> Ask:
    """Raises Unfit."""
    key = check_key(request, moment)
    body = _body(request.body)
    model = _model(body, moment)
    talk, empty = _chat(body) if surface == "chat" else _prompt(body)
    options = _options(body)
    is_json, schema = _format(body)
    cap = options.get("num_predict", -1)
    stop = options.get("stop") or ()
    return Ask(
        model=model,
        prompt=talk.prompt,
        prefix=talk.prefix,
        broken=talk.broken,
        stream=_flag(body, "stream", default=True),
        key=key,
        max_tokens=cap if cap > 0 else None,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        json=is_json,
        schema=schema,
        tools=wanted_tools([_tool(tool) for tool in _list(body, "tools")], talk.question),
        reasoning=_thinks(body, moment),
        surface=surface,
        warm_up=empty,
    )


def _body(data: bytes) -> dict[str, Any]:
    if not data:
        raise unfit("missing request body")
    try:
        found = as_object(orjson.loads(data))
    except orjson.JSONDecodeError as error:
        raise Unfit(Refusal("bad_json", f"invalid JSON: {error}")) from None
    if found is None:
        raise Unfit(Refusal("bad_json", "json: cannot unmarshal the body into an object"))
    return found


def _model(body: Mapping[str, Any], moment: Moment) -> str:
    model = body.get("model", "")
    if not isinstance(model, str):
        raise _mistyped("model", "string")
    if not model:
        raise unfit("model is required")
    if full_name(model) not in {full_name(name) for name in moment.provider.models}:
        raise Unfit(Refusal("no_model", subject=model))
    return model


def _mistyped(field: str, kind: str) -> Unfit:
    return unfit(f"json: cannot unmarshal into field {field} of type {kind}")


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    found = as_array(body.get(name))
    if found is None and body.get(name) is not None:
        raise _mistyped(name, "array")
    return found or []


def _flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise _mistyped(name, "bool")
    return default if value is None else value


def _chat(body: Mapping[str, Any]) -> tuple[Conversation, bool]:
    messages = _list(body, "messages")
    return conversation([_said(message) for message in messages]), not messages


def _prompt(body: Mapping[str, Any]) -> tuple[Conversation, bool]:
    said = [
        Said(text, role)
        for role, name in (("system", "system"), ("user", "prompt"))
        if (text := _text(body, name))
    ]
    return conversation(said), not _text(body, "prompt")


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise _mistyped(name, "string")
    return value


def _said(message: Any) -> Said:
    found = as_object(message)
    if found is None:
        raise _mistyped("messages", "Message")
    role = found.get("role")
    if role not in ROLES:
        raise unfit(f"invalid role: {role}, must be one of [system, user, assistant, tool]")
    pictures = (str(picture) for picture in _list(found, "images"))
    return Said(
        "\n".join([_text(found, "content"), *pictures]), str(role), plain=not _list(found, "tool_calls")
    )


def _options(body: Mapping[str, Any]) -> dict[str, Any]:
    options = as_object(body.get("options"))
    if options is None and body.get("options") is not None:
        raise _mistyped("options", "map")
    for name, value in (options or {}).items():
        if name in INTEGERS and not is_integer(value):
            raise unfit(f'option "{name}" must be of type integer')
        if name in NUMBERS and not is_number(value):
            raise unfit(f'option "{name}" must be of type float32')
        if name == "stop" and not is_stop(value):
            raise unfit('option "stop" must be of type array')
    return options or {}


def _format(body: Mapping[str, Any]) -> tuple[bool, Mapping[str, Any] | None]:
    wanted = body.get("format") or None
    schema = as_object(wanted)
    if wanted is None or wanted == "json" or schema is not None:
        return wanted is not None, schema
    raise unfit(f'invalid format: {wanted!r}; expected "json" or a valid JSON Schema object')


def _thinks(body: Mapping[str, Any], moment: Moment) -> bool:
    think = body.get("think")
    if think is not None and think not in (True, False, "low", "medium", "high", "max"):
        raise unfit(f"invalid think value: {think!r}")
    if think and not moment.provider.reasoning:
        raise unfit(f'"{body.get("model")}" does not support thinking')
    return think is not False


def _tool(tool: Any) -> ToolSpec:
    function = as_object((as_object(tool) or {}).get("function")) or {}
    name = function.get("name")
    if not isinstance(name, str):
        raise _mistyped("tools", "Tool")
    return ToolSpec(name, as_object(function.get("parameters")) or {"type": "object", "properties": {}})
