"""The class of a failure, from the words that its record has: "rate 429: slow down" is of `rate`."""

from __future__ import annotations

from racer_adapters.errors import Kind

OTHER = "other"
_KINDS = frozenset(Kind)


def kind_of(reason: str | None) -> str:
    """One of racer_adapters.errors.Kind, or `other`: of few values, whatever the words are."""
    word = (reason or "").partition(":")[0].partition(" ")[0]
    return word if word in _KINDS else OTHER
