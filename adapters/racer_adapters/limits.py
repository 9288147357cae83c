"""What a provider's headers say of its limits: how much there is, how much is left, when it opens again.

Each provider has names of its own, and the same name means a day here and a minute there; so a row of the
catalogue says by `limit_headers` which of the FORMATS its provider has. Where it says nothing, the dialect's
own holds. Providers whose waits stand in the body (Gemini, Replicate) or who tell nothing have none.

They are read of every response, beside the race: a provider that is silent must cost next to nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from racer_adapters import waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Reader = Callable[[Mapping[str, str], float], tuple["Reading", ...]]

_MOST_DIGITS = 15
_COUNT = re.compile(rf"\d{{1,{_MOST_DIGITS}}}(?:\.\d{{1,9}})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reading:
    """`remaining` of `limit` in each `window` of one unit; the window is over `resets_in` seconds from now.

    None is what the headers do not say. A limit of 0 is one that never opens: the plan has nothing there.
    `unit` and `window` have the words of a limit in the configuration.
    """

    unit: str
    window: str | None
    limit: float | None
    remaining: float | None
    resets_in: float | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """The headers of one limit; empty where there is none for that."""

    unit: str
    window: str | None
    limit: str
    remaining: str
    reset: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """Called with headers, their names in lower case, and the epoch seconds of now. Never raises."""

    names: tuple[Names, ...]

    def __call__(self, headers: Mapping[str, str], now: float) -> tuple[Reading, ...]:
        there = [names for names in self.names if names.limit in headers or names.remaining in headers]
        return tuple(_readings(there, headers, _Clock(headers, now))) if there else ()


class _Clock:
    """The sender's, which is looked at only where a reset is a moment: to read a date takes long."""

    __slots__ = ("_headers", "_now", "_read")

    def __init__(self, headers: Mapping[str, str], now: float) -> None:
        self._headers = headers
        self._now: float | None = now
        self._read = False

    def until(self, reset: str) -> float | None:
        if not self._read:
            wait = waits.read(reset)
            if wait is not None or not reset:
                return wait
            self._now, self._read = waits.clock_of(self._headers, self._now), True
        return waits.read(reset, self._now)


def no_limits(headers: Mapping[str, str], now: float) -> tuple[Reading, ...]:
    """For a dialect whose headers say nothing."""
    return ()


def _readings(there: Iterable[Names], headers: Mapping[str, str], clock: _Clock) -> Iterator[Reading]:
    for names in there:
        limit, remaining = (_count(headers.get(name, "")) for name in (names.limit, names.remaining))
        if limit is not None or remaining is not None:
            resets_in = clock.until(headers.get(names.reset, ""))
            yield Reading(names.unit, names.window, limit, remaining, resets_in)


def _count(text: str) -> float | None:
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:  # nearly always, and soon seen
        return float(text)
    text = text.strip()
    return float(text) if _COUNT.fullmatch(text) else None


def _usual(unit: str, window: str | None, suffix: str) -> Names:
    return Names(unit, window, *(f"x-ratelimit-{part}{suffix}" for part in ("limit", "remaining", "reset")))


def _anthropic(unit: str, name: str) -> Names:
    return Names(
        unit, "minute", *(f"anthropic-ratelimit-{name}-{part}" for part in ("limit", "remaining", "reset"))
    )


def _at_length(unit: str, *windows: str) -> tuple[Names, ...]:
    """Names that hold their window."""
    return tuple(_usual(unit, window, f"-{unit}-{window}") for window in windows)


OPENAI = Format((_usual("requests", "minute", "-requests"), _usual("tokens", "minute", "-tokens")))
ANTHROPIC = Format(
    (
        _anthropic("requests", "requests"),
        _anthropic("tokens", "tokens"),
        _anthropic("input_tokens", "input-tokens"),
        _anthropic("output_tokens", "output-tokens"),
    )
)
# Of trial keys; nowhere documented.
COHERE = Format(
    (
        Names("requests", "minute", "x-trial-endpoint-call-limit", "x-trial-endpoint-call-remaining"),
        Names("requests", "month", "x-endpoint-monthly-call-limit", "x-endpoint-monthly-call-remaining"),
    )
)

FORMATS: Mapping[str, Reader] = {
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
    # The names are OpenAI's, the requests are those of the day. Its other limits have no header.
    "groq": Format((_usual("requests", "day", "-requests"), _usual("tokens", "minute", "-tokens"))),
    "cerebras": Format(
        _at_length("requests", "minute", "hour", "day") + _at_length("tokens", "minute", "hour", "day")
    ),
    "sambanova": Format(
        (_usual("requests", "minute", "-requests"), _usual("requests", "day", "-requests-day"))
    ),
    # On its own refusals alone, and without a word on the window: by the minute or by the day.
    "openrouter": Format((_usual("requests", None, ""),)),
    "fireworks": Format(
        (
            _usual("input_tokens", "minute", "-tokens-prompt"),
            _usual("output_tokens", "minute", "-tokens-generated"),
        )
    ),
    "together": Format(
        (
            _usual("requests", "second", ""),
            Names("tokens", "second", "x-tokenlimit-limit", "x-tokenlimit-remaining", "x-tokenlimit-reset"),
        )
    ),
    "mistral": Format(
        (_usual("requests", "minute", "-req-minute"), _usual("tokens", "minute", "-tokens-minute"))
    ),
    "cohere": COHERE,
    "none": no_limits,
}
