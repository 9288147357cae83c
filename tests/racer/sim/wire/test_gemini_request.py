"""Requests of the Gemini API: what is understood, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given

from racer.sim.exchange import Ask, Refusal, Request, ToolSpec
from racer.sim.json_value import as_object
from racer.sim.profile import Provider
from racer.sim.wire import gemini
from racer.sim.wire.gemini_request import CONFIG, spelled
from tests.racer.sim.bodies import JSON, nearly, schemas, some
from tests.racer.sim.scenes import KEY, moment, read_ask, read_refusal

GEMINI = Provider("gemini", dialect="gemini", models=("m", "gemma-3-1b"))
HI = [{"role": "user", "parts": [{"text": "hi"}]}]
SCHEMA = {"type": "object", "properties": {"a_b": {"type": "string"}}}
TOOLS = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}, {"name": "g"}]}]
F, G = ToolSpec("f", SCHEMA), ToolSpec("g", {"type": "object", "properties": {}})


def post(method: str = "generateContent", *, query: str = "", key: str = "", **fields: Any) -> Request:
    """A question; `fields` replace those of a good body."""
    headers = {"x-goog-api-key": key} if key else {}
    body = orjson.dumps({"contents": HI, **fields})
    return Request("POST", f"/v1beta/models/{fields.pop('model', 'm')}:{method}", headers, body, query)


def asked(**config: Any) -> Ask:
    return read_ask(gemini.WIRE, post(generationConfig=config), GEMINI)


def test_a_plain_question() -> None:
    """Model and words; thoughts are kept to itself."""
    assert read_ask(gemini.WIRE, post(), GEMINI) == Ask(
        model="m", prompt="hi", stream=False, thoughts=False, surface="array"
    )


def test_every_option_is_read() -> None:
    """What has a meaning here ends up in the Ask."""
    config = {
        "maxOutputTokens": 5, "stopSequences": ["END"], "seed": 1, "temperature": 0.5, "topP": 1, "topK": 40,
        "candidateCount": 1, "responseMimeType": "application/json", "responseJsonSchema": SCHEMA,
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 0},
    }  # fmt: skip
    request = post("streamGenerateContent", query="alt=sse", key=KEY, generationConfig=config, tools=TOOLS)

    assert read_ask(gemini.WIRE, request, GEMINI) == Ask(
        model="m",
        prompt="hi",
        stream=True,
        key=KEY,
        max_tokens=5,
        stop=("END",),
        json=True,
        schema=SCHEMA,
        reasoning=False,
        thoughts=True,
        surface="events",
    )


@pytest.mark.parametrize(
    ("query", "surface"), [("alt=sse", "events"), ("alt=json&x=1", "array"), ("", "array")]
)
def test_the_address_tells_how_to_stream(query: str, surface: str) -> None:
    """As events only where alt=sse says so."""
    assert read_ask(gemini.WIRE, post("streamGenerateContent", query=query), GEMINI).surface == surface


def test_both_spellings_are_one() -> None:
    """Names of fields in either; what the caller made up stays as it is."""
    found = {
        "generation_config": [{"top_p": 1}],
        "args": {"a_b": 1},
        "parameters_json_schema": SCHEMA,
        "x": 7,
    }

    assert spelled(found) == {
        "generationConfig": [{"topP": 1}],
        "args": {"a_b": 1},
        "parametersJsonSchema": SCHEMA,
        "x": 7,
    }


def test_the_system_instruction_is_part_of_the_prompt() -> None:
    """Before the turns, as in every dialect."""
    ask = read_ask(gemini.WIRE, post(systemInstruction={"parts": [{"text": "Be brief."}]}), GEMINI)

    assert ask.prompt == "Be brief.\nhi"


CHOICES: list[tuple[dict[str, Any], str, ToolSpec | None]] = [
    ({}, "hi", None),
    ({}, "use g", G),
    ({"mode": "AUTO"}, "use f", F),
    ({"mode": "VALIDATED"}, "use f", F),
    ({"mode": "NONE"}, "use f", None),
    ({"mode": "ANY"}, "hi", F),
    ({"mode": "ANY"}, "use g", G),
    ({"mode": "ANY", "allowedFunctionNames": ["g"]}, "use f", G),
    ({"mode": "VALIDATED", "allowedFunctionNames": ["g"]}, "use f", None),
]


@pytest.mark.parametrize(("choice", "words", "tool"), CHOICES)
def test_the_choice_of_tools(choice: dict[str, Any], words: str, tool: ToolSpec | None) -> None:
    """A model free to choose calls the tool that the question names."""
    turns = [{"parts": [{"text": words}]}]
    request = post(contents=turns, tools=TOOLS, toolConfig={"functionCallingConfig": choice})

    assert read_ask(gemini.WIRE, request, GEMINI).tools == ((tool,) if tool else ())


def forced(**choice: Any) -> dict[str, Any]:
    return {"toolConfig": {"functionCallingConfig": choice}, "tools": TOOLS}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no contents": ({"contents": []}, "contents is not specified"),
    "contents of another type": ({"contents": 7}, "contents is not specified"),
    "a config of another type": ({"generationConfig": 7}, "Invalid value at 'generation_config'"),
    "a cap of zero": ({"generationConfig": {"maxOutputTokens": 0}}, "'generation_config.maxOutputTokens', 0"),
    "too hot": ({"generationConfig": {"temperature": 3}}, "'generation_config.temperature', 3"),
    "six stops": ({"generationConfig": {"stopSequences": ["a"] * 6}}, "stopSequences"),
    "a stop that is no text": ({"generationConfig": {"stopSequences": [7]}}, "stopSequences"),
    "two candidates": ({"generationConfig": {"candidateCount": 2}}, "candidateCount"),
    "a schema without JSON": ({"generationConfig": {"responseJsonSchema": SCHEMA}}, "only for JSON"),
    "an unknown mode": (forced(mode="SOMETIMES"), "Invalid value at 'tool_config"),
    "names without need": (forced(mode="AUTO", allowedFunctionNames=["f"]), "only be set when"),
    "names of no tool": (
        forced(mode="ANY", allowedFunctionNames=["x"]),
        "not found in function declarations",
    ),
    "forced without tools": (forced(mode="ANY") | {"tools": []}, "no function declarations are provided"),
    "a tool without a name": ({"tools": [{"functionDeclarations": [{}]}]}, "Invalid function name"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_fields(name: str) -> None:
    """With words that name the field."""
    fields, words = REFUSED[name]
    refusal = read_refusal(gemini.WIRE, post(**fields), GEMINI)

    assert refusal.why == "bad_field"
    assert words in refusal.message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": []}, 'Unknown name "messages": Cannot find field.'),
        ({"generationConfig": {"max_tokens": 5}}, "Unknown name \"maxTokens\" at 'generation_config'"),
    ],
)
def test_unknown_fields(fields: dict[str, Any], words: str) -> None:
    """Google knows every name, and takes no other."""
    refusal = read_refusal(gemini.WIRE, post(**fields), GEMINI)

    assert refusal.why == "unknown_field"
    assert words in refusal.message


def test_fields_that_this_provider_refuses() -> None:
    """As its profile says."""
    picky = Provider("gemini", dialect="gemini", models=("m",), refuses=frozenset({"seed"}))
    refusal = read_refusal(gemini.WIRE, post(generationConfig={"seed": 1}), picky)

    assert (refusal.why, refusal.subject) == ("unknown_field", "seed")


def test_an_unknown_model() -> None:
    """Is named in the refusal."""
    request = Request("POST", "/v1beta/models/x:generateContent", {}, orjson.dumps({"contents": HI}))

    assert read_refusal(gemini.WIRE, request, GEMINI) == Refusal("no_model", subject="x")


def test_an_older_gemma_writes_no_json() -> None:
    """Nor does it take a system instruction."""
    path = "/v1beta/models/gemma-3-1b:generateContent"
    json_mode = orjson.dumps({"contents": HI, "generationConfig": {"responseMimeType": "application/json"}})
    system = orjson.dumps({"contents": HI, "systemInstruction": {"parts": [{"text": "a"}]}})

    assert "JSON mode" in read_refusal(gemini.WIRE, Request("POST", path, {}, json_mode), GEMINI).message
    assert "Developer" in read_refusal(gemini.WIRE, Request("POST", path, {}, system), GEMINI).message


def test_a_body_that_is_no_json() -> None:
    """Not even an object."""
    for body in (b"", b"{", b"[]"):
        request = Request("POST", "/v1beta/models/m:generateContent", {}, body)
        assert read_refusal(gemini.WIRE, request, GEMINI).why == "bad_json"


def complete(body: Any) -> Any:
    """With contents where it has none, so that what is looked at last is reached."""
    found = as_object(body)
    return body if found is None else {"contents": HI} | found


BODIES = nearly(
    contents=some(HI),
    systemInstruction=nearly(parts=some([{"text": "a"}])),
    generationConfig=nearly(**dict.fromkeys(CONFIG, JSON), responseSchema=schemas()),
    tools=some(TOOLS),
    toolConfig=nearly(functionCallingConfig=nearly(mode=some("ANY", "AUTO"), allowedFunctionNames=JSON)),
).map(complete)


@given(BODIES)
def test_nothing_that_is_sent_breaks_the_reader(body: Any) -> None:
    """It is understood, or refused."""
    found = gemini.read(
        Request("POST", "/v1beta/models/m:generateContent", {}, orjson.dumps(body)), moment(GEMINI)
    )

    assert isinstance(found, Ask | Refusal)


def test_several_tools_at_once() -> None:
    """All that the question names."""
    request = post(contents=[{"parts": [{"text": "g and f"}]}], tools=TOOLS)

    assert read_ask(gemini.WIRE, request, GEMINI).tools == (F, G)
