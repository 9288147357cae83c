"""`into=`: a type or a JSON schema in, what is sent and how a reply is read out.

Each kind of target has its file; the libraries they need are loaded when the first target needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin, get_type_hints, is_typeddict

from racer.core.into import Into, Misfit
from racer.errors import BadRequest
from racer.parsed import mapped, modelled, modelled_v1, typed, wire
from racer.parsed.misfits import line, misfit
from racer_adapters.placed import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Made = tuple[dict[str, Any], Callable[[str], Any]]

__all__ = ["into_of", "name_of"]

_REMEDY = (
    "a msgspec Struct, a dataclass, a TypedDict, a pydantic model, a type made of them, or a JSON schema"
)
_HINTS = ("typing", "typing_extensions", "types")
_MOST_PARTS = 10_000


def into_of(target: object) -> Into:
    """Raises BadRequest naming what is wrong with `target` and what is allowed."""
    if isinstance(target, Mapping):
        schema, read = mapped.made(target)  # pyright: ignore[reportUnknownArgumentType]  it is looked at there
        return Into(target, wire.shape_of_schema(schema), read)  # pyright: ignore[reportUnknownArgumentType]
    if not _is_type(target):
        raise BadRequest(f"into is {_found(target)}: give {_REMEDY}")
    if target is str:
        raise BadRequest("into is str: leave it out, for reply.text is one")
    name = name_of(target)
    try:
        schema, read = _made(target)
    except Exception as error:  # whatever a library, or a hook of the caller's type, makes of it
        raise BadRequest(
            f"into is {name}, which cannot be read from JSON ({_why(error)}): give {_REMEDY}"
        ) from error
    return Into(target, wire.shape_of_type(schema, name), _guarded(read))


def _guarded(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """What a hook of the caller's type raises is a misfit of the reply that it was given."""

    def guarded(text: str) -> Any:
        try:
            return read(text)
        except (Misfit, MemoryError):
            raise
        except Exception as error:
            raise misfit((), f"{type(error).__name__}: {error}") from error

    return guarded


def name_of(target: object) -> str:
    """`Recipe`; `list[Recipe]`."""
    if get_origin(target) is None:
        return str(getattr(target, "__name__", target))
    origin: object = get_origin(target)
    named = getattr(origin, "__name__", str(origin))
    return f"{named}[{', '.join(name_of(each) for each in get_args(target))}]"


def _made(target: object) -> Made:
    parts = _parts(target)
    if modelled_v1.is_model(target):
        return modelled_v1.made(target)
    if any(modelled_v1.is_model(part) for part in parts):
        raise TypeError("models of pydantic v1 cannot be part of another type: make it one model")
    if any(modelled.is_model(part) for part in parts):
        return modelled.made(target)
    return typed.made(target)


def _parts(target: object) -> list[object]:
    """`target` and the types that it is written with: of `list[Recipe]`, of a dataclass's fields."""
    parts: dict[int, object] = {}
    waiting = [target]
    while waiting:
        part = waiting.pop()
        if id(part) not in parts and len(parts) < _MOST_PARTS:
            parts[id(part)] = part
            waiting += get_args(part)
            waiting += _fields(part)
    return list(parts.values())


def _fields(part: Any) -> Iterable[object]:
    """Of a class that is a record; what else there is may be an object beside a type, as in Annotated."""
    record = isinstance(part, type) and (is_dataclass(cast("Any", part)) or is_typeddict(cast("Any", part)))
    return get_type_hints(cast("Any", part), include_extras=True).values() if record else ()


def _is_type(target: object) -> bool:
    return isinstance(target, type) or get_origin(target) is not None or type(target).__module__ in _HINTS


def _found(target: object) -> str:
    if isinstance(target, str) or target is None:
        return shown(target)
    name = str(getattr(target, "__name__", ""))
    return f"{shown(target)} ({line(name)})" if name else f"{shown(target)}, not a type"


def _why(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return line(said[0])[:200] if said else type(error).__name__
