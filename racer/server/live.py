"""Facts as they happen, for whoever looks on: kept for a while, and sent as server-sent events.

Rule 1: nobody who looks on makes a race wait. A reader that does not keep up loses the oldest, and is told
        how many by an event of its own, `lost`.
Rule 2: who comes again with the id of the last event that it has seen goes on from there, as far back as
        events are kept.
Rule 3: no event is put into words before somebody wants it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from racer.logs import fields_of, name_of
from racer.server.wording import for_clients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from racer.core.facts import Fact

KEPT = 2000
MOST_UNREAD = KEPT
RETRY = b"retry: 2000\n\n"
HEARTBEAT = b": still here\n\n"


@dataclass(slots=True)
class Event:
    """`at` in unix seconds; `number` counts from 1."""

    number: int
    at: float
    fact: Fact
    _lines: bytes = b""

    @property
    def race(self) -> str | None:
        """Facts of limits, of the store and of the clock are no race's."""
        return getattr(self.fact, "race", None)

    def lines(self, life: str) -> bytes:
        """As it is sent, made once for all readers of one life."""
        if not self._lines:
            name = name_of(self.fact)
            data = {"event": name, "at": round(self.at, 4), **fields_of(self.fact)}
            if "reason" in data:
                data["reason"] = for_clients(str(data["reason"]))
            self._lines = _lines(name, data, f"{life}-{self.number}")
        return self._lines


@dataclass(eq=False, slots=True)
class Reader:
    """Somebody who looks on, at one race or at all. `stir` is called when something is there to be read."""

    race: str | None
    stir: Callable[[], None]
    most: int = MOST_UNREAD
    lost: int = 0
    _unread: deque[Event] = field(default_factory=deque[Event])

    def hear(self, event: Event) -> None:
        if self.race is not None and event.race != self.race:
            return
        if len(self._unread) >= self.most:
            self._unread.popleft()
            self.lost += 1
        self._unread.append(event)
        self.stir()

    def take(self) -> tuple[list[Event], int]:
        """All that is there, and how many were lost before it."""
        unread, lost = list(self._unread), self.lost
        self._unread.clear()
        self.lost = 0
        return unread, lost


class Live:
    """`life` names this run of the server: ids of an earlier one are told apart by it."""

    def __init__(self, life: str, *, kept: int = KEPT) -> None:
        self.life = life
        self.lost = 0
        self._events: deque[Event] = deque(maxlen=kept)
        self._count = 0
        self._readers: list[Reader] = []

    @property
    def readers(self) -> int:
        return len(self._readers)

    def observe(self, fact: Fact, at: float) -> None:
        self._count += 1
        event = Event(self._count, at, fact)
        self._events.append(event)
        for reader in self._readers:
            reader.hear(event)

    def join(self, reader: Reader, last: str | None = None) -> None:
        """`last` is the id of the event that it has seen last, if any.

        Without one, a reader of one race hears first what is known of it, and a reader of all from now on.
        """
        before, missed = self._since(last, of_one=reader.race is not None)
        reader.lost += missed
        for event in before:
            reader.hear(event)
        self._readers.append(reader)

    def leave(self, reader: Reader) -> None:
        self._readers.remove(reader)

    def take(self, reader: Reader) -> bytes:
        """What it is to be sent now, what was lost first; empty where nothing is there."""
        events, lost = reader.take()
        self.lost += lost
        told = [_lines("lost", {"event": "lost", "count": lost})] if lost else []
        return b"".join([*told, *(event.lines(self.life) for event in events)])

    def _since(self, last: str | None, *, of_one: bool) -> tuple[Iterable[Event], int]:
        """What comes after `last`, and how many of that are not kept any more."""
        life, _, number = (last or "").partition("-")
        if not last or life != self.life or not (number.isdecimal() and number.isascii()):
            return (self._events if of_one or last else ()), 0
        seen = int(number[:18])
        first = self._count - len(self._events) + 1
        missed = 0 if of_one else max(0, first - 1 - seen)
        return self._after(max(0, seen - first + 1)), missed

    def _after(self, skip: int) -> Iterator[Event]:
        return islice(tuple(self._events), skip, None)


def _lines(name: str, data: object, id_: str = "") -> bytes:
    """JSON has no line end in it, so that one line of data holds it."""
    head = f"id: {id_}\n" if id_ else ""
    return f"{head}event: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"
