"""Replies given again: from the store while they are fresh, and from a race that runs for an equal call.

Rule 1: equal calls at the same time are one flight: one look-up, at most one race, a reply for each caller.
Rule 2: a flight belongs to the Racer and not to who asked first. It is stopped when the last one who waits
        for it is cancelled, and that one waits until it has ended.
Rule 3: the store is a convenience. One that cannot serve, or takes long, holds no reply up.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import anyio

from racer.approval import approved, parsed
from racer.core.facts import CacheHit
from racer.core.keeping import from_bytes, to_bytes
from racer.core.question import key_of
from racer.errors import DeadlineExceeded, InvalidReply, RacerError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable
    from types import TracebackType

    from racer.background import Background
    from racer.core.facts import Observer
    from racer.core.options import Ask
    from racer.core.reply import Reply

    Run = Callable[[], Coroutine[Any, Any, Reply[Any]]]

PATIENCE = 0.5  # seconds for the look-up; a store that is well takes a thousandth of that
SHARE = 0.1  # of the deadline, which the look-up takes at most


class Shelf(Protocol):
    """What the cache needs of a store. Instants are unix seconds. Raises StoreError when it cannot serve."""

    async def get(self, key: str, now: float) -> tuple[bytes, float] | None:
        """What is kept under `key` and not yet at its end, and when it was made."""
        ...

    async def put(self, key: str, reply: bytes, at: float, until: float) -> None: ...


class _Flight:
    """The search for one reply, and who waits for it. `until` is on the loop's clock."""

    def __init__(self, name: Hashable, key: str, ask: Ask, ttl: float, until: float) -> None:
        self.name = name
        self.key = key
        self.ask = ask  # it keeps the checks alive: their ids are in the name
        self.ttl = ttl
        self.until = until
        self.waiting = 0
        self.task: asyncio.Task[Any] | None = None
        self.stopped = False
        self.ended = anyio.Event()
        self.age = 0.0
        self.reply: Reply[Any] | None = None
        self.error: Exception = RacerError("this Racer was closed before there was a reply")
        self.traceback: TracebackType | None = None

    def own_error(self) -> Exception:
        """One object that several tasks raise gathers the frames of all of them. Only our own are known
        to be copied well; a caller's reaches everybody as it is, cut back to the frames of the race."""
        if not isinstance(self.error, RacerError):
            return self.error.with_traceback(self.traceback)
        own = copy.copy(self.error)
        own.__cause__ = self.error.__cause__
        return own.with_traceback(self.traceback)


class Cache:
    """Calls that allow it (`cache=`) go through here.

    `background` is where flights run and replies are put away: it has to be closed before the store, and
    with some patience, for the last replies of a program are put away while it ends. `now` gives unix
    seconds, `new_id` the id of a race.
    """

    def __init__(
        self,
        shelf: Shelf,
        background: Background,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        tell: Observer,
    ) -> None:
        self._shelf = shelf
        self._background = background
        self._now = now
        self._new_id = new_id
        self._tell = tell
        self._flights: dict[Hashable, _Flight] = {}

    async def reply(self, ask: Ask, race: Run) -> Reply[Any]:
        """A kept reply, that of an equal call under way, or what `race()` gives; each caller's own object.

        `race` counts its deadline from before this call. Raises what it raised: a RacerError as a copy for
        each caller, anything else as it is. A race whose deadline has come says nothing of those who came
        later: they go on, until their own.
        """
        ttl = ask.cache
        if ttl is None:
            return await race()
        began = anyio.current_time()
        until = began + ask.rules.deadline
        key, _ = name = _name(ask)
        while True:
            flight = self._flights.get(name)
            joined = flight is not None and flight.until <= until
            if flight is None or not joined:
                flight = self._start(_Flight(name, key, ask, ttl, until), race)
            await self._wait(flight)
            if flight.reply is not None:
                return self._given(flight, flight.reply, began, joined=joined)
            if not (joined and isinstance(flight.error, DeadlineExceeded)):
                raise flight.own_error()

    def _given(self, flight: _Flight, reply: Reply[Any], began: float, *, joined: bool) -> Reply[Any]:
        if reply.cached:
            race_id = self._new_id() if joined else reply.race_id
            self._tell(CacheHit(race_id, flight.key, flight.age, shared=False))
            own = parsed(reply, flight.ask.into) if joined else reply
            return replace(own, race_id=race_id, latency=anyio.current_time() - began)
        if joined:
            self._tell(CacheHit(reply.race_id, flight.key, 0.0, shared=True))
            return replace(parsed(reply, flight.ask.into))
        return reply

    async def kept(self, ask: Ask) -> Reply[Any] | None:
        """A kept reply for a stream, which flies alone: nobody else can read what its reader reads."""
        if ask.cache is None:
            return None
        began = anyio.current_time()
        flight = _Flight((), _key(ask), ask, ask.cache, began + ask.rules.deadline)
        reply = await self._kept(flight)
        return None if reply is None else self._given(flight, reply, began, joined=False)

    def keep(self, ask: Ask, reply: Reply[Any]) -> None:
        """Put the reply of a stream away, where that was asked for."""
        if ask.cache is not None:
            self._put_away(_key(ask), reply, ask.cache)

    # ------------------------------------------------------------------ waiting

    def _start(self, flight: _Flight, race: Run) -> _Flight:
        self._flights[flight.name] = flight
        work = self._fly(flight, race)
        self._background.start(work)
        if inspect.getcoroutinestate(work) == inspect.CORO_CLOSED:
            self._end(flight)  # it was dropped, for the Racer is closed; or it is done, where tasks are eager
        return flight

    async def _wait(self, flight: _Flight) -> None:
        flight.waiting += 1
        try:
            await flight.ended.wait()
        except asyncio.CancelledError:
            flight.waiting -= 1
            if not flight.waiting and not flight.ended.is_set():
                await self._stop(flight)
            raise

    async def _stop(self, flight: _Flight) -> None:
        """Nobody waits any more but this caller, who is cancelled and waits for the end, however often."""
        self._forget(flight)
        flight.stopped = True
        assert flight.task is not None, "a flight takes off before its first caller can be cancelled"
        flight.task.cancel()
        with anyio.CancelScope(shield=True):
            while not flight.ended.is_set():
                with suppress(asyncio.CancelledError):
                    await flight.ended.wait()

    def _end(self, flight: _Flight) -> None:
        self._forget(flight)
        flight.ended.set()

    def _forget(self, flight: _Flight) -> None:
        if self._flights.get(flight.name) is flight:
            del self._flights[flight.name]

    # ----------------------------------------------------------------- in flight

    async def _fly(self, flight: _Flight, race: Run) -> None:
        flight.task = asyncio.current_task()
        try:
            flight.reply = await self._kept(flight) or await self._raced(flight, race)
        except Exception as error:  # it is for those who wait, whatever it is
            flight.error, flight.traceback = error, error.__traceback__
            if flight.stopped and not isinstance(error, RacerError):
                raise  # a bug of which nobody else would hear
        finally:
            self._end(flight)

    async def _raced(self, flight: _Flight, race: Run) -> Reply[Any]:
        """Its reply is on its way to the store before anybody has it, and so may ask again."""
        reply = await race()
        self._put_away(flight.key, reply, flight.ttl)
        return reply

    def _put_away(self, key: str, reply: Reply[Any], ttl: float) -> None:
        at = self._now()
        self._background.start(self._put(key, reply, at, at + ttl))

    async def _put(self, key: str, reply: Reply[Any], at: float, until: float) -> None:
        with suppress(StoreError):
            await self._shelf.put(key, to_bytes(reply), at, until)

    async def _kept(self, flight: _Flight) -> Reply[Any] | None:
        """A kept reply that is fresh enough and passes the caller's checks."""
        reply = await self._look_up(flight)
        if reply is None:
            return None
        with anyio.CancelScope(deadline=flight.until):
            return await _passed(reply, flight.ask)
        raise DeadlineExceeded(
            f"no valid reply within {flight.ask.rules.deadline:g} s: valid= was still looking at a kept one."
        )

    async def _look_up(self, flight: _Flight) -> Reply[Any] | None:
        found, now = None, self._now()
        with anyio.move_on_after(min(PATIENCE, SHARE * flight.ask.rules.deadline)), suppress(StoreError):
            found = await self._shelf.get(flight.key, now)
        if found is None or now - found[1] >= flight.ttl:
            return None
        flight.age = max(0.0, now - found[1])
        return from_bytes(found[0], self._new_id())


async def _passed(reply: Reply[Any], ask: Ask) -> Reply[Any] | None:
    """The reply with what it parses into, where it is still what the caller wants."""
    try:
        return await approved(reply, ask)
    except InvalidReply:
        return None
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        return None  # nobody has cancelled us: what a check waited for was


def _key(ask: Ask) -> str:
    return key_of(ask.call, ask.wishes, None if ask.into is None else ask.into.shape)


def _name(ask: Ask) -> tuple[str, Hashable]:
    """What makes two calls one flight: the question, and what is asked of its reply."""
    checks = tuple(id(check) for check in ask.valid)
    target = None if ask.into is None else id(ask.into.target)
    return _key(ask), (ask.cache, ask.rules, ask.policy_name, ask.proof, checks, target)
