"""Every way in which a provider says "wait", as seconds.

A moment (a date, an epoch number) needs a `now` to become a wait: the response's own `date` header if
there is one, since clocks differ, else the epoch seconds that the caller gives, else it is None.
Garbage is None, a moment in the past is 0, and nothing is longer than `LONGEST_WAIT`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WAIT = 31 * 86400.0

# A larger number is a moment: nobody asks to wait for 47 years, and no provider's clock stands before 2017.
_EPOCH_SECONDS = 1.5e9
_EPOCH_MILLISECONDS = 1.5e12
_LONGEST_VALUE = 100
_MOST_TEXT = 4000

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"[-+]?\d{1,16}(?:\.\d{0,16})?", re.ASCII)
_STEP = re.compile(
    r"(\d{1,12}(?:\.\d{0,12})?)\s?(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)"
    r"(?:,?\s?(?:and\s)?(?=\d)|(?![a-z]))",
    re.ASCII | re.IGNORECASE,
)
_ASKED = re.compile(
    r"(?:again|retry|resets?|wait|available)(?:\s(?:in|after|for|at least))?\s~?(?=\d)", re.IGNORECASE
)


def read(value: str, now: float | None = None) -> float | None:
    """Seconds from one value in any form: `7`, `7.66`, `2m59.56s`, a date, an epoch number."""
    value = value.strip()
    if not value or len(value) > _LONGEST_VALUE:
        return None
    if _NUMBER.fullmatch(value):
        return _of_number(float(value), now)
    duration = _steps(value, whole=True)
    if duration is not None:
        return _clamped(duration)
    moment = _moment(value)
    return None if moment is None or now is None else _clamped(moment - now)


def from_headers(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """What `retry-after-ms` or `retry-after` ask for. Names in lower case."""
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _NUMBER.fullmatch(milliseconds):
        return _clamped(float(milliseconds) / 1000)
    return read(headers.get("retry-after", ""), clock_of(headers, now))


def until_reset(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """When the limit that the headers call used up opens again; the last of them, if they are several."""
    clock = clock_of(headers, now)
    resets = [
        read(headers.get(name.replace("remaining", "reset"), ""), clock)
        for name, left in headers.items()
        if "ratelimit" in name and "remaining" in name and left.strip() == "0"
    ]
    return max((wait for wait in resets if wait is not None), default=None)


def in_text(text: str) -> float | None:
    """The wait that a sentence names: "Please try again in 9m38.016s", "resets in ~30s"."""
    text = text[:_MOST_TEXT]
    for asked in _ASKED.finditer(text):
        wait = _steps(text[asked.end() : asked.end() + _LONGEST_VALUE], whole=False)
        if wait is not None:
            return _clamped(wait)
    return None


def clock_of(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The sender's clock in epoch seconds, or else `now`."""
    sent = _moment(headers.get("date", "")[:_LONGEST_VALUE])
    return now if sent is None else sent


def _of_number(number: float, now: float | None) -> float | None:
    if number < _EPOCH_SECONDS:
        return _clamped(number)
    if now is None:
        return None
    return _clamped((number / 1000 if number >= _EPOCH_MILLISECONDS else number) - now)


def _steps(text: str, *, whole: bool) -> float | None:
    """The sum of the numbers with units that `text` begins with, or is made of."""
    seconds, end = 0.0, 0
    while step := _STEP.match(text, end):
        number, unit = step[1], step[2].lower()
        seconds += float(number) * (0.001 if unit.startswith(("ms", "mil")) else _UNITS[unit[0]])
        end = step.end()
    return seconds if end and (end == len(text) or not whole) else None


def _moment(text: str) -> float | None:
    """Epoch seconds of an RFC 3339 or an HTTP date; one without a zone is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        pass
    try:
        fields = parsedate_tz(text)
        return None if fields is None else datetime(*fields[:6], tzinfo=UTC).timestamp() - (fields[9] or 0)
    except (ValueError, OverflowError):
        return None


def _clamped(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)
