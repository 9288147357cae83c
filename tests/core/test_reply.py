"""What the caller gets, in Python's form, as plain values, and as OpenAI's types take it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from openai.types.chat import ChatCompletion

from racer.core.heat import Outcome
from racer.core.reply import Attempt, Reply
from racer_adapters.messages import parse_messages
from racer_adapters.types import FinishReason, ToolCall, Usage

WON = Attempt("groq/m", "groq", "m", 0.0, 0.51234567, Outcome.WON, first_token=0.1000000049)
FAILED = Attempt("ollama/n", "ollama", "n", 0.0, 0.2, Outcome.FAILED, reason="server 500: broken", status=500)
CALL = ToolCall("call_1", "add", '{"a": 1}')


def reply(text: str = "hello", *calls: ToolCall, finish: FinishReason | None = "stop", **more: Any) -> Reply:
    return Reply(
        text,
        "groq",
        "m",
        Usage(3, 4, estimated=True),
        0.61234567,
        "abc",
        tool_calls=calls,
        finish_reason=finish,
        created=1_800_000_000,
        **more,
    )


def strictly(mapping: dict[str, Any]) -> ChatCompletion:
    """As the official client reads it, types taken at their word and no field that it does not know."""
    read = ChatCompletion.model_validate_json(orjson.dumps(mapping), strict=True)
    assert not read.model_extra
    assert not read.choices[0].model_extra
    assert not read.choices[0].message.model_extra
    return read


# ---------------------------------------------------------------- as OpenAI's


def test_text_as_a_chat_completion() -> None:
    """The official client's types accept it, and read back what was put in."""
    read = strictly(reply().to_openai())

    assert (read.id, read.object, read.created, read.model) == (
        "chatcmpl-abc",
        "chat.completion",
        1_800_000_000,
        "groq/m",
    )
    [choice] = read.choices
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "stop", "assistant")
    assert (choice.message.content, choice.message.tool_calls) == ("hello", None)
    assert read.usage is not None
    assert (read.usage.prompt_tokens, read.usage.completion_tokens, read.usage.total_tokens) == (3, 4, 7)


def test_tool_calls_as_a_chat_completion() -> None:
    """Calls keep their ids and arguments; without text, content is null as with OpenAI."""
    message = strictly(reply("", CALL, finish="tool_calls").to_openai()).choices[0].message

    assert message.content is None
    assert message.tool_calls is not None
    [made] = message.tool_calls
    assert made.type == "function"
    assert (made.id, made.function.name, made.function.arguments) == ("call_1", "add", '{"a": 1}')


@pytest.mark.parametrize(
    ("finish", "calls", "told"),
    [
        ("stop", (), "stop"),
        ("length", (), "length"),
        ("content_filter", (), "content_filter"),
        ("tool_calls", (CALL,), "tool_calls"),
        ("stop", (CALL,), "stop"),
        ("other", (), "stop"),
        (None, (), "stop"),
        ("other", (CALL,), "tool_calls"),
        (None, (CALL,), "tool_calls"),
    ],
)
def test_every_finish_reason_is_one_of_openais(
    finish: FinishReason | None, calls: tuple[ToolCall, ...], told: str
) -> None:
    """One that OpenAI does not have, or that was never said, becomes what the reply amounts to."""
    assert strictly(reply("hello", *calls, finish=finish).to_openai()).choices[0].finish_reason == told


def test_the_signature_of_a_call_goes_along_and_comes_back() -> None:
    """Where Google's compatible endpoint has it, so that our own messages are read with it; else nothing."""
    signed = ToolCall("call_2", "add", "{}", signature="c2ln")
    message = reply("", CALL, signed, finish="tool_calls").to_openai()["choices"][0]["message"]

    assert [call.get("extra_content") for call in message["tool_calls"]] == [
        None,
        {"google": {"thought_signature": "c2ln"}},
    ]
    assert parse_messages([message])[0].tool_calls == (CALL, signed)


# ---------------------------------------------------------------- as plain values


def test_a_reply_as_plain_values() -> None:
    """The same names as in Python, times to the microsecond, and JSON can write all of it."""
    told = reply("hello", CALL, finish="stop", first_token=0.2, attempts=(FAILED, WON)).to_dict()

    assert told == {
        "text": "hello",
        "tool_calls": [{"id": "call_1", "name": "add", "arguments": '{"a": 1}'}],
        "finish_reason": "stop",
        "reasoning": "",
        "parsed": None,
        "provider": "groq",
        "model": "m",
        "usage": {"input_tokens": 3, "output_tokens": 4, "estimated": True},
        "latency": 0.612346,
        "first_token": 0.2,
        "race_id": "abc",
        "cached": False,
        "attempts": [FAILED.to_dict(), WON.to_dict()],
    }
    assert orjson.loads(orjson.dumps(told)) == told


def test_a_reply_in_one_piece_has_no_first_token() -> None:
    """Not known is null, not zero."""
    assert reply().to_dict()["first_token"] is None


@pytest.mark.parametrize(
    ("attempt", "told"),
    [
        (
            WON,
            {
                "lane": "groq/m",
                "provider": "groq",
                "model": "m",
                "start": 0.0,
                "outcome": "won",
                "reason": None,
                "status": None,
                "latency": 0.512346,
                "first_token": 0.1,
                "usage": None,
                "resumed_at": None,
            },
        ),
        (
            FAILED,
            {
                "lane": "ollama/n",
                "provider": "ollama",
                "model": "n",
                "start": 0.0,
                "outcome": "failed",
                "reason": "server 500: broken",
                "status": 500,
                "latency": 0.2,
                "first_token": None,
                "usage": None,
                "resumed_at": None,
            },
        ),
    ],
)
def test_an_attempt_as_plain_values(attempt: Attempt, told: dict[str, object]) -> None:
    """Lane, start, outcome, reason, status, latency: what the contract promises of each lane that ran."""
    assert attempt.to_dict() == told
    assert orjson.loads(orjson.dumps(attempt.to_dict())) == told
