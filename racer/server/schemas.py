"""A client's JSON schema, looked through: what could be none at all is refused. Pure.

A library that knows every rule takes ten milliseconds for each kilobyte: time that a server has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from racer.server.question import wrong
from racer_adapters.placed import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Place = tuple[str, object]

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
LISTED = ("anyOf", "oneOf", "allOf", "prefixItems")
SINGLE = (
    "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
    "unevaluatedProperties", "unevaluatedItems",
)  # fmt: skip


def check_schema(schema: object, place: str) -> None:
    """Raises Refused with the place of what is wrong."""
    waiting: list[Place] = [(place, schema)]
    while waiting:
        where, part = waiting.pop()
        if isinstance(part, bool):
            continue
        if not isinstance(part, dict):
            raise _wrong(where, part, "a JSON schema: an object, true or false")
        node = cast("Mapping[str, Any]", part)
        if "type" in node:
            _check_type(node["type"], f"{where}.type")
        if "required" in node:
            _check_names(node["required"], f"{where}.required")
        waiting += _below(node, where)


def _check_type(kind: object, where: str) -> None:
    kinds = cast("list[object]", kind) if isinstance(kind, list) else [kind]
    for each in kinds or [None]:
        if each not in TYPES:
            raise _wrong(where, each, f"one of {', '.join(TYPES)}, or a list of them")


def _check_names(names: object, where: str) -> None:
    found = names
    if isinstance(names, list) and all(isinstance(each, str) for each in cast("list[object]", names)):
        return
    raise _wrong(where, found, "a list of names")


def _below(node: Mapping[str, Any], where: str) -> Iterator[Place]:
    for word in NAMED:
        if word in node:
            yield from _named(node[word], f"{where}.{word}")
    for word in LISTED:
        if word in node:
            yield from _listed(node[word], f"{where}.{word}")
    for word in SINGLE:
        if word in node:
            each: object = node[word]
            if word == "items" and isinstance(each, list):  # before 2020 it could be one for each place
                yield from _listed(cast("object", each), f"{where}.{word}")
            else:
                yield f"{where}.{word}", each


def _named(parts: object, where: str) -> Iterator[Place]:
    if not isinstance(parts, dict):
        raise _wrong(where, parts, "an object of names and schemas")
    for name, each in cast("dict[str, object]", parts).items():
        yield f"{where}.{name if name.isidentifier() and len(name) <= 64 else '…'}", each


def _listed(parts: object, where: str) -> Iterator[Place]:
    if not isinstance(parts, list):
        raise _wrong(where, parts, "a list of schemas")
    for index, each in enumerate(cast("list[object]", parts)):
        yield f"{where}[{index}]", each


def _wrong(where: str, found: object, remedy: str) -> Exception:
    return wrong(where, f"{where} is {shown(found)}: use {remedy}")
