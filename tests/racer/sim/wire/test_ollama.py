"""Answers and pages of Ollama's own dialect. The official client's tests are in test_ollama_client.py."""

from __future__ import annotations

import math
from typing import Any

import pytest

from racer.sim.exchange import Ask, Refusal, Reply, Request
from racer.sim.profile import Provider
from racer.sim.wire import ollama
from tests.racer.sim.scenes import AT, KEY, calling, lines, moment, read_refusal, said, turn

LOCAL = Provider("ollama", dialect="ollama", flavour="ollama", models=("llama3.2", "tiny:1b"), context=8192)
CHAT = Ask(model="llama3.2", prompt="hi", stream=True)
GENERATE = Ask(model="llama3.2", prompt="hi", stream=True, surface="generate")


def page(path: str, method: str = "GET", **more: Any) -> Reply:
    found = ollama.read(Request(method, path, {}), moment(LOCAL, **more))
    assert isinstance(found, Reply)
    return found


@pytest.mark.parametrize("path", ["", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_front_page_says_that_it_runs(path: str, method: str) -> None:
    """This is how people look whether it is there."""
    assert page(path, method).body == b"Ollama is running"


def test_version() -> None:
    """A version of three numbers."""
    assert said(page("/api/version"))["version"].count(".") == 2


def test_tags_list_what_is_installed() -> None:
    """With full names, whether loaded or not."""
    models = said(page("/api/tags"))["models"]

    assert [model["name"] for model in models] == ["llama3.2:latest", "tiny:1b"]
    assert all(model["model"] == model["name"] and len(model["digest"]) == 64 for model in models)
    assert models[0]["details"]["family"] == "llama"


def test_ps_lists_what_is_loaded() -> None:
    """With the instant at which each leaves."""
    models = said(page("/api/ps", loaded={"tiny:1b": AT, "llama3.2:latest": math.inf}))["models"]

    assert [model["name"] for model in models] == ["tiny:1b", "llama3.2:latest"]
    assert models[0]["expires_at"] == "2027-01-15T08:00:00Z"
    assert models[1]["expires_at"].startswith("2318")
    assert models[0]["context_length"] == 8192


@pytest.mark.parametrize("path", ["/v1/models", "/api", "/api/chat/more"])
def test_other_paths_are_not_mine(path: str) -> None:
    """None leaves them to OpenAI's face."""
    assert ollama.read(Request("GET", path, {}), moment(LOCAL)) is None


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/chat"), ("POST", "/api/tags")])
def test_other_methods_are_refused(method: str, path: str) -> None:
    """Each path has its method."""
    assert read_refusal(ollama.WIRE, Request(method, path, {}), LOCAL).why == "method"


def test_pages_of_the_cloud_need_a_key() -> None:
    """Where there is a list of keys, it holds for all."""
    cloud = Provider("ollama", dialect="ollama", models=("m",), keys=(KEY,))

    assert read_refusal(ollama.WIRE, Request("GET", "/api/tags", {}), cloud).why == "no_key"


def test_a_whole_answer() -> None:
    """Text, reason, counts, and durations in nanoseconds."""
    body = said(ollama.whole(turn(LOCAL, ask=CHAT)))

    assert body["message"] == {"role": "assistant", "content": "One two three."}
    assert (body["done"], body["done_reason"], body["model"]) == (True, "stop", "llama3.2")
    assert (body["prompt_eval_count"], body["eval_count"], body["total_duration"]) == (3, 3, 500_000_000)
    assert body["created_at"] == "2027-01-15T08:00:00Z"


def test_counts_of_zero_are_left_out() -> None:
    """As the server does."""
    body = said(ollama.whole(turn(LOCAL, ask=Ask(model="llama3.2", prompt="", stream=False, warm_up=True))))

    assert body["done_reason"] == "load"
    assert "eval_count" not in body
    assert "load_duration" not in said(ollama.whole(turn(LOCAL, ask=CHAT)))


def test_a_stream() -> None:
    """One line a token, then a line without text that says done."""
    frames = ollama.stream(turn(LOCAL, ask=CHAT))
    *tokens, last = lines(frames.opening + b"".join(frames.tokens) + frames.closing)

    assert [line["message"]["content"] for line in tokens] == ["One", " two", " three."]
    assert [line["done"] for line in tokens] == [False] * 3
    assert (last["message"]["content"], last["done"], last["eval_count"]) == ("", True, 3)
    assert frames.headers["content-type"] == "application/x-ndjson"


def test_generate_says_response() -> None:
    """The same under another name."""
    frames = ollama.stream(turn(LOCAL, ask=GENERATE))

    assert [line["response"] for line in lines(b"".join(frames.tokens))] == ["One", " two", " three."]
    assert said(ollama.whole(turn(LOCAL, ask=GENERATE)))["response"] == "One two three."


@pytest.mark.parametrize(("ask", "where"), [(CHAT, "message"), (GENERATE, None)])
def test_thinking_has_a_field_of_its_own(ask: Ask, where: str | None) -> None:
    """Streamed and whole, in chat and generate."""
    thinking = turn(LOCAL, "Yes.", ask=ask, reasoning=("Let", " me"))

    found = [line[where] if where else line for line in lines(b"".join(ollama.stream(thinking).reasoning))]
    whole = said(ollama.whole(thinking))

    assert [part["thinking"] for part in found] == ["Let", " me"]
    assert (whole[where] if where else whole)["thinking"] == "Let me"


def test_tool_arguments_are_an_object() -> None:
    """Not a text as with OpenAI; a call cut short has none."""
    calling = turn(LOCAL, '{"a"', ":1}", ask=CHAT, tool="add", finish="tool_calls")
    (line,) = lines(b"".join(ollama.stream(calling).tokens))

    assert line["message"]["tool_calls"] == [{"function": {"name": "add", "arguments": {"a": 1}}}]
    assert said(ollama.whole(calling))["done_reason"] == "stop"
    cut = said(ollama.whole(turn(LOCAL, '{"a"', ask=CHAT, tool="add", finish="length")))
    assert (cut["message"]["tool_calls"][0]["function"]["arguments"], cut["done_reason"]) == ({}, "length")


@pytest.mark.parametrize(
    ("refusal", "status", "words"),
    [
        (Refusal("no_model", subject="gone"), 404, "model 'gone' not found"),
        (Refusal("bad_field", "invalid {role}"), 400, "invalid {role}"),
        (Refusal("unavailable"), 503, "server busy, please try again.  maximum pending requests exceeded"),
        (Refusal("limit"), 429, "you have reached your usage limit, upgrade for higher limits"),
        (Refusal("bad_json"), 400, "error"),
    ],
)
def test_errors_are_one_text(refusal: Refusal, status: int, words: str) -> None:
    """Under `error`, and nothing else."""
    reply = ollama.refuse(refusal, moment(LOCAL))

    assert (reply.status, said(reply)) == (status, {"error": words})


def test_who_is_not_signed_in_is_told_where() -> None:
    """A 401 has an address."""
    assert said(ollama.refuse(Refusal("no_key"), moment(LOCAL))).keys() == {"error", "signin_url"}


@pytest.mark.parametrize(("wait", "header"), [(None, None), (math.inf, None), (1.2, "2"), ("soon", "soon")])
def test_waits(wait: float | str | None, header: str | None) -> None:
    """In whole seconds, as a text, or not at all."""
    reply = ollama.refuse(Refusal("limit", retry_after=wait), moment(LOCAL))

    assert reply.headers.get("retry-after") == header


def test_an_error_in_a_stream_is_a_line() -> None:
    """It has the same form as a body."""
    assert lines(ollama.error_frame(Refusal("server", "gone"), turn(LOCAL, ask=CHAT))) == [{"error": "gone"}]


def test_parallel_calls() -> None:
    """A line each in a stream, and all in one message as a whole."""
    found = lines(b"".join(ollama.stream(calling(LOCAL, CHAT)).tokens))

    names = [[call["function"]["name"] for call in line["message"]["tool_calls"]] for line in found]
    assert names == [["add"], ["now"]]
    calls = said(ollama.whole(calling(LOCAL, CHAT)))["message"]["tool_calls"]
    assert [call["function"] for call in calls] == [
        {"name": "add", "arguments": {"a": 1}},
        {"name": "now", "arguments": {}},
    ]
