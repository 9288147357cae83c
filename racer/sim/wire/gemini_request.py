"""Reading a request of the Gemini API as strictly as Google does: fields, turns, tools and signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from racer.sim.conversation import conversation, wanted_tools
from racer.sim.exchange import Ask, Refusal, ToolSpec, Unfit
from racer.sim.json_value import as_array, as_object, is_integer, is_number
from racer.sim.wire.gemini_turns import check_turns, read_system, read_turns
from racer.sim.wire.openai_request import read_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer.sim.exchange import Moment, Request

FIELDS = frozenset(
    {
        "cachedContent", "contents", "generationConfig", "safetySettings", "serviceTier", "store",
        "systemInstruction", "toolConfig", "tools",
    }
)  # fmt: skip
MOST_STOPS = 5
MODES = ("ANY", "VALIDATED", "AUTO", "NONE")  # the first two may name tools
FREE = frozenset({"args", "parameters", "parametersJsonSchema", "response", "responseJsonSchema"})


def unfit(message: str, subject: str = "") -> Unfit:
    return Unfit(Refusal("bad_field", message, subject))


def read_key(request: Request, moment: Moment) -> str | None:
    """From the header or the address. Raises Unfit where there is a list of keys and this is not on it."""
    key = request.headers.get("x-goog-api-key", "") or "".join(parse_qs(request.query).get("key", ()))
    allowed = moment.provider.keys
    if allowed is not None and key not in allowed:
        raise Unfit(Refusal("bad_key" if key else "no_key"))
    return key or None


def read_ask(request: Request, moment: Moment, model: str, *, stream: bool) -> Ask:
    """Raises Unfit."""
    key = read_key(request, moment)
    body = spelled(read_body(request.body))
    _check_fields(body, FIELDS, moment.provider.refuses)
    if model not in moment.provider.models:
        raise Unfit(Refusal("no_model", subject=model))
    contents = as_array(body.get("contents")) or []
    if not contents:
        raise unfit("* GenerateContentRequest.contents: contents is not specified")
    check_turns(contents, signed=not model.startswith(("gemini-1", "gemini-2", "gemma-")))
    talk = conversation([*read_system(body.get("systemInstruction"), model), *read_turns(contents)])
    config = _config(body.get("generationConfig"), moment)
    is_json, schema = _form(config, model)
    thinking = as_object(config.get("thinkingConfig")) or {}
    return Ask(
        model=model,
        prompt=talk.prompt,
        prefix=talk.prefix,
        broken=talk.broken,
        stream=stream,
        key=key,
        max_tokens=config.get("maxOutputTokens"),
        stop=tuple(as_array(config.get("stopSequences")) or ()),
        json=is_json,
        schema=schema,
        tools=_tools(body, talk.question),
        reasoning=thinking.get("thinkingBudget") != 0,
        thoughts=thinking.get("includeThoughts") is True,
        surface="events" if "alt=sse" in request.query.split("&") else "array",
    )


def spelled(found: Any) -> Any:
    """With one spelling for every name: Google takes snake_case too, and its own client mixes the two.

    What the caller made up is left as it is.
    """
    if isinstance(found, list):
        return [spelled(item) for item in as_array(found) or ()]
    fields = as_object(found)
    if fields is None:
        return found
    named = {_camel(name): value for name, value in fields.items()}
    return {name: value if name in FREE else spelled(value) for name, value in named.items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _check_fields(
    fields: Mapping[str, Any], known: frozenset[str], refused: frozenset[str], place: str = ""
) -> None:
    at = f" at '{place}'" if place else ""
    for name in fields:
        if name not in known or name in refused:
            raise Unfit(
                Refusal(
                    "unknown_field",
                    f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.',
                    name,
                )
            )


def _config(found: Any, moment: Moment) -> dict[str, Any]:
    config = as_object(found)
    if config is None:
        if found is not None:
            raise unfit("Invalid value at 'generation_config'", "generationConfig")
        return {}
    _check_fields(config, frozenset(CONFIG), moment.provider.refuses, "generation_config")
    for name, value in config.items():
        if not CONFIG[name](value):
            raise unfit(f"Invalid value at 'generation_config.{name}', {value!r:.40}", name)
    return config


def _form(config: Mapping[str, Any], model: str) -> tuple[bool, Mapping[str, Any] | None]:
    is_json = config.get("responseMimeType") == "application/json"
    if is_json and model.startswith("gemma-3"):
        raise unfit(f"JSON mode is not enabled for models/{model}")
    schema = as_object(config.get("responseJsonSchema"))
    if schema is not None and not is_json:
        raise unfit("* GenerateContentRequest.generation_config.response_json_schema: only for JSON")
    return is_json, schema


def _tools(body: Mapping[str, Any], question: str) -> tuple[ToolSpec, ...]:
    tools = [_declared(found) for tool in _objects(body.get("tools")) for found in _functions(tool)]
    choice = as_object((as_object(body.get("toolConfig")) or {}).get("functionCallingConfig")) or {}
    mode, names = choice.get("mode", "AUTO"), as_array(choice.get("allowedFunctionNames"))
    if mode not in MODES:
        raise unfit(f"Invalid value at 'tool_config.function_calling_config.mode', {mode!r:.40}")
    if names and mode not in MODES[:2]:
        raise unfit("allowed_function_names should only be set when the function calling mode is ANY")
    if mode == "ANY" and not tools:
        raise unfit("Function calling mode is set to ANY but no function declarations are provided")
    allowed = [tool for tool in tools if names is None or tool.name in names]
    if names and not allowed:
        raise unfit(f"allowed_function_names: {names!r:.40} not found in function declarations")
    return () if mode == "NONE" else wanted_tools(allowed, question, must=mode == "ANY")


def _objects(found: Any) -> Sequence[dict[str, Any]]:
    return [as_object(item) or {} for item in as_array(found) or ()]


def _functions(tool: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    return _objects(tool.get("functionDeclarations"))


def _declared(found: Mapping[str, Any]) -> ToolSpec:
    name = found.get("name")
    if not isinstance(name, str) or not name:
        raise unfit("* GenerateContentRequest.tools.function_declarations.name: Invalid function name")
    parameters = as_object(found.get("parametersJsonSchema")) or as_object(found.get("parameters"))
    return ToolSpec(name, parameters or {"type": "object", "properties": {}})


def _is_between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and low <= value <= high


def _is_cap(value: Any) -> bool:
    return is_integer(value) and value >= 1


def _are_stops(value: Any) -> bool:
    texts = as_array(value)
    return texts is not None and len(texts) <= MOST_STOPS and all(isinstance(text, str) for text in texts)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


CONFIG: Mapping[str, Callable[[Any], bool]] = {
    "candidateCount": lambda value: value == 1,
    "maxOutputTokens": _is_cap,
    "responseJsonSchema": _is_object,
    "responseMimeType": _is_text,
    "seed": is_integer,
    "stopSequences": _are_stops,
    "temperature": _is_between(0, 2),
    "thinkingConfig": _is_object,
    "topK": _is_cap,
    "topP": _is_between(0, 1),
}
