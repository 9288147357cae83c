"""racer_adapters/gemini_reply.py: responses, refusals, and the list of models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.contract import decode
from racer_adapters.errors import Kind, WireError
from racer_adapters.gemini import GEMINI
from racer_adapters.gemini_reply import FAILURES, REASONS, read_models
from racer_adapters.types import Answer, Installed, ToolCall, Usage
from tests.adapters import goldens


def event(candidate: dict[str, Any], **more: Any) -> bytes:
    return b"data: " + json.dumps({"candidates": [candidate], **more}).encode() + b"\r\n\r\n"


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": [{"text": text}]}, **more}


# ---------------------------------------------------------------- responses


def test_a_frame_of_anything_else_says_nothing() -> None:
    """No candidates, one of another index, parts without text."""
    assert decode(GEMINI, [b"data: {}\n\n", event(said("b", index=1))]).answer == Answer()
    assert decode(GEMINI, [event({"content": {"parts": [{"executableCode": {}}]}})]).answer == Answer()


def test_a_reason_with_every_piece_does_not_end_the_reply() -> None:
    """Some models say STOP all along; what comes last counts, also of the usage."""
    pieces = [
        event(
            said(text, finishReason="STOP"), usageMetadata={"promptTokenCount": 4, "candidatesTokenCount": n}
        )
        for n, text in enumerate(("Hel", "lo", ""), 1)
    ]

    assert decode(GEMINI, pieces).answer == Answer("Hello", "", (), "stop", ended=True, usage=Usage(4, 3))


@pytest.mark.parametrize("finish", REASONS)
def test_reasons(finish: str) -> None:
    """Each of Google's reasons in our words; the answer is whole."""
    assert decode(GEMINI, [event(said("a", finishReason=finish))]).answer == Answer(
        "a", finish_reason=REASONS[finish], ended=True
    )


@pytest.mark.parametrize("finish", FAILURES)
def test_reasons_that_are_failures(finish: str) -> None:
    """What came before is kept; Google's own words go before ours."""
    kind, words = FAILURES[finish]

    assert decode(GEMINI, [event(said("a", finishReason=finish))]).error == WireError(kind, words)
    worded = event(said("a", finishReason=finish, finishMessage="Own\nwords"))
    assert decode(GEMINI, [worded]).error == WireError(kind, "Own words")


def test_calls_are_signed_one_by_one() -> None:
    """The signature stays with its call, and the calls with their order."""
    call: dict[str, Any] = {"functionCall": {"name": "f", "args": {"a": 1}}}
    parts = [{**call, "thoughtSignature": "c2ln"}, call]
    body = event({"content": {"parts": parts}, "finishReason": "STOP"})

    assert decode(GEMINI, [body]).answer.tool_calls == (
        ToolCall("call_0", "f", '{"a":1}', signature="c2ln"),
        ToolCall("call_1", "f", '{"a":1}'),
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["content", "parts", "text", "thought", "functionCall", "args", "name", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(VALUES, VALUES)
def test_any_json_is_read(candidate: Any, other: Any) -> None:
    """Never an exception, whatever stands in the known fields."""
    response = {
        "candidates": [{"content": candidate, "finishReason": other, "finishMessage": candidate}],
        "usageMetadata": other,
        "promptFeedback": {"blockReason": other, "blockReasonMessage": candidate},
    }

    decode(GEMINI, [json.dumps(response).encode()])


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("refusal", goldens.refusals("gemini"), ids=str)
def test_golden_refusals(refusal: goldens.Refusal) -> None:
    """What Google's own words mean for key, model and account; the same under a good status."""
    found = GEMINI.classify(refusal.status, refusal.headers, refusal.body)

    assert (found.kind, found.retry_after, found.model_only) == refusal.meaning
    assert found.status == refusal.status
    assert found.message
    assert decode(GEMINI, [refusal.body]).error == found


# ---------------------------------------------------------------- models


def listed(*models: Any) -> bytes:
    return json.dumps({"models": models}).encode()


GENERATES = {"supportedGenerationMethods": ["countTokens", "generateContent"]}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (listed({"name": "models/b", **GENERATES}, {"name": "a", **GENERATES}), ["b", "a"]),
        (
            listed(
                {"name": "models/e", "supportedGenerationMethods": ["embedContent"]}, {"name": "models/n"}
            ),
            [],
        ),
        (listed({"name": "models/", **GENERATES}, {"name": 7, **GENERATES}, 7, {}), []),
        (b'{"error":{"code":400}}', []),
        (b"<html>", []),
        (b"", []),
    ],
)
def test_the_models_of_a_project(body: bytes, names: list[str]) -> None:
    """Those that generate text, by their bare names; nothing from anything else."""
    assert read_models([body]) == tuple(Installed(name) for name in names)
    assert read_models([]) == ()


def test_a_blocked_prompt_is_told_with_its_reason() -> None:
    """In the provider's words where it has any."""
    for feedback in ({"blockReason": "SAFETY"}, {"blockReason": "SAFETY", "blockReasonMessage": "SAFETY"}):
        found = decode(GEMINI, [json.dumps({"promptFeedback": feedback}).encode()])

        assert found.error == WireError(Kind.BLOCKED, "the prompt was blocked: SAFETY")
