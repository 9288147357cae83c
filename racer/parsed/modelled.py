"""Models of pydantic 2, its dataclasses, and types made of them: pydantic's own schema and checks."""

from __future__ import annotations

import json
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from racer.parsed.branches import Fault, best, either
from racer.parsed.misfits import lacking, misfit, steps, superfluous, too_deep, too_few, unlike

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.core.into import Misfit
    from racer.parsed.branches import Sort

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
_CONSTANTS = frozenset({"literal_error", "enum"})
_OF_KIND = ("_type", "_parsing", "_required")


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
            raise _misfit(error.errors(include_url=False, include_context=False), text) from None
        except RecursionError:
            raise too_deep() from None

    return adapter.json_schema(), read


def _misfit(faults: Sequence[Any], text: str) -> Misfit:
    if faults[0]["type"] == "json_invalid":
        return too_deep()  # JSON it is, so this is what it means: 200 levels are their limit
    value = json.loads(text)
    told = _told(faults, value)
    places = [_place(fault, value) for fault in told]
    same = [fault for fault, where in zip(told, places, strict=True) if where == places[0]]
    return misfit(places[0], either([_words(fault) for fault in same]))


def _told(faults: Sequence[Any], value: Any) -> list[Any]:
    """The first; where it is of a union, that of the branch that fits best, or of each that fits so well."""
    known = 0
    while True:
        first = faults[0]
        at = _named(first, value, known)
        if at is None:
            return [first]
        rivals = _rivals(faults, at)
        chosen = best([_rival(fault, value, at) for fault in rivals])
        if len(chosen) > 1:
            return [rivals[numbers[0]] for numbers in chosen]
        faults, known = [rivals[number] for number in chosen[0]], at + 1


def _rivals(faults: Sequence[Any], at: int) -> list[Any]:
    """The faults of one union at one place: they stand together."""
    way = faults[0]["loc"][:at]
    return list(takewhile(lambda fault: fault["loc"][:at] == way and len(fault["loc"]) > at, faults))


def _named(fault: Any, value: Any, known: int) -> int | None:
    """Where in `loc` the name of a union's branch stands. The key that is missing is none."""
    where = fault["loc"]
    taken = steps(value, where, fault["input"])
    ends = len(where) - (fault["type"] == "missing")
    return next((at for at in range(known, ends) if at not in taken), None)


def _rival(fault: Any, value: Any, at: int) -> Fault:
    depth = sum(index > at for index in steps(value, fault["loc"], fault["input"]))
    sort: Sort = "other"
    if fault["type"] in _CONSTANTS:
        sort = "constant"
    elif fault["type"].endswith(_OF_KIND):
        sort = "kind"
    return Fault(fault["loc"][at], depth, sort)


def _place(fault: Any, value: Any) -> list[str | int]:
    where = fault["loc"]
    path = [where[index] for index in steps(value, where, fault["input"])]
    return path[:-1] if fault["type"] == "extra_forbidden" or _is_key(fault) else path


def _is_key(fault: Any) -> bool:
    return bool(fault["loc"][-1:] == ("[key]",))


def _words(fault: Any) -> str:
    kind, where = fault["type"], fault["loc"]
    if kind == "missing":
        return too_few(fault["input"]) if isinstance(where[-1], int) else lacking(where[-1])
    if kind == "extra_forbidden":
        return superfluous(where[-1])
    wanted, _, manner = kind.partition("_")
    if wanted in _WANTED and manner.partition("_")[0] in _UNLIKE:
        words = unlike(_WANTED[wanted], fault["input"])
    else:
        words = fault["msg"][:1].lower() + fault["msg"][1:]
    return f"a key: {words}" if _is_key(fault) else words
