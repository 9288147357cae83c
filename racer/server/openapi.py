"""The routes of the server as OpenAPI 3.1 describes them, as plain data. Pure.

A body is described as far as clients need: where a format is somebody else's (OpenAI's, Ollama's,
Anthropic's), its own reference says the rest.
"""

from __future__ import annotations

from typing import Any

from racer.server.openapi_bodies import SCHEMAS

Json = dict[str, Any]

JSON = "application/json"
EVENTS = "text/event-stream"
LINES = "application/x-ndjson"
TEXT = "text/plain"
HTML = "text/html"

WHO = {
    "x-racer-provider": "who gave the answer; not there where a stream began before that was decided",
    "x-racer-race-id": "the race, for GET /api/races/{id}",
    "x-racer-lanes": "how many lanes ran",
}


def schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def body(name: str, kind: str = JSON) -> Json:
    return {kind: {"schema": schema(name)}}


def text(kind: str) -> Json:
    return {kind: {"schema": {"type": "string"}}}


def answer(description: str, content: Json, headers: dict[str, str] | None = None) -> Json:
    told = {
        name: {"description": says, "schema": {"type": "string"}} for name, says in (headers or {}).items()
    }
    return {"description": description, "content": content} | ({"headers": told} if told else {})


def refusals(name: str = "Error") -> Json:
    """`429` and `503` say when to come again."""
    again = {"retry-after": "seconds until it is worth another try"}
    return {
        "429": answer("too much is asked at once, or every limit is used up", body(name), again),
        "503": answer("nobody can answer now, or the server ends", body(name), again),
        "default": answer("what is wrong, with a true status", body(name)),
    }


def operation(id_: str, summary: str, responses: Json, **more: Any) -> Json:
    return {"operationId": id_, "summary": summary, **more, "responses": responses}


def asked(id_: str, summary: str, request: str, content: Json, errors: str = "Error") -> Json:
    """A question to the lanes, in the form of one family of clients."""
    responses = {"200": answer("the answer, whole or streamed", content, WHO), **refusals(errors)}
    return operation(
        id_, summary, responses, tags=["races"], requestBody={"required": True, "content": body(request)}
    )


def shown(
    id_: str, summary: str, content: Json, *, parameters: list[Json] | None = None, errors: str = "Error"
) -> Json:
    responses = {"200": answer("as it is now", content), **refusals(errors)}
    more: Json = {"parameters": parameters} if parameters else {}
    return operation(id_, summary, responses, tags=["figures"], **more)


def told(id_: str, summary: str, errors: str) -> Json:
    """A page that is asked with a body, and asks no lane."""
    given = {"required": True, "content": body("Anything")}
    return shown(id_, summary, body("Anything"), errors=errors) | {"requestBody": given}


def page(id_: str, summary: str, content: Json, **more: Any) -> Json:
    """To be had without a token."""
    responses = {"200": answer("as it is", content), **refusals()}
    return operation(id_, summary, responses, tags=["dashboard"], security=[], **more)


def probe(id_: str, summary: str) -> Json:
    responses = {
        "200": answer("yes", body("Status")),
        "503": answer("no", body("Status"), {"retry-after": "seconds"}),
        "default": answer("what is wrong", body("Error")),
    }
    return operation(id_, summary, responses, tags=["probes"], security=[])


def query(name: str, description: str, **kind: Any) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": kind}


def in_path(name: str, description: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
    }


_FLAG: Json = {"type": "string", "enum": ["1", "0", "true", "false", "yes", "no"]}
_WHEN = r"^([1-9][0-9]{0,2}[smhdw]|20[0-9]{2}-[0-9]{2}-[0-9]{2})$"
_USAGE = [
    query(
        "since", "for sums, race tax, alerts and savings: 24h, 7d, or a date", type="string", pattern=_WHEN
    ),
    query("forecast", "how long what is left will last", **_FLAG),
    query(
        "tokens_per_day",
        "the forecast for so many tokens a day",
        type="number",
        exclusiveMinimum=0,
        maximum=1e15,
    ),
    query("saved", "what it would have cost by list prices", **_FLAG),
]
_LAST_SEEN: Json = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "the id of the last event that was seen: what came after it is sent first",
    "schema": {"type": "string"},
}
_HEALTH = operation(
    "health",
    "Who is available, what is left, who rests, what went wrong last",
    {
        "200": answer("one lane at least is available", body("Health")),
        "503": answer("none is", body("Health"), {"retry-after": "seconds until the first one is"}),
        "default": answer("what is wrong", body("Error")),
    },
    tags=["probes"],
)

# By path, as app.py has it but for names in braces where it has a star.
PATHS: Json = {
    "/v1/chat/completions": {
        "post": asked(
            "chat_completions",
            "OpenAI's chat completions",
            "ChatRequest",
            body("ChatCompletion") | text(EVENTS),
        )
    },
    "/v1/models": {"get": shown("models", "What `model` can be", body("Models"))},
    "/v1/models/{model}": {
        "get": shown(
            "model",
            "One of them",
            body("Model"),
            parameters=[in_path("model", "its name; a slash in it may stand as it is")],
        )
    },
    "/api/chat": {
        "post": asked(
            "ollama_chat", "Ollama's chat", "Anything", body("Anything") | text(LINES), errors="OllamaError"
        )
    },
    "/api/tags": {
        "get": shown(
            "ollama_tags",
            "What `model` can be, as Ollama lists it",
            body("Anything"),
            errors="OllamaError",
        )
    },
    "/api/show": {"post": told("ollama_show", "What one of them can do", errors="OllamaError")},
    "/api/version": {
        "get": shown(
            "ollama_version",
            "The version of Ollama whose pages these are like",
            body("Anything"),
            errors="OllamaError",
        )
    },
    "/v1/messages": {
        "post": asked(
            "messages",
            "Anthropic's messages",
            "Anything",
            body("Anything") | text(EVENTS),
            errors="AnthropicError",
        )
    },
    "/v1/messages/count_tokens": {
        "post": told("count_tokens", "About how many tokens a question has", errors="AnthropicError")
    },
    "/api/health": {"get": _HEALTH},
    "/api/usage": {
        "get": shown("usage", "What `racer usage --json` prints", body("Usage"), parameters=_USAGE)
    },
    "/api/races": {
        "get": shown(
            "races",
            "The last races, and those under way",
            body("Races"),
            parameters=[query("limit", "how many", type="integer", minimum=1, maximum=500, default=50)],
        )
    },
    "/api/races/{id}": {
        "get": shown(
            "race",
            "What `racer why --json` prints",
            body("Timeline"),
            parameters=[in_path("id", "the id of a race, the beginning of one, or last")],
        )
    },
    "/api/events": {
        "get": shown(
            "events",
            "Races as they run, until the reader leaves",
            text(EVENTS),
            parameters=[query("race", "the id of the only race to hear of", type="string"), _LAST_SEEN],
        )
    },
    "/livez": {"get": probe("livez", "Does the server live?")},
    "/readyz": {"get": probe("readyz", "Is there a lane at all, and is the server not about to end?")},
    "/metrics": {"get": shown("metrics", "Figures in the format of Prometheus", text(TEXT))},
    "/openapi.json": {"get": shown("openapi", "This description", body("Anything"))},
    "/": {"get": page("dashboard", "The dashboard", text(HTML))},
    "/assets/{name}": {
        "get": page(
            "asset",
            "A file of the dashboard",
            text("text/css") | text("text/javascript") | text("image/svg+xml"),
            parameters=[in_path("name", "its name")],
        )
    },
}

_DESCRIPTION = """\
One address for every tool that speaks OpenAI, Ollama or Anthropic: each question is a race of several lanes,
and the first valid reply is the answer. Without tokens the server answers its own machine alone."""

DOCUMENT: Json = {
    "openapi": "3.1.0",
    "info": {
        "title": "racer",
        "version": "1",
        "description": _DESCRIPTION,
        "license": {"name": "MIT", "identifier": "MIT"},
    },
    "tags": [
        {"name": "races", "description": "Questions"},
        {"name": "figures", "description": "What is used, and how races went"},
        {"name": "dashboard", "description": "The page at /, and its files"},
        {"name": "probes", "description": "How the server is"},
    ],
    "security": [{"bearer": []}, {"key": []}, {}],
    "paths": PATHS,
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        },
    },
}
