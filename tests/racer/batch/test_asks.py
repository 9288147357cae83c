"""racer/batch/asks.py: what a line asks, over the options of the job, and who may answer it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from racer import Racer
from racer.batch.asks import Asks, Suites
from racer.batch.line import Prompt
from racer.core.field import Field, field_of
from racer.core.provider import Model
from racer.errors import BadRequest
from racer.testing import ScriptedTransport, config_of, provider_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from racer.batch.parts import Parts
    from racer.core.options import Options

pytestmark = pytest.mark.anyio


def parts_of(racer: Racer) -> Parts:
    return racer._parts()  # pyright: ignore[reportPrivateUsage] - no user needs them


@asynccontextmanager
async def parts_with(*models: Model) -> AsyncGenerator[Parts]:
    """Of two providers, `a` with these models and `b` with m."""
    providers = (replace(provider_of("a"), models=models or (Model("m"), Model("n"))), provider_of("b"))
    config = replace(config_of(), providers=providers)
    async with Racer(config, transport=ScriptedTransport({})) as racer:
        yield parts_of(racer)


def prompt(messages: Any = "Hi", model: str | None = None, **options: Any) -> Prompt:
    return Prompt(1, "line-1", messages, options, model)


def said(asks: Asks, line: Prompt) -> list[tuple[str, object]]:
    _, call = asks.of(line)
    return [(message.role, message.content) for message in call.messages]


async def test_the_options_of_the_job() -> None:
    """They hold for each line; its policy is frugal where nothing is said; nobody reads along."""
    async with parts_with() as parts:
        asks = Asks({"temperature": 0.5, "max_tokens": 9}, None, None, parts)
        ask, call = asks.of(prompt())
        assert ask is asks.job
        assert (ask.policy_name, ask.proof) == ("frugal", None)
        assert (call.temperature, call.max_tokens, call.stream) == (0.5, 9, False)
        assert call == replace(asks.job.call, messages=call.messages)
        assert Asks({"policy": "one"}, None, None, parts).job.policy_name == "one"


async def test_a_line_says_something_itself() -> None:
    """What a line says goes over what the job says."""
    async with parts_with() as parts:
        asks = Asks({"temperature": 0.5, "max_tokens": 9}, None, None, parts)
        ask, call = asks.of(prompt(temperature=1.0, seed=3))
        assert (call.temperature, call.max_tokens, call.seed, call.stream) == (1.0, 9, 3, False)
        assert (ask.call.temperature, ask.policy_name) == (1.0, "frugal")


async def test_the_system_prompt() -> None:
    """It goes before what a line says, whether that is a text or messages, with options or without."""
    async with parts_with() as parts:
        asks = Asks({}, "Be brief.", None, parts)
        first = ("system", "Be brief.")
        assert said(asks, prompt()) == said(asks, prompt(seed=1)) == [first, ("user", "Hi")]
        messages = [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]
        assert said(asks, prompt(messages)) == [first, ("user", "A"), ("assistant", "B")]
        assert said(asks, prompt(messages, seed=1)) == said(asks, prompt(messages))


@pytest.mark.parametrize("options", [{}, {"seed": 1}])
@pytest.mark.parametrize("messages", ["", [], [{"role": "wizard", "content": "Hi"}], [5]])
async def test_no_messages(messages: Any, options: dict[str, Any]) -> None:
    """What are no messages is refused as any bad request is, with options of its own or without."""
    async with parts_with() as parts:
        with pytest.raises(BadRequest):
            Asks({}, None, None, parts).of(prompt(messages, **options))


async def test_wrong_options() -> None:
    """What is wrong with the job is said before there is a line; of a line, when it is read."""
    wrong: Options = {"temperature": 9.0}
    async with parts_with() as parts:
        with pytest.raises(BadRequest, match="temperature is 9"):
            Asks(wrong, None, None, parts)
        with pytest.raises(BadRequest, match="temperature is 7"):
            Asks({}, None, None, parts).of(prompt(temperature=7.0))


@pytest.mark.parametrize(
    ("model", "only"),
    [(None, ()), ("auto", ()), ("auto:fast", ()), ("a", ("a/m", "a/n")), ("a/n", ("a/n",)),
     ("m", ("a/m", "b/m")), ("n, b/m", ("a/n", "b/m"))],
)  # fmt: skip
async def test_whom_a_line_asks_for(model: str | None, only: tuple[str, ...]) -> None:
    """A provider, a lane, or a model that several have; "auto" is anybody."""
    async with parts_with() as parts:
        asks = Asks({}, None, None, parts)
        ask, call = asks.of(prompt(model=model))
        lanes = Suites(parts, parts.lineup.field).of(ask, call).lanes
        assert {lane.id for lane in lanes} == set(only or ("a/m", "a/n", "b/m"))
        assert asks.unknown_models == {}


async def test_a_model_that_nobody_has() -> None:
    """Anybody answers then, and it is told how many lines have asked for it."""
    async with parts_with() as parts:
        asks = Asks({}, None, None, parts)
        for _ in range(2):
            assert asks.of(prompt(model="gpt-4o"))[0].wishes.only == ()
        assert asks.unknown_models == {"gpt-4o": 2}


async def test_the_job_says_who_may_answer() -> None:
    """A line may choose among those whom the job allows, and nobody else."""
    async with parts_with() as parts:
        asks = Asks({"only": "a"}, None, None, parts)
        assert asks.of(prompt(model="m"))[0].wishes.only == ("a/m",)
        with pytest.raises(BadRequest, match="which the options of the batch leave out"):
            asks.of(prompt(model="b/m"))
        assert asks.of(prompt(model="gpt-4o"))[0].wishes.only == ("a",)


# ---------------------------------------------------------------- suites


async def test_one_suite_for_lines_of_one_kind() -> None:
    """Lines that need the same have the same lanes; those that need more have those that can."""
    async with parts_with(Model("m", can=frozenset({"json"})), Model("n")) as parts:
        asks, suites = Asks({}, None, None, parts), Suites(parts, parts.lineup.field)
        first = suites.of(*asks.of(prompt()))
        assert suites.of(*asks.of(prompt("Ho"))) is first
        assert suites.of(*asks.of(prompt(seed=1))) is first
        able = suites.of(*asks.of(prompt(response_format={"type": "json_object"})))
        assert {lane.id for lane in able.lanes} == {"a/m", "b/m"}
        assert able is not first
        liked = suites.of(*asks.of(prompt(prefer="b")))
        assert liked.lanes[0].id == "b/m"
        assert liked.groups["b/m"] < liked.groups["a/m"]
        assert first.prospects.expected(first.lanes[0]) > 0


async def test_long_lines() -> None:
    """A line that is longer than a lane's context has the others; one that is too long for all has none."""
    async with parts_with(Model("m", context=200), Model("n", context=2000)) as parts:
        asks = Asks({"only": "a"}, None, None, parts)
        suites = Suites(parts, parts.lineup.field)
        counts = [len(suites.of(*asks.of(prompt("word " * n))).lanes) for n in (10, 500, 9000)]
        assert counts == [2, 1, 0]


async def test_long_lines_of_one_kind_are_of_one_suite() -> None:
    """However many lengths there are, there are no more kinds than lanes to tell them apart."""
    async with parts_with(Model("m", context=200)) as parts:
        asks, suites = Asks({}, None, None, parts), Suites(parts, parts.lineup.field)
        assert len({id(suites.of(*asks.of(prompt("word " * n)))) for n in range(500, 520)}) == 1


async def test_refresh() -> None:
    """When lanes come or go, each suite has those that are there now."""
    async with parts_with() as parts:
        asks, field = Asks({}, None, None, parts), parts.lineup.field
        suites = Suites(parts, field)
        suite = suites.of(*asks.of(prompt()))
        suite.sort(0.0)
        assert not suites.refresh(field)
        assert len(suite.lanes) == 3
        assert suites.refresh(field_of(parts.providers[:1], {}))
        assert {lane.id for lane in suite.lanes} == {"a/m", "a/n"}
        assert suites.refresh(Field((), ()))
        assert suite.lanes == []
