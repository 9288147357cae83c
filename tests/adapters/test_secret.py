"""racer_adapters/secret.py: a key that cannot be printed by accident."""

from __future__ import annotations

import base64
import pickle
from urllib.parse import quote

import pytest

from racer_adapters.secret import MASK, Secret

LONG = "test-key-" + "+/ü\n" * 4 + "end"
SHORT = "abc+/"


def test_only_reveal_gives_it() -> None:
    """repr, str and every format show at most the last four characters, and of a short key none."""
    assert Secret(LONG).reveal() == LONG
    for secret, hint in ((Secret(LONG), "…\nend"), (Secret(SHORT), "…"), (Secret(""), "…")):
        assert secret.hint == hint
        assert repr(secret) == str(secret) == f"{secret}" == f"Secret({hint})"


def test_keys_compare_by_value() -> None:
    """And with nothing else, the plain text included."""
    assert Secret(LONG) == Secret(LONG) != Secret(SHORT)
    assert Secret(SHORT) != SHORT
    assert len({Secret(LONG), Secret(LONG)}) == 1


def test_a_key_is_not_pickled() -> None:
    """Neither into a process nor into a cache."""
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(Secret(LONG))


@pytest.mark.parametrize("key", [LONG, SHORT, "surrogate\udcff" * 3], ids=["long", "short", "surrogates"])
def test_every_form_of_it_is_scrubbed(key: str) -> None:
    """As it is, percent-encoded, as a repr, in both base64 alphabets."""
    raw = key.encode("utf-8", "surrogateescape")
    forms = [key, repr(key)[1:-1], base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    forms.append(quote(raw, safe=""))

    assert Secret(key).scrub("a " + " b ".join(forms)) == "a " + " b ".join([MASK] * len(forms))


def test_the_beginning_of_a_long_key_is_scrubbed() -> None:
    """Providers echo it; of a short key the beginning may be any word."""
    assert Secret(LONG).scrub("wrong key test-key***") == f"wrong key {MASK}***"
    assert Secret("words-and").scrub("words-an") == "words-an"


def test_an_empty_key_scrubs_nothing() -> None:
    """An empty text is in every text."""
    assert Secret("").scrub("abc") == "abc"


ECHOED = "test-key-" + "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize("cut", range(8, len(ECHOED) + 1))
def test_a_part_of_it_is_scrubbed(cut: int) -> None:
    """An excerpt may end in the middle of an echoed key, or begin there: neither part stays."""
    secret = Secret(ECHOED)

    for part in (ECHOED[:cut], ECHOED[-cut:]):
        assert secret.scrub(f"bad key {part}…") == f"bad key {MASK}…"


def test_a_fingerprint_tells_keys_apart_and_says_nothing_of_them() -> None:
    """The same key has the same fingerprint, another key another, and none holds a part of its key."""
    key = "test-key-" + "a" * 12
    assert Secret(key).fingerprint() == Secret(key).fingerprint()
    assert Secret(key).fingerprint() != Secret(key + "b").fingerprint()
    assert not any(part in key for part in (Secret(key).fingerprint(), Secret(key).fingerprint()[:4]))
