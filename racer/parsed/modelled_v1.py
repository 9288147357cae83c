"""Models of pydantic 1, wherever they come from: known by their methods, so that nothing is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from racer.parsed.misfits import lacking, misfit, superfluous, too_deep, unlike, walked

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.core.into import Misfit

_ROOT = "__root__"


def is_model(target: object) -> bool:
    """Or a dataclass of theirs, which holds a model. Those of pydantic 2 have these methods too."""
    if not isinstance(target, type) or hasattr(target, "__pydantic_validator__"):
        return False
    methods = ("__fields__", "schema", "parse_obj")
    return all(hasattr(target, name) for name in methods) or hasattr(target, "__pydantic_model__")


def made(target: Any) -> tuple[dict[str, Any], Callable[[str], Any]]:
    """The schema, and what reads a text. Raises what pydantic raises where there is no schema."""
    if hasattr(target, "__pydantic_model__"):
        raise TypeError("dataclasses of pydantic v1 are not read: make it a model")
    is_object = _ROOT not in target.__fields__

    def read(text: str) -> Any:
        value: Any = None
        try:
            value = json.loads(text)
            if is_object and not isinstance(value, dict):
                raise misfit((), unlike("object", value))  # theirs would make an object of an empty list
            return target.parse_obj(value)
        except ValueError as error:
            faults = getattr(error, "errors", None)
            if faults is None:
                raise
            raise _misfit(faults()[0], value) from None
        except RecursionError:
            raise too_deep() from None

    return target.schema(), read


def _misfit(fault: dict[str, Any], value: Any) -> Misfit:
    kind, where = fault["type"], list(fault["loc"])
    path = walked(value, where)
    if kind == "value_error.missing":
        return misfit(path, lacking(where[-1]))
    if kind == "value_error.extra":
        return misfit(path[:-1], superfluous(where[-1]))
    return misfit(path, fault["msg"])
