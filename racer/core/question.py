"""What makes two calls the same question: everything that can change the answer, as one hash.

Rule 1: a field counts unless it is named here, or None. So a new one is not overlooked.
Rule 2: each value is written with its kind and its length, so no two different ones look the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from racer.core.rank import Wishes
    from racer_adapters.types import Call, Shape

FORM = "racer question 1"
NEUTRAL = frozenset({"stream", "begun"})  # how a call travels, and what no caller says


def key_of(call: Call, wishes: Wishes, into: Shape | None = None) -> str:
    """The same 64 hex digits for the same question to the same lanes, in every process and version of Python.

    `into` is the form of the value that is wanted beside the text.

    Mappings have no order, nor have `only` and `exclude`; a temperature of 1 is one of 1.0. Raises TypeError
    for what no call holds: values that are neither JSON nor bytes.
    """
    call = replace(call, temperature=_number(call.temperature), top_p=_number(call.top_p))
    wishes = replace(wishes, only=_set(wishes.only), exclude=_set(wishes.exclude))
    written = bytearray()
    _write((FORM, call, wishes) if into is None else (FORM, call, wishes, into), written)
    return sha256(written).hexdigest()


def _number(value: float | None) -> float | None:
    """One zero: there is one below it."""
    return None if value is None else float(value) + 0.0


def _set(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _write(value: object, out: bytearray) -> None:
    if isinstance(value, str):
        _leaf(b"s", value.encode("utf-8", "surrogatepass"), out)
    elif value is None or isinstance(value, bool):
        _leaf(b"c", repr(value).encode(), out)
    elif isinstance(value, int):
        _leaf(b"i", b"%x" % value, out)
    elif isinstance(value, float):
        _leaf(b"f", value.hex().encode(), out)
    elif isinstance(value, bytes):
        _leaf(b"b", value, out)
    elif isinstance(value, (tuple, list)):
        _items(b"l", cast("tuple[object, ...]", value), out)
    elif isinstance(value, Mapping):
        _items(b"m", _sorted(cast("Mapping[object, object]", value)), out)
    elif is_dataclass(value):
        _items(b"r", (type(value).__name__, *_fields(value)), out)
    else:
        raise TypeError(f"a question cannot hold a {type(value).__name__}")


def _leaf(kind: bytes, text: bytes, out: bytearray) -> None:
    out += b"%s%d:" % (kind, len(text))
    out += text


def _items(kind: bytes, items: tuple[object, ...], out: bytearray) -> None:
    out += b"%s%d:" % (kind, len(items))
    for item in items:
        _write(item, out)


def _sorted(mapping: Mapping[object, object]) -> tuple[object, ...]:
    """Keys and values in turn, by the keys as they are written: keys of several kinds have no other order."""
    pairs: list[tuple[bytes, object, object]] = []
    for key, value in mapping.items():
        written = bytearray()
        _write(key, written)
        pairs.append((bytes(written), key, value))
    pairs.sort(key=lambda pair: pair[0])
    return tuple(part for _, key, value in pairs for part in (key, value))


def _fields(record: Any) -> Iterator[object]:
    """Names and values in turn."""
    for each in fields(record):
        value = getattr(record, each.name)
        if value is not None and each.name not in NEUTRAL:
            yield each.name
            yield value
