"""Keys of a provider, and what it lacks, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from racer.accounts.card import Card

HINTS_SHOWN = 3


def key_words(card: Card) -> str:
    """How many keys, and the ends of the first few."""
    keys = [account.key.hint for account in card.keys if account.key is not None]
    if not keys:
        return "-" if card.provider.needs_key else "none needed"
    more = "" if len(keys) <= HINTS_SHOWN else " and more"
    return f"{len(keys)} ({' '.join(keys[:HINTS_SHOWN])}{more})"


def unset_words(unset: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Each name with the variables to set: groq (GROQ_API_KEY), cloudflare (A and B)."""
    return ", ".join(f"{name} ({' and '.join(missing)})" for name, missing in unset)
