"""Who listens to the facts of a Racer while it is open, and what one request learns of its own race.

A Racer takes its observers when it is made; those of a server come and go. A request's race is found by the
context that its tasks have: whatever the Racer starts for it carries its trail along.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from racer.core.facts import CacheHit, LaneStarted, RaceStarted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from racer.core.facts import Fact, Observer


@dataclass(slots=True)
class Trail:
    """`race` is None until it has started. An earlier answer that is given again has an id, and no lanes."""

    token: str
    race: str | None = None
    lanes: int = 0


_TRAIL: ContextVar[Trail | None] = ContextVar("racer_server_trail", default=None)


@contextmanager
def following(trail: Trail) -> Generator[None]:
    """A race that begins within is this trail's."""
    before = _TRAIL.set(trail)
    try:
        yield
    finally:
        _TRAIL.reset(before)


def current() -> Trail | None:
    """Within an observer: the request whose race the fact is of, if any."""
    return _TRAIL.get()


class Audience:
    """An observer that passes facts on: `Racer(config, observers=[audience])`."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def __call__(self, fact: Fact) -> None:
        trail = current()
        if trail is not None:
            _note(trail, fact)
        for observer in tuple(self._observers):
            observer(fact)

    def join(self, observer: Observer) -> Callable[[], None]:
        """`observer` hears all that comes, until the returned function is called."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)


def _note(trail: Trail, fact: Fact) -> None:
    if isinstance(fact, RaceStarted | CacheHit):
        trail.race, trail.lanes = fact.race, 0
    elif isinstance(fact, LaneStarted) and fact.race == trail.race:
        trail.lanes += 1
