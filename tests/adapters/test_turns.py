"""racer_adapters/turns.py: parts of a conversation in other forms."""

from __future__ import annotations

from typing import Any

import pytest

from racer_adapters.turns import arguments_object, picture_data, system_text, text_of, with_tool
from racer_adapters.types import ImagePart, Message, Role, TextPart, ToolCall

PICTURE = ImagePart("https://example.test/a.png")


def test_the_text_of_a_message() -> None:
    """A text as it is; of parts, the texts line by line."""
    assert text_of(Message("user", " a ")) == " a "
    assert text_of(Message("user", (TextPart("a"), PICTURE, TextPart("b")))) == "a\nb"
    assert text_of(Message("user", (PICTURE,))) == ""


def test_system_messages_are_one_text() -> None:
    """In their order, a blank line between two; blank ones and other roles are left out."""
    roles: list[tuple[Role, str]] = [("system", "a"), ("user", "b"), ("system", " ")]
    messages = [*(Message(role, text) for role, text in roles), Message("system", (TextPart("c"),))]

    assert system_text(messages) == "a\n\nc"
    assert system_text([Message("user", "b")]) == ""


def test_results_are_named_by_the_call_before_them() -> None:
    """By the last call of its id; where there was none, by the name that the caller gives."""
    messages = (
        Message("assistant", "", (ToolCall("c0", "weather", "{}"), ToolCall("c1", "now", "{}"))),
        Message("tool", "cold", tool_call_id="c0"),
        Message("tool", "ten", tool_call_id="c1", name="other"),
        Message("assistant", "", (ToolCall("c0", "now", "{}"),), name="Ann"),
        Message("tool", "eleven", tool_call_id="c0"),
        Message("tool", "?", tool_call_id="c9", name="other"),
        Message("tool", "?"),
        Message("user", "And?", name="Bob"),
    )
    named = [*with_tool(messages)]

    assert tuple(message for message, _ in named) == messages
    assert [name for _, name in named] == [None, "weather", "now", None, "now", "other", None, None]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ('{"a":1}', {"a": 1}),
        ("{}", {}),
        ("", {}),
        (" ", {}),
        ("oops", {"input": "oops"}),
        ("[1]", {"input": "[1]"}),
        ('"a"', {"input": '"a"'}),
    ],
)
def test_arguments_are_an_object(arguments: str, found: dict[str, Any]) -> None:
    """What is none goes along as a text, and nothing as no arguments."""
    assert arguments_object(ToolCall("c", "f", arguments)) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("data:image/png;base64,iVBORw0KGgo=", ("image/png", "iVBORw0KGgo=")),
        ("data:image/gif;name=a;base64,R0lGODdh", ("image/gif", "R0lGODdh")),
        ("data:image/svg+xml,%3Csvg%2F%3E", ("image/svg+xml", "PHN2Zy8+")),
        ("data:;base64,iVBORw0KGgo=", ("image/png", "iVBORw0KGgo=")),
        ("data:,a", ("image/png", "YQ==")),
        ("https://example.test/a.png", None),
    ],
)
def test_the_data_of_a_picture(url: str, found: tuple[str, str] | None) -> None:
    """Media type and base64, also of data that is written another way."""
    assert picture_data(ImagePart(url)) == found
