"""A misfit in words: where in the JSON, and what is wrong there. One short line, fit to be printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.core.into import Misfit
from racer_adapters.jsontext import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Piece = str | int

LONGEST = 160  # of the place as of the words
_KEY = 40
_ANYTHING = object()
_MOST_WAYS = 64
_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    list: "array",
    dict: "object",
}


def misfit(pieces: Iterable[Piece], what: str) -> Misfit:
    return at(place(pieces), what)


def at(where: str, what: str) -> Misfit:
    """`where` begins with `$`, the root."""
    return Misfit(f"{line(_both_ends(where))}: {_beginning(line(what), LONGEST)}")


def too_deep() -> Misfit:
    return misfit((), "nested too deep")


def place(pieces: Iterable[Piece]) -> str:
    """`$.steps[2].amount`; a key that is no plain name stands in brackets and quotes."""
    return "$" + "".join(_step(piece) for piece in pieces)


def lacking(key: Piece) -> str:
    return f"the key {_key(str(key))} is missing"


def superfluous(key: Piece) -> str:
    return f"the key {_key(str(key))} is not allowed"


def too_few(value: object) -> str:
    return f"too few items: {len(as_list(value))}"


def unlike(wanted: str, value: object) -> str:
    return f"expected {wanted}, got {_KINDS.get(type(value), 'another value')}"


def walked(value: Any, pieces: Sequence[Piece]) -> list[Piece]:
    """`pieces` without those that are no step in `value`: libraries put the names of types among them."""
    return [pieces[index] for index in steps(value, pieces)]


def steps(value: Any, pieces: Sequence[Piece], end: object = _ANYTHING) -> list[int]:
    """Which of `pieces` are steps in `value`. A key may be named like a type: the way to `end` is right."""
    waiting: list[tuple[int, Any, list[int]]] = [(0, value, [])]
    here, first = _way(waiting, pieces)
    taken = first
    for _ in range(_MOST_WAYS):
        if end is _ANYTHING or here == end:
            return taken
        if not waiting:
            break
        here, taken = _way(waiting, pieces)
    return first


def _way(waiting: list[tuple[int, Any, list[int]]], pieces: Sequence[Piece]) -> tuple[Any, list[int]]:
    """The last of those that wait, to its end; where it could have gone on otherwise waits then."""
    begin, here, taken = waiting.pop()
    for index in range(begin, len(pieces)):
        piece = pieces[index]
        if isinstance(piece, int) and 0 <= piece < len(as_list(here)):
            here = as_list(here)[piece]
        elif isinstance(piece, str) and piece in as_object(here):
            waiting.append((index + 1, here, list(taken)))
            here = as_object(here)[piece]
        else:
            continue
        taken.append(index)
    return here, taken


def line(text: str) -> str:
    """Bounded before it is looked at, for it may hold a whole reply."""
    words = " ".join(text[: 4 * LONGEST].split())
    return "".join(letter if letter.isprintable() else "�" for letter in words)


def _step(piece: Piece) -> str:
    if isinstance(piece, int):
        return f"[{piece}]"
    return f".{piece}" if piece.isidentifier() and len(piece) <= _KEY else f"[{_key(piece)}]"


def _key(key: str) -> str:
    return f'"{_beginning(key, _KEY)}"'


def _beginning(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _both_ends(text: str) -> str:
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]}…{text[-half + 1 :]}"
