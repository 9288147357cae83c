"""The bodies that openapi.py names, as JSON schemas. Pure."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "number"}
WHOLE: Json = {"type": "integer"}
YES_NO: Json = {"type": "boolean"}
OBJECT: Json = {"type": "object"}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(kind: Json) -> Json:
    """It may be null."""
    return {"anyOf": [kind, {"type": "null"}]}


def many(kind: Json) -> Json:
    return {"type": "array", "items": kind}


def has(*more: str, **properties: Json) -> Json:
    """An object with these, and perhaps with those that `more` does not name as needed."""
    return {"type": "object", "required": [*more], "properties": properties}


def all_of(**properties: Json) -> Json:
    """An object with all of these."""
    return {"type": "object", "required": [*properties], "properties": properties}


_MESSAGE = has(
    "role",
    role={"enum": ["system", "developer", "user", "assistant", "tool"]},
    content=maybe({"anyOf": [TEXT, many(OBJECT)]}),
)
_REQUEST = has(
    "model", "messages",
    model={
        "type": "string", "pattern": r"[^\s,]", "maxLength": 2000,
        "description": "auto, auto:frugal, auto:fast, provider, provider/model, or several",
    },
    messages={"type": "array", "minItems": 1, "items": _MESSAGE},
    stream=maybe(YES_NO),
    stream_options=maybe(has(include_usage=YES_NO)),
    n=maybe({"type": "integer", "const": 1}),
    max_tokens=maybe(WHOLE),
    max_completion_tokens=maybe(WHOLE),
    temperature=maybe(NUMBER),
    top_p=maybe(NUMBER),
    stop=maybe({"anyOf": [TEXT, many(TEXT)]}),
    seed=maybe(WHOLE),
    tools=maybe(many(OBJECT)),
    tool_choice=maybe({"anyOf": [TEXT, OBJECT]}),
    response_format=maybe(OBJECT),
)  # fmt: skip
_COMPLETION = all_of(
    id=TEXT,
    object={"const": "chat.completion"},
    created=WHOLE,
    model=TEXT,
    choices=many(all_of(index=WHOLE, message=OBJECT, finish_reason=maybe(TEXT))),
    usage=all_of(prompt_tokens=WHOLE, completion_tokens=WHOLE, total_tokens=WHOLE),
)
_LIMIT = {
    "used": maybe(NUMBER),
    "left": maybe(NUMBER),
    "limit": maybe(NUMBER),
    "unit": maybe(TEXT),
    "window": maybe(TEXT),
    "reset": maybe(NUMBER),
}
_PROVIDER = all_of(
    name=TEXT,
    state=TEXT,
    reason=maybe(TEXT),
    local=YES_NO,
    available=YES_NO,
    lanes=WHOLE,
    lanes_available=WHOLE,
    **_LIMIT,
    limits=many(all_of(account=TEXT, model=maybe(TEXT), **_LIMIT)),
    cool_down=maybe(all_of(scope=TEXT, until=maybe(NUMBER), reason=TEXT, scopes=WHOLE)),
    last_error=maybe(all_of(at=NUMBER, lane=TEXT, kind=TEXT, status=maybe(WHOLE), message=TEXT)),
    last_answer=maybe(NUMBER),
)
_ENTRY = {
    "race_id": TEXT,
    "at": NUMBER,
    "policy": TEXT,
    "lanes": WHOLE,
    "deadline": NUMBER,
    "ending": maybe(TEXT),
    "abandoned": YES_NO,
    "latency": maybe(NUMBER),
    "winner": maybe(TEXT),
}
_BY_TOKEN = all_of(
    token=TEXT, requests=WHOLE, refused=WHOLE, in_flight=WHOLE, input_tokens=WHOLE, output_tokens=WHOLE
)

SCHEMAS: Json = {
    "Anything": OBJECT,
    "Error": all_of(error=all_of(message=TEXT, type=TEXT, param=maybe(TEXT), code=maybe(TEXT))),
    "OllamaError": all_of(error=TEXT),
    "AnthropicError": all_of(type={"const": "error"}, error=all_of(type=TEXT, message=TEXT)),
    "Status": all_of(status=TEXT),
    "ChatRequest": _REQUEST,
    "ChatCompletion": _COMPLETION,
    "Model": all_of(id=TEXT, object={"const": "model"}, created=WHOLE, owned_by=TEXT),
    "Models": all_of(object={"const": "list"}, data=many(ref("Model"))),
    "Health": all_of(
        status={"enum": ["ok", "degraded", "unavailable"]},
        at=NUMBER,
        store=all_of(available=YES_NO, fault=maybe(TEXT)),
        serving=maybe(
            all_of(provider=TEXT, lane=TEXT, local=YES_NO, fallback=YES_NO, since=maybe(NUMBER), at=NUMBER)
        ),
        lanes=WHOLE,
        lanes_available=WHOLE,
        providers=many(_PROVIDER),
    ),
    "Usage": all_of(
        at=NUMBER,
        since=NUMBER,
        limits=many(OBJECT),
        totals=many(OBJECT),
        tax=OBJECT,
        unforeseen=many(OBJECT),
        alerts=many(OBJECT),
        forecast=maybe(OBJECT),
        saved=maybe(OBJECT),
        by_token=many(_BY_TOKEN),
    ),
    "Races": all_of(
        at=NUMBER,
        races=many(all_of(**_ENTRY)),
        running=many(all_of(**_ENTRY, elapsed=NUMBER, attempts=many(OBJECT))),
    ),
    "Timeline": all_of(
        **_ENTRY,
        attempts=many(OBJECT),
        planned=many(OBJECT),
        not_started=many(OBJECT),
        skipped=many(OBJECT),
        counted_without_winning=OBJECT,
        tax=maybe(OBJECT),
        help=many(TEXT),
    ),
}
