"""Tools through a race, in every dialect that has them: definitions, results, calls in pieces, mistakes.

Replies are the golden ones of tests/adapters, in pieces of a few bytes. That requests are what the providers'
own clients send is looked at there; here a strict simulator takes a whole conversation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer import BadRequest, Config, Racer
from racer.errors import RaceLost
from racer.sim import Profile, Simulator
from racer.testing import Script, ScriptedTransport, Step, provider_of, says
from tests.adapters import goldens
from tests.racer.test_every_dialect import config_of as config_of_simulator
from tests.racer.test_every_dialect import simulated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer import Reply

pytestmark = pytest.mark.anyio

PLACE = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}


def tool(name: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters or {"type": "object"}}}


TOOLS = [tool("weather", PLACE), tool("now")]
# Jobs take no tools: a model is known by its row not to.
SPEAKERS = ("openai", "anthropic", "gemini", "cohere", "ollama", "responses", "cloudflare")
# In these the arguments are a text, which a model may get wrong. In the others they are JSON already.
WRITERS = ("openai", "anthropic", "cohere", "responses")
MODES = ("reply", "token")


def reply_of(dialect: str) -> goldens.Reply:
    """Two calls in a stream, with words before them where the provider sends such."""
    (found,) = (each for each in goldens.replies(dialect) if each.name == "stream_tools")
    return found


def plays(body: bytes, *, size: int = 7, every: float = 0.001) -> Script:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return Script(tuple(Step(every, piece) for piece in pieces))


def calls(name: str, arguments: str, *, after: float = 0.0, then: float = 0.0) -> Script:
    """A call as OpenAI sends it, `after` seconds, whose end comes `then` seconds later."""
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    frames: list[dict[str, Any]] = [
        {"delta": {"tool_calls": [call]}},
        {"delta": {}, "finish_reason": "tool_calls"},
    ]
    first, last = (b"data: " + orjson.dumps({"choices": [frame]}) + b"\n\n" for frame in frames)
    return Script((Step(after, first), Step(then, last)))


def config_of(**dialects: str) -> Config:
    """A provider for each name, which speaks that dialect."""
    return Config(
        providers=tuple(replace(provider_of(name), dialect=dialect) for name, dialect in dialects.items())
    )


async def race(dialect: str, script: Script, rival: Script | None = None, **options: Any) -> Reply:
    """Of `one`, who speaks `dialect`, and perhaps of a rival."""
    scripts, dialects = {"one": script}, {"one": dialect}
    if rival is not None:
        scripts["rival"], dialects["rival"] = rival, "openai"
    options = {"tools": TOOLS, **options}
    async with Racer(config_of(**dialects), transport=ScriptedTransport(scripts)) as racer:
        return await racer.race("Weather in Oslo, and the time?", **options)


@pytest.mark.parametrize("decide", MODES)
@pytest.mark.parametrize("dialect", SPEAKERS)
async def test_only_the_winners_calls_surface(dialect: str, decide: str) -> None:
    """In full and in their order, whatever a rival had begun to call."""
    golden = reply_of(dialect)
    nameless = calls("", "{", then=99)
    reply = await race(dialect, plays(golden.body), nameless, decide=decide)

    assert reply.tool_calls == golden.outcome.answer.tool_calls
    assert len(reply.tool_calls) == 2
    assert {attempt.provider: attempt.outcome for attempt in reply.attempts} == {
        "one": "won",
        "rival": "lost",
    }


@pytest.mark.parametrize("dialect", SPEAKERS)
async def test_the_first_whole_call_wins(dialect: str) -> None:
    """A rival that is sooner takes the race; nothing of the other's calls is in the reply."""
    reply = await race(dialect, plays(reply_of(dialect).body, every=0.1), calls("now", "{}", then=0.2))

    assert reply.provider == "rival"
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("now", "{}")]


@pytest.mark.parametrize("decide", MODES)
@pytest.mark.parametrize("dialect", SPEAKERS)
async def test_a_call_of_an_unknown_tool_fails_its_lane(dialect: str, decide: str) -> None:
    """It decides nothing, however soon it comes, and a slower lane answers."""
    options: dict[str, Any] = {"decide": decide, "tools": [tool("now")], "tool_choice": "required"}
    reply = await race(dialect, plays(reply_of(dialect).body), calls("now", "{}", after=9), **options)

    assert reply.provider == "rival"
    assert reason_of(reply) == "invalid: a call of a tool that was not offered"


@pytest.mark.parametrize("dialect", WRITERS)
async def test_arguments_that_are_not_json_fail_their_lane(dialect: str) -> None:
    """Found when the reply is whole."""
    body = reply_of(dialect).body.replace(rb"Oslo\"}", rb"Oslo\"")
    reply = await race(dialect, plays(body), calls("now", "{}", after=9))

    assert reply.provider == "rival"
    assert reason_of(reply) == "invalid: what the tool 'weather' is called with is not JSON"


@pytest.mark.parametrize("dialect", SPEAKERS)
async def test_a_call_where_none_was_to_be_made_fails_its_lane(dialect: str) -> None:
    """`tool_choice` is "none", and a model does not care."""
    rival = says("It is cold.", after=9)
    reply = await race(dialect, plays(reply_of(dialect).body), rival, tool_choice="none")

    assert (reply.provider, reply.text) == ("rival", "It is cold.")
    assert reason_of(reply) == "invalid: a tool call, and no tool was to be called"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "now"}}])
async def test_words_where_a_call_is_required_fail_their_lane(choice: Any) -> None:
    """Whether any tool was to be called or one by name."""
    reply = await race("openai", says("It is cold."), calls("now", "{}", after=9), tool_choice=choice)

    assert reply.provider == "rival"
    assert reason_of(reply) == "invalid: a tool call was required, and the reply has none"


@pytest.mark.parametrize("dialect", SPEAKERS)
async def test_another_tool_than_the_one_required_fails_its_lane(dialect: str) -> None:
    """One is named; `weather` is offered, but it was not asked for."""
    choice = {"type": "function", "function": {"name": "now"}}
    with pytest.raises(RaceLost) as lost:
        await race(dialect, plays(reply_of(dialect).body), tool_choice=choice)

    assert "a call of a tool that was not offered" in (lost.value.attempts[0].reason or "")


def reason_of(reply: Reply) -> str | None:
    (reason,) = (attempt.reason for attempt in reply.attempts if attempt.provider == "one")
    return reason


# ---------------------------------------------------------------- mistakes of the caller

CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
TALK = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
MISTAKES: list[tuple[str, Any, dict[str, Any], str]] = [
    ("no name", "Hi", {"tools": [{"type": "function", "function": {}}]}, r"tools\[0\]\.function\.name is mi"),
    ("an empty name", "Hi", {"tools": [tool("")]}, r"tools\[0\]\.function\.name is \"\""),
    ("a name twice", "Hi", {"tools": [tool("now"), tool("now")]}, r"tools\[1\] is a second \"now\""),
    ("a name with a dot", "Hi", {"tools": [tool("a.b")]}, r"name is \"a\.b\": use at most 64 of"),
    ("a long name", "Hi", {"tools": [tool("a" * 65)]}, "use at most 64 of the characters"),
    ("parameters of a text", "Hi", {"tools": [tool("f", {"type": "string"})]}, "parameters.type is"),
    ("parameters in words", "Hi", {"tools": [tool("f", {"properties": "a"})]}, "parameters.properties is"),
    ("a choice of nothing", "Hi", {"tool_choice": "required"}, "tool_choice is given without tools"),
    (
        "a choice that is unknown",
        "Hi",
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "rm"}}},
        'tool_choice names the unknown tool "rm": use weather or now',
    ),
    (
        "a result that nobody asked for",
        [*TALK, {"role": "tool", "content": "ten", "tool_call_id": "c2"}],
        {"tools": TOOLS},
        r'messages\[2\]\.tool_call_id is "c2", and no message before it',
    ),
]


@pytest.mark.parametrize(
    ("messages", "options", "words"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
async def test_mistakes_are_told_before_anything_is_sent(
    messages: Any, options: dict[str, Any], words: str
) -> None:
    """With the place and the remedy."""
    transport = ScriptedTransport({"one": says("x")})
    async with Racer(config_of(one="openai"), transport=transport) as racer:
        with pytest.raises(BadRequest, match=words):
            await racer.race(messages, **options)

    assert transport.requests == []


# ---------------------------------------------------------------- a conversation


def conversation(reply: Reply) -> list[dict[str, Any]]:
    """What the caller sends next: the reply as it came, and what each tool has said."""
    said = reply.to_openai()["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": '{"it": "is cold"}'}
        for call in said["tool_calls"]
    ]
    return [said, *results]


@pytest.mark.real_time
@pytest.mark.parametrize("dialect", SPEAKERS)
async def test_calls_of_one_provider_go_to_every_other(dialect: str) -> None:
    """Two rounds of parallel calls, whose ids may be the same in both, are taken by strict providers."""
    replies = [await race(dialect, plays(reply_of(dialect).body, every=0.0)) for _ in range(2)]
    talk = [{"role": "user", "content": "Hi"}, *conversation(replies[0]), *conversation(replies[1])]
    profile = Profile(tuple(map(simulated, SPEAKERS)))
    async with Simulator(profile) as simulator, Racer(config_of_simulator(simulator)) as racer:
        taken = [await racer.race(talk, tools=TOOLS, only=name) for name in SPEAKERS]

    assert [reply.provider for reply in taken] == [*SPEAKERS]
    assert all(reply.text for reply in taken)
