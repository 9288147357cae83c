"""A key that cannot be printed by accident.

Rule 1: the plain value leaves through `reveal()` alone, and only a dialect's encoder calls that.
Rule 2: any text that came from outside passes `scrub()` before it is kept: providers echo keys.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK = "[key]"
SHOWN = 4
RUN = 8
LEAST = 8  # a shorter encoding may stand in any text


class Secret:
    """A key. Every way to show it shows at most its last four characters."""

    __slots__ = ("_forms", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        self._forms = _disguises(value)

    def reveal(self) -> str:
        return self._value

    @property
    def hint(self) -> str:
        """Enough to tell two keys apart; nothing at all of a short one."""
        return f"…{self._value[-SHOWN:]}" if len(self._value) >= 5 * SHOWN else "…"

    def fingerprint(self) -> str:
        """The same for the same key everywhere, so that what was counted for it is found again."""
        return hashlib.sha256(b"racer:" + self._value.encode("utf-8", "surrogateescape")).hexdigest()[:8]

    def scrub(self, text: str) -> str:
        """`text` without this key in any of the forms it may have been echoed in."""
        for form in self._forms:
            text = text.replace(form, MASK)
        for form in self._forms:
            text = _without_runs(text, form)
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"Secret({self.hint})"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is never pickled: pass the name of its environment variable instead")


def _disguises(value: str) -> tuple[str, ...]:
    """The forms a key may come back in, longest first so that a part never hides the whole."""
    if not value:
        return ()
    raw = value.encode("utf-8", "surrogateescape")
    forms = {
        value,
        quote(raw, safe=""),
        repr(value)[1:-1],
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    }
    forms |= {form for form in (*_in_hex(raw), *_within_base64(raw)) if len(form) >= LEAST}
    return tuple(sorted(forms, key=len, reverse=True))


def _in_hex(raw: bytes) -> tuple[str, ...]:
    """Every byte in hex, and so with a percent sign, each in small and capital letters."""
    digits, escapes = raw.hex(), "%" + raw.hex("%")
    return digits, digits.upper(), escapes, escapes.upper()


def _within_base64(raw: bytes) -> Iterator[str]:
    """What base64 makes of `Bearer KEY` after its `Bearer`, and of the key inside any longer text.

    Text goes into base64 by three bytes, so there are three ways for the key to lie in it. A character at
    either end that holds bits of its neighbour, too, is left out.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(b" " + raw).decode()  # `Bearer` is two whole groups, so they stay as they are
        for before in range(3):
            text = encode(bytes(before) + raw).decode()
            yield text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]


def _without_runs(text: str, form: str) -> str:
    """`text` without a part of `form` either: an excerpt may have been cut in the middle of a key."""
    if len(form) < RUN + 4:
        return text
    start = 0
    while start <= len(form) - RUN:
        at = text.find(form[start : start + RUN])
        if at < 0:
            start += 1
            continue
        length = RUN
        while at + length < len(text) and text[at + length] == form[start + length : start + length + 1]:
            length += 1
        text = text[:at] + MASK + text[at + length :]
    return text
