"""Models of pydantic 2, its dataclasses, and types made of them: pydantic's own schema and checks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from racer.parsed.misfits import lacking, misfit, superfluous, too_deep, unlike, walked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.core.into import Misfit

_WANTED = {
    "int": "int",
    "float": "float",
    "string": "str",
    "bool": "bool",
    "list": "array",
    "tuple": "array",
    "set": "array",
    "dict": "object",
    "model": "object",
    "dataclass": "object",
    "none": "null",
}
_UNLIKE = frozenset({"type", "parsing", "required", "from"})  # int_type, bool_parsing, int_from_float


def is_model(target: object) -> bool:
    """Also of a dataclass that pydantic made. pydantic is not loaded for it."""
    return isinstance(target, type) and hasattr(target, "__pydantic_validator__")


def made(target: Any) -> tuple[dict[str, Any], Callable[[str], Any]]:
    """The schema, and what reads a text. Raises what pydantic raises where there is no schema."""
    from pydantic import TypeAdapter, ValidationError

    adapter: TypeAdapter[Any] = TypeAdapter(target)

    def read(text: str) -> Any:
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            raise _misfit(faults[0], text) from None
        except RecursionError:
            raise too_deep() from None

    return adapter.json_schema(), read


def _misfit(fault: Mapping[str, Any], text: str) -> Misfit:
    """Of the first one; a union tells one for each of its types."""
    kind, where = fault["type"], list(fault["loc"])
    if kind == "json_invalid":
        return too_deep()  # JSON it is, so this is what it means: 200 levels are their limit
    path = walked(json.loads(text), where)
    if kind == "missing":
        return misfit(path, lacking(where[-1]))
    if kind == "extra_forbidden":
        return misfit(path[:-1], superfluous(where[-1]))
    wanted, _, manner = kind.partition("_")
    if wanted in _WANTED and manner.partition("_")[0] in _UNLIKE:
        return misfit(path, unlike(_WANTED[wanted], fault["input"]))
    return misfit(path, fault["msg"][:1].lower() + fault["msg"][1:])
