"""racer_adapters/secret.py: a key that cannot be printed by accident."""

from __future__ import annotations

import base64
import pickle
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from racer_adapters.secret import MASK, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize("key", [LONG, "test-key-?>~" + "ab", "surrogate\udcff" * 3])
def test_hex_and_escapes_are_scrubbed(key: str) -> None:
    """All of it in hex, or percent-encoded with no letter spared; in small and in capital letters."""
    digits = key.encode("utf-8", "surrogateescape").hex()
    escapes = "".join("%" + digits[at : at + 2] for at in range(0, len(digits), 2))

    for form in (digits, digits.upper(), escapes, escapes.upper()):
        assert Secret(key).scrub(f"got {form}, sorry") == f"got {MASK}, sorry"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("end", ["", "a", "ab"])
def test_a_header_in_base64_is_scrubbed(encode: Callable[[bytes], bytes], end: str) -> None:
    """Nothing but the word Bearer is left, however long the key is."""
    key = "test-key-?>~~?>" + end
    header = encode(f"Bearer {key}".encode()).decode()

    assert Secret(key).scrub(f"got {header}!") == f"got {encode(b'Bearer').decode()}{MASK}!"


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("after", ["", "}", "}}", "}}}"])
@pytest.mark.parametrize("before", range(6))
def test_a_key_inside_a_text_in_base64_is_scrubbed(
    encode: Callable[[bytes], bytes], after: str, before: int
) -> None:
    """Wherever it lies, no character is left that the key alone decides."""
    key = "test-key-?>~~?>a"
    text = encode(("{" * before + key + after).encode()).decode()
    left = Secret(key).scrub(text)

    first, end = -(-before * 8 // 6), (before + len(key)) * 8 // 6
    assert MASK in left
    assert len(left) - len(MASK) <= len(text) - (end - first)
    assert text[first:end] not in left


def test_a_short_key_takes_no_other_text_along() -> None:
    """An encoding of fewer than eight characters may be a part of any number or word."""
    assert Secret("abc").scrub("616263 FiYw YWJj") == f"616263 FiYw {MASK}"
    assert Secret("ab").scrub("%61%62 FiY 6162") == "%61%62 FiY 6162"


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
