"""The same question is the same prompt in every dialect."""

from __future__ import annotations

import pytest

from racer.sim.conversation import Conversation, Said, conversation, wanted_tools
from racer.sim.exchange import ToolSpec, Unfinished

USER, MINE = Said("Hi", "user"), Said("Well", "assistant")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], Conversation("", "", "")),
        ([USER], Conversation("Hi", "", "Hi")),
        ([Said("Be brief", "system"), USER], Conversation("Be brief\nHi", "", "Hi")),
        ([USER, MINE], Conversation("Hi", "Well", "Hi")),
        (
            [USER, MINE, Said("More", "user")],
            Conversation("Hi\nWell\nMore", "", "More", Unfinished("Hi", "Well", "More")),
        ),
        ([USER, Said("", "assistant", plain=False)], Conversation("Hi\n", "", "")),
        ([USER, Said("", "assistant", plain=False), USER], Conversation("Hi\n\nHi", "", "Hi")),
        ([MINE, USER], Conversation("Well\nHi", "", "Hi", Unfinished("", "Well", "Hi"))),
        ([USER, Said("12", "tool")], Conversation("Hi\n12", "", "")),
    ],
)
def test_conversations(said: list[Said], expected: Conversation) -> None:
    """All words make the prompt, but for a last one of the assistant: that is the beginning of the answer."""
    assert conversation(said) == expected


ADD, WEATHER, NOW = ToolSpec("add", {}), ToolSpec("get_weather", {}), ToolSpec("get_weather_now", {})


@pytest.mark.parametrize(
    ("question", "must", "parallel", "wanted"),
    [
        ("use get_weather please", False, True, (WEATHER,)),
        ("use get_weather_now!", False, True, (NOW,)),
        ("my address in additional words", False, True, ()),
        ("get_weather, then add", False, True, (ADD, WEATHER)),
        ("get_weather, then add", False, False, (ADD,)),
        ("hello", False, True, ()),
        ("hello", True, True, (ADD,)),
        ("add and get_weather", True, True, (ADD, WEATHER)),
    ],
)
def test_the_tools_that_the_question_names(
    question: str, wanted: tuple[ToolSpec, ...], *, must: bool, parallel: bool
) -> None:
    """Whole names count, in the order of the tools; one where several are not allowed, or one is a must."""
    assert wanted_tools([ADD, WEATHER, NOW], question, must=must, parallel=parallel) == wanted


def test_no_tools_no_call() -> None:
    """Even where one is a must."""
    assert wanted_tools([], "add", must=True) == ()
