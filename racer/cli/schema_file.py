"""`--schema FILE`: the JSON schema in it, or where it is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, cast

from racer.errors import BadRequest

if TYPE_CHECKING:
    from pathlib import Path


def schema_in(name: str, folder: Path) -> dict[str, Any]:
    """`name` is as it was typed, from `folder`. Raises BadRequest with the file and the place in it."""
    from racer.parsed import into_of

    schema = _read(name, _text(name, folder / name))
    if not isinstance(schema, dict):
        raise _wrong(name, 'a JSON schema is an object, such as {"type": "object", "properties": {…}}')
    try:
        into_of(cast("dict[str, Any]", schema))
    except BadRequest as error:
        raise _wrong(name, f"it{str(error).removeprefix('into')}") from None
    return cast("dict[str, Any]", schema)


def _text(name: str, path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise _wrong(name, f"cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise _wrong(name, "not text in UTF-8") from None


def _read(name: str, text: str) -> object:
    try:
        return json.loads(text, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise _wrong(f"{name}:{error.lineno}:{error.colno}", f"not JSON: {error.msg}") from None
    except RecursionError:
        raise _wrong(name, "nested too deep") from None
    except ValueError as error:
        raise _wrong(name, f"not JSON: {error}") from None


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _wrong(place: str, why: str) -> BadRequest:
    return BadRequest(f"--schema {place}: {why}")
