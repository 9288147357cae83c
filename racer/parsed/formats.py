"""The formats that msgspec reads and its schemas do not tell: a date and time, and a time of day.

It names a format only where the time zone is fixed. A model must be told in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer_adapters.jsontext import as_list, as_object, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msgspec import inspect

    from racer.parsed.tree import Schema

_FORMATS = {
    ("DateTimeType", None): "date-time",
    ("DateTimeType", False): "local-date-time",
    ("TimeType", None): "time",
}
_KINDS = {"DateTimeType": "string", "TimeType": "string", "TupleType": "array"}


def schema_of(target: Any) -> Schema:
    """msgspec's own, with all formats. Raises what msgspec raises where it does not know the type."""
    import msgspec

    whole = msgspec.inspect.type_info(target)
    records = _records(whole)
    (sent, *references), parts = msgspec.json.schema_components((target, *records))
    for reference, record in zip(references, records.values(), strict=True):
        name = as_text(reference.get("$ref")).rpartition("/")[2]
        parts[name] = _of_record(record, parts[name])
    made = _told(whole, sent)
    return {**made, "$defs": parts} if parts else made


def _records(whole: inspect.Type) -> dict[Any, Any]:
    """The types with fields, by their classes."""
    records: dict[Any, Any] = {}
    waiting: list[Any] = [whole]
    while waiting:
        part = waiting.pop()
        fields = getattr(part, "fields", None)
        if fields is None:
            waiting += _parts(part)
        elif part.cls not in records:
            records[part.cls] = part
            waiting += [field.type for field in fields]
    return records


def _parts(part: Any) -> Iterable[Any]:
    for name in ("type", "item_type", "key_type", "value_type"):
        if hasattr(part, name):
            yield getattr(part, name)
    for name in ("types", "item_types"):
        yield from getattr(part, name, ())


def _of_record(record: Any, schema: Schema) -> Schema:
    types = [field.type for field in record.fields]
    if "prefixItems" in schema:
        return {**schema, "prefixItems": _listed(types, schema["prefixItems"])}
    told = dict(as_object(schema.get("properties")))
    for field in record.fields:
        told[field.encode_name] = _told(field.type, told[field.encode_name])
    return {**schema, "properties": told}


def _listed(types: list[Any], schemas: list[Schema]) -> list[Schema]:
    """From behind, for a tag may stand before the others."""
    tags = len(schemas) - len(types)
    told = [_told(part, schema) for part, schema in zip(types, schemas[tags:], strict=True)]
    return [*schemas[:tags], *told]


def _told(part: Any, schema: Schema) -> Schema:
    """Of a type that is no record: those are told apart, and only referred to here."""
    while hasattr(part, "type"):
        part = part.type
    if "$ref" in schema:
        return schema
    if hasattr(part, "types"):
        return {**schema, "anyOf": [_choice(part.types, each) for each in as_list(schema.get("anyOf"))]}
    named = _FORMATS.get((type(part).__name__, getattr(part, "tz", True)))
    if named is not None:
        return {"format": named, **schema}
    if hasattr(part, "item_type") and "items" in schema:
        return {**schema, "items": _told(part.item_type, schema["items"])}
    if hasattr(part, "item_types") and "prefixItems" in schema:
        return {**schema, "prefixItems": _listed(list(part.item_types), schema["prefixItems"])}
    if hasattr(part, "value_type") and "additionalProperties" in schema:
        return {**schema, "additionalProperties": _told(part.value_type, schema["additionalProperties"])}
    return schema


def _choice(types: Iterable[Any], schema: Schema) -> Schema:
    """msgspec knows one type of each JSON kind in a union, so the kind says which it is."""
    for part in types:
        if _kind(part) == schema.get("type"):
            return _told(part, schema)
    return schema


def _kind(part: Any) -> str:
    while hasattr(part, "type"):
        part = part.type
    if hasattr(part, "item_type"):
        return "array"
    return "object" if hasattr(part, "value_type") else _KINDS.get(type(part).__name__, "")
