"""Which limit a refusal speaks of: its unit, its window and its size, from Google's names or from a sentence.

What is named best decides: a quota by its name, then "tokens per day", then a provider's own number, then
calls in flight, then "daily", then "TPD". The unit and the size may stand elsewhere in the text.
The patterns are plain texts: `re` compiles and keeps them when they are first needed, not at each start.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from racer_adapters.errors import Closed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer_adapters.bodies import Said

_MOST_TEXT = 2000

# The windows in the words of a configured limit, shortest first, and how else they are written.
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_678_400}
_WINDOWS = {**{name: name for name in _SECONDS}, "sec": "second", "min": "minute", "hr": "hour"}
_LETTERS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
_EVERY = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month"}

_UNITS = {
    "input token": "input_tokens", "prompt token": "input_tokens", "output token": "output_tokens",
    "request": "requests", "call": "requests", "query": "requests", "querie": "requests",
    "token": "tokens", "neuron": "neurons",
}  # fmt: skip
_INITIALS = {"r": "requests", "t": "tokens"}
# The first that a quota's name holds.
_UNITS_IN_NAMES = (
    ("inputtokens", "input_tokens"), ("outputtokens", "output_tokens"), ("tokens", "tokens"),
    ("requests", "requests"),
)  # fmt: skip
_BY_CODE = {"3036": Closed("neurons", "day")}  # Cloudflare
_IN_FLIGHT = ("concurren", "parallel", "in_flight")
_MEANT = (("free-models-per-", "requests per "), ("api calls", "calls"))

_NUMBER = r"(\d{1,3}(?:,\d{3}){1,4}|\d{1,15}(?:\.\d{1,6})?)"
_UNIT = rf"\b({'|'.join(_UNITS)})s?\b"
_WINDOW = r"(?:([1-9]\d{0,6}) ?)?([a-z]{1,8})(?![a-z])"
_MEASURE = rf"(?:(?<![\w.,]){_NUMBER} )?(?:{_UNIT} ?)?(?:\bper[ -]|/ ?){_WINDOW}"
_SUBJECT = rf"(?:(?<=\d )|(?<=code=)){_UNIT}|{_UNIT}(?= (?:rate limit|limit|per)\b)"
_LIMIT = rf"\b(?:limit|limit is|limit of|limited to|allocation of):? {_NUMBER}(?!\w)"


def named(said: Said, headers: Mapping[str, str]) -> Closed | None:
    """The limit that a refusal names. `headers`, named in lower case, may tell its size. Never raises."""
    closed = _of_names(said.quotas) if said.quotas else _of_text(said, headers)
    return None if closed == Closed() else closed


def _of_names(quotas: tuple[tuple[str, str], ...]) -> Closed:
    """Of several the one of the longest window: while it is closed, the others do not matter."""
    lengths = ["", *_SECONDS]
    return max(
        (_of_name(name, size) for name, size in quotas),
        key=lambda closed: lengths.index(closed.window or ""),
    )


def _of_name(name: str, size: str) -> Closed:
    return Closed(
        next((unit for part, unit in _UNITS_IN_NAMES if part in name), None),
        next((window for window in _SECONDS if f"per{window}" in name), None),
        _number(size),
    )


def _of_text(said: Said, headers: Mapping[str, str]) -> Closed:
    text = said.words[:_MOST_TEXT]
    for words, meaning in _MEANT:
        text = text.replace(words, meaning)
    closed = _measure(text) or _code(said) or _in_flight(text) or _every(text) or _initials(text) or Closed()
    size = re.search(_LIMIT, text, re.ASCII)
    return replace(
        closed,
        unit=closed.unit or _unit(text),
        limit=_number(size[1]) if size else closed.limit if closed.limit is not None else _sent(headers),
    )


def _measure(text: str) -> Closed | None:
    """The first of "50 requests per minute", "tokens per 60 s", "calls / month"."""
    for number, unit, count, word in re.findall(_MEASURE, text, re.ASCII):
        window = _window(count, word)
        if window is not None:
            return Closed(_UNITS.get(unit), window, _number(number))
    return None


def _window(count: str, word: str) -> str | None:
    """One of the usual length, by its name or in other units: a day is 24 hours, too."""
    name = _WINDOWS.get(word.removesuffix("s"))
    if not count:
        return name
    seconds = int(count) * _SECONDS.get(name or _LETTERS.get(word, ""), 0)
    return next((window for window, length in _SECONDS.items() if length == seconds), None)


def _code(said: Said) -> Closed | None:
    return next((_BY_CODE[code] for code in said.codes if code in _BY_CODE), None)


def _in_flight(text: str) -> Closed | None:
    return Closed("calls", "flight") if any(word in text for word in _IN_FLIGHT) else None


def _every(text: str) -> Closed | None:
    found = re.search(rf"\b({'|'.join(_EVERY)})\b", text)
    return Closed(window=_EVERY[found[1]]) if found else None


def _initials(text: str) -> Closed | None:
    """RPM, TPD and their like."""
    found = re.search(r"\b([rt])p([smhd])\b", text)
    return Closed(_INITIALS[found[1]], _LETTERS[found[2]]) if found else None


def _unit(text: str) -> str | None:
    """That of a number, a limit or a type. "Your request", or "too many requests", is said of every limit."""
    found = re.search(_SUBJECT, text, re.ASCII)
    return _UNITS[found[1] or found[2]] if found else None


def _sent(headers: Mapping[str, str]) -> float | None:
    """The size of the one limit that the headers speak of, where they call it used up."""
    used_up = headers.get("x-ratelimit-remaining", "").strip() == "0"
    return _number(headers.get("x-ratelimit-limit", "").strip()) if used_up else None


def _number(text: str) -> float | None:
    return float(text.replace(",", "")) if re.fullmatch(_NUMBER, text, re.ASCII) else None
