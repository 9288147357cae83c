"""A JSON schema of the caller's own: checked before anything is sent, and then each reply by it.

Nothing is ever fetched: a reference leads to a place in the schema itself, or is refused.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from racer.errors import BadRequest
from racer.parsed.misfits import lacking, line, misfit, place, superfluous, too_deep, unlike
from racer.parsed.tree import nodes
from racer_adapters.jsontext import as_list, as_object, dump
from racer_adapters.placed import json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

    from racer.core.into import Misfit

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_WORDS = {"integer": "int", "string": "str", "boolean": "bool", "number": "number"}


def made(given: Mapping[str, Any]) -> tuple[dict[str, Any], Callable[[str], Any]]:
    """A copy of the schema, and what reads a text. Raises BadRequest with the place of what is wrong."""
    try:
        schema = json_object(given, "into", "a JSON schema")
    except ValueError as error:
        raise BadRequest(str(error)) from None
    validator = _validator(schema)

    def read(text: str) -> Any:
        value = _loaded(text)
        fault = _fault(validator, value)
        if fault is not None:
            raise fault
        return value

    return schema, read


def _validator(schema: dict[str, Any]) -> Validator:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    if not isinstance(schema.get("$schema", ""), str):
        raise _wrong(("$schema",), "not a text")
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
        _check_references(schema)
        validator = kind(schema, registry=Registry())
        next(iter(validator.iter_errors(None)), None)
    except SchemaError as error:
        raise _wrong(error.absolute_path, error.message) from None
    except Unresolvable as error:
        raise _wrong((), f"a reference that cannot be followed ({error})") from None
    except RecursionError:
        raise _wrong((), "nested too deep, or a reference that never ends") from None
    return validator


def _check_references(schema: dict[str, Any]) -> None:
    from referencing import Registry, Resource
    from referencing.exceptions import NoSuchAnchor, Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = Resource.from_contents(schema, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry()
    resolver = registry.with_resource("", resource).resolver_with_root(resource)
    for where, node in nodes(schema):
        for keyword in _REFERENCES:
            reference = node.get(keyword, "#")
            if not str(reference).startswith("#"):
                raise _wrong(
                    (*where, keyword), "a reference to somewhere else: bring what it means into $defs"
                )
            try:
                resolver.lookup(str(reference))
            except (Unresolvable, NoSuchAnchor):
                raise _wrong((*where, keyword), "a reference to nothing in this schema") from None


def _wrong(where: Iterable[str | int], why: str) -> BadRequest:
    return BadRequest(
        f"into is no JSON schema that can be used. {line(place(where))[:200]}: {line(why)[:200]}"
    )


# ---------------------------------------------------------------- replies


def _loaded(text: str) -> Any:
    """By the standard library: numbers stay as exact as they are written."""
    try:
        return json.loads(text)
    except RecursionError:
        raise too_deep() from None
    except ValueError:
        raise misfit((), "a number too long to be read") from None


def _fault(validator: Validator, value: Any) -> Misfit | None:
    from jsonschema.exceptions import best_match  # pyright: ignore[reportUnknownVariableType]  an open stub
    from referencing.exceptions import Unresolvable

    try:
        error = cast("ValidationError | None", best_match(islice(validator.iter_errors(value), 1)))
    except RecursionError:
        return too_deep()
    except (OverflowError, Unresolvable) as unchecked:
        return misfit((), f"cannot be checked ({unchecked})")
    if error is None:
        return None
    told: Any = error.validator_value
    if error.schema is False:
        return misfit((), "there is a value where the schema says false")  # the library knows no place
    return misfit(error.absolute_path, _words(str(error.validator), told, error.instance, error.schema))


def _words(keyword: str, wanted: Any, found: Any, schema: Any) -> str:
    """In words of our own, for the library's hold the whole value."""
    if keyword == "type":
        names = [wanted] if isinstance(wanted, str) else as_list(wanted)
        return unlike(" or ".join(_WORDS.get(name, name) for name in names), found)
    if keyword == "required":
        return lacking(next(key for key in as_list(wanted) if key not in found))
    if keyword == "additionalProperties" and wanted is False and "patternProperties" not in as_object(schema):
        return superfluous(
            next(key for key in found if key not in as_object(as_object(schema).get("properties")))
        )
    return f"does not fit {keyword}: {dump(wanted)}"
