"""Messages of Ollama's chat."""

from __future__ import annotations

from typing import Any

import pytest

from racer.server.ollama_turns import turns
from racer.server.question import Refused

ADD = {"function": {"name": "add", "arguments": {"a": 1}}}
SUB = {"function": {"name": "sub"}, "id": "own"}


def asking(*calls: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": [*calls]}


def result(content: str = "2", **more: str) -> dict[str, Any]:
    return {"role": "tool", "content": content, **more}


def test_plain_messages() -> None:
    """They are the same; thoughts are left out, and so is what is null."""
    said: list[Any] = [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "hi", "thinking": "hm", "tool_calls": None, "images": []},
    ]

    assert turns(said) == [{"role": "system", "content": "Be brief."}, {"role": "assistant", "content": "hi"}]


def test_pictures() -> None:
    """Behind the text, as data: URLs; one that is one already stays."""
    (turn,) = turns([{"role": "user", "content": "What?", "images": ["AAAA", "data:image/gif;base64,R0lG"]}])
    (alone,) = turns([{"role": "user", "images": ["AAAA"]}])

    assert turn["content"] == [
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lG"}},
    ]
    assert [part["type"] for part in alone["content"]] == ["image_url"]


def test_calls_and_results() -> None:
    """A result goes to the first call of its tool that has none; its id counts, where there is one."""
    asked, *results = turns(
        [
            asking(ADD, SUB, ADD, ADD),
            result(tool_name="add"), result(tool_call_id="own"), result(name="add"), result(),
        ]
    )  # fmt: skip

    assert [call["id"] for call in asked["tool_calls"]] == ["call_0", "own", "call_2", "call_3"]
    assert asked["tool_calls"][0]["function"] == {"name": "add", "arguments": {"a": 1}}
    assert asked["tool_calls"][1]["function"]["arguments"] == {}
    assert [each["tool_call_id"] for each in results] == ["call_0", "own", "call_2", "call_3"]
    assert results[0]["content"] == "2"


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        (None, "messages is missing"), ("hi", 'messages is "hi"'), ([4], r"messages\[0\] is an int"),
        ([result(tool_name="add")], r'messages\[0\] is the result of "add"'),
        ([asking(ADD), result(tool_call_id="x")], r'messages\[1\] is the result of "x"'),
        ([result()], "the result of a tool"),
        ([asking({})], r"messages\[0\].tool_calls\[0\].function is missing"),
        ([asking(4)], r"messages\[0\].tool_calls\[0\] is an int"),
        ([{"role": "user", "content": 4}], r"messages\[0\].content is an int"),
        ([{"role": "user", "images": "AAAA"}], r"messages\[0\].images is"),
        ([{"role": "user", "images": ["http://x.com/a.png"]}], r"messages\[0\].images\[0\] is no base64"),
    ],
)  # fmt: skip
def test_what_is_wrong(messages: object, says: str) -> None:
    """Told with its place."""
    with pytest.raises(ValueError, match=says):
        turns(messages)


def test_unknown_fields() -> None:
    """Named."""
    with pytest.raises(Refused, match=r"messages\[0\].cache is not taken"):
        turns([{"role": "user", "content": "hi", "cache": 1}])
