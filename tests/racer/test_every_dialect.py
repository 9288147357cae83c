"""race() across all dialects at once, against the simulator: each can win, and each can fail in each way.

The providers of the OpenAI dialect differ in their errors, so each of them races, too. Every way of failing is
met twice by each: together with all others, which makes it stream, and alone, with its answer in one piece.
All of that runs at once, before the first test; the tests look at how each lane ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from racer import Racer
from racer.config import compose
from racer.errors import RaceLost
from racer.sim import Profile, Simulator
from racer.sim import Provider as Simulated
from racer.sim.fault import KINDS, Fault
from racer.sim.wire.flavour import FLAVOURS
from racer_adapters import DIALECTS
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer.config import Config
    from racer.core.reply import Attempt

KEY = "test-key-" + "x" * 12
MODELS = {
    "cloudflare": "@cf/meta/llama-3.1-8b-instruct-fp8",
    "replicate": "meta/meta-llama-3-8b-instruct",
    "responses": "perplexity/sonar",
    "runpod": "endpoint1",
}
# Everybody who speaks: the dialects, and those whose OpenAI has ways of its own.
DIALECT_OF = {
    **{name: name for name in DIALECTS},
    **{name: "openai" for name in FLAVOURS if name not in DIALECTS},
}
JOBS = frozenset({"replicate", "runpod"})
FAILURES = ("500", "401", "done_only", "html_200", "truncated", "429", "error_frame")
SILENT = frozenset({"hang", "hang_after_headers", "keepalive_only", "role_then_silence", "slow_drip"})
QUIRKS = {"mistral": {"renames": {"seed": "random_seed"}, "drops": ["stream_options"]}}


def simulated(name: str, *faults: Fault, **more: Any) -> Simulated:
    dialect = DIALECT_OF[name]
    flavour = name if name in FLAVOURS else "generic"
    model = MODELS.get(name, "model1")
    return Simulated(
        name=name, dialect=dialect, flavour=flavour, models=(model,), keys=(KEY,), faults=faults, **more
    )


def config_of(simulator: Simulator, *, key: str = KEY, model: str = "", timeout: float = 30.0) -> Config:
    """Every provider of the simulator as a row of its own."""
    rows = {
        each.name: {
            "dialect": each.dialect,
            "base_url": simulator.base_url(each.name),
            "keys": ["$RACED"],
            "models": [{"name": model or each.models[0], "can": ["tools", "json", "schema"]}],
            "timeout": timeout,
            **QUIRKS.get(each.name, {}),
        }
        for each in simulator.profile.providers
    }
    return compose({"providers": rows}, {}, {"RACED": key, "RACER_LOG": "off"})


# ---------------------------------------------------------------- how each can fail


@dataclass(frozen=True, slots=True)
class Way:
    """A way of failing, what it means, and for whom it means something else."""

    name: str
    kind: Kind
    others: Mapping[str, Kind] = field(default_factory=dict[str, Kind])
    fault: Fault | None = None
    provider: Mapping[str, Any] = field(default_factory=dict[str, Any])
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def means(self, name: str, mode: str) -> Kind:
        return self.others.get(f"{name} {mode}", self.others.get(name, self.kind))


def fault(kind: Kind, name: str, others: Mapping[str, Kind] | None = None, **options: Any) -> Way:
    """The simulator's fault of that name."""
    label = " ".join([name, *(str(value) for value in options.values())])
    patience = {"timeout": 0.6} if name in SILENT else {}
    return Way(label, kind, others or {}, Fault(name, **options), config=patience)


def those(kind: Kind, *names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, kind)


# Who tells the kind of an error, or its number, is taken at its word; of the others it is known that they failed.
# Mistral ends a stream with a bare `finish_reason: "error"`.
UNTOLD = those(Kind.IN_BAND, "ollama", "cohere", "replicate", "runpod")
UNTOLD_IN_STREAMS = {**UNTOLD, "mistral together": Kind.IN_BAND}
# Nobody there says whether a limit is one of the day, or of money.
RATE_AT_BEST = those(Kind.RATE, "responses", "replicate", "runpod", "mistral", "nvidia")
MONEY_UNTOLD = those(Kind.RATE, "generic", "openrouter", "nvidia")
# Ollama's cloud knows sessions and weeks, Cloudflare neurons of the day, and a trial key calls of the month.
QUOTAS = those(Kind.QUOTA, "ollama", "cloudflare", "cohere")

WAYS = (
    fault(Kind.BAD_REQUEST, "400"),
    fault(Kind.AUTH, "401"),
    fault(Kind.CREDIT, "402"),
    fault(Kind.AUTH, "403", {**those(Kind.DENIED, "ollama", "cloudflare"), "responses": Kind.NO_MODEL}),
    fault(Kind.NO_MODEL, "404"),
    fault(Kind.TOO_LONG, "413"),
    fault(Kind.RATE, "429", {"ollama": Kind.QUOTA}, retry_after=7.0),
    fault(Kind.RATE, "429", those(Kind.QUOTA, "ollama", "cloudflare"), unit="tokens"),
    fault(Kind.QUOTA, "429", RATE_AT_BEST, unit="tokens", per="day"),
    fault(Kind.CREDIT, "insufficient_quota", {**QUOTAS, **MONEY_UNTOLD, "gemini": Kind.DENIED}),
    fault(Kind.SERVER, "500"),
    fault(Kind.OVERLOADED, "502"),
    fault(Kind.OVERLOADED, "503"),
    fault(Kind.OVERLOADED, "504", {"cloudflare": Kind.SERVER}),
    fault(Kind.OVERLOADED, "529"),
    fault(Kind.SERVER, "error_200", UNTOLD),
    fault(Kind.SERVER, "error_frame", UNTOLD_IN_STREAMS),
    fault(Kind.SERVER, "error_frame", UNTOLD_IN_STREAMS, tokens=3),
    fault(Kind.EMPTY, "empty_200"),
    fault(Kind.EMPTY, "empty_content"),
    fault(Kind.EMPTY, "whitespace"),
    fault(Kind.EMPTY, "reasoning_only"),
    fault(Kind.EMPTY, "done_only", {"replicate": Kind.TRUNCATED}),
    fault(Kind.TRUNCATED, "truncated"),
    fault(Kind.TRUNCATED, "half_json"),
    fault(Kind.TRUNCATED, "reset_mid"),
    fault(Kind.RESET, "reset_before"),
    fault(Kind.NOT_JSON, "html_200"),
    fault(Kind.NOT_JSON, "wrong_type"),
    fault(Kind.REDIRECT, "redirect"),
    fault(Kind.TOO_LARGE, "too_large"),
    fault(Kind.TOO_LARGE, "gzip_bomb"),
    *(fault(Kind.TIMEOUT, name) for name in sorted(SILENT)),
    Way("another key", Kind.AUTH, config={"key": "test-key-" + "y" * 12}),
    Way("another model", Kind.NO_MODEL, config={"model": "nobody/knows-it"}),
    Way("too long a prompt", Kind.TOO_LONG, provider={"context": 2}),
)
MODES = ("together", "alone")
Endings = dict[tuple[str, str, str], "Attempt"]


async def attempts_of(simulator: Simulator, way: Way, *only: str) -> Sequence[Attempt]:
    """Of a race that nobody won."""
    async with Racer(config_of(simulator, **way.config)) as racer:
        with pytest.raises(RaceLost) as lost:
            await racer.race("Name three rivers of Europe.", lanes=len(DIALECT_OF), only=only)
    return lost.value.attempts


async def suffered(way: Way, endings: Endings) -> None:
    """`way` for everybody: all together, and each alone. A request that is wrong ends a race for all others."""
    faults = () if way.fault is None else (way.fault,)
    profile = Profile(tuple(simulated(name, *faults, **way.provider) for name in DIALECT_OF))
    races = [(name,) for name in DIALECT_OF]
    if way.kind is not Kind.BAD_REQUEST:
        races.append(tuple(DIALECT_OF))
    async with Simulator(profile) as simulator:
        lost = await asyncio.gather(*(attempts_of(simulator, way, *only) for only in races))
    for only, attempts in zip(races, lost, strict=True):
        for attempt in attempts:
            endings[way.name, "alone" if len(only) == 1 else "together", attempt.provider] = attempt


@pytest.fixture(scope="module")
def endings() -> Endings:
    """How every lane ended in every way: provider, way and mode -> its attempt."""
    endings: Endings = {}

    async def suffer() -> None:
        await asyncio.gather(*(suffered(way, endings) for way in WAYS))

    asyncio.run(suffer())
    return endings


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", DIALECT_OF)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_can_fail_in_each_way(way: Way, name: str, mode: str, endings: Endings) -> None:
    """What happened is told as what it is, whoever it happened to, streamed or in one piece."""
    if way.kind is Kind.BAD_REQUEST and mode == "together":
        assert (way.name, mode, name) not in endings
        return
    ending = endings[way.name, mode, name]

    assert ending.outcome == "failed"
    assert (ending.reason or "").partition(":")[0].partition(" ")[0] == way.means(name, mode)


def test_every_fault_of_the_simulator_is_met() -> None:
    """A fault that is added there is looked at here."""
    assert {way.fault.kind for way in WAYS if way.fault} == set(KINDS)


# ---------------------------------------------------------------- how each can win


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked, by which options of a race; `of` says whether a reply is that."""

    name: str
    options: Mapping[str, Any]
    of: Callable[[Reply], bool]
    reasoning: int = 0


TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SHAPE = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "place", "schema": SHAPE}}

WISHES = (
    Wish("a text", {}, lambda reply: len(reply.text) > 20 and reply.finish_reason == "stop"),
    Wish("a text of three tokens", {"max_tokens": 3}, lambda reply: 0 < len(reply.text) < 40),
    Wish(
        "a thought",
        {},
        lambda reply: bool(reply.reasoning) and reply.reasoning not in reply.text,
        reasoning=5,
    ),
    Wish(
        "a tool",
        {"tools": [TOOL], "tool_choice": "required"},
        lambda reply: (
            [(call.name, set(orjson.loads(call.arguments))) for call in reply.tool_calls]
            == [("weather", {"city"})]
        ),
    ),
    Wish(
        "an object",
        {"response_format": {"type": "json_object"}},
        lambda reply: isinstance(orjson.loads(reply.text), dict),
    ),
    Wish("a place", {"response_format": FORM}, lambda reply: set(orjson.loads(reply.text)) == {"city"}),
)


def can_grant(name: str, wish: Wish) -> bool:
    """Jobs take no tools and no form; the simulated Cloudflare thinks where nobody sees it."""
    return not (name in JOBS and wish.options.keys() & {"tools", "response_format"})


@pytest.mark.anyio
@pytest.mark.real_time
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "wish"),
    [(name, wish) for wish in WISHES for name in DIALECT_OF if can_grant(name, wish)],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
async def test_each_can_win(name: str, wish: Wish, mode: str) -> None:
    """It gives what was asked while all others fail, each in a way of its own; and alone."""
    others = [other for other in DIALECT_OF if other != name] if mode == "together" else []
    failing = [
        simulated(other, Fault(kind)) for other, kind in zip(others, itertools.cycle(FAILURES), strict=False)
    ]
    winning = simulated(name, reasoning=wish.reasoning)
    async with Simulator(Profile((*failing, winning))) as simulator, Racer(config_of(simulator)) as racer:
        reply = await racer.race("Answer as JSON: where is it warm?", lanes=len(DIALECT_OF), **wish.options)

    assert reply.provider == name
    assert wish.of(reply), (reply.text, reply.reasoning, reply.tool_calls, reply.finish_reason)
    assert {attempt.outcome for attempt in reply.attempts if attempt.provider != name} <= {"failed", "lost"}
