"""The kinds of value that racer.toml may hold: types, ranges and forms, as plain records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Fault = Callable[[str], "str | None"]
Rule = Callable[[Mapping[str, Any]], "Iterator[tuple[str, str, str]]"]
"""Finds what single keys cannot show: (key or "", what was found, what is allowed)."""


@dataclass(frozen=True, slots=True)
class Flag:
    allowed: str = "true or false"


@dataclass(frozen=True, slots=True)
class Whole:
    least: int
    most: int

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Number:
    least: float
    most: float
    words: str = ""

    @property
    def allowed(self) -> str:
        return self.words or f"a number from {self.least:g} to {self.most:g}"


@dataclass(frozen=True, slots=True)
class Text:
    """`hidden`: a wrong one is never repeated, however short."""

    allowed: str
    fault: Fault
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    choices: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return " or ".join(f'"{choice}"' for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Day:
    """A date of TOML, or the same as text."""

    allowed: str = 'a date such as "2027-01-31"'


@dataclass(frozen=True, slots=True)
class Items:
    of: Kind
    least: int = 0
    most: int = 1000

    @property
    def allowed(self) -> str:
        count = f"of {self.least} " if self.least == self.most else ""
        return f"a list {count}with, in each place, {self.of.allowed}"


@dataclass(frozen=True, slots=True)
class Table:
    keys: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    rule: Rule | None = None

    @property
    def allowed(self) -> str:
        return f"a table of {', '.join(self.keys)}"


@dataclass(frozen=True, slots=True)
class Names:
    """A table whose keys the user chooses."""

    name: Text
    value: Kind
    rule: Rule | None = None

    @property
    def allowed(self) -> str:
        return f"a table from {self.name.allowed} to {self.value.allowed}"


@dataclass(frozen=True, slots=True)
class Either:
    """The first kind that fits the type of what was found decides."""

    kinds: tuple[Kind, ...]

    @property
    def allowed(self) -> str:
        return ", or ".join(kind.allowed for kind in self.kinds)


Kind = Flag | Whole | Number | Text | Word | Day | Items | Table | Names | Either
