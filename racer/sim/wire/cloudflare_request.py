"""Reading a request to run a model of Workers AI as strictly as Cloudflare does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.conversation import Said, conversation, wanted_tools
from racer.sim.exchange import Ask, Refusal, ToolSpec, Unfit
from racer.sim.json_value import as_array, as_object, is_integer, is_number
from racer.sim.wire.openai_request import read_body, read_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.exchange import Moment, Request

ROLES = ("system", "user", "assistant", "tool")
USUAL_CAP = 256


def unfit(message: str) -> Unfit:
    return Unfit(Refusal("bad_field", f"AiError: Bad input: Error: {message}"))


def read_ask(request: Request, moment: Moment, model: str) -> Ask:
    """Raises Unfit."""
    key = read_key(request, moment)
    if model not in moment.provider.models:
        raise Unfit(Refusal("no_model", subject=model))
    body = read_body(request.body)
    _check_fields(body, moment)
    messages = as_array(body.get("messages"))
    if not messages:
        raise unfit("required properties at '/' are 'messages'")
    talk = conversation([_said(message, place) for place, message in enumerate(messages)])
    is_json, schema = _shape(body)
    return Ask(
        model=model,
        prompt=talk.prompt,
        prefix=talk.prefix,
        onset="anew",
        broken=talk.broken,
        stream=body.get("stream") is True and _streams(model),
        key=key,
        max_tokens=body.get("max_tokens", USUAL_CAP),
        json=is_json,
        schema=schema,
        tools=_tools(body, talk.question),
        surface=surface_of(model),
    )


def surface_of(model: str) -> str:
    """The form of a model's answers: responses, openai, or native, which is Cloudflare's own."""
    return "responses" if "/gpt-oss" in model else "openai" if model.startswith("@cf/qwen/") else "native"


def _streams(model: str) -> bool:
    return surface_of(model) != "responses"


def _check_fields(body: Mapping[str, Any], moment: Moment) -> None:
    for name, value in body.items():
        if name not in FIELDS or name in moment.provider.refuses:
            raise Unfit(
                Refusal("unknown_field", f"AiError: Bad input: Error: unknown property '/{name}'", name)
            )
        if not FIELDS[name][0](value):
            raise unfit(f"Type mismatch of '/{name}', '{FIELDS[name][1]}' not in '{type(value).__name__}'")
    if body.get("stream") is True and body.get("response_format") is not None:
        raise unfit("JSON Mode does not support streaming")


def _said(message: Any, place: int) -> Said:
    found, where = as_object(message) or {}, f"/messages/{place}"
    role = found.get("role")
    if role not in ROLES:
        raise unfit(f"value of '{where}/role' is none of {', '.join(ROLES)}")
    return Said(_content(found.get("content"), where), str(role), plain=not as_array(found.get("tool_calls")))


def _content(content: Any, where: str) -> str:
    """A list of parts is taken for the sake of a picture alone."""
    if isinstance(content, str):
        return content
    parts = [as_object(part) or {} for part in as_array(content) or ()]
    images = [
        str((as_object(part.get("image_url")) or {}).get("url", "")) for part in parts if "image_url" in part
    ]
    if not images or not all(url.startswith("data:") for url in images):
        raise unfit(f"Type mismatch of '{where}/content', 'string' not in 'array'")
    return "\n".join([*(str(part["text"]) for part in parts if "text" in part), *images])


def _shape(body: Mapping[str, Any]) -> tuple[bool, Mapping[str, Any] | None]:
    wanted = as_object(body.get("response_format")) or {}
    if not wanted or wanted.get("type") == "json_object":
        return bool(wanted), None
    schema = as_object(wanted.get("json_schema"))
    if wanted.get("type") != "json_schema" or schema is None:
        raise unfit("value of '/response_format/type' is none of json_object, json_schema")
    return True, schema


def _tools(body: Mapping[str, Any], question: str) -> tuple[ToolSpec, ...]:
    tools = [_tool_spec(tool) for tool in as_array(body.get("tools")) or ()]
    choice = body.get("tool_choice", "auto")
    if choice not in {"auto", "none", "required"}:
        raise unfit(f"value of '/tool_choice' is {orjson.dumps(choice).decode():.40}")
    if choice == "none":
        return ()
    return wanted_tools(tools, question, must=choice == "required", parallel=False)


def _tool_spec(tool: Any) -> ToolSpec:
    found = as_object(tool) or {}
    function = as_object(found.get("function")) or found
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise unfit("required properties at '/tools/0/function' are 'name'")
    return ToolSpec(name, as_object(function.get("parameters")) or {"type": "object", "properties": {}})


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


def _is_cap(value: Any) -> bool:
    return is_integer(value) and value >= 1


FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "frequency_penalty": (is_number, "number"),
    "max_tokens": (_is_cap, "integer"),
    "messages": (_is(list), "array"),
    "presence_penalty": (is_number, "number"),
    "repetition_penalty": (is_number, "number"),
    "response_format": (_is(dict), "object"),
    "seed": (is_integer, "integer"),
    "stream": (_is(bool), "boolean"),
    "temperature": (is_number, "number"),
    "tool_choice": (_is(str), "string"),
    "tools": (_is(list), "array"),
    "top_k": (is_integer, "integer"),
    "top_p": (is_number, "number"),
}
