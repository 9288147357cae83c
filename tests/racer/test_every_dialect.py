"""race() across all dialects at once, against the simulator: each can win, and each can fail in each way.

The providers of the OpenAI dialect differ in their errors, so each of them races, too. Every way of failing
is met twice by each: together with all others, which makes it stream, and alone, in one piece. All of that
runs at once, before the first test; the tests look at how each lane ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import cycle
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer import Racer
from racer.config import compose
from racer.errors import RaceLost
from racer.sim import Profile, Simulator
from racer.sim import Provider as Simulated
from racer.sim.fault import KINDS, Fault
from racer.sim.wire.flavour import FLAVOURS
from racer.transport import Transport
from racer_adapters import DIALECTS
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer import Reply
    from racer.config import Config
    from racer.core.reply import Attempt

KEY = "test-key-" + "x" * 12
MODES = ("together", "alone")
LARGEST = 2 * 1024 * 1024  # bytes of a reply: to read all 64 MB that are allowed takes everybody a second
LONG = 600.0  # seconds; a slow machine is no failure
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


def config_of(simulator: Simulator, *, key: str = KEY, model: str = "", timeout: float = LONG) -> Config:
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

    @property
    def modes(self) -> tuple[str, ...]:
        """Two who call a request wrong end the race for all others."""
        return ("alone",) if self.kind is Kind.BAD_REQUEST else MODES

    def means(self, name: str, mode: str) -> Kind:
        return self.others.get(f"{name} {mode}", self.others.get(name, self.kind))


def fault(kind: Kind, name: str, others: Mapping[str, Kind] | None = None, **options: Any) -> Way:
    """The simulator's fault of that name."""
    label = " ".join([name, *(str(value) for value in options.values())])
    patience = {"timeout": 0.6} if name in SILENT else {}
    return Way(label, kind, others or {}, Fault(name, **options), config=patience)


def those(kind: Kind, *names: str) -> dict[str, Kind]:
    return dict.fromkeys(names, kind)


# Who tells the kind of an error, or its number, is taken at its word; the others are known to have failed.
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
    fault(Kind.TRUNCATED, "cut", bytes=20),
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
WAYS_AT_ONCE = 10  # each is some twenty races: more, and connecting alone takes longer than it may
Endings = dict[tuple[str, str, str], "Attempt"]


async def attempts_of(simulator: Simulator, way: Way, *only: str) -> Sequence[Attempt]:
    """Of a race that nobody won."""
    async with (
        Transport(largest=LARGEST) as transport,
        Racer(config_of(simulator, **way.config), transport=transport) as racer,
    ):
        with pytest.raises(RaceLost) as lost:
            await racer.race("Name three rivers of Europe.", lanes=len(DIALECT_OF), only=only, deadline=LONG)
    return lost.value.attempts


async def suffered(way: Way, endings: Endings) -> None:
    """`way` for everybody, all together and each alone."""
    faults = () if way.fault is None else (way.fault,)
    profile = Profile(tuple(simulated(name, *faults, **way.provider) for name in DIALECT_OF))
    races: list[tuple[str, ...]] = [(name,) for name in DIALECT_OF]
    if "together" in way.modes:
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
        room = asyncio.Semaphore(WAYS_AT_ONCE)

        async def in_turn(way: Way) -> None:
            async with room:
                await suffered(way, endings)

        await asyncio.gather(*map(in_turn, WAYS))

    asyncio.run(suffer())
    return endings


@pytest.mark.xdist_group("endings")
@pytest.mark.parametrize("name", DIALECT_OF)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_each_can_fail_in_each_way(way: Way, name: str, endings: Endings) -> None:
    """What happened is told as what it is, whoever it happened to, streamed or in one piece."""
    met = {mode: endings[way.name, mode, name] for mode in way.modes}

    assert {ending.outcome for ending in met.values()} == {"failed"}
    assert {mode: kind_of(ending) for mode, ending in met.items()} == {
        mode: way.means(name, mode) for mode in way.modes
    }


def kind_of(ending: Attempt) -> str:
    """A reason begins with it, then perhaps a status, then what was said."""
    return (ending.reason or "").partition(":")[0].partition(" ")[0]


def test_every_fault_of_the_simulator_is_met() -> None:
    """A fault that is added there is looked at here."""
    of_tools = {"bad_arguments", "unknown_tool"}  # they strike a call of a tool: tests/racer/test_tools.py
    assert {way.fault.kind for way in WAYS if way.fault} == set(KINDS) - of_tools


# ---------------------------------------------------------------- how each can win

# Jobs take neither tools nor forms. These think where nobody sees it: Gemini unless it is asked to show it.
THOUGHTLESS = frozenset({"gemini", "cloudflare", "responses"})
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
FORM = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY}}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked, by which options of a race, and of whom not; `of` says whether a reply is that."""

    name: str
    question: str
    options: Mapping[str, Any]
    of: Callable[[Reply], bool]
    cannot: frozenset[str] = frozenset()
    reasoning: int = 0

    @property
    def granted_by(self) -> tuple[str, ...]:
        """A plain text by everybody who speaks; the rest by each dialect that can."""
        return tuple(
            name
            for name in (DIALECTS if self.options or self.reasoning else DIALECT_OF)
            if name not in self.cannot
        )


def is_text(reply: Reply) -> bool:
    return len(reply.text) > 40 and reply.finish_reason in ("stop", None)


def is_thought_over(reply: Reply) -> bool:
    return is_text(reply) and len(reply.reasoning) > 10 and reply.reasoning not in reply.text


def is_call(reply: Reply) -> bool:
    (call,) = reply.tool_calls
    return call.name == "weather" and isinstance(orjson.loads(call.arguments)["city"], str)


WISHES = (
    Wish("a text", "Name three rivers.", {}, is_text),
    Wish("three tokens", "Name three rivers.", {"max_tokens": 3}, lambda reply: 0 < len(reply.text) < 40),
    Wish("a thought", "Name three rivers.", {}, is_thought_over, THOUGHTLESS, reasoning=5),
    Wish("a call", "Ask weather about Rome.", {"tools": TOOLS}, is_call, JOBS),
    Wish(
        "an object",
        "Name a river, in JSON.",
        {"response_format": {"type": "json_object"}},
        lambda reply: isinstance(orjson.loads(reply.text), dict),
        JOBS,
    ),
    Wish(
        "a form",
        "Name a city, in JSON.",
        {"response_format": FORM},
        lambda reply: list(orjson.loads(reply.text)) == ["city"],
        JOBS,
    ),
)


@pytest.mark.anyio
@pytest.mark.real_time
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("wish", "name"),
    [(wish, name) for wish in WISHES for name in wish.granted_by],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
async def test_each_can_win(wish: Wish, name: str, mode: str) -> None:
    """It gives what was asked while all others fail, each in a way of its own; and alone."""
    others = [other for other in DIALECT_OF if other != name] if mode == "together" else []
    failing = [simulated(other, Fault(kind)) for other, kind in zip(others, cycle(FAILURES), strict=False)]
    profile = Profile((*failing, simulated(name, reasoning=wish.reasoning)))
    async with Simulator(profile) as simulator, Racer(config_of(simulator)) as racer:
        reply = await racer.race(wish.question, lanes=len(DIALECT_OF), **wish.options)

    assert reply.provider == name
    assert wish.of(reply), (reply.text, reply.reasoning, reply.tool_calls, reply.finish_reason)
    assert {attempt.outcome for attempt in reply.attempts if attempt.provider != name} <= {"failed", "lost"}
