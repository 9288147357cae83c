"""What a provider's headers say of its limits: how much there is, how much is left, when it opens again.

Each provider has names of its own, and the same name means a day here and a minute there; so a row of the
catalogue says by `limit_headers` which of the FORMATS its provider has. Where it says nothing, the dialect's
own holds. Providers whose waits stand in the body (Gemini, Replicate) or who tell nothing have none.

Nothing counts with these readings yet: they are for the ledger.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from racer_adapters import waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Reader = Callable[[Mapping[str, str], float], tuple["Reading", ...]]

_COUNT = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)


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
        clock = waits.clock_of(headers, now)
        return tuple(self._readings(headers, clock))

    def _readings(self, headers: Mapping[str, str], clock: float | None) -> Iterator[Reading]:
        for names in self.names:
            limit, remaining = (_count(headers.get(name, "")) for name in (names.limit, names.remaining))
            if limit is not None or remaining is not None:
                resets_in = waits.read(headers.get(names.reset, ""), clock)
                yield Reading(names.unit, names.window, limit, remaining, resets_in)


def no_limits(headers: Mapping[str, str], now: float) -> tuple[Reading, ...]:
    """For a dialect whose headers say nothing."""
    return ()


def _count(text: str) -> float | None:
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
