"""Who is told which facts: an observer hears all of them, but for those that it says it has no use for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.facts import Fact, Observer


class Hearers(dict[type["Fact"], tuple["Observer", ...]]):
    """By the class of a fact, who is told of it. An observer may have `ignores`, a set of such classes.

    A batch tells four facts for each of its lines, and to call somebody who looks at none of them costs.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        super().__init__()
        self._observers = tuple(observers)

    def __missing__(self, kind: type[Fact]) -> tuple[Observer, ...]:
        found = tuple(each for each in self._observers if kind not in getattr(each, "ignores", ()))
        self[kind] = found
        return found
