"""A JSON schema of the caller's own: checked before anything is sent, and then each reply by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from racer.errors import BadRequest
from racer.parsed.branches import Fault, best, either
from racer.parsed.callers import check_references, checkable, refuse_wrapper, wrong
from racer.parsed.misfits import lacking, misfit, superfluous, too_deep, unlike
from racer_adapters.jsontext import as_list, as_object, dump
from racer_adapters.placed import json_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

    from racer.core.into import Misfit
    from racer.parsed.branches import Sort

_WORDS = {"integer": "int", "string": "str", "boolean": "bool", "number": "number"}
_SORTS: dict[str, Sort] = {"type": "kind", "const": "constant", "enum": "constant"}


def made(given: Mapping[str, Any]) -> tuple[dict[str, Any], Callable[[str], Any]]:
    """A copy of the schema, and what reads a text. Raises BadRequest with the place of what is wrong."""
    try:
        schema = json_object(given, "into", "a JSON schema")
    except ValueError as error:
        raise BadRequest(str(error)) from None
    refuse_wrapper(schema)
    validator = _validator(schema)

    def read(text: str) -> Any:
        value = _loaded(text)
        fault = _fault(validator, value)
        if fault is not None:
            raise fault
        return value

    return schema, read


def _validator(given: dict[str, Any]) -> Validator:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    if not isinstance(given.get("$schema", ""), str):
        raise wrong(("$schema",), "not a text")
    kind = validator_for(given, default=Draft202012Validator)
    try:
        schema = checkable(given)
        kind.check_schema(schema)
        check_references(schema)
        validator = kind(schema, registry=Registry())
        next(iter(validator.iter_errors(None)), None)
    except SchemaError as error:
        raise wrong(error.absolute_path, error.message) from None
    except RecursionError:
        raise wrong((), "nested too deep, or a reference that never ends") from None
    return validator


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
    from referencing.exceptions import Unresolvable

    try:
        error = next(iter(validator.iter_errors(value)), None)
        return None if error is None else _misfit(error)
    except RecursionError:
        return too_deep()
    except (OverflowError, Unresolvable) as unchecked:
        return misfit((), f"cannot be checked ({unchecked})")


def _misfit(error: ValidationError) -> Misfit:
    if error.schema is False:
        return misfit((), "there is a value where the schema says false")  # the library knows no place
    told = _told(error)
    where = list(told[0].absolute_path)
    return misfit(where, either([_words(each) for each in told if list(each.absolute_path) == where]))


def _told(error: ValidationError) -> Sequence[ValidationError]:
    """Where it is of a union: of the branch that fits best, or of each that fits so well."""
    while error.context:
        rivals = error.context
        chosen = best([_rival(each) for each in rivals])
        if len(chosen) > 1:
            return [rivals[numbers[0]] for numbers in chosen]
        error = rivals[chosen[0][0]]
    return [error]


def _rival(error: ValidationError) -> Fault:
    sort = _SORTS.get(str(error.validator), "other")
    return Fault(error.relative_schema_path[0], len(error.relative_path), sort)


def _words(error: ValidationError) -> str:
    """In words of our own, for the library's hold the whole value."""
    keyword, found = str(error.validator), cast("Any", error.instance)
    wanted: Any = error.validator_value
    if keyword == "type":
        names = [wanted] if isinstance(wanted, str) else as_list(wanted)
        return unlike(" or ".join(_WORDS.get(name, name) for name in names), found)
    if keyword == "required":
        return lacking(next(key for key in as_list(wanted) if key not in found))
    shape = as_object(error.schema)
    if keyword == "additionalProperties" and wanted is False and "patternProperties" not in shape:
        return superfluous(next(key for key in found if key not in as_object(shape.get("properties"))))
    return f"does not fit {keyword}: {dump(wanted)}"
