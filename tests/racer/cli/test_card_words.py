"""Keys of a provider, and what it lacks, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer.cli.card_words import key_words, unset_words
from tests.racer.accounts.rows import LONG_KEY, card_of, row

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS: list[tuple[Mapping[str, str], str]] = [
    ({}, "-"),
    ({"A_KEY": LONG_KEY + "ab12"}, "1 (…ab12)"),
    ({"A_KEY": "short"}, "1 (…)"),
    ({"A_KEY": f"{LONG_KEY}ab12,{LONG_KEY}cd34"}, "2 (…ab12 …cd34)"),
    ({f"A_KEY_{n}": f"{LONG_KEY}000{n}" for n in range(5)}, "5 (…0000 …0001 …0002 and more)"),
]


@pytest.mark.parametrize(("env", "words"), KEYS, ids=[words for _, words in KEYS])
def test_keys_are_counted_and_hinted_at(env: Mapping[str, str], words: str) -> None:
    """Their number, the ends of a few, and of a short key nothing."""
    assert key_words(card_of(row(), env)) == words


def test_no_key_is_needed() -> None:
    """That is no lack."""
    assert key_words(card_of(row(key_names=[]))) == "none needed"


def test_what_to_set_takes_a_line() -> None:
    """Each provider with all that it lacks."""
    unset = [("groq", ("GROQ_API_KEY",)), ("cloudflare", ("A", "B"))]

    assert unset_words(unset) == "groq (GROQ_API_KEY), cloudflare (A and B)"
