"""Messages of Anthropic's API."""

from __future__ import annotations

from typing import Any

import pytest

from racer.server.anthropic_turns import turns
from racer.server.question import Refused

CALL = {"type": "tool_use", "id": "1", "name": "add", "input": {"a": 1}}
RESULT = {"type": "tool_result", "tool_use_id": "1", "content": "2"}
PICTURE: dict[str, Any] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/gif", "data": "R0lG"},
}
AS_PART = {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lG"}}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": [*blocks]}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": [*blocks]}


def made(*messages: Any, system: object = None) -> list[dict[str, Any]]:
    """With a last word of the user's, which is left out."""
    *found, last = turns([*messages, user(text("go on"))], system)
    assert last == {"role": "user", "content": "go on"}
    return found


@pytest.mark.parametrize(
    "system",
    ["Be brief.\nBe kind.", [text("Be brief.", cache_control={"type": "ephemeral"}), text("Be kind.")]],
)
def test_system(system: object) -> None:
    """First, as one text."""
    assert made(system=system) == [{"role": "system", "content": "Be brief.\nBe kind."}]


def test_no_system() -> None:
    """Nothing is nothing; among the messages it stays where it is."""
    assert made(system=" ") == made(system=[]) == []
    assert made({"role": "system", "content": "x"}) == [{"role": "system", "content": "x"}]


def test_texts_and_pictures() -> None:
    """One text is a text; blank ones are left out."""
    assert made(
        {"role": "user", "content": "hi"},
        user(text("What?"), text(" "), PICTURE),
        user({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}),
    ) == [
        {"role": "user", "content": "hi"},
        {"role": "user", "content": [text("What?"), AS_PART]},
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ]},
    ]  # fmt: skip


def test_calls_and_results() -> None:
    """Results are messages of their own, before what else the user says; thoughts are left out."""
    thought = {"type": "thinking", "thinking": "hm", "signature": "x"}
    hidden = {"type": "redacted_thinking", "data": "x"}

    assert made(
        assistant(thought, hidden, text("Let me see."), CALL, {**CALL, "id": "2"}),
        user(text("Look:"), RESULT, {**RESULT, "tool_use_id": "2", "content": [text("3"), PICTURE]}),
        assistant(CALL),
        user({**RESULT, "is_error": True}),
        assistant(CALL),
        user({"type": "tool_result", "tool_use_id": "1", "is_error": True}),
    ) == [
        {"role": "assistant", "content": "Let me see.", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}},
            {"id": "2", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}},
        ]},
        {"role": "tool", "tool_call_id": "1", "content": "2"},
        {"role": "tool", "tool_call_id": "2", "content": "3"},
        {"role": "user", "content": [text("Look:"), AS_PART]},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}},
        ]},
        {"role": "tool", "tool_call_id": "1", "content": "The tool has failed. 2"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "add", "arguments": {"a": 1}}},
        ]},
        {"role": "tool", "tool_call_id": "1", "content": "The tool has failed."},
    ]  # fmt: skip


SOURCE = r"messages\[0\].content\[0\].source"
WRONG: list[tuple[object, str]] = [
    (None, "messages is missing"), ("hi", 'messages is "hi"'), ([], "messages is an empty list"),
    ([4], r"messages\[0\] is an int"), ([{"role": "tool", "content": "x"}], r"messages\[0\].role is"),
    ([{"content": "x"}], r"messages\[0\].role is missing"), ([user()], r"messages\[0\].content is empty"),
    ([user(text(" "))], r"messages\[0\].content is empty"),
    ([assistant(), user(text("x"))], r"messages\[0\].content is empty"),
    ([{"role": "user", "content": 4}], r"messages\[0\].content is an int"),
    ([user(4)], r"messages\[0\].content\[0\] is an int"),
    ([user({"type": "document"})], r"messages\[0\].content\[0\].type is \"document\": use text or image"),
    ([user(CALL)], r"messages\[0\].content\[0\].type is \"tool_use\""),
    ([assistant(PICTURE)], r"content\[0\].type is \"image\""),
    ([user({**RESULT, "content": [RESULT]})], r"content\[0\].content\[0\].type is \"tool_result\""),
    ([user({"type": "text"})], r"messages\[0\].content\[0\].text is missing"),
    ([user({"type": "tool_result"})], r"messages\[0\].content\[0\].tool_use_id is missing"),
    ([user({**RESULT, "is_error": "no"})], r"messages\[0\].content\[0\].is_error is"),
    ([assistant({**CALL, "input": "x"})], r"messages\[0\].content\[0\].input is"),
    ([assistant({"type": "tool_use"})], r"messages\[0\].content\[0\].id is missing"),
    ([assistant({"type": "tool_use", "id": "1"})], r"messages\[0\].content\[0\].name is missing"),
    ([user({"type": "image"})], f"{SOURCE} is missing"),
    ([user({"type": "image", "source": {"type": "file"}})], f"{SOURCE}.type is"),
    ([user({"type": "image", "source": {"type": "base64"}})], f"{SOURCE}.media_type is missing"),
    ([user({"type": "image", "source": {**PICTURE["source"], "data": "!"}})], f"{SOURCE}.data is no base64"),
    ([user({"type": "image", "source": {"type": "url"}})], f"{SOURCE}.url is missing"),
]  # fmt: skip
REFUSED: list[tuple[object, str, str]] = [
    ([{"role": "user", "content": "x", "name": "y"}], "messages[0].name", "not known"),
    ([user(text("x", lang="en"))], "messages[0].content[0].lang", "not known"),
    ([user(text("x")), assistant(text("y"))], "messages", "end with one of the user"),
    (
        [user(text("x"), {"type": "image", "source": {"type": "url", "url": "http://127.0.0.1/"}})],
        "messages[0].content[1].source.url", "public",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "says"), WRONG)
def test_what_is_wrong(messages: object, says: str) -> None:
    """Told with its place."""
    with pytest.raises(ValueError, match=says):
        turns(messages)


@pytest.mark.parametrize(("messages", "param", "says"), REFUSED)
def test_what_is_refused(messages: object, param: str, says: str) -> None:
    """With the field at fault."""
    with pytest.raises(Refused) as caught:
        turns(messages)

    assert caught.value.param == param
    assert says in caught.value.message


def test_a_wrong_system() -> None:
    """It has texts alone."""
    with pytest.raises(ValueError, match=r"system\[0\].type is \"image\": use text"):
        turns([user(text("x"))], [PICTURE])
