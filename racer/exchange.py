"""One lane's exchange with its provider: send, read, follow a job, and have it stopped when left early."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import anyio

from racer.core.follow import followed, undone
from racer_adapters.errors import WireError
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
UNDO_SECONDS = 5.0


class Incoming(Protocol):
    """A response whose headers have come."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    async def read(self) -> bytes:
        """The next bytes of the body; empty at its end. Raises WireError."""
        ...


class Transport(Protocol):
    def send(self, request: WireRequest) -> AbstractAsyncContextManager[Incoming]:
        """Send and give the response. Leaving early closes the connection. Raises WireError."""
        ...


class Exchange:
    """`aside` runs what may outlast a race, but not its Racer."""

    def __init__(
        self,
        transport: Transport,
        dialects: Mapping[str, Dialect],
        aside: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._transport = transport
        self._dialects = dialects
        self._aside = aside

    async def run(
        self, run: Run, call: Call, progress: Callable[[Run], None], finish: Callable[[Run], Awaitable[None]]
    ) -> None:
        """Ask, and read until the answer is whole; then `finish`, while the connection is still there.

        `progress` is told of each piece of the reply. Raises WireError; what has come stays in `run`.
        """
        dialect = self._dialects[run.lane.provider.dialect]
        request, decoder = dialect.encode(call, target_of(run.lane)), dialect.decoder()
        try:
            while True:
                async with self._transport.send(request) as incoming:
                    if not 200 <= incoming.status < 300:
                        body = await _read_some(incoming)
                        raise dialect.classify(incoming.status, incoming.headers, body)
                    await _read(run, incoming, decoder, progress)
                    follow = run.assembly.follow_up
                    if follow is None:
                        await finish(run)
                        return await _drain(incoming)
                run.assembly.follow_up = None
                await anyio.sleep(follow.after)
                request, decoder = followed(request, follow), follow.decoder
        finally:
            self._undo(run, request)

    def _undo(self, run: Run, request: WireRequest) -> None:
        """A job goes on when its connection is closed: have it stopped, beside the race."""
        undo = run.assembly.undo
        if undo is not None and not run.assembly.ended and (stop := undone(request, undo)) is not None:
            self._aside(self._send_and_forget(stop))

    async def _send_and_forget(self, request: WireRequest) -> None:
        """The race is over, or has gone on without this lane: nobody is left who could act on a failure."""
        with anyio.move_on_after(UNDO_SECONDS), suppress(WireError):
            async with self._transport.send(request) as incoming:
                await _drain(incoming)


def target_of(lane: Lane) -> Target:
    provider = lane.provider
    return Target(
        base_url=provider.base_url,
        model=lane.model.name,
        key=lane.account.key,
        headers=provider.headers,
        renames=provider.renames,
        drops=provider.drops,
    )


async def _read(run: Run, incoming: Incoming, decoder: Decoder, progress: Callable[[Run], None]) -> None:
    """Until the end marker or the end of the body, whichever comes first."""
    assembly = run.assembly
    while data := await incoming.read():
        assembly.add(decoder.feed(data))
        if run.progress():
            progress(run)
        if assembly.ended:
            return
    assembly.add(decoder.close())
    if run.progress():
        progress(run)


async def _read_some(incoming: Incoming) -> bytes:
    """Enough of a refusal's body to tell what it says."""
    body = b""
    while len(body) < REFUSAL_BYTES and (data := await incoming.read()):
        body += data
    return body[:REFUSAL_BYTES]


async def _drain(incoming: Incoming) -> None:
    """Read what follows the end marker, so that the connection can serve again; give up soon."""
    with anyio.move_on_after(DRAIN_SECONDS, shield=True):
        while await incoming.read():
            pass
