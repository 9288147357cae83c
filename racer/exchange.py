"""One lane's exchange with its provider: send, read, follow a job, and have it stopped when left early."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import anyio

from racer.core.follow import followed, mislaid, undone
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping
    from contextlib import AbstractAsyncContextManager

    from racer.core.book import Run
    from racer.core.provider import Lane
    from racer_adapters.dialect import Decoder, Dialect
    from racer_adapters.types import Call, WireRequest

REFUSAL_BYTES = 64 * 1024
DRAIN_SECONDS = 0.01
LAST_WORDS_SECONDS = 1.0
UNDO_SECONDS = 5.0
MAKE_SECONDS = 30.0
UNSENDABLE = "image_url"  # without its picture a question is another question


class Incoming(Protocol):
    """A response whose headers have come."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def ended(self) -> bool:
        """Whether nothing of the body is to come, so that its connection can serve again."""
        ...

    async def read(self) -> bytes:
        """The next bytes of the body; empty at its end. Raises WireError."""
        ...


class Transport(Protocol):
    def send(self, request: WireRequest) -> AbstractAsyncContextManager[Incoming]:
        """Send and give the response. Leaving early closes the connection. Raises WireError."""
        ...


async def _at_once(run: Run) -> None:
    """Nobody reads along: there is room for everything."""


class Exchange:
    """`aside` runs what may outlast a race, but not its Racer."""

    def __init__(
        self,
        transport: Transport,
        dialects: Mapping[str, Dialect],
        aside: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._transport = transport
        self._dialects = dialects
        self._aside = aside
        self._targets: dict[str, tuple[Lane, Target]] = {}

    async def run(
        self,
        run: Run,
        call: Call,
        progress: Callable[[Run], None],
        finish: Callable[[Run], Awaitable[None]],
        room: Callable[[Run], Awaitable[None]] = _at_once,
    ) -> None:
        """Ask, and read until the answer is whole; then `finish`, while the connection is still there.

        `progress` is told of each piece of the reply, and after each nothing more is read until there is
        `room`. Raises WireError; what has come stays in `run`.
        """
        course = _Course(run, self._dialects[run.lane.provider.dialect], progress, finish, room)
        first = course.dialect.encode(call, self._target(run.lane))
        run.dropped = first.dropped
        if UNSENDABLE in first.dropped:
            raise WireError(Kind.INVALID, "it does not take this image; some take data: URLs alone")
        try:
            if course.dialect.jobs:
                await self._have_made(course, first)
            else:
                await self._ask(course, first, course.dialect.decoder())
            while (follow := run.assembly.follow_up) is not None:
                run.assembly.follow_up = None
                await anyio.sleep(follow.after)
                await self._ask(course, followed(first, follow), follow.decoder, follows=True)
        finally:
            if (stop := _stop_of(run, first)) is not None:
                self._aside(self._send_and_forget(stop))

    async def _ask(
        self, course: _Course, request: WireRequest, decoder: Decoder, *, follows: bool = False
    ) -> None:
        async with self._transport.send(request) as incoming:
            await _take(course, incoming, decoder, follows=follows)
            if course.run.assembly.follow_up is None:
                await course.finish(course.run)
                if not incoming.ended:
                    await _drain(incoming)

    def _target(self, lane: Lane) -> Target:
        """Made once for each lane, and anew where another one has come in its place."""
        known, target = self._targets.get(lane.id, (None, None))
        if target is None or known is not lane:
            target = target_of(lane)
            self._targets[lane.id] = lane, target
        return target

    async def _have_made(self, course: _Course, first: WireRequest) -> None:
        """Have a job made beside the lane: if this is left early, the job is still found out and stopped."""
        making = _Making()
        self._aside(self._make(course, first, making))
        try:
            await making.done.wait()
        finally:
            making.left = not making.done.is_set()
        if making.error is not None:
            raise making.error
        if course.run.seen:
            course.progress(course.run)
        if course.run.assembly.follow_up is None:
            await course.finish(course.run)

    async def _make(self, course: _Course, first: WireRequest, making: _Making) -> None:
        """Only the whole answer tells what is to be cancelled, so nobody interrupts this."""
        silent = course._replace(progress=_tell_nobody)
        try:
            with anyio.fail_after(MAKE_SECONDS):
                async with self._transport.send(first) as incoming:
                    await _take(silent, incoming, course.dialect.decoder())
        except WireError as error:
            making.error = error
        except TimeoutError:
            making.error = WireError(Kind.TIMEOUT, f"no job was made within {MAKE_SECONDS:g} s")
        finally:
            making.done.set()
        if making.left and (stop := _stop_of(course.run, first)) is not None:
            await self._send_and_forget(stop)

    async def _send_and_forget(self, request: WireRequest) -> None:
        """The race is over, or has gone on without this lane: nobody is left who could act on a failure."""
        with anyio.move_on_after(UNDO_SECONDS), suppress(WireError):
            async with self._transport.send(request) as incoming:
                await _drain(incoming)


class _Course(NamedTuple):
    """One lane's exchange: whom it asks, and who is told."""

    run: Run
    dialect: Dialect
    progress: Callable[[Run], None]
    finish: Callable[[Run], Awaitable[None]]
    room: Callable[[Run], Awaitable[None]]


@dataclass(slots=True)
class _Making:
    """A job while it is made. `left`: its lane waits for it no more."""

    done: asyncio.Event = field(default_factory=asyncio.Event)
    error: WireError | None = None
    left: bool = False


def _tell_nobody(run: Run) -> None:
    """The lane is told when the job is made, and only if it is still there."""


def _stop_of(run: Run, first: WireRequest) -> WireRequest | None:
    """What stops the job that `run` has left unfinished: it goes on when its connection is closed."""
    undo = run.assembly.undo
    return None if undo is None or run.assembly.ended else undone(first, undo)


def target_of(lane: Lane) -> Target:
    provider, model = lane.provider, lane.model
    return Target(
        base_url=provider.base_url,
        model=model.name,
        key=lane.account.key,
        headers=provider.headers,
        renames={**provider.renames, **model.renames},
        drops=provider.drops | model.drops,
    )


async def _take(course: _Course, incoming: Incoming, decoder: Decoder, *, follows: bool = False) -> None:
    """Read until the end marker or the end of the body, whichever comes first. Raises WireError."""
    course.run.headers = incoming.headers
    if not 200 <= incoming.status < 300:
        body = await _read_some(incoming)
        refusal = course.dialect.classify(incoming.status, incoming.headers, body)
        raise mislaid(refusal) if follows else refusal
    run, assembly = course.run, course.run.assembly
    data = await incoming.read()
    while data:
        run.receive(decoder.feed(data))
        if run.progress():
            course.progress(run)
            await course.room(run)
        if assembly.ended:
            return
        if incoming.ended:  # most answers that are not streamed come in one piece
            break
        data = await (_last_words(incoming) if assembly.finished else incoming.read())
    run.receive(decoder.close())
    if run.progress():
        course.progress(run)


async def _last_words(incoming: Incoming) -> bytes:
    """After a finish reason the answer is whole: what follows is awaited, but not needed."""
    with anyio.move_on_after(LAST_WORDS_SECONDS), suppress(WireError):
        return await incoming.read()
    return b""


async def _read_some(incoming: Incoming) -> bytes:
    """Enough of a refusal's body to tell what it says."""
    body = b""
    while len(body) < REFUSAL_BYTES and (data := await incoming.read()):
        body += data
    return body[:REFUSAL_BYTES]


async def _drain(incoming: Incoming) -> None:
    """Read what follows the end marker, so that the connection can serve again; give up soon."""
    with anyio.move_on_after(DRAIN_SECONDS):
        while not incoming.ended and await incoming.read():
            pass
