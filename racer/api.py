"""`Racer` and `race()`: they build every part, own it, and close it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from contextlib import AsyncExitStack
from difflib import get_close_matches
from typing import TYPE_CHECKING, Self, Unpack

import anyio

from racer import config as configuration
from racer import logs
from racer.background import Background
from racer.core.breaker import Breakers
from racer.core.defeat import defeat, nobody
from racer.core.facts import Fact, LaneStarted, RaceStarted
from racer.core.field import Field, Skipped, field_of
from racer.core.options import Ask, Messages, Options, read
from racer.core.rank import Ranking, known_names, rank
from racer.discovery import PATIENCE, Discovery
from racer.engine import Race, Stage
from racer.errors import BadRequest, RacerError
from racer.exchange import Exchange
from racer.transport import Transport
from racer_adapters import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from racer.config import Config
    from racer.core.facts import Observer
    from racer.core.reply import Reply
    from racer.exchange import Transport as TransportPort
    from racer_adapters.dialect import Dialect

FIRST_LOOK = 0.25
FAREWELL = 1.0


class Racer:
    """Holds connections, cool-downs and what is known of local servers from one race to the next.

        async with Racer.load() as racer:
            reply = await racer.race("Why is the sky blue?")

    Use one from a single event loop. Any number of races may run at once.
    """

    def __init__(
        self,
        config: Config,
        *,
        transport: TransportPort | None = None,
        dialects: Mapping[str, Dialect] = DIALECTS,
        observers: Sequence[Observer] = (),
    ) -> None:
        """`transport` replaces the network (see racer.testing); `observers` are told every fact."""
        self.config = config
        self._given_transport = transport
        self._dialects = dialects
        log = logs.observer(config.env)
        self._observers = (*observers, log) if log else tuple(observers)
        self._breakers = Breakers()
        self._uses: Counter[str] = Counter()
        self._field = Field((), ())
        self._exits: AsyncExitStack | None = None

    @classmethod
    def load(cls, path: str | PathLike[str] | None = None) -> Self:
        """From `path`, or from where docs/configuration.md says. Raises ConfigError."""
        return cls(configuration.load(path))

    async def __aenter__(self) -> Self:
        if self._exits is not None:
            raise RacerError("this Racer is open already: give each `async with` its own")
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as exits:
            transport = self._given_transport
            if transport is None:
                transport = await exits.enter_async_context(Transport())
            self._background = Background()
            exits.push_async_callback(self._background.aclose)
            farewells = Background()
            exits.push_async_callback(farewells.aclose, patience=FAREWELL)
            now = self._loop.time
            exchange = Exchange(transport, self._dialects, farewells.start)
            self._stage = Stage(exchange, self._breakers, now, self._tell)
            self._discovery = Discovery(self.config.providers, self._dialects, transport, now)
            self._looked = anyio.Event()
            self._looking_since = now()
            self._draw_up()
            self._look_again()
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        exits, self._exits = self._exits, None
        if exits is not None:
            await exits.aclose()

    async def race(self, messages: Messages, **options: Unpack[Options]) -> Reply:
        """The first valid reply. Raises RacerError: see racer.errors for which, and when.

        Cancelling the call cancels every lane and leaves nothing behind.
        """
        self._must_be_open()
        ask = read(messages, options, self.config.race)
        await self._know_the_field()
        self._check_names(ask)
        ranking = rank(self._field.lanes, ask.call, ask.wishes, self._uses)
        race_id = secrets.token_hex(8)
        self._tell(RaceStarted(race_id, ask.policy_name, ask.rules.width, ask.rules.deadline, ranking.lanes))
        race = Race(race_id, ranking.lanes, ask, self._stage, created=int(time.time()))
        result = await race.run()
        if result.reply is not None:
            return result.reply
        if not result.attempts:
            raise self._nobody(ranking)
        raise defeat(result.ending, result.attempts, result.reasons, ask.rules.deadline)

    # ---------------------------------------------------------------- the field

    async def _know_the_field(self) -> None:
        """Local servers are asked beside the races; only the first race waits, and not for long."""
        if self._discovery.is_stale:
            self._look_again()
        if self._looked.is_set() and (self._field.lanes or not self._discovery.running):
            return
        with anyio.move_on_at(self._looking_since + (FIRST_LOOK if self._field.lanes else PATIENCE)):
            await self._looked.wait()

    def _look_again(self) -> None:
        if self._discovery.is_stale:
            if not self._field.lanes:
                self._looked = anyio.Event()
                self._looking_since = self._stage.now()
            self._background.start(self._look())
        else:
            self._looked.set()

    async def _look(self) -> None:
        await self._discovery.look()
        self._draw_up()
        self._looked.set()

    def _draw_up(self) -> None:
        self._field = field_of(self.config.providers, self._discovery.found)

    def _check_names(self, ask: Ask) -> None:
        wishes = ask.wishes
        named = [("only", wishes.only), ("exclude", wishes.exclude), ("prefer", wishes.prefer)]
        if not any(names for _, names in named):
            return
        known = known_names(self.config.providers, self._field.lanes)
        for option, names in named:
            for name in names:
                if name.removesuffix(":latest") not in known and name not in known:
                    raise BadRequest(_unknown(option, name, known))

    def _nobody(self, ranking: Ranking) -> RacerError:
        now, wall = self._stage.now(), time.time()
        blocked = [(lane, block) for lane in ranking.lanes if (block := self._breakers.blocked(lane, now))]
        cooling = [Skipped(lane.id, block.reason, block.until) for lane, block in blocked]
        backs = [block.until for _, block in blocked if block.until != float("inf")]
        until = wall + min(backs) - now if backs else None
        skipped = (*cooling, *ranking.skipped, *self._field.skipped)
        return nobody(self.config.providers, skipped, until, wall)

    # ------------------------------------------------------------------- within

    def _tell(self, fact: Fact) -> None:
        if isinstance(fact, LaneStarted):
            self._uses[fact.lane.account.name] += 1
        for observer in self._observers:
            observer(fact)

    def _must_be_open(self) -> None:
        if self._exits is None:
            raise RacerError("this Racer is not open: use `async with Racer.load() as racer:`")
        if asyncio.get_running_loop() is not self._loop:
            raise RacerError("this Racer was opened in another event loop: open one in each loop")


async def race(messages: Messages, **options: Unpack[Options]) -> Reply:
    """One race, with everything configured by the environment and racer.toml.

    For more than one call, keep a Racer open: it holds connections and remembers what failed.
    """
    loaded = configuration.load()
    async with Transport(spares=False) as transport, Racer(loaded, transport=transport) as racer:
        return await racer.race(messages, **options)


def _unknown(option: str, name: str, known: frozenset[str]) -> str:
    near = get_close_matches(name, known, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "use a provider, provider/model, or a tag."
    return f"{option} names {name!r}, which is not known: {hint}"
