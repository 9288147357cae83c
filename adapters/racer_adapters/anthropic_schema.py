"""A caller's JSON schema -> one that Anthropic's structured outputs take.

They know a part of JSON schema and refuse the rest with a 400; every object must be closed. What they do
not know is told to the model, in the description of the value that it limits. An object with names of its
own choosing cannot be asked for at all, since its only closed form is an empty one. Nor can a value that
holds values of its own kind: they refuse schemas that refer to themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer_adapters.jsontext import as_list, as_object, as_text, dump

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_KEPT = frozenset({"type", "title", "enum", "const", "required"})
_DEFINITIONS = ("$defs", "definitions")
_NAMED = ("properties", *_DEFINITIONS)
_CHOICES = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
_SEEN_TO = frozenset({"description", "additionalProperties"})


def closed(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """A copy that is taken; None where the schema leaves an object open, or has no end."""
    return None if _is_open(schema) or _is_endless(schema) else as_object(_closed(schema))


def _is_endless(schema: Mapping[str, Any]) -> bool:
    """Whether it refers to itself: directly, or a definition by way of any others."""
    reached = {
        f"#/{keyword}/{name}": _references(part)
        for keyword in _DEFINITIONS
        for name, part in as_object(schema.get(keyword)).items()
    }
    for _ in range(len(reached).bit_length()):  # each turn doubles how far it is followed
        reached = {
            name: names.union(*(reached.get(each, ()) for each in names)) for name, names in reached.items()
        }
    return "#" in _references(schema) or any(name in names for name, names in reached.items())


def _references(part: Any) -> frozenset[str]:
    below = as_list(part) if isinstance(part, list) else as_object(part).values()
    own = as_text(as_object(part).get("$ref"))
    return frozenset({own} if own else ()).union(*map(_references, below))


def _is_open(part: Any) -> bool:
    if isinstance(part, list):
        return any(_is_open(item) for item in as_list(part))
    said = as_object(part)
    if said.get("type") == "object" and (
        not said.get("properties") or said.get("additionalProperties", False) is not False
    ):
        return True
    return any(_is_open(value) for value in said.values())


def _closed(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    said = as_object(part)
    if "$ref" in said:
        return _referring(said)
    made: dict[str, Any] = {}
    untold: list[str] = []
    for name, value in said.items():
        known = _known(name, value)
        made.update(known)
        if not known and name not in _SEEN_TO:
            untold.append(f"{name}: {dump(value)}")
    if made.get("type") == "object":
        made["additionalProperties"] = False
    if told := _told(as_text(said.get("description")), untold):
        made["description"] = told
    return made


def _referring(said: dict[str, Any]) -> dict[str, Any]:
    """Beside a reference nothing may stand but what it refers to."""
    made = {"$ref": said["$ref"]}
    for name in _DEFINITIONS:
        if name in said:
            made.update(_known(name, said[name]))
    return made


def _known(name: str, value: Any) -> dict[str, Any]:
    """The keyword as it is taken; empty where it is not."""
    if name in _NAMED:
        return {name: {key: _closed(below) for key, below in as_object(value).items()}}
    if name in _CHOICES:
        return {_CHOICES[name]: [_closed(choice) for choice in as_list(value)]}
    if name == "items":
        return {name: _closed(value)}
    fine = name in _KEPT or (name == "format" and as_text(value) in FORMATS)
    return {name: value} if fine or (name == "minItems" and value in (0, 1)) else {}


def _told(description: str, untold: list[str]) -> str:
    rules = f"({', '.join(untold)})" if untold else ""
    return "\n".join(text for text in (description, rules) if text)
