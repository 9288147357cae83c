"""A desk to try: lanes by their names, what is to be expected of them, and who shuts when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from racer.batch.case import Case, Start, Suite, Terms
from racer.batch.desk import Desk
from racer.batch.line import Prompt
from racer.batch.pace import REFUSES, Pace
from racer.core.breaker import Block
from racer.core.options import Defaults, read
from racer_adapters.errors import Kind, WireError
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer.core.provider import Lane

FOREVER = float("inf")
ASK = read("Hi", {}, Defaults())
SERVER, RATE = WireError(Kind.SERVER, "broken"), WireError(Kind.RATE, "slow down")
BAD, OFF = WireError(Kind.BAD_REQUEST, "wrong"), WireError(Kind.CONNECT, "nobody there")
DENIED = WireError(Kind.DENIED, "not you")
NETWORK = [Kind.DNS, Kind.CONNECT, Kind.TLS, Kind.REDIRECT, Kind.LOCAL]
CLOSED = [Kind.AUTH, Kind.CREDIT, Kind.QUOTA, Kind.NO_MODEL, Kind.DENIED]
COUNTED = [Kind.SERVER, Kind.TIMEOUT, Kind.INVALID, Kind.EMPTY, Kind.TOO_LONG, Kind.BAD_REQUEST, Kind.BLOCKED]


@dataclass
class Hopes:
    """What is to be expected of lanes, as a test says; a lane that is not named takes a second."""

    waits: dict[str, float] = field(default_factory=dict[str, float])
    prices: dict[str, float] = field(default_factory=dict[str, float])
    lates: dict[str, float] = field(default_factory=dict[str, float])
    allowance: int = 1000

    def expected(self, lane: Lane) -> float:
        return self.waits.get(lane.id, 1.0)

    def price(self, lane: Lane) -> float:
        return self.prices.get(lane.id, 0.0)

    def rest(self, lane: Lane, age: float) -> float:
        return max(0.1, self.expected(lane) - age)

    def late(self, lane: Lane) -> float:
        return self.lates.get(lane.id, 10.0)

    def may_add(self) -> bool:
        return self.allowance > 0

    def add(self) -> None:
        self.allowance -= 1


class Room:
    """A desk with the lanes that a test names; those that begin with `~` are machines of the user's own."""

    def __init__(
        self,
        *names: str,
        policy: str = "one",
        width: int = 4,
        concurrency: int = 64,
        attempts: int = 5,
        rate: float | None = None,
        left: int | None = None,
    ) -> None:
        self.hopes = Hopes()
        self.lanes = [lane(name.removeprefix("~"), local=name.startswith("~")) for name in names]
        self.suite = self.suite_of(*names)
        self.shut: dict[str, Block] = {}
        self.larges: dict[str, set[int]] = {}
        self.asked: list[str] = []
        self.pace = Pace()
        self.desk = Desk(Terms(policy, width, concurrency, attempts, rate), self.pace, self._gate)
        self.desk.left = left
        self.lines = 0

    def suite_of(self, *names: str) -> Suite:
        wanted = {name.removeprefix("~") for name in names}
        return Suite([each for each in self.lanes if each.id in wanted], {}, self.hopes)

    def _gate(self, case: Case, lane: Lane, now: float) -> Block | None:
        self.asked.append(lane.id)
        if case.prompt.line in self.larges.get(lane.id, ()):
            return Block(FOREVER, "too large", stated=True, limit=True, large=True)
        block = self.shut.get(lane.id)
        return block if block is not None and block.until > now else None

    def shuts(self, name: str, until: float, *, pending: bool = False) -> None:
        self.shut[name] = Block(until, "used up", stated=True, pending=pending)

    def put(self, count: int = 1, suite: Suite | None = None) -> list[Case]:
        cases: list[Case] = []
        for _ in range(count):
            self.lines += 1
            prompt = Prompt(self.lines, f"line-{self.lines}", "Hi")
            cases.append(Case(prompt, b"", ASK, ASK.call, suite or self.suite))
            self.desk.put(cases[-1])
        return cases

    def next(self, now: float = 0.0) -> Start:
        start = self.desk.next(now)
        assert start is not None
        return start

    def starts(self, now: float = 0.0) -> list[Start]:
        """All that can begin at `now`."""
        found: list[Start] = []
        while (start := self.desk.next(now)) is not None:
            found.append(start)
            assert len(found) < 5000
        return found

    def given(self, now: float = 0.0) -> list[tuple[int, str]]:
        return [(start.case.prompt.line, start.lane.id) for start in self.starts(now)]


def refused(room: Room, name: str) -> None:
    """So many lines were refused by a lane, while another answers, that it rests from instant 0 on."""
    for each in room.lanes:
        for _ in range(REFUSES):
            room.pace.started(each, 0.0)
            if each.id == name:
                room.pace.failed(each, WireError(Kind.INVALID, "no"), 0.0, 0.0)
            else:
                room.pace.answered(each, 0.0, 0.0, 1)
    assert room.pace.of(room.lanes[0]).flying == 0
