"""A key that cannot be printed by accident.

Rule 1: the plain value leaves through `reveal()` alone, and only a dialect's encoder calls that.
Rule 2: any text that came from outside passes `scrub()` before it is kept: providers echo keys.
"""

from __future__ import annotations

import base64
import hashlib
from typing import NoReturn
from urllib.parse import quote

MASK = "[key]"
SHOWN = 4
RUN = 8


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
    return tuple(sorted(forms, key=len, reverse=True))


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
