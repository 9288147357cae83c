"""Reading a request of Anthropic's Messages: key, version and fields, as strictly as they do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from racer.sim.conversation import conversation, wanted_tools
from racer.sim.exchange import Ask, Refusal, ToolSpec, Unfit
from racer.sim.json_value import as_array, as_object, is_integer, is_number
from racer.sim.wire.anthropic_turns import read_messages, read_system, unfit
from racer.sim.wire.openai_request import read_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from racer.sim.exchange import Moment, Request

OLD, NEW = "2023-06-01", "2026-10-21"
VERSIONED = re.compile(r"claude-[a-z]+-(\d)-(\d)(?!\d)")
WITHOUT_PREFIX = (4, 6)
UNBEGUN = (
    "This model does not support assistant message prefill. The conversation must end with a user message."
)
SAMPLING = ("temperature", "top_p", "top_k")
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
DEEPEST = 32
KEYWORDS = frozenset(
    {
        "type", "title", "description", "enum", "const", "default", "properties", "required", "items",
        "additionalProperties", "anyOf", "allOf", "$ref", "$defs", "definitions", "format", "minItems",
    }
)  # fmt: skip


def read_key(request: Request, moment: Moment) -> str | None:
    """From either header. Raises Unfit where the provider has a list of keys and this is not on it."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    key = request.headers.get("x-api-key", "") or (token.strip() if scheme.lower() == "bearer" else "")
    allowed = moment.provider.keys
    if allowed is not None and key not in allowed:
        raise Unfit(Refusal("bad_key" if key else "no_key"))
    return key or None


def read_ask(request: Request, moment: Moment) -> Ask:
    """Raises Unfit."""
    key = read_key(request, moment)
    version = _version(request)
    body = read_body(request.body)
    _check_fields(body, version, moment)
    model = _model(body, moment)
    system = read_system(body.get("system"))
    talk = conversation([*system, *read_messages(body.get("messages"))])
    if talk.prefix:
        _check_prefix(talk.prefix, model)
    schema = _schema(body)
    return Ask(
        model=model,
        prompt=talk.prompt,
        prefix=talk.prefix,
        broken=talk.broken,
        stream=body.get("stream") is True,
        key=key,
        max_tokens=body["max_tokens"],
        stop=tuple(as_array(body.get("stop_sequences")) or ()),
        # A model that is told to write JSON does; there is no other way to ask for any object.
        json=schema is not None or any("json" in said.text.lower() for said in system),
        schema=schema,
        tools=_tools(body, talk.question),
        reasoning=(as_object(body.get("thinking")) or {}).get("type") != "disabled",
    )


def _check_prefix(prefix: str, model: str) -> None:
    """An answer may be begun by the caller, but not with a blank at its end, and not of the newer models."""
    named = VERSIONED.match(model)
    if named is not None and (int(named[1]), int(named[2])) >= WITHOUT_PREFIX:
        raise unfit("messages", UNBEGUN)
    if prefix[-1].isspace():
        raise unfit("messages", "final assistant content cannot end with trailing whitespace")


def _version(request: Request) -> str:
    version = request.headers.get("anthropic-version", "")
    if not version:
        raise unfit("anthropic-version", "header is required")
    if version not in {OLD, NEW}:
        raise unfit("anthropic-version", f'"{version}" is not a valid version')
    return version


def _check_fields(body: Mapping[str, Any], version: str, moment: Moment) -> None:
    for name, value in body.items():
        gone = version == NEW and name in SAMPLING
        if name not in FIELDS or gone or name in moment.provider.refuses:
            raise Unfit(Refusal("unknown_field", f"{name}: Extra inputs are not permitted", name))
        if not FIELDS[name][0](value):
            raise unfit(name, f"Input should be {FIELDS[name][1]}")
    if "max_tokens" not in body:
        raise unfit("max_tokens", "Field required")


def _model(body: Mapping[str, Any], moment: Moment) -> str:
    model = str(body.get("model", ""))
    if not model:
        raise unfit("model", "Field required")
    if model not in moment.provider.models:
        raise Unfit(Refusal("no_model", subject=model))
    return model


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    wanted = (as_object(body.get("output_config")) or {}).get("format")
    if wanted is None:
        return None
    form = as_object(wanted) or {}
    schema = as_object(form.get("schema"))
    if form.get("type") != "json_schema" or schema is None:
        raise unfit("output_config.format", "Input should be a JSON schema format")
    _check_schema(schema, 0)
    return schema


def _check_schema(part: Mapping[str, Any], depth: int) -> None:
    """Objects are closed, and only some keywords are known."""
    place, kind = "output_config.format.schema", part.get("type")
    if depth > DEEPEST:
        raise unfit(place, "Schema is too complex")
    for name, value in part.items():
        odd = (name == "format" and value not in FORMATS) or (name == "minItems" and value not in (0, 1))
        if name not in KEYWORDS or odd:
            raise unfit(place, f"For '{kind}' type, property '{name}' is not supported")
    if kind == "object" and part.get("additionalProperties") is not False:
        raise unfit(place, "For 'object' type, 'additionalProperties' must be explicitly set to false")
    for below in _below(part):
        if (schema := as_object(below)) is not None:
            _check_schema(schema, depth + 1)


def _below(part: Mapping[str, Any]) -> Iterator[Any]:
    for name in ("properties", "$defs", "definitions"):
        yield from (as_object(part.get(name)) or {}).values()
    for name in ("anyOf", "allOf"):
        yield from as_array(part.get(name)) or ()
    yield part.get("items")


def _tools(body: Mapping[str, Any], question: str) -> tuple[ToolSpec, ...]:
    tools = [_tool_spec(tool, n) for n, tool in enumerate(as_array(body.get("tools")) or ())]
    choice = as_object(body.get("tool_choice")) or {"type": "auto"}
    kind = choice.get("type")
    if kind not in ("auto", "any", "tool", "none"):
        raise unfit("tool_choice", f"Input tag '{kind}' does not match any of the expected tags")
    if kind in ("any", "tool") and not tools:
        raise unfit("tool_choice", "tool_choice may only be specified while providing tools")
    if kind == "tool":
        chosen = next((tool for tool in tools if tool.name == choice.get("name")), None)
        if chosen is None:
            raise unfit("tool_choice", f"Tool '{choice.get('name')}' not found in provided tools")
        return (chosen,)
    if kind == "none":
        return ()
    parallel = choice.get("disable_parallel_tool_use") is not True
    return wanted_tools(tools, question, must=kind == "any", parallel=parallel)


def _tool_spec(tool: Any, place: int) -> ToolSpec:
    found = as_object(tool) or {}
    schema = as_object(found.get("input_schema")) or {}
    if not isinstance(found.get("name"), str):
        raise unfit(f"tools.{place}.name", "Field required")
    if schema.get("type") != "object":
        raise unfit(f"tools.{place}.input_schema.type", "Field required")
    return ToolSpec(found["name"], schema)


def _is_stops(value: Any) -> bool:
    stops = as_array(value)
    return stops is not None and all(isinstance(stop, str) and stop.strip() for stop in stops)


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "max_tokens": (lambda value: is_integer(value) and value >= 1, "greater than or equal to 1"),
    "messages": (_is(list), "a valid array"),
    "metadata": (_is(dict), "an object"),
    "model": (_is(str), "a valid string"),
    "output_config": (_is(dict), "an object"),
    "service_tier": (_is(str), "a valid string"),
    "stop_sequences": (_is_stops, "an array whose sequences each contain non-whitespace"),
    "stream": (_is(bool), "a valid boolean"),
    "system": (_is(str, list), "a valid string or array"),
    "temperature": (_is_share, "between 0 and 1"),
    "thinking": (_is(dict), "an object"),
    "tool_choice": (_is(dict), "an object"),
    "tools": (_is(list), "a valid array"),
    "top_k": (is_integer, "a valid integer"),
    "top_p": (_is_share, "between 0 and 1"),
}
