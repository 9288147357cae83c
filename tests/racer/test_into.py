"""`into=` through a race: who is asked in which form, which reply wins, and what its caller gets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
import pytest

from racer import BadRequest, RaceLost, Racer, Reply, StreamBroken
from racer.testing import Script, ScriptedTransport, answers, config_of, says, streams

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio


class Recipe(msgspec.Struct):
    name: str
    steps: list[str]


@dataclass
class Colour:
    name: str


GOOD = '{"name": "Soup", "steps": ["boil"]}'
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


class Kitchen:
    """A Racer on scripted lanes; `can` gives the abilities of some of them."""

    def __init__(self, can: dict[str, str] | None = None, /, **scripts: Script | Sequence[Script]) -> None:
        self.transport = ScriptedTransport(scripts)
        config, can = config_of(*scripts), can or {}
        providers = [_able(each, can[each.name]) if each.name in can else each for each in config.providers]
        self.racer = Racer(replace(config, providers=tuple(providers)), transport=self.transport)

    async def race(self, **options: Any) -> Reply[Any]:
        async with self.racer as racer:
            return await racer.race("cook", **options)

    def sent(self) -> list[dict[str, Any]]:
        return [orjson.loads(request.body) for request in self.transport.requests]


def _able(provider: Any, can: str) -> Any:
    models = tuple(replace(model, can=frozenset(can.split())) for model in provider.models)
    return replace(provider, models=models)


@pytest.mark.parametrize(
    ("target", "value"),
    [(Recipe, Recipe("Soup", ["boil"])), (Colour, Colour("Soup")), (SCHEMA, orjson.loads(GOOD))],
)
async def test_the_reply_holds_the_value(target: Any, value: object) -> None:
    """Of the type that was given; the text is there, too."""
    reply = await Kitchen(a=says(GOOD)).race(into=target)

    assert (value, GOOD) == (reply.parsed, reply.text)


async def test_the_first_that_parses_wins() -> None:
    """A faster one that does not is a failure of its lane, with the path of the misfit."""
    wrong = '{"name": "Soup", "steps": [1]}'
    kitchen = Kitchen(
        talks=says("I would rather not."),
        wrong=says(wrong, after=0.1),
        good=says(f"Sure:\n```json\n{GOOD}\n```", after=0.5),
    )

    reply = await kitchen.race(into=Recipe)

    assert (Recipe("Soup", ["boil"]), "good") == (reply.parsed, reply.provider)
    reasons = {attempt.provider: attempt.reason for attempt in reply.attempts}
    assert "no JSON" in str(reasons["talks"])
    assert "$.steps[0]" in str(reasons["wrong"])


async def test_each_lane_is_asked_in_the_strongest_form_that_it_takes() -> None:
    """A schema of its own, JSON mode, or words; nobody is left out."""
    kitchen = Kitchen(
        {"native": "schema json", "mode": "json", "words": ""},
        native=says(GOOD, after=1), mode=says(GOOD, after=1), words=says(GOOD, after=1),
    )  # fmt: skip

    await kitchen.race(into=Recipe)

    native, mode, words = kitchen.sent()
    assert "json_schema" == native["response_format"]["type"]
    assert "json_object" == mode["response_format"]["type"]
    assert "response_format" not in words
    assert ["steps" in sent["messages"][0]["content"] for sent in (native, mode, words)] == [
        False,
        True,
        True,
    ]


async def test_a_provider_that_refuses_our_form_is_asked_in_words() -> None:
    """A schema that is good may be more than a provider takes; that is no fault of the caller's."""
    no = answers(400, b'{"error":{"message":"Invalid schema for response_format"}}')
    kitchen = Kitchen(a=[no, says(GOOD, after=0.2)], b=[no, says(GOOD, after=0.5)])

    reply = await kitchen.race(into=Recipe)

    assert ("a", Recipe("Soup", ["boil"])) == (reply.provider, reply.parsed)
    assert ["failed", "failed", "won", "lost"] == [str(attempt.outcome) for attempt in reply.attempts]
    assert ["response_format" in sent for sent in kitchen.sent()] == [True, True, False, False]


async def test_who_calls_the_words_wrong_too_means_the_caller() -> None:
    """Two of them end the race, as ever."""
    no = answers(400, b'{"error":{"message":"max_tokens is wrong"}}')
    kitchen = Kitchen(a=no, b=no, c=says(GOOD, after=5))

    with pytest.raises(BadRequest, match="two providers agree"):
        await kitchen.race(into=Recipe)


async def test_checks_come_behind_the_value() -> None:
    """`valid` may look at it."""
    kitchen = Kitchen(none=says('{"name": "Soup", "steps": []}'), some=says(GOOD, after=0.5))

    def has_steps(reply: Reply[Recipe]) -> bool:
        return bool(reply.parsed.steps)

    reply = await kitchen.race(into=Recipe, valid=has_steps)

    assert "some" == reply.provider


async def test_a_call_of_a_tool_needs_no_value() -> None:
    """The model asks for something before it answers."""
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    call = {"index": 0, "id": "c1", "function": {"name": "look_up", "arguments": "{}"}}
    chunk = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    body = b"data: " + orjson.dumps(chunk) + b"\n\ndata: [DONE]\n\n"
    whole = says("x").steps[0]

    reply = await Kitchen(a=Script((replace(whole, then=body),))).race(into=Recipe, tools=[tool])

    assert (None, "look_up") == (reply.parsed, reply.tool_calls[0].name)


async def test_when_nobody_s_reply_parses_the_paths_are_told() -> None:
    """Of each lane its own."""
    with pytest.raises(RaceLost, match=r"\$\.name") as caught:
        await Kitchen(a=says("{}"), b=says('{"name": 5}')).race(into=Colour)
    assert "b/m" in str(caught.value)


async def test_a_type_that_is_none_is_refused_before_anything_is_sent() -> None:
    """And so is a schema that is not valid."""
    kitchen = Kitchen(a=says(GOOD))
    async with kitchen.racer as racer:
        wrong: list[Any] = [object, 5, {"type": "objekt"}]
        for target in wrong:
            with pytest.raises(BadRequest):
                await racer.race("cook", into=target)
        with pytest.raises(BadRequest):
            racer.stream("cook", into={"type": "objekt"})
    assert not kitchen.transport.requests


# ---------------------------------------------------------------- kept


async def test_values_are_made_anew_of_a_kept_reply() -> None:
    """Each caller's own; the question has the form in it, so another type is another question."""
    kitchen = Kitchen(a=says(GOOD))
    async with kitchen.racer as racer:
        first = await racer.race("cook", into=Recipe, cache=60)
        second = await racer.race("cook", into=Recipe, cache=60)
        other = await racer.race("cook", into=Colour, cache=60)

    assert (False, True, False) == (first.cached, second.cached, other.cached)
    assert first.parsed == second.parsed
    assert first.parsed is not second.parsed
    assert Colour("Soup") == other.parsed


async def test_equal_calls_at_once_share_a_race_and_not_a_value() -> None:
    """One request; two recipes."""
    kitchen = Kitchen(a=says(GOOD, after=1.0))
    async with kitchen.racer as racer:
        both = await asyncio.gather(*(racer.race("cook", into=Recipe, cache=60) for _ in range(2)))

    assert 1 == len(kitchen.transport.requests)
    assert both[0].parsed == both[1].parsed
    assert both[0].parsed is not both[1].parsed


# ---------------------------------------------------------------- streamed


async def test_a_stream_has_the_value_at_its_end() -> None:
    """Its text comes as it is written, chatter and all."""
    text = f"Sure: {GOOD} Enjoy!"
    kitchen = Kitchen(a=streams("Sure: ", GOOD[:9], GOOD[9:], " Enjoy!", gap=0.1))
    async with kitchen.racer as racer, racer.stream("cook", into=Recipe) as stream:
        assert text == "".join([str(piece) async for piece in stream])

    assert Recipe("Soup", ["boil"]) == stream.reply.parsed


async def test_chatter_does_not_lead_where_a_value_is_wanted() -> None:
    """The lane that is at its JSON first leads, not the one that talks first."""
    kitchen = Kitchen(
        talks=streams("Well, ", "let me ", "think", gap=1.0),
        writes=streams(GOOD[:5], GOOD[5:], after=1.5, gap=0.1),
    )
    async with kitchen.racer as racer, racer.stream("cook", into=Recipe) as stream:
        assert GOOD == "".join([str(piece) async for piece in stream])


async def test_a_stream_that_does_not_parse_breaks_at_its_end() -> None:
    """The text was read already; the path is told."""
    kitchen = Kitchen(a=streams('{"name"', ": 5}", gap=0.1))
    async with kitchen.racer as racer, racer.stream("cook", into=Colour) as stream:
        with pytest.raises(StreamBroken, match=r"\$\.name"):
            async for _ in stream:
                pass
