"""Text from strangers, made fit to be stored: SQLite takes it, tools show it, and it is not too long."""

from __future__ import annotations

LONGEST_NAME = 500
LONGEST_REASON = 2000


def storable(text: str, most: int = LONGEST_NAME) -> str:
    """At most `most` characters of `text`; U+FFFD for a NUL, ? for half of a character."""
    text = text[:most]
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
