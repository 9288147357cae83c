"""The forms that texts must have: pure tests, each giving None or what is wrong in a few words.

Rule: no answer of this file repeats any part of the text, for that might be a key; but the name of a time
      zone that is made of short words.
The patterns are plain texts: `re` compiles and keeps them when they are first needed, not at each start.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from racer.core.duration import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PERIODS = ("second", "minute", "hour", "day", "week", "month", "once")
RESERVED_NAMES = frozenset({"auto", "chat", "fast", "deep", "creative", "code"})
NOBODYS = frozenset({"none", "local"})

_REFERENCE = r"\$([A-Za-z_][A-Za-z0-9_]*)"
_FRAMING_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection"})


def duration(text: str) -> str | None:
    return None if seconds(text) else "not a length of time above 0"


def period(text: str) -> str | None:
    kind, _, length = text.partition(" ")
    if text in PERIODS or (kind == "rolling" and seconds(length)):
        return None
    return "not a period"


def reset(text: str) -> str | None:
    match = re.fullmatch(r"(?:[01]\d|2[0-3]):[0-5]\d ([A-Za-z0-9_+/-]+)", text, re.ASCII)
    return zone_fault(match[1]) if match else "not a time of day and a time zone"


def zone_fault(name: str) -> str | None:
    """UTC needs no table; any other zone is looked up in the machine's."""
    if name == "UTC":
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones  # costs a start 4 ms

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return unknown_zone(name, available_timezones())
    return None


def unknown_zone(name: str, known: Iterable[str]) -> str:
    """Why `name` is none of the `known` zones; slim systems know none at all."""
    known = tuple(known)
    if not known:
        return "this machine has no time zone data: pip install tzdata"
    is_words = re.fullmatch(r"[A-Za-z_]{1,15}(?:/[A-Za-z_]{1,15}){0,2}", name)
    return f"no time zone {f'is called {name}' if is_words else 'has that name'}{near(name, known)}"


def near(name: str, known: Iterable[str]) -> str:
    """A question after the nearest known name, or nothing."""
    import difflib  # only mistakes pay for it

    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


def day(text: str) -> str | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return "not a date"
    from datetime import date

    try:
        date.fromisoformat(text)
    except ValueError:
        return "no such day"
    return None


def provider_name(text: str) -> str | None:
    if text in RESERVED_NAMES:
        return "this word has a meaning of its own where a provider is named"
    return None if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,39}", text) else "not a provider's name"


def word(text: str) -> str | None:
    return None if re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", text) else "not a short word in lower case"


def token_name(text: str) -> str | None:
    if text in NOBODYS:
        return "the log and the figures call those so who have no token: choose another name"
    return word(text)


def model_name(text: str) -> str | None:
    """Commas part the names of several models where one may choose."""
    if hides_a_secret(text):
        return "names are shown everywhere, so a key has no place in one"
    if re.fullmatch(r"[!-+\--~]{1,200}", text):
        return None
    return "empty, too long, or with spaces, commas or control characters"


def body_field(text: str) -> str | None:
    return None if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", text) else "not the name of a body field"


def line(text: str) -> str | None:
    """Any text of one line."""
    return None if text.isprintable() and len(text) <= 300 else "too long, or with control characters"


def header_name(text: str) -> str | None:
    if text.lower() in _FRAMING_HEADERS:
        return "the transport sets this header itself"
    return None if re.fullmatch(r"[!#$%&'*+.^_`|~A-Za-z0-9-]{1,80}", text) else "not the name of a header"


def header_value(text: str) -> str | None:
    if re.fullmatch(r"[!-~](?:[ \t!-~]*[!-~])?", text):
        return None
    return "empty, or with line breaks or characters outside ASCII"


def key_reference(text: str) -> str | None:
    if re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*(?:_\*)?", text):
        return None
    return "a literal key is refused: files are copied, committed and shown"


def token_reference(text: str) -> str | None:
    if re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*", text):
        return None
    return "a literal token is refused: files are copied, committed and shown"


def host_name(text: str) -> str | None:
    """A name or an address, an IPv6 one with or without its brackets."""
    if ":" not in text:
        fits = re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?", text)
        return None if fits else "not a host"
    from ipaddress import IPv6Address

    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        IPv6Address(bare)
    except ValueError:
        return "not a host"
    return None


def origin(text: str) -> str | None:
    if re.fullmatch(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._-]+(?::\d{1,5})?", text):
        return None
    return "not an origin: a scheme, a host and perhaps a port are all it has"


def store_url(text: str) -> str | None:
    if text.startswith("sqlite:///") and len(text) > len("sqlite:///") and text.isprintable():
        return None
    if "@" in text:
        return "a password has no place in a file: set RACER_DB in the environment instead"
    return None if re.fullmatch(r"rediss?://[^\s/]+(?:/\d{1,4})?/?", text) else "not the address of a store"


# ---------------------------------------------------------------- references to the environment


def references(text: str) -> list[str]:
    """The variables that a text names as `$NAME`."""
    return re.findall(_REFERENCE, text) if "$" in text else []


def hides_a_secret(text: str) -> bool:
    """Does the text name a variable that may hold a key?"""
    return any(re.search(r"KEY|TOKEN|SECRET|PASS", name, re.IGNORECASE) for name in references(text))


def resolved(text: str, env: Mapping[str, str]) -> str:
    """The text with each reference replaced. Raises KeyError where one is not set."""
    return re.sub(_REFERENCE, lambda found: env[found[1]].strip(), text) if "$" in text else text


def stand_in(text: str) -> str:
    """The text as it may look once the environment is known."""
    return re.sub(_REFERENCE, "x", text) if "$" in text else text
