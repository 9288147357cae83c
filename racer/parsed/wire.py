"""The schema that is sent: a type's, made strict and plain, for all providers to take; a caller's as it is.

Rule 1: where an object's keys are known, it has no others, and none may be missing.
Rule 2: what a provider may refuse, and what we check anyhow, is left out: defaults, discriminators.
Rule 3: a schema that refers to itself keeps its optional keys: a reference that must be followed has no end.
Rule 4: a bound, a format or a pattern of a type is told in words, in the description of the value that it
        limits: all models read them, several providers refuse the keywords, and we check them anyhow.
Rule 5: `strict` is claimed for nothing but what every provider of it knows: a refusal costs the lane.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from racer.parsed.tree import below, nodes, rebuilt
from racer_adapters.jsontext import as_list, as_object, as_text, dump
from racer_adapters.types import Shape

if TYPE_CHECKING:
    from racer.parsed.tree import Schema

_OMITTED = frozenset({"default", "discriminator", "readOnly", "writeOnly"})
_LIMITS = (
    "format", "contentEncoding", "pattern", "minLength", "maxLength", "minimum", "exclusiveMinimum",
    "maximum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties",
    "maxProperties",
)  # fmt: skip
_AS_IN = {
    "date-time": "2024-05-01T10:00:00Z",
    "local-date-time": "2024-05-01T10:00:00",
    "date": "2024-05-01",
    "time": "10:00:00",
    "partial-time": "10:00:00",
    "duration": "PT1H30M",
    "decimal": "12.50",
}
_BESIDE = frozenset({"title", "default"})  # what says nothing beside a reference
_PLAIN = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "items", "anyOf", "$ref", "$defs"),
        *("enum", "title", "description"),
    }
)
_TYPES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
_LONGEST_NAME = 64


def shape_of_type(schema: Schema, name: str) -> Shape:
    """`schema` is what a library made of a type."""
    definitions = {key: as_object(value) for key, value in _definitions(schema).items()}
    endless = any(_is_endless(key, definitions) for key in definitions)
    sent = _resolved(_tidied(schema, definitions, endless=endless))
    return Shape("schema", sent, clean(name), strict=_is_strict(sent) or None)


def shape_of_schema(schema: Schema) -> Shape:
    """A caller's own. A root that only refers is replaced by what it refers to."""
    sent = _resolved(schema)
    return Shape("schema", sent, clean(as_text(schema.get("title"))), strict=_is_strict(sent) or None)


def clean(name: str) -> str:
    """A name that providers take."""
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", name).strip("_")[:_LONGEST_NAME] or "reply"


# ---------------------------------------------------------------- references


def _definitions(schema: Schema) -> dict[str, Any]:
    return {**as_object(schema.get("definitions")), **as_object(schema.get("$defs"))}


def _referred(schema: Schema) -> str:
    """The name of the definition that `schema` refers to, or nothing."""
    found = re.fullmatch(r"#/(?:\$defs|definitions)/([^/%~]+)", as_text(schema.get("$ref")))
    return found[1] if found else ""


def _reached(start: Schema, definitions: dict[str, Schema]) -> set[str]:
    """The names that `start` refers to, also by way of others."""
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        for _, node in nodes(waiting.pop()):
            name = _referred(node)
            if name in definitions and name not in reached:
                reached.add(name)
                waiting.append(definitions[name])
    return reached


def _is_endless(name: str, definitions: dict[str, Schema]) -> bool:
    return name in _reached(definitions[name], definitions)


def _resolved(schema: Schema) -> Schema:
    """With a root that does not refer, and with no definition that nobody refers to."""
    definitions = {key: as_object(value) for key, value in _definitions(schema).items()}
    name = _referred(schema)
    if name not in definitions or any(part.get("$ref") == "#" for _, part in nodes(schema)):
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("$ref", "$defs", "definitions")}
    root = {**definitions[name], **rest}
    reached = _reached(root, definitions)
    for keyword in ("$defs", "definitions"):
        kept = {key: part for key, part in as_object(schema.get(keyword)).items() if key in reached}
        if kept:
            root[keyword] = kept
    return root


# ---------------------------------------------------------------- types


def _tidied(schema: Schema, definitions: dict[str, Schema], *, endless: bool) -> Schema:
    """One node and all below it."""
    node = _merged(schema, definitions, endless=endless)
    made = rebuilt(node, lambda part: _tidied(part, definitions, endless=endless))
    if "definitions" in made:
        made["$defs"] = made.pop("definitions")
    if made.get("type") == "object" and made.get("properties"):
        made.setdefault("additionalProperties", False)
        if not endless:
            made["required"] = list(as_object(made["properties"]))
    return made


def _merged(schema: Schema, definitions: dict[str, Schema], *, endless: bool) -> Schema:
    """The same in the keywords that all know: one reference alone, `anyOf`, `enum` with its type."""
    node = {key: value for key, value in schema.items() if key not in _OMITTED}
    only = as_list(node.get("allOf"))
    if len(only) == 1:
        node = {**as_object(only[0]), **{key: value for key, value in node.items() if key != "allOf"}}
    name = _referred(node)
    if name in definitions:
        said = {key: value for key, value in node.items() if key not in ("$ref", "$defs", "definitions")}
        if set(said) - _BESIDE and not endless:
            return _merged({**definitions[name], **said}, definitions, endless=endless)
        kept: Schema = {key: node[key] for key in ("$defs", "definitions") if key in node}
        return {"$ref": f"#/$defs/{name}", **kept}
    if "oneOf" in node and "anyOf" not in node:
        node["anyOf"] = node.pop("oneOf")
    if "const" in node:
        node["enum"] = [node.pop("const")]
    kinds = {_TYPES.get(kind) for kind in map(type, as_list(node.get("enum")))}
    if "type" not in node and len(kinds) == 1 and None not in kinds:
        node["type"] = kinds.pop()
    return _in_words(node)


def _in_words(node: Schema) -> Schema:
    """With its limits in its description. The length of a tuple says nothing beside its items."""
    limits = [f"{word}: {_limit(node[word])}" for word in _LIMITS if word in node]
    if not limits or "prefixItems" in node:
        return node
    made = {key: value for key, value in node.items() if key not in _LIMITS}
    told = f"({', '.join(limits)})"
    made["description"] = f"{node['description']} {told}" if node.get("description") else told
    return made


def _limit(value: Any) -> str:
    known = _AS_IN.get(value, "") if isinstance(value, str) else ""
    words = value if isinstance(value, str) else dump(value)
    return f"{words}, as in {known}" if known else words


# ---------------------------------------------------------------- strict


def _is_strict(schema: Schema) -> bool:
    """Whether a provider's strict mode takes it: plain keywords, closed objects, an end."""
    definitions = {key: as_object(value) for key, value in _definitions(schema).items()}
    return (
        schema.get("type") == "object"
        and all(_is_closed(node) for _, node in nodes(schema))
        and not any(_is_endless(name, definitions) for name in definitions)
    )


def _is_closed(node: Schema) -> bool:
    if not node.keys() <= _PLAIN or _has_other_parts(node):
        return False
    if "$ref" in node:
        return bool(_referred(node)) and len(node) == 1
    kind = node.get("type")
    if kind == "object":
        names = as_object(node.get("properties"))
        closed = node.get("additionalProperties") is False
        return bool(names) and closed and set(as_list(node.get("required"))) == set(names)
    if kind == "array":
        return "items" in node
    return "anyOf" in node or kind in _TYPES.values()


def _has_other_parts(node: Schema) -> bool:
    """True and false are schemas too, and strict modes know neither; nor `items` that are a list."""
    known = sum(1 for _ in below(node))
    told = sum(len(as_object(node.get(word))) for word in ("properties", "$defs"))
    return known != told + len(as_list(node.get("anyOf"))) + ("items" in node)
