"""Reading a request of the OpenAI dialect as strictly as its providers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.conversation import Said, conversation, wanted_tools
from racer.sim.exchange import Ask, Refusal, ToolSpec, Unfit
from racer.sim.json_value import as_array, as_object, is_integer, is_number, is_stop
from racer.sim.loaded import full_name
from racer.sim.wire.flavour import FLAVOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.exchange import Moment, Onset, Request
    from racer.sim.wire.flavour import Flavour

ONSETS: Mapping[str, Onset] = {"yes": "rest", "marked": "echo", "no": "anew"}
UNMARKED = "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def unfit(subject: str, message: str) -> Unfit:
    return Unfit(Refusal("bad_field", message, subject))


def read_key(request: Request, moment: Moment) -> str | None:
    """The bearer key. Raises Unfit where the provider has a list of keys and this is not on it."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    key = key.strip() if scheme.lower() == "bearer" else ""
    allowed = moment.provider.keys
    if allowed is not None and not key:
        raise Unfit(Refusal("no_key"))
    if allowed is not None and key not in allowed:
        raise Unfit(Refusal("bad_key", subject=masked(key)))
    return key or None


def masked(key: str) -> str:
    """How OpenAI gives a wrong key back."""
    return f"{key[:4]}***{key[-4:]}" if len(key) > 12 else "***"


def read_body(body: bytes) -> dict[str, Any]:
    try:
        found = as_object(orjson.loads(body))
    except orjson.JSONDecodeError:
        found = None
    if found is None:
        raise Unfit(Refusal("bad_json"))
    return found


def read_ask(request: Request, moment: Moment) -> Ask:
    """Raises Unfit."""
    flavour = FLAVOURS[moment.provider.flavour]
    key = read_key(request, moment)
    body = {name: value for name, value in read_body(request.body).items() if name not in flavour.ignores}
    _check_fields(body, flavour, moment)
    model = _model(body, moment)
    messages = _messages(body)
    talk = conversation([_said(message, place) for place, message in enumerate(messages)])
    _check_last(messages, flavour)
    options = as_object(body.get("stream_options")) or {}
    is_json, schema = _shape(body, flavour, talk.prompt)
    stop = body.get("stop") or ()
    return Ask(
        model=model,
        prompt=talk.prompt,
        prefix=talk.prefix,
        onset=ONSETS[flavour.prefills],
        broken=talk.broken,
        stream=body.get("stream") is True,
        key=key,
        max_tokens=_cap(body),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        json=is_json,
        schema=schema,
        tools=_tools(body, talk.question),
        usage=options.get("include_usage") is True,
        padding=options.get("include_obfuscation") is not False,
    )


def _check_fields(body: Mapping[str, Any], flavour: Flavour, moment: Moment) -> None:
    for name, value in body.items():
        if name in moment.provider.refuses:
            raise Unfit(Refusal("unknown_field", subject=name))
        if flavour.only is not None and name not in flavour.only:
            raise Unfit(Refusal("unknown_field", "Extra inputs are not permitted", name))
        if value is not None and name in FIELDS and not FIELDS[name][0](value):
            raise unfit(name, f"Invalid type for '{name}': expected {FIELDS[name][1]}.")
        if name in flavour.lists and isinstance(value, str):
            raise unfit(name, f"Invalid type for '{name}': expected a list of texts.")
    if body.get("stream_options") is not None and body.get("stream") is not True:
        raise unfit(
            "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        )


def _model(body: Mapping[str, Any], moment: Moment) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise unfit("model", "you must provide a model parameter")
    names = moment.provider.models
    if moment.provider.dialect == "ollama":
        known = full_name(model) in {full_name(name) for name in names}
    else:
        known = model in names
    if not known:
        raise Unfit(Refusal("no_model", subject=model))
    return model


def _messages(body: Mapping[str, Any]) -> list[Any]:
    if "messages" not in body:
        raise unfit("messages", "Missing required parameter: 'messages'.")
    messages = as_array(body["messages"])
    if messages is None:
        raise unfit("messages", "Invalid type for 'messages': expected an array of objects.")
    if not messages:
        raise unfit("messages", "Invalid 'messages': empty array. Expected an array with minimum length 1.")
    return messages


def _check_last(messages: list[Any], flavour: Flavour) -> None:
    last = as_object(messages[-1]) or {}
    if flavour.prefills == "marked" and last["role"] == "assistant" and last.get("prefix") is not True:
        raise Unfit(Refusal("bad_turns", UNMARKED))


def _said(message: Any, place: int) -> Said:
    found, where = as_object(message), f"messages.{place}"
    if found is None:
        raise unfit(where, f"Invalid type for '{where}': expected an object.")
    role = found.get("role")
    if role not in ROLES:
        raise unfit(f"{where}.role", f"Invalid value: {role!r}. Supported values are: {', '.join(ROLES)}.")
    calls = as_array(found.get("tool_calls")) or []
    if role == "tool" and not isinstance(found.get("tool_call_id"), str):
        raise unfit(f"{where}.tool_call_id", f"Missing parameter '{where}.tool_call_id'.")
    content = found.get("content")
    if content is None and not (role == "assistant" and (calls or "function_call" in found)):
        raise unfit(f"{where}.content", f"Invalid value for '{where}.content': expected a text, got null.")
    return Said(_text(content, f"{where}.content"), str(role), plain=not calls)


def _text(content: Any, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    parts = as_array(content)
    if parts is None:
        raise unfit(where, f"Invalid type for '{where}': expected a text or an array of parts.")
    return "\n".join(_part(part, where) for part in parts)


def _part(part: Any, where: str) -> str:
    found = as_object(part) or {}
    kind = found.get("type")
    if kind == "text" and isinstance(text := found.get("text"), str):
        return text
    image = as_object(found.get("image_url")) or {}
    if kind == "image_url" and isinstance(url := image.get("url"), str):
        return url
    if kind in ("input_audio", "file", "refusal"):
        return orjson.dumps(found).decode()
    raise unfit(where, f"Invalid part in '{where}': expected a type and what belongs to it.")


def _shape(body: Mapping[str, Any], flavour: Flavour, prompt: str) -> tuple[bool, Mapping[str, Any] | None]:
    wanted = as_object(body.get("response_format")) or {}
    kind = wanted.get("type", "text")
    if kind == "json_schema":
        named = as_object(wanted.get("json_schema")) or {}
        schema = as_object(named.get("schema"))
        if schema is None or not isinstance(named.get("name"), str):
            raise unfit("response_format", "Missing required parameter: 'response_format.json_schema'.")
        return True, schema
    if kind not in ("text", "json_object"):
        raise unfit("response_format", "Supported values are: 'json_object', 'json_schema' and 'text'.")
    if kind == "json_object" and flavour.json_word and "json" not in prompt.lower():
        raise unfit("messages", "'messages' must contain the word 'json' to use 'json_object'.")
    return kind == "json_object", None


def _cap(body: Mapping[str, Any]) -> int | None:
    cap = body.get("max_completion_tokens")
    return cap if cap is not None else body.get("max_tokens")


def _tools(body: Mapping[str, Any], question: str) -> tuple[ToolSpec, ...]:
    tools = [_tool_spec(tool, place) for place, tool in enumerate(as_array(body.get("tools")) or ())]
    choice = body.get("tool_choice") or "auto"
    if named := as_object(choice):
        name = (as_object(named.get("function")) or {}).get("name")
        chosen = next((tool for tool in tools if tool.name == name), None)
        if chosen is None:
            raise unfit("tool_choice", f"Tool choice '{name}' not found in 'tools' parameter.")
        return (chosen,)
    if choice not in {"auto", "none", "required", "any"}:
        raise unfit("tool_choice", "Supported values are: 'none', 'auto' and 'required'.")
    if choice in {"required", "any"} and not tools:
        raise unfit("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.")
    if choice == "none":
        return ()
    parallel = body.get("parallel_tool_calls") is not False
    return wanted_tools(tools, question, must=choice != "auto", parallel=parallel)


def _tool_spec(tool: Any, place: int) -> ToolSpec:
    function = as_object((as_object(tool) or {}).get("function")) or {}
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise unfit(
            f"tools.{place}.function.name", f"Missing required parameter: 'tools[{place}].function.name'."
        )
    parameters = as_object(function.get("parameters"))
    if parameters is None and function.get("parameters") is not None:
        raise unfit(f"tools.{place}.function.parameters", "Invalid schema for function: expected an object.")
    return ToolSpec(name, parameters or {"type": "object", "properties": {}})


def _is_choice(value: Any) -> bool:
    return isinstance(value, str | dict)


def _is_between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and low <= value <= high


def _is_cap(value: Any) -> bool:
    return is_integer(value) and value >= 1


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "max_completion_tokens": (_is_cap, "an integer from 1"),
    "max_tokens": (_is_cap, "an integer from 1"),
    "n": (lambda value: value == 1, "1: one answer is all this server gives"),
    "parallel_tool_calls": (_is(bool), "a boolean"),
    "random_seed": (is_integer, "an integer"),
    "response_format": (_is(dict), "an object"),
    "seed": (is_integer, "an integer"),
    "stop": (is_stop, "a text or a list of texts"),
    "stream": (_is(bool), "a boolean"),
    "stream_options": (_is(dict), "an object"),
    "temperature": (_is_between(0, 2), "a number from 0 to 2"),
    "tool_choice": (_is_choice, "a text or an object"),
    "tools": (_is(list), "an array of objects"),
    "top_p": (_is_between(0, 1), "a number from 0 to 1"),
}
