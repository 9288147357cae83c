"""A caller's JSON schema before it is used: what is none, references without an end, foreign patterns.

Nothing is ever fetched: a reference leads to a place in the schema itself, or is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from racer.errors import BadRequest
from racer.parsed.misfits import line, place
from racer.parsed.tree import below, rebuilt
from racer_adapters.jsontext import as_object, as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from racer.parsed.tree import Place, Schema

    _Based = tuple[Place, Schema, Any]

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Schemas below these are asked about the value itself, not about a part of it.
_SAME_VALUE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
_WRAPPER = frozenset({"type", "name", "strict", "schema", "description"})
_OPEN = ("additionalProperties", "unevaluatedProperties")

# What ECMA's patterns have and Python's have not: \p{L}, \u{1F600}, (?<name>…), \k<name>.
_FOREIGN = re.compile(r"\\[pP]\{[^{}]*\}|\\u\{[0-9a-fA-F]+\}|\(\?<(?![=!])\w+>|\\k<\w+>")


def refuse_wrapper(given: Mapping[str, Any]) -> None:
    """Raises BadRequest where `given` holds a schema as OpenAI's `response_format` does."""
    if given.get("type") == "json_schema" and "json_schema" in given:
        raise _wrapped('into["json_schema"]["schema"]')
    if "json_schema" in given or (isinstance(given.get("schema"), dict) and given.keys() <= _WRAPPER):
        raise _wrapped('into["json_schema"]["schema"]' if "json_schema" in given else 'into["schema"]')


def _wrapped(inner: str) -> BadRequest:
    return BadRequest(f"into is a schema in OpenAI's wrapper: give the schema itself, {inner}")


def wrong(where: Iterable[str | int], why: str) -> BadRequest:
    return BadRequest(
        f"into is no JSON schema that can be used. {line(place(where))[:200]}: {line(why)[:200]}"
    )


# ---------------------------------------------------------------- references


def check_references(schema: Schema) -> None:
    """Raises BadRequest with the place of one that leads out of the schema, nowhere or back to itself."""
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    root: Resource[Any] = Resource.from_contents(schema, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry()
    leads: dict[int, list[int]] = {}
    places: dict[int, Place] = {}
    waiting: list[_Based] = [((), schema, registry.with_resource("", root).resolver_with_root(root))]
    elsewhere: list[_Based] = []  # what is referred to may stand where no schema is looked for
    while waiting or elsewhere:
        where, node, base = (waiting or elsewhere).pop()
        if id(node) in places:
            continue
        places[id(node)] = where
        inner = list(_inner(where, node, base))
        found = [_found(node, word, where, base) for word in _REFERENCES if word in node]
        same = [part for place, part, _ in inner if place[len(where)] in _SAME_VALUE]
        leads[id(node)] = [id(part) for part in (*same, *(part for _, part, _ in found))]
        waiting += inner
        elsewhere += found
    circle = _circle(leads)
    if circle is not None:
        raise wrong(places[circle], "a reference that never ends: it leads back to itself")


def _inner(where: Place, node: Schema, base: Any) -> Iterator[_Based]:
    """The schemas right below, each with what its references are relative to: the nearest `$id` above."""
    from referencing import Resource
    from referencing.jsonschema import DRAFT202012

    for step, part in below(node):
        resource = Resource.from_contents(part, default_specification=DRAFT202012)
        yield (*where, *step), part, base.in_subresource(resource)


def _found(node: Schema, word: str, where: Place, base: Any) -> _Based:
    from referencing.exceptions import Unresolvable

    place = (*where, word)
    try:
        found = base.lookup(as_text(node[word]))
    except (Unresolvable, ValueError, AttributeError, TypeError) as error:  # it trips over lists on its way
        local = as_text(node[word]).startswith("#")
        why = "nothing in this schema" if local else "somewhere else: bring what it means into $defs"
        raise wrong(place, f"a reference to {why}") from error
    return place, as_object(found.contents), found.resolver


def _circle(leads: dict[int, list[int]]) -> int | None:
    """One of those that lead back to themselves: what is left when all that end are taken away."""
    ways = {name: {to for to in towards if to in leads} for name, towards in leads.items()}
    coming: dict[int, list[int]] = {name: [] for name in leads}
    for name, towards in ways.items():
        for to in towards:
            coming[to].append(name)
    ends = [name for name, towards in ways.items() if not towards]
    while ends:
        end = ends.pop()
        del ways[end]
        for name in coming[end]:
            ways[name].discard(end)
            if not ways[name]:
                ends.append(name)
    return next(iter(ways), None)


# ---------------------------------------------------------------- patterns


def checkable(schema: Schema) -> Schema:
    """A copy without the patterns that are ECMA's and that Python cannot read. Broken ones stay."""
    made = rebuilt(schema, checkable)
    if _is_foreign(made.get("pattern")):
        del made["pattern"]
    named = as_object(made.get("patternProperties"))
    known = {pattern: part for pattern, part in named.items() if not _is_foreign(pattern)}
    if len(known) < len(named):
        made["patternProperties"] = known
        for word in _OPEN:
            made.pop(word, None)
    return made


def _is_foreign(pattern: Any) -> bool:
    if not isinstance(pattern, str) or _is_read(pattern):
        return False
    return _is_read(_FOREIGN.sub(_likeness, pattern), varying=True)


def _likeness(found: re.Match[str]) -> str:
    return "(" if found[0].startswith("(") else r"\w"


def _is_read(pattern: str, *, varying: bool = False) -> bool:
    """`varying`: apart from a look-behind of varying length, which ECMA has."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return varying and str(error).startswith("look-behind requires")
    return True
