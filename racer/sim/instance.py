"""A value that fits a JSON schema, chosen by noise. Covers the schemas that people ask models for."""

from __future__ import annotations

import math
from itertools import cycle
from typing import TYPE_CHECKING, Any

from racer.sim.json_value import as_array, as_object, is_number
from racer.sim.words import VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEEPEST = 8
FARTHEST = 2.0**62
LONGEST = 10_000  # a schema may ask for more; nobody is helped by it
CHOICES = frozenset({"anyOf", "oneOf", "allOf"})
FORMATS = {
    "date": "2026-03-14",
    "time": "12:30:00Z",
    "date-time": "2026-03-14T12:30:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/page",
    "uuid": "-".join(("0" * 8, "0" * 4, "4000", "8000", "0" * 12)),
}


class Maker:
    """Makes values that fit the parts of one schema; `$ref` is looked up in the whole."""

    def __init__(self, schema: Mapping[str, Any], noise: bytes) -> None:
        self._root = schema
        self._noise: Iterator[int] = cycle(noise or b"\0")

    def make(self) -> Any:
        return self._value(self._root, 0)

    def _pick(self, count: int) -> int:
        return ((next(self._noise) << 8) + next(self._noise)) % count

    def _value(self, part: Any, depth: int) -> Any:
        deep = depth >= DEEPEST
        if depth > 2 * DEEPEST:
            return None
        schema = self._resolved(part, deep=deep)
        if "const" in schema:
            return schema["const"]
        if options := as_array(schema.get("enum")):
            return options[self._pick(len(options))]
        kind = _kind(schema, deep=deep)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        return self._scalar(kind, schema)

    def _scalar(self, kind: str, schema: Mapping[str, Any]) -> Any:
        if kind == "string":
            return self._string(schema)
        if kind == "integer":
            return self._integer(schema)
        if kind == "number":
            return self._number(schema)
        return bool(self._pick(2)) if kind == "boolean" else None

    def _resolved(self, part: Any, *, deep: bool) -> Mapping[str, Any]:
        """`part` with references followed and a choice taken: the first one, or null where it gets deep."""
        schema = as_object(part) or {}
        for _ in range(DEEPEST):
            if isinstance(ref := schema.get("$ref"), str):
                schema = {**self._referred(ref), **{k: v for k, v in schema.items() if k != "$ref"}}
            elif chosen := _chosen(schema, deep=deep):
                schema = {**{k: v for k, v in schema.items() if k not in CHOICES}, **chosen}
            else:
                break
        return schema

    def _referred(self, ref: str) -> dict[str, Any]:
        found: Mapping[str, Any] = self._root
        for name in ref.removeprefix("#").strip("/").split("/"):
            found = (as_object(found.get(name)) or {}) if name else found
        return dict(found)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = [name for name in as_array(schema.get("required")) or () if isinstance(name, str)]
        properties = as_object(schema.get("properties")) or {}
        made = {
            name: self._value(part, depth + 1)
            for name, part in properties.items()
            if name in required or depth < DEEPEST // 2
        }
        return {**dict.fromkeys(required, ""), **made}

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = _whole(schema.get("minItems"), 0)
        most = _whole(schema.get("maxItems"), max(least, 2))
        count = least if depth >= DEEPEST // 2 else min(max(least, 2), most)
        return [self._value(schema.get("items"), depth + 1) for _ in range(count)]

    def _string(self, schema: Mapping[str, Any]) -> str:
        known = FORMATS.get(str(schema.get("format")))
        text = known or " ".join(VOCABULARY[self._pick(len(VOCABULARY))] for _ in range(2))
        least, most = _whole(schema.get("minLength"), 0), _whole(schema.get("maxLength"), LONGEST)
        return text.ljust(least, "a")[:most]

    def _integer(self, schema: Mapping[str, Any]) -> int:
        low, high = _range(schema, step=1.0)
        first, last = math.ceil(low), math.floor(high)
        return first + self._pick(max(last - first, 0) + 1)

    def _number(self, schema: Mapping[str, Any]) -> float:
        low, high = _range(schema, step=0.0)
        low, high = _range(schema, step=(high - low) / 4)
        return low + (high - low) * self._pick(101) / 100


def _kind(schema: Mapping[str, Any], *, deep: bool) -> str:
    named = schema.get("type")
    kinds = [str(kind) for kind in (as_array(named) or [named]) if kind is not None]
    if deep and "null" in kinds:
        return "null"
    if not kinds:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return kinds[0]


def _chosen(schema: Mapping[str, Any], *, deep: bool) -> dict[str, Any]:
    if parts := as_array(schema.get("allOf")):
        merged: dict[str, Any] = {}
        for part in parts:
            merged |= as_object(part) or {}
        return merged
    options = [
        as_object(o) or {} for o in as_array(schema.get("anyOf")) or as_array(schema.get("oneOf")) or ()
    ]
    nulls = [option for option in options if option.get("type") == "null"]
    return (nulls if deep and nulls else options)[0] if options else {}


def _whole(value: Any, default: int) -> int:
    return int(max(0, min(value, LONGEST))) if is_number(value) else default


def _range(schema: Mapping[str, Any], *, step: float) -> tuple[float, float]:
    """The allowed numbers; `step` keeps away from a bound that is itself excluded."""
    low = _bound(schema, "minimum", "exclusiveMinimum", step)
    high = _bound(schema, "maximum", "exclusiveMaximum", -step)
    if low is None:
        low = 0.0 if high is None else min(0.0, high - 100.0)
    return low, low + 100.0 if high is None else max(low, high)


def _bound(schema: Mapping[str, Any], closed: str, opened: str, step: float) -> float | None:
    if opened in schema and is_number(schema[opened]):
        return _finite(schema[opened]) + step
    return _finite(schema[closed]) if closed in schema and is_number(schema[closed]) else None


def _finite(number: float) -> float:
    """What fits into 64 bits, as JSON writers have it."""
    return float(max(-FARTHEST, min(number, FARTHEST)))
