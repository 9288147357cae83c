"""A misfit in words: where in the JSON, and what is wrong there. One short line, fit to be printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.core.into import Misfit
from racer_adapters.jsontext import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Iterable

    Piece = str | int

LONGEST = 160  # of the place as of the words
_KEY = 40
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


def unlike(wanted: str, value: object) -> str:
    return f"expected {wanted}, got {_KINDS.get(type(value), 'another value')}"


def walked(value: Any, pieces: Iterable[Piece]) -> list[Piece]:
    """`pieces` without those that are no step in `value`: libraries put the names of types among them."""
    path: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, int) and 0 <= piece < len(as_list(value)):
            value = as_list(value)[piece]
            path.append(piece)
        elif isinstance(piece, str) and piece in as_object(value):
            value = as_object(value)[piece]
            path.append(piece)
    return path


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
