"""Looking into parsed JSON without trusting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable


def as_object(value: Any) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_array(value: Any) -> list[Any] | None:
    return list(cast("Iterable[Any]", value)) if isinstance(value, list) else None


def is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_stop(value: Any) -> bool:
    """A text, or a list of texts."""
    texts = as_array(value)
    return isinstance(value, str) or (texts is not None and all(isinstance(text, str) for text in texts))
