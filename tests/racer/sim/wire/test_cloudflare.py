"""Answers and pages of Workers AI. The official client's tests are in test_cloudflare_client.py."""

from __future__ import annotations

from typing import Any, get_args

import orjson
import pytest

from racer.sim.exchange import Ask, Refusal, Reply, Request, Why
from racer.sim.profile import Provider
from racer.sim.quota import Closed, Standing
from racer.sim.wire import cloudflare
from tests.racer.sim.scenes import KEY, events, moment, read_refusal, said, turn

BASE = "/client/v4/accounts/sim/ai"
CLOUD = Provider("cloudflare", dialect="cloudflare", models=("@cf/a/b",), context=100)


def ask(surface: str = "native", **more: Any) -> Ask:
    return Ask(model="@cf/a/b", prompt="hi", stream=True, surface=surface, **more)


def whole(surface: str = "native", *tokens: str, asked: Ask | None = None, **answer: Any) -> Any:
    envelope = said(cloudflare.whole(turn(CLOUD, *tokens, ask=asked or ask(surface), **answer)))
    assert (envelope["success"], envelope["errors"]) == (True, [])
    return envelope["result"]


def stream(surface: str = "native", *tokens: str, **answer: Any) -> list[Any]:
    frames = cloudflare.stream(turn(CLOUD, *tokens, ask=ask(surface), **answer))
    assert frames.closing.endswith(frames.end)
    return events(b"".join([frames.opening, *frames.reasoning, *frames.tokens, frames.closing]))


# ---------------------------------------------------------------- pages


def get(path: str, query: str = "") -> Request:
    return Request("GET", path, {}, query=query)


def test_the_list_of_models() -> None:
    """All on the first page; one of them does not generate text."""
    found = cloudflare.read(get(f"{BASE}/models/search", "task=x&page=1"), moment(CLOUD))
    second = cloudflare.read(get(f"{BASE}/models/search", "page=2"), moment(CLOUD))

    assert isinstance(found, Reply)
    assert isinstance(second, Reply)
    assert [model["name"] for model in said(found)["result"]] == ["@cf/a/b", "@cf/sim/embedding"]
    assert said(second)["result"] == []


def test_pages_need_a_key_where_there_is_a_list() -> None:
    """A bearer token."""
    keyed = Provider("cloudflare", dialect="cloudflare", models=("m",), keys=(KEY,))

    assert read_refusal(cloudflare.WIRE, get(f"{BASE}/models/search"), keyed).why == "no_key"


@pytest.mark.parametrize(
    ("method", "path", "why"),
    [
        ("POST", "/client/v4/accounts/another/ai/run/@cf/a/b", "no_route"),
        ("POST", "/client/v4/zones", "no_route"),
        ("GET", f"{BASE}/run/@cf/a/b", "method"),
        ("POST", f"{BASE}/models/search", "method"),
    ],
)
def test_other_paths_and_methods(method: str, path: str, why: Why) -> None:
    """A wrong account is a path that does not exist."""
    assert read_refusal(cloudflare.WIRE, Request(method, path, {}), CLOUD).why == why


# ---------------------------------------------------------------- answers


def test_a_whole_answer_in_cloudflares_form() -> None:
    """Text, no calls, and what it cost."""
    assert whole() == {
        "response": "One two three.",
        "tool_calls": [],
        "usage": {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6, "neurons": 0.3},
    }


@pytest.mark.parametrize(
    ("finish", "response"), [("stop", {"a": 1}), ("length", '{"a":1}')], ids=["whole", "cut off"]
)
def test_json_comes_parsed(finish: str, response: Any) -> None:
    """Unless it was cut off."""
    assert whole("native", '{"a":1}', asked=ask(json=True), finish=finish)["response"] == response


@pytest.mark.parametrize(("arguments", "read"), [('{"a":1}', {"a": 1}), ('{"a":', {})])
def test_a_call_in_cloudflares_form_is_flat(arguments: str, read: dict[str, int]) -> None:
    """Name and parsed arguments, in one piece; no id."""
    result = whole("native", arguments, tool="f", finish="tool_calls")
    (piece, _) = stream("native", arguments, tool="f", finish="tool_calls")

    assert (result["response"], result["tool_calls"]) == (None, [{"name": "f", "arguments": read}])
    assert piece == {"tool_calls": result["tool_calls"]}


def test_an_answer_in_openais_form() -> None:
    """With the reasoning beside the text."""
    (choice,) = whole("openai", reasoning=("Hm", "."))["choices"]

    assert choice["message"] == {"role": "assistant", "content": "One two three.", "reasoning_content": "Hm."}
    assert choice["finish_reason"] == "stop"


def test_a_call_in_openais_form() -> None:
    """With an id and arguments as text, and no content."""
    (choice,) = whole("openai", '{"a":1}', tool="f", finish="tool_calls")["choices"]
    chunks = stream("openai", '{"a":1}', tool="f", finish="tool_calls")
    function = {"name": "f", "arguments": '{"a":1}'}

    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [{"id": "call_7", "type": "function", "function": function}]
    assert chunks[1]["choices"][0]["delta"]["tool_calls"][0]["function"] == function


def test_an_answer_in_the_form_of_responses() -> None:
    """Items: reasoning, and a message or a call."""
    plain = whole("responses", reasoning=("Hm", "."))
    called = whole("responses", '{"a":1}', tool="f", finish="tool_calls")

    assert [item["content"][0]["text"] for item in plain["output"]] == ["Hm.", "One two three."]
    assert (plain["status"], plain["incomplete_details"]) == ("completed", None)
    assert called["output"] == [
        {"type": "function_call", "call_id": "call_7", "name": "f", "arguments": '{"a":1}'}
    ]


def test_a_cut_answer_in_the_form_of_responses() -> None:
    """Says why it is incomplete."""
    cut = whole("responses", finish="length")

    assert (cut["status"], cut["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


def test_a_stream_in_cloudflares_form() -> None:
    """Padded pieces, and the usage last."""
    *pieces, last = stream()

    assert [piece["response"] for piece in pieces] == ["One", " two", " three."]
    assert [piece["p"] for piece in pieces] == ["", "a", "ab"]
    assert last["response"] == ""
    assert last["usage"]["neurons"] == 0.3


def test_a_stream_in_openais_form() -> None:
    """Ends with a usage of nothing, and Cloudflare's own behind it."""
    opening, thought, *chunks, last, tail = stream("openai", reasoning=("Hm.",))

    assert opening["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert thought["choices"][0]["delta"] == {"reasoning_content": "Hm."}
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks] == ["One", " two", " three."]
    assert (last["choices"][0]["finish_reason"], last["usage"]["total_tokens"]) == ("stop", 0)
    assert tail["usage"]["completion_tokens"] == 4


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("why", get_args(Why))
def test_every_refusal_is_an_envelope(why: Why) -> None:
    """With a number and words, and no success."""
    reply = cloudflare.refuse(Refusal(why, subject="m"), moment(CLOUD))
    envelope = said(reply)

    assert reply.status >= 400
    assert (envelope["success"], envelope["result"]) == (False, None)
    assert envelope["errors"][0]["code"] > 900
    assert envelope["errors"][0]["message"]


def closed(unit: Any, wait: float | str | None = 5.5) -> Refusal:
    return Refusal("limit", retry_after=wait, closed=Closed(Standing(unit, "day", 86400.0, 9, 9, 5.5), 1))


@pytest.mark.parametrize(
    ("refusal", "code", "wait"),
    [
        (closed("tokens"), 3036, None),
        (closed("tokens", "7"), 3036, "7"),
        (closed("requests"), 971, "6"),
        (closed("requests", float("inf")), 971, None),
        (closed("requests", "soon"), 971, "soon"),
        (Refusal("unavailable", retry_after=2.0), 3043, "2"),
        (Refusal("unavailable"), 3043, None),
    ],
)
def test_when_to_come_back(refusal: Refusal, code: int, wait: str | None) -> None:
    """Of the day's neurons nothing is said; of a limit on requests it is."""
    reply = cloudflare.refuse(refusal, moment(CLOUD))

    assert said(reply)["errors"][0]["code"] == code
    assert reply.headers.get("retry-after") == wait


def test_an_error_in_mid_stream_is_an_envelope() -> None:
    """As an event among the pieces."""
    frame = cloudflare.error_frame(Refusal("overloaded"), turn(CLOUD, ask=ask()))

    assert orjson.loads(frame.removeprefix(b"data: "))["errors"][0]["code"] == 3040


def test_too_long_tells_both_numbers() -> None:
    """What came, and what is allowed."""
    reply = cloudflare.refuse(Refusal("too_long", subject="120"), moment(CLOUD))

    assert "(120) exceeded this context window limit (100)" in said(reply)["errors"][0]["message"]


def test_json_that_a_fault_has_spoiled_comes_as_it_is() -> None:
    """There is nothing to parse."""
    spoiled = turn(CLOUD, " ", ask=Ask(model="m", prompt="hi", stream=False, json=True, surface="native"))

    assert said(cloudflare.whole(spoiled))["result"]["response"] == " "
