"""A line on the desk of a batch, the lanes that may answer it, and when it is given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from racer.batch.line import Failure
from racer.core.heat import OBJECTORS
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.batch.line import Prompt
    from racer.core.admission import Admission
    from racer.core.book import Book
    from racer.core.options import Ask
    from racer.core.provider import Lane
    from racer.core.reply import Attempt
    from racer_adapters.errors import WireError
    from racer_adapters.types import Call

FOREVER = float("inf")
SORTED_FOR = 1.0
ILL = 0.25

ODD = 1.5
RARELY = 0.1

_OUTAGE = frozenset({Kind.OVERLOADED, Kind.SERVER, Kind.TIMEOUT, Kind.RESET})
# These say nothing of the line that met with them: of the network, or of how busy everybody is.
_NOT_ITS_FAULT = frozenset({Kind.DNS, Kind.CONNECT, Kind.TLS, Kind.REDIRECT, Kind.LOCAL})
# These do not either, unless the lane has just answered others: then it may be the line that is odd.
SUSPICIOUS = frozenset({Kind.AUTH, Kind.CREDIT, Kind.QUOTA, Kind.NO_MODEL, Kind.DENIED})


class Prospects(Protocol):
    """What is to be expected of lanes, in seconds, for lines of one kind."""

    def expected(self, lane: Lane) -> float:
        """To a whole answer on average."""
        ...

    def price(self, lane: Lane) -> float:
        """What a request is worth that it takes of its limits."""
        ...

    def rest(self, lane: Lane, age: float) -> float:
        """How much longer its whole answer takes that is not there after `age`, on average."""
        ...

    def late(self, lane: Lane) -> float:
        """By when 99 of 100 of its answers are whole."""
        ...

    def may_add(self) -> bool:
        """Whether one more extra request is within its allowance."""
        ...

    def add(self) -> None:
        """An extra request is sent: it comes out of the allowance."""
        ...


@dataclass(slots=True, eq=False)
class Suite:
    """The lanes that may answer lines of one kind. `groups`: how far behind wishes put each, by its id.

    `told` are the same lanes for facts: one object, since what is one object is written out once for many.
    """

    lanes: list[Lane]
    groups: Mapping[str, int]
    prospects: Prospects
    sorted_at: float = -FOREVER
    told: tuple[Lane, ...] = ()

    def sort(self, now: float) -> None:
        """The best first, by what is known now."""
        if 0 <= now - self.sorted_at < SORTED_FOR:
            return
        self.sorted_at = now
        of = self.prospects
        self.lanes.sort(key=lambda lane: (self.groups.get(lane.id, 0), of.expected(lane) + of.price(lane)))
        if len(self.told) != len(self.lanes):
            self.told = tuple(self.lanes)


class Out(NamedTuple):
    """A request under way."""

    lane: Lane
    started: float


class Case:
    """A line on the desk: `call` is its own question, `ask` what else was said of it.

    `out` are its requests under way, by their numbers; `again_at`: not before that to a lane that has failed
    with it. `book` and `gate` are those of the race that runs for it, `ran` what has ended of it, and
    `numbers` the next one's number; `attempts` those of races before. `large`: the lanes whose limits it is
    too large for, as was seen last. `suspect`: what it met with last may be of its own making.
    """

    # No dataclass: seven empty collections, made by a factory each, cost as much as a look at the desk.
    __slots__ = (
        "again_at", "ask", "attempts", "began", "book", "call", "digest", "done", "extra", "gate", "large",
        "numbers", "out", "prompt", "race", "ran", "reasons", "strikes", "suite", "suspect", "tried",
    )  # fmt: skip

    def __init__(self, prompt: Prompt, digest: bytes, ask: Ask, call: Call, suite: Suite) -> None:
        self.prompt, self.digest, self.ask, self.call, self.suite = prompt, digest, ask, call, suite
        self.gate: Admission | None = None
        self.book: Book | None = None
        self.race = ""
        self.began = self.strikes = 0.0
        self.out: dict[int, Out] = {}
        self.tried: set[str] = set()
        self.large: set[str] = set()
        self.again_at = -FOREVER
        self.numbers, self.extra = 1, 0
        self.ran: list[tuple[Lane, Attempt]] = []
        self.attempts: list[Attempt] = []
        self.reasons: list[tuple[str, WireError]] = []
        self.suspect = self.done = False

    @property
    def is_hopeless(self) -> bool:
        """Whether it is too large for every lane, where there is any."""
        lanes = self.suite.lanes
        return bool(lanes) and all(lane.id in self.large for lane in lanes)

    def blames(self, lane: Lane, error: WireError, *, ill: bool, odd: bool) -> None:
        """It has failed on `lane`, which was known to be ill. `odd`: no other line has."""
        self.tried.add(lane.id)
        self.reasons.append((lane.id, error))
        self.suspect = error.kind in SUSPICIOUS
        self.strikes += _strike(error.kind, ill=ill, odd=odd)


def _strike(kind: Kind, *, ill: bool, odd: bool) -> float:
    """How much a failure counts against its line."""
    if kind in _NOT_ITS_FAULT:
        return 0.0
    if kind is Kind.RATE:
        return RARELY
    if kind in SUSPICIOUS:
        return ODD if odd else 0.0
    return ILL if ill and kind in _OUTAGE else 1.0


class Start(NamedTuple):
    """`extra`: one request more than the line needs if nothing goes wrong."""

    number: int
    case: Case
    lane: Lane
    extra: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """`width`: lanes at once for a line by `all`; `rate`: lines that begin in a second."""

    policy: str = "frugal"
    width: int = 4
    concurrency: int = 64
    attempts: int = 5
    rate: float | None = None


def given_up(case: Case, attempts: int) -> Failure | None:
    """Why nobody is asked any more, once it has failed so often that it counts as `attempts`."""
    wrong = {lane.partition("/")[0] for lane, error in case.reasons if error.kind is Kind.BAD_REQUEST}
    others = {lane.provider.name for lane in case.suite.lanes} - wrong
    if len(wrong) >= OBJECTORS or (wrong and not others):
        return Failure("bad_request", _last(case, Kind.BAD_REQUEST))
    if case.strikes >= attempts:
        return Failure(str(case.reasons[-1][1].kind), _last(case))
    return None


def _last(case: Case, kind: Kind | None = None) -> str:
    """What the last failure said: of this kind, where one is given."""
    told = [(lane, error) for lane, error in case.reasons if kind is None or error.kind is kind]
    lane, error = told[-1]
    times = len(case.reasons)
    return f"{lane}: {error}" if times == 1 else f"{lane}: {error} (and {times - 1} more failures before)"
