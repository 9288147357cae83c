"""Values of any type as what JSON holds: of msgspec, pydantic, dataclasses, and of the standard library."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time
from enum import Enum
from typing import Any, cast


def plain(value: Any) -> Any:
    """`value` in mappings, lists, texts and numbers. What has no such form is the text that it prints as."""
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            return {_key(key): plain(each) for key, each in items}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in cast("list[object]", value)]
        case bytes() | bytearray():
            return b64encode(value).decode()
        case date() | time():
            return value.isoformat()
        case _:
            return _of_fields(value)


def _key(key: object) -> str:
    key = plain(key)
    return key if isinstance(key, str) else str(key)


def _of_fields(value: Any) -> Any:
    """Libraries are told by what their objects have, for nothing here may load one."""
    if dump := getattr(value, "model_dump", None):
        return dump(mode="json")
    names = getattr(value, "__struct_fields__", None) or getattr(value, "__fields__", None)
    if names is None and is_dataclass(value):
        names = [field.name for field in fields(value)]
    if names is None:
        return str(value)
    return {name: plain(getattr(value, name)) for name in names}
