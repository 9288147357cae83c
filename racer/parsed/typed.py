"""Types that msgspec knows: Structs, dataclasses, TypedDicts, and what is made of them and of plain types."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from racer.parsed.formats import schema_of
from racer.parsed.misfits import at, lacking, place, superfluous, too_deep
from racer_adapters.jsontext import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.core.into import Misfit

_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_EXTRA = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_PLACED = re.compile(r"(.*) - at `(?:key` in `)?(\$.*)`", re.DOTALL)
_KEY = " - at `key` in `"
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_ANY_KEY = "..."
_MOST_READ = 20_000_000  # characters that are read anew to find the key that is wrong


def made(target: Any) -> tuple[dict[str, Any], Callable[[str], Any]]:
    """The schema, and what reads a text. Raises what msgspec raises where it does not know the type."""
    import msgspec

    try:
        schema = schema_of(target)
    except TypeError as error:
        raise TypeError(
            str(error).splitlines()[-1]
        ) from None  # before it stands what only msgspec can be given
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(target)

    def fault(text: str) -> str | None:
        try:
            decoder.decode(text)
        except msgspec.DecodeError as error:
            return str(error)
        return None

    def read(text: str) -> Any:
        try:
            return decoder.decode(text)
        except msgspec.DecodeError as error:
            raise _misfit(str(error), text, fault) from None
        except RecursionError:
            raise too_deep() from None

    return schema, read


def _misfit(said: str, text: str, fault: Callable[[str], str | None]) -> Misfit:
    """msgspec says "Expected `int`, got `str` - at `$.steps[2].amount`"; of the root it says no place."""
    placed = _PLACED.fullmatch(said)
    if placed is None:
        return at("$", _words(said))
    what, where = placed.groups()
    if "[...]" in where:
        where = _located(where, text, lambda value: fault(value) == said) or where
    return at(where, f"a key: {_words(what)}" if _KEY in said else _words(what))


def _words(what: str) -> str:
    if missing := _MISSING.fullmatch(what):
        return lacking(missing[1])
    if extra := _EXTRA.fullmatch(what):
        return superfluous(extra[1])
    plain = what.replace("`", "")
    return plain[:1].lower() + plain[1:]


def _located(where: str, text: str, fails: Callable[[str], bool]) -> str | None:
    """`where` with the keys in it that msgspec leaves open: of `$.tags[...]`, the first that is wrong."""
    value: Any = json.loads(text)
    here: Any = value
    pieces: list[str | int] = []
    left = _MOST_READ

    def wrong() -> bool:
        nonlocal left
        written = _written(value)
        left -= len(written)
        return left > 0 and fails(written)

    for step in _STEP.finditer(where):
        name, index = step.groups()
        if index != _ANY_KEY:
            piece: str | int = name or int(index)
        elif as_object(here):
            piece = _first_wrong(here, wrong)
        else:
            return None
        pieces.append(piece)
        here = as_object(here).get(piece) if isinstance(piece, str) else _item(as_list(here), piece)
    return place(pieces) if left > 0 else None


def _written(value: Any) -> str:
    """Fast, or with what cannot be written as UTF-8."""
    import msgspec

    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value)


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def _first_wrong(table: dict[str, Any], fails: Callable[[], bool]) -> str:
    """By halves: values are read in order, so those before a half that is fine need not be read again."""
    items = list(table.items())
    low, high = 0, len(items)
    while high - low > 1:
        middle = (low + high) // 2
        _only(table, items[low:middle])
        low, high = (low, middle) if fails() else (middle, high)
    _only(table, items)
    return items[low][0]


def _only(table: dict[str, Any], items: list[tuple[str, Any]]) -> None:
    table.clear()
    table.update(items)
