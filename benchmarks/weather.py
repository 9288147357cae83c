"""What troubles a lane during a world's day: spells of slowness, outages, silence and refusals. Pure.

What is drawn here has to be drawn in this order: a generator repeats its numbers only for the same questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

Trouble = Literal["slow", "down", "mute", "refusing"]

MINUTE, HOUR = 60.0, 3600.0
NO_UPLINK = 180.0  # seconds in which nothing reaches anybody on the network


class Spell(NamedTuple):
    """`strength`: how many times slower; of `mute` and `refusing`, the share of calls that it strikes."""

    begins: float
    ends: float
    trouble: Trouble
    strength: float


class Sky(NamedTuple):
    """How a lane fares at one instant. Of spells that overlap, the strongest of each kind counts."""

    slow: float = 1.0
    down: float = 0.0
    mute: float = 0.0
    refusing: float = 0.0


CLEAR = Sky()


@dataclass(frozen=True, slots=True)
class Kind:
    """`times` a day, for a span of `lasts` units, of a `strength` in this range, or always of all."""

    trouble: Trouble
    times: int
    lasts: tuple[float, float]
    unit: float
    strength: tuple[float, float] | None = None

    def drawn(self, chance: Generator, seconds: float) -> Spell:
        begins = chance.uniform(0, seconds)
        ends = begins + chance.uniform(*self.lasts) * self.unit
        return Spell(begins, ends, self.trouble, chance.uniform(*self.strength) if self.strength else 1.0)


KINDS = (
    Kind("slow", 2, (0.5, 3), HOUR, (1.8, 5)),
    Kind("down", 1, (5, 30), MINUTE),
    Kind("mute", 1, (5, 25), MINUTE, (0.6, 1)),
    Kind("refusing", 4, (1, 6), MINUTE, (0.4, 0.95)),
)


class Weather:
    """Of one lane, all day."""

    __slots__ = ("_spells",)

    def __init__(self, spells: Sequence[Spell] = ()) -> None:
        self._spells = tuple(spells)

    def at(self, instant: float) -> Sky:
        now = [spell for spell in self._spells if spell.begins <= instant < spell.ends]
        if not now:
            return CLEAR
        strongest = dict(zip(Sky._fields, CLEAR, strict=True))
        for spell in now:
            strongest[spell.trouble] = max(strongest[spell.trouble], spell.strength)
        return Sky(**strongest)


def weathers(chance: Generator, hours: float, remote: Sequence[bool], *, rough: bool) -> list[Weather]:
    """Of each lane; those that are not `remote` have none. The network is away for all the others at once."""
    if not rough:
        return [Weather() for _ in remote]
    days, seconds = max(1, round(hours / 24)), hours * HOUR
    spells = [
        [kind.drawn(chance, seconds) for kind in KINDS for _ in range(kind.times * days)] if there else []
        for there in remote
    ]
    begins = chance.uniform(0, seconds)
    away = Spell(begins, begins + NO_UPLINK, "down", 1.0)
    return [Weather([*own, away] if there else own) for own, there in zip(spells, remote, strict=True)]
