"""Answers and pages of the Gemini API. The official client's tests are in test_gemini_client.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from racer.sim.exchange import Ask, Refusal, Reply, Request
from racer.sim.profile import Provider
from racer.sim.wire import gemini
from tests.racer.sim.scenes import KEY, calling, moment, read_refusal, said, turn

GEMINI = Provider("gemini", dialect="gemini", models=("m", "n"), context=8192)
EVENTS = Ask(model="m", prompt="hi", stream=True, surface="events", thoughts=False)
ARRAY = Ask(model="m", prompt="hi", stream=True, surface="array", thoughts=False)


def get(path: str, query: str = "") -> Request:
    return Request("GET", path, {}, query=query)


def page(path: str) -> Any:
    found = gemini.read(get(path), moment(GEMINI))
    assert isinstance(found, Reply)
    return said(found)


def texts(frames: list[Any]) -> list[str]:
    return [frame["candidates"][0]["content"]["parts"][0]["text"] for frame in frames]


def of_events(data: bytes) -> list[Any]:
    return [orjson.loads(event.removeprefix(b"data: ")) for event in data.split(b"\r\n\r\n") if event]


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize("version", ["/v1beta", "/v1", "/v1alpha", ""])
def test_the_list_of_models(version: str) -> None:
    """Under any version; one of them does not generate text."""
    models = page(f"{version}/models")["models"]

    assert [model["name"] for model in models] == ["models/m", "models/n", "models/text-embedding-sim"]
    assert ["generateContent" in model["supportedGenerationMethods"] for model in models] == [
        True,
        True,
        False,
    ]
    assert models[0]["inputTokenLimit"] == 8192


def test_one_model() -> None:
    """By its name; an unknown one is not found."""
    assert page("/v1beta/models/n")["name"] == "models/n"
    assert read_refusal(gemini.WIRE, get("/v1beta/models/x"), GEMINI).why == "no_model"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1beta/models"), ("POST", "/v1beta/models/m"), ("POST", "/v1beta/models/m:embedContent")],
)
def test_other_methods_are_not_found(method: str, path: str) -> None:
    """Google says the same of them as of an unknown path."""
    assert read_refusal(gemini.WIRE, Request(method, path, {}), GEMINI).why == "no_route"


def test_a_question_is_not_a_page() -> None:
    """It is posted."""
    refusal = read_refusal(gemini.WIRE, get("/v1beta/models/m:generateContent"), GEMINI)

    assert refusal.why == "no_route"


def test_pages_need_a_key_where_there_is_a_list() -> None:
    """In the header or in the address."""
    keyed = Provider("gemini", dialect="gemini", models=("m",), keys=(KEY,))

    assert read_refusal(gemini.WIRE, get("/v1beta/models"), keyed).why == "no_key"
    assert read_refusal(gemini.WIRE, get("/v1beta/models", "key=other"), keyed).why == "bad_key"
    assert isinstance(gemini.read(get("/v1beta/models", f"a=b&key={KEY}"), moment(keyed)), Reply)


# ---------------------------------------------------------------- answers


def test_a_whole_answer() -> None:
    """Text, reason, and counts; those of zero are left out."""
    answer = said(gemini.whole(turn(GEMINI)))

    assert answer["candidates"] == [
        {
            "content": {"role": "model", "parts": [{"text": "One two three."}]},
            "finishReason": "STOP",
            "index": 0,
        }
    ]
    assert answer["usageMetadata"] == {"promptTokenCount": 3, "candidatesTokenCount": 3, "totalTokenCount": 6}


def test_thoughts_are_counted_apart() -> None:
    """And shown only to who asked for them."""
    shown = Ask(model="m", prompt="hi", stream=False)
    hidden = said(gemini.whole(turn(GEMINI, ask=EVENTS, reasoning=("Hm", "."))))
    thought = said(gemini.whole(turn(GEMINI, ask=shown, reasoning=("Hm", "."))))

    assert hidden["usageMetadata"]["thoughtsTokenCount"] == 2
    assert hidden["usageMetadata"]["totalTokenCount"] == 8
    assert len(hidden["candidates"][0]["content"]["parts"]) == 1
    assert thought["candidates"][0]["content"]["parts"][0] == {"text": "Hm.", "thought": True}


def test_an_answer_without_a_word_has_no_parts() -> None:
    """As when all tokens went into thoughts."""
    made = turn(GEMINI, ask=EVENTS, reasoning=("Hm",), finish="length")
    answer = said(gemini.whole(replace(made, answer=replace(made.answer, tokens=()))))

    assert answer["candidates"][0]["content"] == {"role": "model"}
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"


@pytest.mark.parametrize(
    ("arguments", "read", "finish"),
    [('{"a":1}', {"a": 1}, "tool_calls"), ('{"a":', {}, "length")],
    ids=["whole", "cut off"],
)
def test_a_call_of_a_tool(arguments: str, read: dict[str, int], finish: str) -> None:
    """In one part, with an id and signed."""
    called = turn(GEMINI, arguments, ask=EVENTS, tool="f", finish=finish)
    part = said(gemini.whole(called))["candidates"][0]["content"]["parts"][0]
    frames = of_events(b"".join([*gemini.stream(called).tokens]))

    assert part["functionCall"] == {"id": "call-7", "name": "f", "args": read}
    assert part["thoughtSignature"] == "c2lnbmVkIDc="
    assert [frame["candidates"][0]["content"]["parts"] for frame in frames] == [[part]]


def test_events() -> None:
    """Each is a whole response in form; the last has the reason and all counts, and nothing marks the end."""
    frames = gemini.stream(turn(GEMINI, ask=EVENTS))
    data = b"".join([frames.opening, *frames.tokens, frames.closing])

    assert frames.headers == {"content-type": "text/event-stream"}
    assert texts(of_events(data)) == ["One", " two", " three.", ""]
    *pieces, last = of_events(data)
    assert all("finishReason" not in piece["candidates"][0] for piece in pieces)
    assert pieces[0]["usageMetadata"] == {"promptTokenCount": 3, "totalTokenCount": 3}
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["candidatesTokenCount"] == 3
    assert frames.end == frames.closing


def test_thoughts_in_events() -> None:
    """One event a piece, where they are shown."""
    shown = Ask(model="m", prompt="hi", stream=True, surface="events")
    frames = gemini.stream(turn(GEMINI, ask=shown, reasoning=("Hm", ".")))
    hidden = gemini.stream(turn(GEMINI, ask=EVENTS, reasoning=("Hm", ".")))

    assert texts(of_events(b"".join(frames.reasoning))) == ["Hm", "."]
    assert hidden.reasoning == ()


def test_an_array() -> None:
    """What a stream is without alt=sse: one JSON text in pieces."""
    shown = Ask(model="m", prompt="hi", stream=True, surface="array")
    frames = gemini.stream(turn(GEMINI, ask=shown, reasoning=("Hm",)))
    data = b"".join([frames.opening, *frames.reasoning, *frames.tokens, frames.closing])

    assert frames.headers["content-type"].startswith("application/json")
    assert texts(orjson.loads(data)) == ["", "Hm", "One", " two", " three.", ""]
    assert texts(orjson.loads(frames.end)) == [""]


def test_an_error_in_mid_stream_is_raw_json() -> None:
    """Over several lines and without `data:`; in an array it is the last of it."""
    refusal = Refusal("unavailable")
    raw = gemini.error_frame(refusal, turn(GEMINI, ask=EVENTS))
    frames = gemini.stream(turn(GEMINI, ask=ARRAY))
    array = frames.opening + gemini.error_frame(refusal, turn(GEMINI, ask=ARRAY))

    assert raw.count(b"\n") > 3
    assert b"data:" not in raw
    assert orjson.loads(raw)["error"]["status"] == "UNAVAILABLE"
    assert orjson.loads(array)[-1] == orjson.loads(raw)


def test_parallel_calls() -> None:
    """A part each, and a chunk each in a stream; only the first is signed."""
    both = calling(GEMINI, EVENTS)
    parts = said(gemini.whole(both))["candidates"][0]["content"]["parts"]
    frames = of_events(b"".join(gemini.stream(both).tokens))

    assert [part["functionCall"]["name"] for part in parts] == ["add", "now"]
    assert ["thoughtSignature" in part for part in parts] == [True, False]
    assert len({part["functionCall"]["id"] for part in parts}) == 2
    assert [frame["candidates"][0]["content"]["parts"] for frame in frames] == [[part] for part in parts]


def test_a_spoiled_call() -> None:
    """It is not given away: the reason tells of it."""
    spoiled = turn(GEMINI, '{"a":', ask=EVENTS, tool="f", finish="tool_calls")
    candidate = said(gemini.whole(spoiled))["candidates"][0]

    assert candidate["content"] == {"role": "model"}
    assert candidate["finishReason"] == "MALFORMED_FUNCTION_CALL"
    frames = gemini.stream(spoiled)
    assert frames.tokens == ()
    assert of_events(frames.closing)[0]["candidates"][0]["finishReason"] == "MALFORMED_FUNCTION_CALL"
