"""The lanes of a trace as a Racer meets them: providers as configured now, and a network that plays fates.

Nothing here leaves the program: the dialect is known to this transport alone, and no address is looked up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Self

import anyio

from racer.bench.chance import NEVER
from racer.bench.trace import Place
from racer.core.field import LATEST, field_of
from racer.core.provider import Account, Model, Provider
from racer_adapters.dialect import Dialect
from racer_adapters.errors import Kind, WireError
from racer_adapters.secret import Secret
from racer_adapters.types import End, Finish, Text, Usage, WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from racer.bench.chance import Fate
    from racer.bench.trace import Trace
    from racer_adapters.dialect import Event
    from racer_adapters.types import Call, Target

    Play = Callable[[int, str, int], Fate]  # race, lane, which time in this race

REPLAYED = "replayed"
A_PIECE = 1.0  # seconds
BYTES_A_TOKEN = 4
MOST_PROMPT = 100_000  # tokens: of a longer one so much is shown to those who count


# ---------------------------------------------------------------- providers


class Cast(NamedTuple):
    """`ids` has, by the names of the trace, what a Racer calls these lanes now. `local` are providers.

    `gone` are the lanes that are not configured any more, each with what limits hold for it.
    """

    providers: tuple[Provider, ...]
    ids: Mapping[str, str]
    local: frozenset[str]
    gone: Mapping[str, str]


def cast_of(trace: Trace, configured: Sequence[Provider]) -> Cast:
    """The lanes of `trace`, as far as their providers are known with the limits and the order of these.

    A provider that is not known any more is asked last and has no limits.
    """
    places: defaultdict[str, list[Place]] = defaultdict(list)
    for place in trace.lanes.values():
        places[place.provider].append(place)
    known = {each.name: each for each in configured}
    ranks = {name: rank for rank, name in enumerate(known)}
    names = sorted(places, key=lambda name: ranks.get(name, len(ranks)))
    providers = tuple(_provider(known.get(name), name, places[name]) for name in names)
    there = {
        Place(lane.provider.name, lane.model.name, lane.account.name): lane.id
        for lane in field_of(providers, {}).lanes
    }
    return Cast(
        providers,
        {name: there[place] for name, place in trace.lanes.items()},
        frozenset(each.name for each in providers if each.local),
        {
            name: "its provider's limits hold" if place.provider in known else "no limit of it is known"
            for name, place in trace.lanes.items()
            if not _is_there(known.get(place.provider), place)
        },
    )


def _is_there(provider: Provider | None, place: Place) -> bool:
    if provider is None or not any(each.name == place.account for each in provider.accounts):
        return False
    return provider.discover or place.model in {model.name for model in provider.models}


def _provider(found: Provider | None, name: str, places: Iterable[Place]) -> Provider:
    """As configured, but for what belongs to its network."""
    base = found or Provider(name, REPLAYED, f"http://{name}.invalid", priority=100)
    models = {_plain(model.name): model for model in base.models}
    accounts = {account.name: account for account in base.accounts}
    return replace(
        base,
        dialect=REPLAYED,
        models=tuple(_model(models, each) for each in dict.fromkeys(place.model for place in places)),
        accounts=tuple(
            replace(accounts.get(each, Account(each)), key=Secret(f"{name} {each}"))
            for each in dict.fromkeys(place.account for place in places)
        ),
        enabled=True, unusable="", discover=False,
        headers={}, limit_headers="", renames={}, drops=frozenset(),
    )  # fmt: skip


def _model(known: Mapping[str, Model], name: str) -> Model:
    """It has taken what it was asked: nothing that its row lacks keeps it out."""
    found = known.get(_plain(name), Model(name))
    return replace(found, name=name, loaded=None, context=None)


def _plain(name: str) -> str:
    return name.removesuffix(LATEST)


# ---------------------------------------------------------------- dialect


def question(race: int, tokens: int) -> str:
    """A message that says which race it is, and is about as long as that one's was."""
    return f"{race} ".ljust(BYTES_A_TOKEN * min(tokens, MOST_PROMPT), "x")


def _encode(call: Call, target: Target) -> WireRequest:
    asked = call.messages[-1].content
    number = asked.partition(" ")[0] if isinstance(asked, str) else ""
    key = "" if target.key is None else target.key.reveal()
    way = "stream" if call.stream else "whole"
    size = len(asked) // BYTES_A_TOKEN
    return WireRequest(
        "POST", "", {"to": f"{key} {target.model}", "size": str(size)}, f"{number} {way}".encode()
    )


class _Decoder:
    """So many tokens, or so many and the end."""

    def feed(self, data: bytes) -> Sequence[Event]:
        what, *counts = data.split()
        said = Text("x" * BYTES_A_TOKEN * int(counts[0]))
        if what == b"piece":
            return [said]
        return [said, Finish("stop"), Usage(int(counts[1]), int(counts[2])), End()]

    def close(self) -> Sequence[Event]:
        return [WireError(Kind.TRUNCATED, "the replay has ended")]


def _classify(status: int, headers: Mapping[str, str], body: bytes) -> WireError:
    return WireError(Kind.SERVER, status=status)


DIALECTS = {REPLAYED: Dialect(REPLAYED, _encode, _Decoder, _classify)}


# ---------------------------------------------------------------- network


class Network:
    """Answers as `play` says."""

    def __init__(self, trace: Trace, play: Play) -> None:
        self._lanes = {f"{at.provider} {at.account} {at.model}": name for name, at in trace.lanes.items()}
        self._play = play
        self._times: Counter[tuple[int, str]] = Counter()

    def send(self, request: WireRequest) -> _Sending:
        number, way = request.body.decode().split()
        race, lane = int(number), self._lanes[request.headers["to"]]
        fate = self._play(race, lane, self._times[race, lane])
        self._times[race, lane] += 1
        return _Sending(fate, int(request.headers["size"]), streams=way == "stream")


class _Sending:
    """One request and its response. Failures come as the engine's own, since their bytes are not recorded."""

    status = 200

    def __init__(self, fate: Fate, asked: int, *, streams: bool) -> None:
        self.headers: Mapping[str, str] = {}
        self.ended = False
        self._fate = fate
        self._asked = asked
        self._streams = streams and fate.first is not None
        self._said = 0

    async def __aenter__(self) -> Self:
        self._began = anyio.current_time()
        if not self._streams:
            await self._until(self._fate.end)
            self._break()
        return self

    async def __aexit__(self, *_: object) -> None:
        """There is nothing to close."""

    async def read(self) -> bytes:
        """The first token when it is due, with each second what was written since, the rest at the end."""
        fate = self._fate
        due = self._next()
        if self._streams and due < fate.end:
            await self._until(due)
            made = max(self._said + 1, self._written(due))
            made, self._said = made - self._said, made
            return b"piece %d" % made
        await self._until(fate.end)
        self._break()
        self.ended = True
        return b"end %d %d %d" % (max(0, fate.tokens - self._said), self._asked, fate.tokens)

    def _next(self) -> float:
        """When the next piece is due. Who never ends has nothing more to say after the first."""
        first = self._fate.first or 0.0
        if not self._said:
            return first
        silent = self._fate.end == NEVER
        return NEVER if silent else max(first, anyio.current_time() - self._began) + A_PIECE

    def _written(self, at: float) -> int:
        first, end = self._fate.first or 0.0, self._fate.end
        return round(self._fate.tokens * (at - first) / (end - first)) if end > first else self._fate.tokens

    def _break(self) -> None:
        if (error := self._fate.error) is not None:
            raise error.replaced(error.message)  # one of its own, for it will carry its traceback

    async def _until(self, after: float) -> None:
        if after == NEVER:
            await anyio.sleep_forever()
        await anyio.sleep_until(self._began + after)
