"""The conversation in a request of Anthropic's Messages."""

from __future__ import annotations

from typing import Any

import pytest

from racer.sim.conversation import Said
from racer.sim.exchange import Unfit
from racer.sim.wire.anthropic_turns import read_messages, read_system

CALL: dict[str, Any] = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}
RESULT: dict[str, Any] = {"type": "tool_result", "tool_use_id": "c1", "content": "cold"}
ASKED: list[Any] = [{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": [CALL]}]


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def picture(**source: str) -> dict[str, Any]:
    return {"type": "image", "source": source}


def test_system_is_said_first() -> None:
    """A text, or blocks of it."""
    assert read_system(None) == []
    assert read_system("a") == [Said("a", "system")]
    assert read_system([text("a"), text("b")]) == [Said("a\nb", "system")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a", "a"),
        ([text("a"), text("b")], "a\nb"),
        ([picture(type="url", url="https://example.test/a.png")], "https://example.test/a.png"),
        ([picture(type="base64", media_type="image/png", data="eA==")], "data:image/png;base64,eA=="),
        ([{"type": "thinking", "thinking": "x", "signature": "y"}, text("a")], "\na"),
    ],
)
def test_what_a_turn_says(content: Any, said: str) -> None:
    """Its texts and the addresses of its pictures."""
    assert read_messages([{"role": "user", "content": content}]) == [Said(said, "user")]


def test_results_are_said_by_tools() -> None:
    """Each by itself, and what the user says beside them after that."""
    parts = {**RESULT, "content": [text("cold"), text("wet")]}

    assert read_messages([*ASKED, user(RESULT, text("And?"))]) == [
        Said("Weather?", "user"),
        Said("", "assistant", plain=False),
        Said("cold", "tool"),
        Said("And?", "user"),
    ]
    assert read_messages([*ASKED, user(parts)])[-1] == Said("cold\nwet", "tool")
    assert read_messages([*ASKED, user({**RESULT, "content": None})])[-1] == Said("", "tool")


def test_an_answer_may_be_begun() -> None:
    """The last turn may be the assistant's, and may even be empty."""
    assert read_messages([user(text("Hi")), {"role": "assistant", "content": "I"}])[-1] == Said(
        "I", "assistant"
    )
    assert read_messages([user(text("Hi")), {"role": "assistant", "content": []}]) == [Said("Hi", "user")]


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (None, "messages: Field required"),
        ("hi", "messages: Input should be a valid array"),
        (list[Any](), "at least one message"),
        (["hi"], "messages.0.role"),
        ([{"role": "system", "content": "a"}], "messages.0.role"),
        ([{"role": ["user"], "content": "a"}], "messages.0.role"),
        ([{"role": "user", "content": 3}], "messages.0.content"),
        ([user(), user(text("a"))], "non-empty content"),
        ([user(text(" "))], "must be non-empty"),
        ([user({"type": "audio"})], "Input tag 'audio'"),
        ([user({"type": ["text"]})], "does not match"),
        ([user(picture(type="base64", media_type="image/svg+xml", data="x"))], "source"),
        ([ASKED[0], {"role": "assistant", "content": [{**CALL, "id": "a.b"}]}], "tool_use.id"),
        ([ASKED[0], {"role": "assistant", "content": [{**CALL, "name": "a b"}]}], "tool_use.name"),
        ([ASKED[0], {"role": "assistant", "content": [{**CALL, "input": "{}"}]}], "tool_use.input"),
        (ASKED, "without `tool_result` blocks after them"),
        ([*ASKED, user(text("And?"))], "without `tool_result` blocks: c1"),
        ([*ASKED, user(text("And?"), RESULT)], "must come first"),
        ([*ASKED, user(RESULT, {**RESULT, "tool_use_id": "c2"})], "unexpected `tool_use_id`"),
        ([user(RESULT)], "unexpected `tool_use_id`"),
    ],
)
def test_what_is_refused(messages: Any, words: str) -> None:
    """By place and reason."""
    with pytest.raises(Unfit) as caught:
        read_messages(messages)

    assert words in caught.value.refusal.message
