"""For tests, ours and yours: a network that plays a script, and a clock that runs only while all sleep.

    transport = ScriptedTransport({"fast": says("hi", after=0.1), "slow": says("hello", after=2)})
    async with Racer(config_of("fast", "slow"), transport=transport) as racer: ...

On a `VirtualLoop` two seconds take no time, and instants are exact.
"""

from __future__ import annotations

import asyncio
import selectors
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import anyio
import orjson

from racer.config import Config
from racer.core.provider import Account, Model, Provider
from racer_adapters.errors import WireError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from racer_adapters.types import WireRequest

FOREVER = float("inf")
EVERYTHING = frozenset({"tools", "json", "schema", "vision"})


class _IdleIsTime(selectors.DefaultSelector):
    """A selector that never sleeps: idle time is added to the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:  # nothing is scheduled: only another thread can wake the loop
            return super().select(1.0)
        ready = super().select(0)
        if not ready:
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which sleeping costs nothing. Not for tests with real sockets or threads."""

    def __init__(self) -> None:
        self._idle = _IdleIsTime()
        super().__init__(self._idle)

    def time(self) -> float:
        return self._idle.now


@dataclass(frozen=True, slots=True)
class Step:
    """After `delay` seconds: these bytes, or this failure."""

    delay: float
    then: bytes | WireError


@dataclass(frozen=True, slots=True)
class Script:
    """What one server does with one request: seconds to its headers, then step by step its body."""

    steps: tuple[Step, ...] = ()
    headers_after: float = 0.0
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    refused: WireError | None = None


def says(text: str, *, after: float = 0.0, token_after: float | None = None) -> Script:
    """A whole streamed reply `after` seconds; its first token `token_after` (default: at the same time)."""
    first = after if token_after is None else token_after
    head, tail = (text[:1], text[1:]) if token_after is not None else (text, "")
    return Script(
        (
            Step(first, _frame({"content": head})),
            Step(after - first, _frame({"content": tail}) + _frame({}, "stop") + b"data: [DONE]\n\n"),
        )
    )


def streams(
    *pieces: str, after: float = 0.0, gap: float = 0.0, breaks: WireError | Literal["end"] | None = None
) -> Script:
    """A reply in pieces, `gap` seconds apart, the first `after` seconds.

    `breaks`: in place of its end comes a failure, or the end of the body without a word.
    """
    delays = [after, *(gap for _ in pieces[1:])]
    steps = [Step(delay, _frame({"content": piece})) for delay, piece in zip(delays, pieces, strict=True)]
    if breaks is None:
        steps.append(Step(0.0, _frame({}, "stop") + b"data: [DONE]\n\n"))
    elif isinstance(breaks, WireError):
        steps.append(Step(gap, breaks))
    return Script(tuple(steps))


def fails(error: WireError, *, after: float = 0.0) -> Script:
    """No response: the transport's own failure `after` seconds."""
    return Script(headers_after=after, refused=error)


def answers(
    status: int, body: bytes = b"", *, after: float = 0.0, headers: Mapping[str, str] | None = None
) -> Script:
    """A response of `status` with `body` `after` seconds."""
    return Script((Step(0.0, body),) if body else (), after, status, headers or {})


def hangs() -> Script:
    """Takes the request and never answers."""
    return Script(headers_after=FOREVER)


def _frame(delta: Mapping[str, object], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"object": "chat.completion.chunk", "choices": [choice]}) + b"\n\n"


def config_of(*names: str, **changes: object) -> Config:
    """A configuration of one keyless `openai` provider for each name, with one model, `m`."""
    return Config(providers=tuple(provider_of(name) for name in names), **changes)  # type: ignore[arg-type]


def provider_of(name: str, *models: str, keys: Sequence[str] = ("",)) -> Provider:
    return Provider(
        name=name,
        dialect="openai",
        base_url=f"https://{name}.test/v1",
        models=tuple(Model(model, can=EVERYTHING) for model in models or ("m",)),
        accounts=tuple(Account(f"{name}:{key}" if key else name) for key in keys),
    )


class ScriptedTransport:
    """Plays a script, or several in turn, for each server; the server is the first label of the host.

    `log` holds `(server, event, instant)`: sent, ended (its script was played out) or closed (left early).
    """

    def __init__(self, scripts: Mapping[str, Script | Sequence[Script]]) -> None:
        self._scripts = {
            name: [given] if isinstance(given, Script) else list(given) for name, given in scripts.items()
        }
        self.log: list[tuple[str, str, float]] = []
        self.requests: list[WireRequest] = []
        self.open = 0

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[_Played]:
        server = (urlsplit(request.url).hostname or "").partition(".")[0]
        scripts = self._scripts[server]
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        self.requests.append(request)
        self._note(server, "sent")
        self.open += 1
        played = _Played(script)
        try:
            await _pass(script.headers_after)
            if script.refused is not None:
                raise script.refused
            yield played
        finally:
            self.open -= 1
            self._note(server, "ended" if played.ended else "closed")

    def _note(self, server: str, event: str) -> None:
        self.log.append((server, event, anyio.current_time()))


class _Played:
    def __init__(self, script: Script) -> None:
        self._steps = list(script.steps)
        self.status = script.status
        self.headers = script.headers
        self.ended = False

    async def read(self) -> bytes:
        if not self._steps:
            self.ended = True
            return b""
        step = self._steps.pop(0)
        await _pass(step.delay)
        if isinstance(step.then, WireError):
            raise step.then
        return step.then


async def _pass(seconds: float) -> None:
    if seconds == FOREVER:
        await anyio.sleep_forever()
    await anyio.sleep(seconds)
