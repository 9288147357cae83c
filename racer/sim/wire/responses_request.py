"""Reading a request of Perplexity's Agent API; what OpenAI's client sends for its Responses fits it too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.sim.conversation import Said, conversation, wanted_tools
from racer.sim.exchange import Ask, Refusal, ToolSpec, Unfit
from racer.sim.json_value import as_array, as_object, is_integer, is_number
from racer.sim.wire.openai_request import read_body, read_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.exchange import Moment, Request

ROLES = ("system", "developer", "user", "assistant")
# What an item holds in words, by its type.
TEXTS = {"message": "content", "function_call": "arguments", "function_call_output": "output"}
# The tools that they run themselves, without asking back.
OWN_TOOLS = frozenset({"web_search", "fetch_url", "people_search", "finance_search", "sandbox", "mcp"})


def unfit(subject: str, message: str) -> Unfit:
    return Unfit(Refusal("bad_field", f"validation failed: {message}", subject))


def read_ask(request: Request, moment: Moment) -> Ask:
    """Raises Unfit."""
    key = read_key(request, moment)
    body = read_body(request.body)
    _check_fields(body, moment)
    said = [Said(str(body["instructions"]), "system")] if body.get("instructions") else []
    talk = conversation([*said, *_input(body.get("input"))])
    is_json, schema = _shape(body)
    return Ask(
        model=_model(body, moment),
        prompt=talk.prompt,
        prefix=talk.prefix,
        onset="anew",
        broken=talk.broken,
        stream=body.get("stream") is True,
        key=key,
        max_tokens=body.get("max_output_tokens"),
        json=is_json,
        schema=schema,
        tools=_tools(body, talk.question),
    )


def _check_fields(body: Mapping[str, Any], moment: Moment) -> None:
    for name, value in body.items():
        if name not in FIELDS or name in moment.provider.refuses:
            raise Unfit(Refusal("unknown_field", subject=name))
        if value is not None and not FIELDS[name][0](value):
            raise unfit(name, f"{name} must be {FIELDS[name][1]}")


def _model(body: Mapping[str, Any], moment: Moment) -> str:
    """A preset or a chain of models stands for a model."""
    chain = as_array(body.get("models")) or [body.get("model")]
    model = chain[0]
    if model is None and (body.get("preset") or body.get("effort")):
        return moment.provider.models[0]
    if not isinstance(model, str) or not model:
        raise unfit("model", "one of model, models or preset is required")
    if model not in moment.provider.models:
        raise Unfit(Refusal("no_model", subject=model))
    return model


def _input(given: Any) -> list[Said]:
    if isinstance(given, str) and given:
        return [Said(given, "user")]
    items = as_array(given)
    if not items:
        raise unfit("input", "input must be a text or a list of items, and not be empty")
    return [_item(as_object(item) or {}, place) for place, item in enumerate(items)]


def _item(item: Mapping[str, Any], place: int) -> Said:
    kind = item.get("type", "message")
    if kind == "reasoning":
        return Said("", "assistant", plain=False)
    if not isinstance(kind, str) or kind not in TEXTS:
        raise unfit("input", f"input[{place}] has an unknown type: {kind}")
    if kind != "message":
        text = item.get(TEXTS[kind])
        if not isinstance(text, str) or not isinstance(item.get("call_id"), str):
            raise unfit("input", f"input[{place}] must have a call_id and {TEXTS[kind]}")
        return Said(text, "assistant" if kind == "function_call" else "tool", plain=False)
    if not isinstance(item.get("role"), str) or item["role"] not in ROLES:
        raise unfit("input", f"input[{place}].role must be one of {', '.join(ROLES)}")
    return Said(_content(item.get("content"), place), str(item["role"]))


def _content(content: Any, place: int) -> str:
    if isinstance(content, str):
        return content
    parts = as_array(content)
    if parts is None:
        raise unfit("input", f"input[{place}].content must be a text or a list of parts")
    return "\n".join(_part(as_object(part) or {}, place) for part in parts)


def _part(part: Mapping[str, Any], place: int) -> str:
    for kind, name in (("input_text", "text"), ("output_text", "text"), ("input_image", "image_url")):
        if part.get("type") == kind and isinstance(text := part.get(name), str):
            return text
    raise unfit("input", f"input[{place}].content has a part of an unknown type")


def _shape(body: Mapping[str, Any]) -> tuple[bool, Mapping[str, Any] | None]:
    """Perplexity's `response_format`, or OpenAI's `text.format`, which has the schema one step higher."""
    theirs, other = as_object(body.get("response_format")), (as_object(body.get("text")) or {}).get("format")
    wanted = theirs or as_object(other) or {"type": "text"}
    if wanted.get("type") == "text" or (wanted.get("type") == "json_object" and not theirs):
        return wanted.get("type") == "json_object", None
    form = as_object(wanted.get("json_schema")) if theirs else wanted
    schema = as_object((form or {}).get("schema"))
    if wanted.get("type") != "json_schema" or schema is None or not isinstance((form or {}).get("name"), str):
        raise unfit("response_format", "response_format must be a json_schema with name and schema")
    return True, schema


def _tools(body: Mapping[str, Any], question: str) -> tuple[ToolSpec, ...]:
    given = [as_object(tool) or {} for tool in as_array(body.get("tools")) or ()]
    tools = [_tool_spec(tool, place) for place, tool in enumerate(given) if tool.get("type") not in OWN_TOOLS]
    choice = body.get("tool_choice") or "auto"
    if named := as_object(choice):
        chosen = next((tool for tool in tools if tool.name == named.get("name")), None)
        if chosen is None:
            raise unfit("tool_choice", "tool_choice names a tool that is not among the tools")
        return (chosen,)
    return () if choice == "none" else wanted_tools(tools, question, must=choice != "auto", parallel=False)


def _tool_spec(tool: Mapping[str, Any], place: int) -> ToolSpec:
    name, parameters = tool.get("name"), tool.get("parameters")
    if tool.get("type") != "function" or not isinstance(name, str) or not name:
        raise unfit("tools", f"tools[{place}] must be a function with a name")
    return ToolSpec(name, as_object(parameters) or {"type": "object", "properties": {}})


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds)


def _is_between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and low <= value <= high


def _is_count(value: Any) -> bool:
    return is_integer(value) and value >= 1


FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "background": (_is(bool), "true or false"),
    "effort": (_is(str), "a text"),
    "input": (_is(str, list), "a text or a list of items"),
    "instructions": (_is(str), "a text"),
    "language_preference": (_is(str), "a text"),
    "max_output_tokens": (_is_count, "at least 1"),
    "max_steps": (_is_count, "at least 1"),
    "model": (_is(str), "a text"),
    "models": (_is(list), "a list of models"),
    "preset": (_is(str), "a text"),
    "previous_response_id": (_is(str), "a text"),
    "prompt_cache_key": (_is(str), "a text"),
    "reasoning": (_is(dict), "an object"),
    "response_format": (_is(dict), "an object"),
    "service_tier": (_is(str), "a text"),
    "store": (_is(bool), "true or false"),
    "stream": (_is(bool), "true or false"),
    "temperature": (_is_between(0, 2), "between 0 and 2"),
    "text": (_is(dict), "an object"),
    "tool_choice": (_is(str, dict), "auto, none, required or a function"),
    "tools": (_is(list), "a list of tools"),
    "top_p": (_is_between(0, 1), "between 0 and 1"),
}
