"""A network in memory, for virtual time: desks of the simulator answer, and one answer is cut."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

import anyio
from multidict import CIMultiDict

from racer.sim.desk import Desk
from racer.sim.exchange import Request
from racer.sim.script import Send
from racer.sim.wire import WIRES
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from racer.sim import Profile
    from racer.sim.script import Script
    from racer_adapters.types import WireRequest

    How = Literal["end", "reset", "hang"]

HOST = "sim.test"
BLOCK = 64  # chunks at once
LAST = 3  # chunks one by one
GAP = 0.001  # seconds between two reads: the reader has its turn
EPOCH = 1_800_000_000.0


@dataclass(frozen=True)
class Cut:
    """Behind so many bytes of the first lane's answer."""

    place: int
    how: How


class Desks:
    """The transport: desks of the simulator answer, and the first one's answer is cut.

    `asked` is its first request, `heard` what it has said of its answer.
    """

    def __init__(self, profile: Profile, cut: Cut | None = None) -> None:
        self._desks = {each.name: Desk(profile, each) for each in profile.providers}
        self._first = profile.providers[0].name
        self._cut = cut
        self._left = sys.maxsize if cut is None else cut.place
        self._born = anyio.current_time()
        self.asked: Request | None = None
        self.heard: list[bytes] = []

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[_Played]:
        name, asked = _received(request)
        desk = self._desks[name]
        # Instants are the same in each run, to the digit: bodies tell them.
        now = EPOCH + round(anyio.current_time() - self._born, 6)
        decision = desk.decide(asked, now, lambda ordinal: Random(ordinal).random)
        data = [step.data for step in decision.script.steps if isinstance(step, Send)]
        if name == self._first:
            self.asked = self.asked or asked
        if name != self._first or _is_about_a_job(desk, asked):
            yield _Played(decision.script, _in_blocks(data), None)
            return
        kept = self._kept(data)
        self.heard += kept
        counted = decision.script.length is not None  # it ends with its last byte, and needs no end besides
        whole = sum(map(len, kept)) == sum(map(len, data)) and (counted or self._left > 0)
        yield _Played(decision.script, _in_blocks(kept), None if whole else self._cut)

    def _kept(self, data: Sequence[bytes]) -> list[bytes]:
        kept: list[bytes] = []
        for piece in data:
            kept.append(piece[: self._left])
            self._left -= len(kept[-1])
        return [piece for piece in kept if piece]


def _is_about_a_job(desk: Desk, request: Request) -> bool:
    """It makes one, or stops one; what it says is had by another request."""
    has_jobs = any(wire.errand is not None for wire in WIRES[desk.provider.dialect])
    return has_jobs and request.method == "POST"


def _received(request: WireRequest) -> tuple[str, Request]:
    """To whom, and what it is to them."""
    url = urlsplit(request.url)
    name, _, path = url.path.removeprefix("/").partition("/")
    headers = CIMultiDict({**request.headers, "Host": HOST})
    return name, Request(request.method, unquote(f"/{path}"), headers, request.body, url.query)


def _in_blocks(data: Sequence[bytes]) -> list[bytes]:
    early = len(data) - LAST
    blocks = [b"".join(data[place : min(place + BLOCK, early)]) for place in range(0, early, BLOCK)]
    return [*blocks, *data[max(early, 0) :]]


class _Played:
    def __init__(self, script: Script, data: list[bytes], cut: Cut | None) -> None:
        self._data = data
        self._cut = cut
        self._counted = script.length is not None
        self.status = script.status
        self.headers: Mapping[str, str] = script.headers

    @property
    def ended(self) -> bool:
        return not self._data and self._cut is None

    async def read(self) -> bytes:
        await anyio.sleep(GAP)
        if self._data:
            return self._data.pop(0)
        how = None if self._cut is None else self._cut.how
        if how == "hang":
            await anyio.sleep_forever()
        if how == "reset":
            raise WireError(Kind.RESET, "the connection broke")
        if how == "end" and self._counted:
            raise WireError(Kind.TRUNCATED, "the body stopped before its end")
        return b""
