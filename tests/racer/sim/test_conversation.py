"""The same question is the same prompt in every dialect."""

from __future__ import annotations

import pytest

from racer.sim.conversation import Conversation, Said, conversation, wanted_tool
from racer.sim.exchange import ToolSpec

USER, MINE = Said("Hi", "user"), Said("Well", "assistant")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], Conversation("", "", "")),
        ([USER], Conversation("Hi", "", "Hi")),
        ([Said("Be brief", "system"), USER], Conversation("Be brief\nHi", "", "Hi")),
        ([USER, MINE], Conversation("Hi", "Well", "Hi")),
        ([USER, MINE, Said("More", "user")], Conversation("Hi\nWell\nMore", "", "More")),
        ([USER, Said("", "assistant", plain=False)], Conversation("Hi\n", "", "")),
        ([USER, Said("12", "tool")], Conversation("Hi\n12", "", "")),
    ],
)
def test_conversations(said: list[Said], expected: Conversation) -> None:
    """All words make the prompt, but for a last one of the assistant: that is the beginning of the answer."""
    assert conversation(said) == expected


def test_the_tool_that_the_question_names() -> None:
    """The first one whose name is in the question, else none."""
    tools = [ToolSpec("add", {}), ToolSpec("get_weather", {})]

    assert wanted_tool(tools, "use get_weather please") == tools[1]
    assert wanted_tool(tools, "hello") is None
    assert wanted_tool([], "add") is None
