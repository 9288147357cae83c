"""A JSON schema as a tree of schemas: told apart from the names and the data that it also holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer_adapters.jsontext import as_list, as_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Schema = dict[str, Any]
    Place = tuple[str | int, ...]

_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_LISTED = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_SINGLE = (
    "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
    "unevaluatedProperties", "unevaluatedItems", "additionalItems", "contentSchema",
)  # fmt: skip


def below(schema: Schema) -> Iterator[tuple[Place, Schema]]:
    """The schemas right below, each with its place."""
    for keyword in _NAMED:
        for name, part in as_object(schema.get(keyword)).items():
            if isinstance(part, dict):
                yield (keyword, name), as_object(part)
    for keyword in _LISTED:
        for index, part in enumerate(as_list(schema.get(keyword))):
            if isinstance(part, dict):
                yield (keyword, index), as_object(part)
    for keyword in _SINGLE:
        if isinstance(schema.get(keyword), dict):
            yield (keyword,), as_object(schema[keyword])


def nodes(schema: Schema, place: Place = ()) -> Iterator[tuple[Place, Schema]]:
    """`schema` and all below it."""
    yield place, schema
    for step, part in below(schema):
        yield from nodes(part, (*place, *step))


def rebuilt(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """A copy in which each schema right below is what `change` makes of it."""
    made: Schema = {}
    for keyword, value in schema.items():
        if keyword in _NAMED and isinstance(value, dict):
            made[keyword] = {name: _changed(part, change) for name, part in as_object(value).items()}
        elif keyword in _LISTED and isinstance(value, list):
            made[keyword] = [_changed(part, change) for part in as_list(value)]
        else:
            made[keyword] = _changed(value, change) if keyword in _SINGLE else value
    return made


def _changed(part: Any, change: Callable[[Schema], Schema]) -> Any:
    return change(as_object(part)) if isinstance(part, dict) else part
