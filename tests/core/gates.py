"""Gates of races, as tests need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.breaker import Breakers

if TYPE_CHECKING:
    from racer.core.provider import Lane


class Unlimited(Breakers):
    """A gate of breakers alone."""

    def ask(self, lane: Lane) -> None:
        raise AssertionError("nothing is pending")
