"""The checker: a mapping and a table of kinds in, every problem out.

Rule 1: it never stops at the first problem.
Rule 2: what was found is repeated only where it cannot be a key: short, and no long run of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, assert_never, cast

from racer.config import forms
from racer.config.kinds import Day, Either, Flag, Items, Names, Number, Table, Text, Whole, Word

if TYPE_CHECKING:
    from racer.config.kinds import Kind, Rule

Path = tuple[str | int, ...]

_LONG_RUN = re.compile(r"\S{16}")
_LONGEST_SHOWN = 60
_SECRET_WORD = re.compile(r"key|token|secret|password", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    path: Path
    found: str
    allowed: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{dotted(self.path)}: found {self.found}; allowed: {self.allowed}{self.hint}"


def dotted(path: Path) -> str:
    """The path as one would write it: providers.groq.limits[2].per."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{_shown_name(part)}" for part in path]
    if path[:1] == ("providers",) and len(path) > 1 and forms.provider_name(str(path[1])) is None:
        parts[1] = f".{path[1]}"
    return "".join(parts).lstrip(".")


def check(value: object, kind: Kind, path: Path = ()) -> list[Problem]:
    return list(_problems(value, kind, path))


def _problems(value: object, kind: Kind, path: Path) -> Iterator[Problem]:
    match kind:
        case Flag() | Whole() | Number() | Word() | Day():
            if not fits(value, kind) or not _in_range(value, kind):
                yield Problem(path, shown(value), kind.allowed, _nearest_word(value, kind))
        case Text():
            yield from _text_problems(value, kind, path)
        case Either():
            chosen = next((each for each in kind.kinds if fits(value, each)), None)
            if chosen is None:
                yield Problem(path, shown(value), kind.allowed)
            else:
                yield from _problems(value, chosen, path)
        case Items() | Table() | Names():
            yield from _nested_problems(value, kind, path)
        case _:
            assert_never(kind)


def fits(value: object, kind: Kind) -> bool:
    """Is the value of the kind's type at all? A boolean is no number."""
    match kind:
        case Flag():
            return isinstance(value, bool)
        case Whole():
            return isinstance(value, int) and not isinstance(value, bool)
        case Number():
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case Text() | Word():
            return isinstance(value, str)
        case Day():
            return isinstance(value, str) or (isinstance(value, date) and not isinstance(value, datetime))
        case Items():
            return isinstance(value, list)
        case Table() | Names():
            return isinstance(value, Mapping)
        case Either():
            return any(fits(value, each) for each in kind.kinds)
        case _:
            assert_never(kind)


def _in_range(value: Any, kind: Flag | Whole | Number | Word | Day) -> bool:
    match kind:
        case Flag():
            return True
        case Whole() | Number():
            return bool(kind.least <= value <= kind.most)
        case Word():
            return value in kind.choices
        case Day():
            return not isinstance(value, str) or forms.day(value) is None
        case _:
            assert_never(kind)


def _text_problems(value: object, kind: Text, path: Path) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(path, shown(value), kind.allowed)
        return
    fault = kind.fault(value)
    if fault is not None:
        found = f"a text of {len(value)} characters" if kind.hidden else shown(value)
        yield Problem(path, f"{found} ({fault})", kind.allowed)


def _nested_problems(value: object, kind: Items | Table | Names, path: Path) -> Iterator[Problem]:
    if not fits(value, kind):
        yield Problem(path, shown(value), kind.allowed)
        return
    match kind:
        case Items():
            yield from _items_problems(cast("Sequence[object]", value), kind, path)
        case Table():
            table = cast("Mapping[str, object]", value)
            yield from _ruled(list(_table_problems(table, kind, path)), table, kind.rule, path)
        case Names():
            table = cast("Mapping[str, object]", value)
            yield from _ruled(list(_names_problems(table, kind, path)), table, kind.rule, path)
        case _:
            assert_never(kind)


def _items_problems(values: Sequence[object], kind: Items, path: Path) -> Iterator[Problem]:
    if not kind.least <= len(values) <= kind.most:
        yield Problem(path, f"a list of {len(values)}", kind.allowed)
    for index, value in enumerate(values):
        yield from _problems(value, kind.of, (*path, index))


def _ruled(
    found: Sequence[Problem], table: Mapping[str, Any], rule: Rule | None, path: Path
) -> Iterator[Problem]:
    """The rule reads the values by their kinds, so it is asked only where all of them fit."""
    yield from found
    if rule is None or found:
        return
    for key, what, allowed in rule(table):
        yield Problem((*path, key) if key else path, what, allowed)


def _table_problems(table: Mapping[str, object], kind: Table, path: Path) -> Iterator[Problem]:
    for key, value in table.items():
        known = kind.keys.get(key)
        if known is None:
            yield Problem((*path, key), "an unknown key", ", ".join(kind.keys), _hint(key, kind))
        else:
            yield from _problems(value, known, (*path, key))
    for key in kind.required:
        if key not in table:
            yield Problem((*path, key), "nothing", kind.keys[key].allowed)


def _names_problems(table: Mapping[str, object], kind: Names, path: Path) -> Iterator[Problem]:
    for name, value in table.items():
        fault = kind.name.fault(name)
        if fault is not None:
            yield Problem((*path, name), f"a name that does not fit ({fault})", kind.name.allowed)
        yield from _problems(value, kind.value, (*path, name))


def _hint(key: str, kind: Table) -> str:
    near = forms.near(key, kind.keys)
    if not near and _SECRET_WORD.search(key):
        return '; keys stay in the environment or in .env, and a provider names them: keys = ["$NAME"]'
    return near


def _nearest_word(value: object, kind: Kind) -> str:
    return forms.near(value, kind.choices) if isinstance(kind, Word) and isinstance(value, str) else ""


def shown(value: object) -> str:
    """A value for people to recognise, or what kind of thing it is where showing it is not safe."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if value.bit_length() <= 64 else "a huge number"
        case str():
            return _shown_text(value)
        case list():
            return "a list"
        case Mapping():
            return "a table"
        case _:
            return str(value)


def _shown_text(text: str) -> str:
    if len(text) > _LONGEST_SHOWN or _LONG_RUN.search(text):
        return f"a text of {len(text)} characters"
    return f"the text {text!r}"


def _shown_name(name: str) -> str:
    """A key of the file; somebody may have pasted a secret as one."""
    risky = len(name) > 40 or (len(name) >= 16 and any(char.isdigit() for char in name))
    return "…" if risky else name if name.isprintable() else repr(name)
