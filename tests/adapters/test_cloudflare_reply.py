"""racer_adapters/cloudflare_reply.py: results, refusals, and the list of models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.cloudflare import CLOUDFLARE
from racer_adapters.cloudflare_reply import read_models
from racer_adapters.contract import decode
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Answer, Installed, ToolCall, Usage
from tests.adapters import goldens

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["response", "tool_calls", "function", "name", "arguments", "id", "output", "content", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(VALUES, VALUES, st.booleans())
def test_any_json_is_read(result: Any, other: Any, success: bool) -> None:
    """Never an exception, whatever stands in the known fields."""
    envelope: dict[str, Any] = {"result": result, "success": success, "errors": other if success else []}
    piece = {
        "response": result,
        "tool_calls": other,
        "output": result,
        "usage": other,
        "finish_reason": other,
    }

    decode(CLOUDFLARE, [json.dumps(envelope).encode()])
    decode(CLOUDFLARE, [b"data: " + json.dumps(piece).encode() + b"\n\n"])


# ---------------------------------------------------------------- results

EMPTY = WireError(Kind.EMPTY, "the model left out its answer; it may not stream here")
THOUGHT = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Sky."}]}
TEXT = {"type": "message", "content": [{"type": "output_text", "text": "Blue"}]}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


RESULTS: list[tuple[Any, Answer]] = [
    ({"response": "Hi"}, Answer("Hi", ended=True)),
    ("Hi", Answer("Hi", ended=True)),
    (
        {"response": {"a": 1}, "usage": {"prompt_tokens": 3, "neurons": 0.5}},
        Answer('{"a":1}', ended=True, usage=Usage(3, neurons=0.5)),
    ),
    (
        {"response": None, "tool_calls": [{"name": "f", "arguments": {}}, {"id": None, "function": {}}]},
        Answer(tool_calls=(ToolCall("call_0", "f", "{}"),), ended=True),
    ),
    (
        {"choices": [{"message": {"content": "Hi"}, "finish_reason": "length"}]},
        Answer("Hi", finish_reason="length", ended=True),
    ),
    ({"output": [THOUGHT, TEXT], "status": "completed"}, Answer("Blue", "Sky.", (), "stop", ended=True)),
    (
        {"output": [CALL], "status": "completed"},
        Answer(tool_calls=(ToolCall("c", "f", "{}"),), finish_reason="tool_calls", ended=True),
    ),
    (
        {"output": [TEXT], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        Answer("Blue", finish_reason="length", ended=True),
    ),
]


@pytest.mark.parametrize(("result", "answer"), RESULTS)
def test_results(result: Any, answer: Answer) -> None:
    """In each of the forms that models have."""
    assert decode(CLOUDFLARE, [json.dumps({"result": result, "success": True}).encode()]).answer == answer


@pytest.mark.parametrize("result", [None, {}, "", {"response": None, "tool_calls": []}])
def test_a_result_with_nothing_in_it_is_an_answer_left_out(result: Any) -> None:
    """So that another lane can answer, and the row can be mended."""
    assert decode(CLOUDFLARE, [json.dumps({"result": result, "success": True}).encode()]).error == EMPTY


def test_a_stream_in_either_form_ends_with_its_marker() -> None:
    """Pieces of both forms may be mixed: the last one, with the usage, is Cloudflare's own."""
    pieces = [
        b'data: {"response":"Bl","p":"abc"}\n\n',
        b'data: {"choices":[{"delta":{"content":"ue"}}]}\n\n',
        b'data: {"response":"","usage":{"completion_tokens":2}}\n\n',
    ]

    assert decode(CLOUDFLARE, [*pieces, b"data: [DONE]\n\n"]).answer == Answer(
        "Blue", ended=True, usage=Usage(0, 2)
    )
    assert decode(CLOUDFLARE, pieces).error is not None


# ---------------------------------------------------------------- refusals

REFUSALS = goldens.refusals("cloudflare")
BY_STATUS_ALONE = {"too many requests", "no LoRA"}


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_golden_refusals(refusal: goldens.Refusal) -> None:
    """What Cloudflare's numbers mean; nothing is said of when the day's neurons come back."""
    found = CLOUDFLARE.classify(refusal.status, refusal.headers, refusal.body)

    assert (found.kind, found.retry_after, found.model_only) == refusal.meaning
    assert (found.status, found.message) == (refusal.status, json.loads(refusal.body)["errors"][0]["message"])


@pytest.mark.parametrize("refusal", [each for each in REFUSALS if each.name not in BY_STATUS_ALONE], ids=str)
def test_refusals_under_a_good_status(refusal: goldens.Refusal) -> None:
    """The number alone tells the same, as an envelope and as a piece of a stream."""
    error = decode(CLOUDFLARE, [b"data: " + refusal.body + b"\n\n"]).error

    assert error is not None
    assert (error.kind, error.retry_after, error.model_only) == refusal.meaning
    assert decode(CLOUDFLARE, [refusal.body]).error == error


def test_a_wait_in_the_headers_is_kept() -> None:
    """Cloudflare's general limit on its API says when to come back."""
    body = b'{"success":false,"errors":[{"code":971,"message":"You are being rate limited"}]}'

    assert CLOUDFLARE.classify(429, {"Retry-After": "7"}, body).retry_after == 7.0


# ---------------------------------------------------------------- models

CHATS = {"task": {"name": "Text Generation"}}
CALLS = {
    "properties": [{"property_id": "context_window"}, {"property_id": "function_calling", "value": "true"}]
}


def listed(*models: Any) -> bytes:
    return json.dumps({"result": models, "success": True}).encode()


@pytest.mark.parametrize(
    ("body", "models"),
    [
        (
            listed({"name": "@cf/b", **CHATS, **CALLS}, {"name": "@cf/a", **CHATS}),
            [Installed("@cf/b", can=("tools",)), Installed("@cf/a")],
        ),
        (listed({"name": "@cf/e", "task": {"name": "Text Embeddings"}}, {"name": "@cf/n"}), []),
        (listed({"name": 7, **CHATS}, 7, {**CHATS}), []),
        (
            listed({"name": "a", **CHATS, "properties": [7, {"property_id": [], "value": {}}]}),
            [Installed("a")],
        ),
        (b'{"success":false,"errors":[{"code":10000}]}', []),
        (b"<html>", []),
        (b"", []),
    ],
)
def test_the_models_of_an_account(body: bytes, models: list[Installed]) -> None:
    """Those that generate text, with what they say they can; nothing from anything else."""
    assert read_models([body]) == tuple(models)
    assert read_models([]) == ()
