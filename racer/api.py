"""`Racer` and `race()`: they build every part, own it, and close it."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

import anyio

from racer import config as configuration
from racer import logs
from racer.acquaintance import Acquaintance
from racer.background import Background
from racer.cache import Cache
from racer.core.allowance import Budget
from racer.core.breaker import Breakers
from racer.core.defeat import broken, defeat, nobody
from racer.core.facts import Fact, LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted
from racer.core.field import LATEST, Field, Skipped
from racer.core.heat import Ending, Outcome
from racer.core.latency import size_within
from racer.core.options import Ask, Messages, Options, StreamOptions, read, read_stream
from racer.core.outlook import Outlook
from racer.core.piece import piece_of
from racer.core.rank import Ranking, Wishes, known_names, rank
from racer.discovery import Discovery
from racer.engine import Race
from racer.errors import BadRequest, RacerError
from racer.exchange import Exchange
from racer.hearers import Hearers
from racer.ledger import Ledger
from racer.lineup import Lineup
from racer.stage import Stage
from racer.stream import Stream
from racer.timepiece import timepiece as machine_clocks
from racer.transport import Transport
from racer_adapters import DIALECTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
    from os import PathLike
    from pathlib import Path
    from types import UnionType

    from racer.batch.batch import Batch
    from racer.batch.orders import BatchOptions
    from racer.batch.parts import Parts
    from racer.config import Config
    from racer.core.admission import Admission
    from racer.core.facts import Observer
    from racer.core.into import Into
    from racer.core.reply import Reply, T
    from racer.exchange import Transport as TransportPort
    from racer.outlet import Outlet
    from racer.store.sqlite import SqliteStore
    from racer.timepiece import Timepiece
    from racer_adapters.dialect import Dialect

    Form = Mapping[str, Any] | UnionType  # a schema, or types of which checkers make no type[T]

PUTTING_AWAY = 1.0
FAREWELL = 1.5  # a provider may take a second to say how a job is cancelled


class Racer:
    """Holds connections, cool-downs and what is known of local servers from one race to the next.

        async with Racer.load() as racer:
            reply = await racer.race("Why is the sky blue?")

    Use one from a single event loop. Any number of races may run at once. `store` is its open database,
    `ledger` what is counted in it.
    """

    def __init__(
        self,
        config: Config,
        *,
        transport: TransportPort | None = None,
        dialects: Mapping[str, Dialect] = DIALECTS,
        observers: Sequence[Observer] = (),
        store: SqliteStore | None = None,
        timepiece: Timepiece | None = None,
    ) -> None:
        """`transport` replaces the network (see racer.testing); `observers` are told every fact.

        `store` replaces the database, `timepiece` the machine's clocks.
        """
        self.config = config
        self._given_transport = transport
        self._dialects = dialects
        log = logs.observer(config.env)
        self._hearers = Hearers((*observers, log) if log else observers)
        self._given_store = store
        self._timepiece = timepiece
        self._breakers = Breakers()
        self._budget = self._new_budget()
        self._uses: Counter[str] = Counter()
        self._guests: dict[str, float] = {}
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
            store = self.store = self._given_store or store_of(self.config)
            self._budget = self._new_budget()
            self.ledger = ledger_of(
                self.config, store, self._tell, self._dialects, self._timepiece, self._budget
            )
            exits.push_async_callback(self.ledger.aclose)
            flights = Background()
            exits.push_async_callback(_put_away, flights)
            self._cache = Cache(store, flights, now=self.ledger.now, new_id=_new_id, tell=self._tell)
            background = Background()
            exits.push_async_callback(background.aclose)
            farewells = Background()
            exits.push_async_callback(_take_leave, farewells)
            self._streams = Background()
            exits.push_async_callback(self._streams.aclose)
            now = self._loop.time
            exchange = Exchange(transport, self._dialects, farewells.start)
            self._stage = Stage(exchange, self._breakers, now, self._tell)
            discovery = Discovery(self.config.providers, self._dialects, transport, now)
            self._lineup = Lineup(self.config.providers, discovery, background, now)
            self.ledger.open(self._lineup.field.lanes)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        exits, self._exits = self._exits, None
        if exits is not None:
            await exits.aclose()

    @overload
    async def race(self, messages: Messages, *, into: type[T], **options: Unpack[Options]) -> Reply[T]: ...
    @overload
    async def race(
        self, messages: Messages, *, into: Form | None = None, **options: Unpack[Options]
    ) -> Reply[Any]: ...
    async def race(self, messages: Messages, *, into: Any = None, **options: Unpack[Options]) -> Reply[Any]:
        """The first valid reply. Raises RacerError: see racer.errors for which, and when.

        Cancelling the call cancels every lane and leaves nothing behind.
        """
        self._must_be_open()
        ask = read(messages, options, self.config.race, _into(into))
        began = self._stage.now()
        return await self._cache.reply(ask, partial(self._race, ask, began))

    @overload
    def stream(self, messages: Messages, *, into: type[T], **options: Unpack[StreamOptions]) -> Stream[T]: ...
    @overload
    def stream(
        self, messages: Messages, *, into: Form | None = None, **options: Unpack[StreamOptions]
    ) -> Stream[Any]: ...
    def stream(
        self, messages: Messages, *, into: Any = None, **options: Unpack[StreamOptions]
    ) -> Stream[Any]:
        """The first proven reply, in pieces as they come.

            async with racer.stream("Why is the sky blue?") as stream:
                async for piece in stream:
                    print(piece, end="")

        Reading raises what `race` would raise, and StreamBroken when a reply ends after some of it was
        read; with `resume`, another lane goes on then. Leaving the block stops everything.
        """
        self._must_be_open()
        ask = read_stream(messages, options, self.config.race, _into(into))
        return Stream(partial(self._stream, ask), self._streams.start)

    def batch(
        self,
        prompts: Path | Iterable[Any] | AsyncIterable[Any],
        *,
        out: str | PathLike[str] | None = None,
        into: Any = None,
        **options: Unpack[BatchOptions],
    ) -> Batch:
        """Many prompts, each answered once, as fast as all lanes and their limits allow.

            async for result in racer.batch(["Name a river", "Name a lake"]):
                print(result.id, result.reply.text if result.ok else result.failure.message)

        `prompts` are texts, lists of messages, mappings like the lines of a batch file, or the Path of one.
        With `out`, results are written there, and a batch that was interrupted goes on where it stopped.
        docs/batch.md has the options; those of `race` hold for every line. Raises BadRequest.
        """
        from racer.batch.batch import Batch  # for those who have batches
        from racer.batch.orders import order_of

        self._must_be_open()
        return Batch(order_of(prompts, out, options, _into(into), into), self._parts())

    @property
    def field(self) -> Field:
        """The lanes that there are now, whether or not they may start, and why there are no others."""
        self._must_be_open()
        return self._lineup.field

    def _parts(self) -> Parts:
        from racer.batch.parts import Parts

        return Parts(
            self.config.providers, self.config.race, self._stage, self.ledger, self._lineup, self._cache,
            self._budget, self._uses, self._check_names, self._streams.start, _new_id, self._guests,
        )  # fmt: skip

    async def _stream(self, ask: Ask, outlet: Outlet) -> Reply[Any]:
        began = self._stage.now()
        reply = await self._cache.kept(ask)
        if reply is not None:
            outlet.put(piece_of(reply))
            return reply
        reply = await self._race(ask, began, outlet)
        self._cache.keep(ask, reply)
        return reply

    async def _race(self, ask: Ask, began: float, outlet: Outlet | None = None) -> Reply[Any]:
        await self.ledger.settled()
        field = await self._lineup.known(ask.rules.deadline)
        self._check_names(ask.wishes, field)
        ranking = rank(field.lanes, ask.call, ask.wishes, self._uses, self.ledger.forms(field.lanes))
        race_id = _new_id()
        self._tell(_start_of(race_id, ask, ranking, field))
        gate = self.ledger.admission(self._breakers, ask.call)
        created = int(self.ledger.now())
        prospects = Outlook(
            self.ledger.latencies, gate, self._budget.of(ask.policy_name), self.ledger.now,
            sparing=self.config.race.spare_last, size=size_within(ask.call.max_tokens),
        )  # fmt: skip
        race = Race(
            race_id, ranking.lanes, ask, self._stage, gate,
            began=began, created=created, outlet=outlet, prospects=prospects, groups=ranking.groups,
        )  # fmt: skip
        try:
            result = await race.run()
            cooling = [] if result.reply is not None else self._cooling(ranking, gate)
        finally:
            gate.left()
        if result.reply is not None:
            self._budget.answered(ask.policy_name)
            return result.reply
        tried = {attempt.lane for attempt in result.attempts}
        rested = [each for each in cooling if each.name not in tried]
        if outlet is not None and outlet.taken:
            story = (result.told, result.attempts, result.reasons, rested)
            raise broken(*story, resume=ask.resume, mends=result.mends)
        if not result.attempts and result.ending is not Ending.EXPIRED:
            raise self._nobody(ask.wishes, ranking, field, cooling)
        raise defeat(result.ending, result.attempts, result.reasons, ask.rules.deadline, rested)

    def _check_names(self, wishes: Wishes, field: Field) -> None:
        named = [("only", wishes.only), ("exclude", wishes.exclude), ("prefer", wishes.prefer)]
        if not any(names for _, names in named):
            return
        known = known_names(self.config.providers, field.lanes)
        for option, names in named:
            for name in names:
                if not known & {name, name.removesuffix(LATEST)} and not self._lineup.may_appear(name):
                    raise BadRequest(_unknown(option, name, known))

    def _nobody(
        self, wishes: Wishes, ranking: Ranking, field: Field, cooling: Sequence[Skipped]
    ) -> RacerError:
        now, wall = self._stage.now(), self.ledger.now()
        backs = [each.until for each in cooling if each.until is not None and each.until != float("inf")]
        until = wall + min(backs) - now if backs else None
        absent = [each for each in field.skipped if wishes.concern(each.name)]
        skipped = (*cooling, *ranking.skipped, *absent)
        return nobody(self.config.providers, skipped, until, wall)

    def _cooling(self, ranking: Ranking, gate: Admission) -> list[Skipped]:
        now = self._stage.now()
        blocks = [(lane, gate.blocked(lane, now)) for lane in ranking.lanes]
        return [Skipped(lane.id, block.reason, block.until) for lane, block in blocks if block]

    # ------------------------------------------------------------------- within

    def _tell(self, fact: Fact) -> None:
        if isinstance(fact, LaneStarted):
            self._guests.pop(fact.race, None)
            self._uses[fact.lane.account.name] += 1
        elif isinstance(fact, RaceStarted):
            self._guests[fact.race] = self._loop.time()
        elif isinstance(fact, RaceEnded):
            self._guests.pop(fact.race, None)
        elif isinstance(fact, (LaneFirstToken, LaneEnded)) and fact.lane.is_cold and _has_answered(fact):
            self._lineup.warmed(fact.lane)
        self.ledger.observe(fact)
        for observer in self._hearers[type(fact)]:
            try:
                observer(fact)
            except Exception as error:  # whoever looks on must not end a race
                self._loop.call_exception_handler(
                    {"message": "an observer of racer has raised", "exception": error, "fact": fact}
                )

    def _new_budget(self) -> Budget:
        return Budget(self.config.race.extra, self.config.race.max_tax)

    def _must_be_open(self) -> None:
        if self._exits is None:
            raise RacerError("this Racer is not open: use `async with Racer.load() as racer:`")
        if asyncio.get_running_loop() is not self._loop:
            raise RacerError("this Racer was opened in another event loop: open one in each loop")


@overload
async def race(messages: Messages, *, into: type[T], **options: Unpack[Options]) -> Reply[T]: ...
@overload
async def race(messages: Messages, *, into: Form | None = None, **options: Unpack[Options]) -> Reply[Any]: ...
async def race(messages: Messages, *, into: Any = None, **options: Unpack[Options]) -> Reply[Any]:
    """One race, with everything configured by the environment and racer.toml.

    For more than one call, keep a Racer open: it holds connections and remembers what failed.
    """
    loaded = configuration.load()
    async with Transport(spares=False) as transport, Racer(loaded, transport=transport) as racer:
        return await racer.race(messages, into=into, **options)


def store_of(config: Config) -> SqliteStore:
    """The database that `config` names. Raises ConfigError."""
    from racer.store.sqlite import SqliteStore  # with SQLite's binding it costs an import 15 ms

    return SqliteStore.at(config.store.url, config.env, config.alerts.at)


def ledger_of(
    config: Config,
    store: SqliteStore,
    tell: Observer,
    dialects: Mapping[str, Dialect] = DIALECTS,
    timepiece: Timepiece | None = None,
    budget: Budget | None = None,
) -> Ledger:
    """A ledger of everything that `config` counts. It has to be opened, and closed."""
    local = (provider.name for provider in config.providers if provider.local)
    known = Acquaintance(dialects)
    return Ledger(store, timepiece or machine_clocks(), known, tell, local=local, budget=budget)


def _has_answered(fact: LaneFirstToken | LaneEnded) -> bool:
    return isinstance(fact, LaneFirstToken) or fact.record.outcome in (Outcome.WON, Outcome.LATE)


def _into(target: object) -> Into | None:
    """What `into=` asks for. Raises BadRequest."""
    if target is None:
        return None
    from racer.parsed import into_of  # with the libraries that it needs, for those who ask for a value

    return into_of(target)


async def _take_leave(farewells: Background) -> None:
    """Jobs are cancelled also when their caller was: it waits for that, but not for long."""
    with anyio.CancelScope(shield=True):
        await farewells.aclose(patience=FAREWELL)


async def _put_away(flights: Background) -> None:
    """The last replies of a program are kept while it ends."""
    with anyio.CancelScope(shield=True):
        await flights.aclose(patience=PUTTING_AWAY)


def _new_id() -> str:
    return os.urandom(8).hex()


def _start_of(race_id: str, ask: Ask, ranking: Ranking, field: Field) -> RaceStarted:
    skipped = tuple((each.name, each.reason) for each in (*ranking.skipped, *field.skipped))
    return RaceStarted(race_id, ask.policy_name, ask.rules.width, ask.rules.deadline, ranking.lanes, skipped)


def _unknown(option: str, name: str, known: frozenset[str]) -> str:
    from difflib import get_close_matches  # here, for only a mistake needs it

    near = get_close_matches(name, known, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else "use a provider, provider/model, or a tag."
    return f"{option} names {name!r}, which is not known: {hint}"
