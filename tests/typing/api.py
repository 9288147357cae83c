"""The public names in every way they are used. Read by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack, assert_never, assert_type

import msgspec
import pydantic

from racer import (
    Attempt,
    BadRequest,
    Config,
    ConfigError,
    DeadlineExceeded,
    InvalidReply,
    NoLanes,
    Piece,
    RaceLost,
    Racer,
    RacerError,
    Reply,
    Stream,
    StreamBroken,
    race,
)
from racer.core.facts import (
    CacheHit,
    ClockJumped,
    CoolDownEnded,
    CoolDownStarted,
    Fact,
    FieldsDropped,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    Observer,
    QuotaAlert,
    QuotaExhausted,
    QuotaReset,
    RaceEnded,
    RaceStarted,
    StoreHealed,
    StoreTroubled,
)
from racer.core.heat import Ending, Outcome
from racer.core.options import Messages, Options, StreamOptions, Validator
from racer.core.provider import Lane, Provider
from racer.testing import (
    Script,
    ScriptedTransport,
    Step,
    VirtualLoop,
    answers,
    config_of,
    fails,
    hangs,
    provider_of,
    says,
    streams,
)
from racer_adapters import DIALECTS
from racer_adapters.dialect import Dialect
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import FinishReason, ToolCall, ToolDelta, Usage

# ---------------------------------------------------------------- asking


async def plainly() -> None:
    assert_type(await race("Why is the sky blue?"), Reply)
    assert_type(await race([{"role": "user", "content": "Why?"}], lanes=4, deadline=20), Reply)


async def with_every_option(racer: Racer, messages: Messages) -> Reply:
    return await racer.race(
        messages,
        lanes=3,
        policy="one",
        deadline=20.0,
        wait=5,
        decide="token",
        proof=20,
        private=True,
        only="groq",
        exclude=["mistral", "openrouter"],
        prefer=("ollama", "fast"),
        task="code",
        valid=polite,
        max_tokens=200,
        temperature=0.5,
        top_p=0.9,
        stop=["END"],
        seed=7,
        tools=[{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}],
        tool_choice="auto",
        response_format={"type": "json_object"},
        extra={"safe_prompt": True},
    )


async def wrongly(racer: Racer) -> None:
    await racer.race("hi", policy="most")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue] - no such policy
    await racer.race("hi", lanes="4")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue] - a text
    await racer.race("hi", lane=4)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - no such option
    await racer.race("hi", 4)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - options go by keyword


async def passed_on(racer: Racer, **options: Unpack[Options]) -> Reply:
    return await racer.race("hi", **options)


# ---------------------------------------------------------------- values


class Recipe(msgspec.Struct):
    name: str


@dataclass
class Colour:
    name: str


class Place(TypedDict):
    name: str


class Person(pydantic.BaseModel):
    name: str


async def into_values(racer: Racer, schema: dict[str, Any]) -> None:
    assert_type(await racer.race("cook", into=Recipe), Reply[Recipe])
    assert_type(await race("cook", into=Recipe, lanes=2), Reply[Recipe])
    assert_type((await racer.race("cook", into=Recipe)).parsed, Recipe)
    assert_type((await racer.race("cook", into=Recipe)).parsed.name, str)
    assert_type((await racer.race("paint", into=Colour, deadline=5)).parsed, Colour)
    assert_type((await racer.race("where", into=Place)).parsed, Place)
    assert_type((await racer.race("who", into=Person)).parsed, Person)
    assert_type((await racer.race("list", into=list[Recipe])).parsed, list[Recipe])
    assert_type((await racer.race("any", into=schema)).parsed, Any)
    await racer.race("either", into=Recipe | Colour)
    assert_type((await racer.race("none")).parsed, Any)
    assert_type((await racer.race("none", into=None)).parsed, Any)


async def into_wrongly(racer: Racer) -> None:
    await racer.race("cook", into="Recipe")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue] - a name is no type
    await racer.race("cook", into=Recipe, lane=2)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - no such option


def whose(reply: Reply[Recipe]) -> str:
    """A reply of a value goes wherever any reply goes."""
    read_reply(reply)
    return reply.parsed.name


# ---------------------------------------------------------------- streams


async def read_a_stream(racer: Racer) -> None:
    assert_type(racer.stream("hi"), Stream[Any])
    async with racer.stream("hi", resume=True, proof=40, lanes=2) as stream:
        assert_type(stream.provider, str | None)
        assert_type(stream.model, str | None)
        async for piece in stream:
            assert_type(piece, Piece)
            assert_type(piece.text, str)
            assert_type(piece.reasoning, str)
            assert_type(piece.tool_calls, tuple[ToolDelta, ...])
        assert_type(stream.reply, Reply[Any])
    async with racer.stream("cook", into=Recipe) as cooking:
        assert_type(cooking, Stream[Recipe])
        assert_type(cooking.reply.parsed, Recipe)


async def streamed_wrongly(racer: Racer) -> None:
    racer.stream("hi", resume="yes")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue] - a text
    await racer.race("hi", resume=True)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue] - a race has no reader
    await racer.race("hi", decide="half")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue] - nothing to decide by


def streamed_on(racer: Racer, **options: Unpack[StreamOptions]) -> Stream[Any]:
    return racer.stream("hi", **options)


# ---------------------------------------------------------------- validators


def polite(reply: Reply) -> bool:
    return "stupid" not in reply.text


def strict(reply: Reply) -> None:
    if not reply.text:
        raise InvalidReply("nothing said")


async def slow(reply: Reply) -> bool:
    return bool(reply.text)


async def slow_and_strict(reply: Reply) -> None:
    raise InvalidReply(reply.provider)


class Longer:
    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, reply: Reply) -> bool:
        return len(reply.text) >= self.least


async def with_validators(racer: Racer) -> None:
    each: list[Validator] = [polite, strict, slow, slow_and_strict, Longer(3), lambda reply: bool(reply.text)]
    await racer.race("hi", valid=each)
    await racer.race("hi", valid=[polite, slow])
    await racer.race("hi", valid=slow_and_strict)
    await racer.race("hi", valid=Longer(3))
    await racer.race("hi", valid=lambda reply: reply.usage.output_tokens < 100)


# ---------------------------------------------------------------- what comes back


def read_reply(reply: Reply) -> None:
    assert_type(reply.text, str)
    assert_type(reply.reasoning, str)
    assert_type(reply.provider, str)
    assert_type(reply.model, str)
    assert_type(reply.race_id, str)
    assert_type(reply.tool_calls, tuple[ToolCall, ...])
    assert_type(reply.finish_reason, FinishReason | None)
    assert_type(reply.usage, Usage)
    assert_type(reply.usage.input_tokens, int)
    assert_type(reply.usage.output_tokens, int)
    assert_type(reply.usage.estimated, bool)
    assert_type(reply.latency, float)
    assert_type(reply.first_token, float | None)
    assert_type(reply.cached, bool)
    assert_type(reply.parsed, Any)
    assert_type(reply.attempts, tuple[Attempt, ...])
    assert_type(reply.to_openai(), dict[str, Any])
    assert_type(reply.to_dict(), dict[str, Any])


def read_attempt(attempt: Attempt) -> str:
    assert_type(attempt.lane, str)
    assert_type(attempt.start, float)
    assert_type(attempt.latency, float)
    assert_type(attempt.first_token, float | None)
    assert_type(attempt.reason, str | None)
    assert_type(attempt.status, int | None)
    assert_type(attempt.usage, Usage | None)
    match attempt.outcome:
        case Outcome.WON | Outcome.LOST | Outcome.FAILED | Outcome.LATE:
            return attempt.outcome.value
        case _:
            assert_never(attempt.outcome)


async def read_errors(racer: Racer) -> None:
    try:
        await racer.race("hi")
    except NoLanes as error:
        assert_type(error.until, float | None)
        assert_type(error.skipped, tuple[tuple[str, str], ...])
        assert_type(error.help, str)
    except (RaceLost, DeadlineExceeded, BadRequest) as error:
        assert_type(error.attempts, tuple[Attempt, ...])
    except ConfigError as error:
        assert_type(error.problems, tuple[str, ...])
    except StreamBroken as error:
        assert_type(error.text, str)
    except RacerError as error:
        assert_type(error.args, tuple[Any, ...])


async def read_as_builtin(racer: Racer) -> None:
    try:
        await racer.race("hi")
    except TimeoutError as late:
        assert_type(late, TimeoutError)
    except ValueError as wrong:
        assert_type(wrong, ValueError)


# ---------------------------------------------------------------- a Racer


async def open_one(path: Path, config: Config) -> None:
    assert_type(Racer.load(), Racer)
    assert_type(Racer.load("racer.toml"), Racer)
    assert_type(Racer.load(path), Racer)
    assert_type(config.providers, tuple[Provider, ...])
    context: AbstractAsyncContextManager[Racer] = Racer(config)
    async with context as racer:
        assert_type(racer, Racer)
    async with Racer(config, observers=[observe], dialects=DIALECTS) as racer:
        assert_type(racer.config, Config)


class OfOnesOwn(Racer):
    """`load` gives the class that it is called on."""


def load_own() -> None:
    assert_type(OfOnesOwn.load(), OfOnesOwn)


def observe(fact: Fact) -> None:
    match fact:
        case RaceStarted():
            assert_type(fact.lanes, tuple[Lane, ...])
        case LaneStarted():
            assert_type(fact.offset, float)
        case LaneFirstToken():
            assert_type(fact.after, float)
        case FieldsDropped():
            assert_type(fact.fields, tuple[str, ...])
        case LaneEnded():
            assert_type(fact.record, Attempt)
        case RaceEnded():
            assert_type(fact.ending, Ending)
            assert_type(fact.winner, Lane | None)
        case CoolDownStarted():
            assert_type(fact.seconds, float)
        case CoolDownEnded():
            assert_type(fact.scope, str)
        case QuotaAlert() | QuotaExhausted():
            assert_type(fact.resets_at, float | None)
        case QuotaReset():
            assert_type(fact.meter, str)
        case CacheHit():
            assert_type(fact.shared, bool)
        case StoreTroubled():
            assert_type(fact.lost, int)
        case StoreHealed():
            assert_type(fact.after, float)
        case ClockJumped():
            assert_type(fact.seconds, float)
        case _:
            assert_never(fact)


an_observer: Observer = observe


# ---------------------------------------------------------------- tests of one's own


async def on_a_scripted_network() -> None:
    refused = WireError(Kind.RATE, "too many", status=429, retry_after=2.0)
    transport = ScriptedTransport(
        {
            "quick": says("hi", after=0.1, token_after=0.05),
            "broken": [fails(refused, after=0.2), answers(500, b"oops", headers={"retry-after": "1"})],
            "silent": hangs(),
            "steady": streams("a", "b", after=0.1, gap=0.1, breaks=refused),
            "cut": streams("a", "b", breaks="end"),
            "odd": Script(steps=(Step(0.1, b"data: [DONE]\n\n"), Step(0.2, refused)), headers_after=0.1),
        }
    )
    assert_type(config_of("quick", "broken"), Config)
    assert_type(provider_of("quick", "small", "large", keys=["a", "b"]), Provider)
    async with Racer(config_of("quick", "broken"), transport=transport) as racer:
        assert_type(await racer.race("hi"), Reply)
    assert_type(transport.log, list[tuple[str, str, float]])
    assert_type(transport.open, int)


def on_virtual_time() -> None:
    make: Callable[[], VirtualLoop] = VirtualLoop
    assert_type(make().time(), float)


def read_dialects() -> None:
    assert_type(DIALECTS["openai"], Dialect)
