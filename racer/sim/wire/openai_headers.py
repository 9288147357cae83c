"""The rate-limit headers of the OpenAI dialect, in each provider's own names, units and time formats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer.sim.exchange import Moment
    from racer.sim.quota import Closed, Standing


def limit_headers(style: str, moment: Moment, closed: Closed | None = None) -> dict[str, str]:
    """`closed`: the limit that refuses the request at hand; OpenRouter sends its headers only then."""
    standings = [standing for standing in moment.standings if math.isfinite(standing.seconds)]
    if style == "openrouter":
        return _openrouter(closed.standing, moment.at) if closed is not None else {}
    return STYLES[style](standings) if standings and style in STYLES else {}


def span(seconds: float) -> str:
    """A duration as OpenAI and Groq write it: 20ms, 7.66s, 2m59.56s, 1h0m3s."""
    if seconds < 1:
        return f"{math.ceil(max(seconds, 0.0) * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    lead = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{lead}{f'{rest:.3f}'.rstrip('0').rstrip('.')}s"


def _find(standings: Sequence[Standing], unit: str, period: str | None = None) -> Standing | None:
    """The limit on `unit` per `period`; with no period, the shortest."""
    fitting = [one for one in standings if one.unit == unit and period in (None, one.period)]
    return min(fitting, key=lambda one: one.seconds, default=None)


def _trio(suffix: str, standing: Standing | None, reset: Callable[[float], str]) -> dict[str, str]:
    if standing is None:
        return {}
    return {
        f"x-ratelimit-limit-{suffix}": str(standing.limit),
        f"x-ratelimit-remaining-{suffix}": str(standing.remaining),
        f"x-ratelimit-reset-{suffix}": reset(standing.resets_in),
    }


def _whole_seconds(seconds: float) -> str:
    return str(math.ceil(seconds))


def _openai(standings: Sequence[Standing]) -> dict[str, str]:
    requests, tokens = _find(standings, "requests"), _find(standings, "tokens")
    return _trio("requests", requests, span) | _trio("tokens", tokens, span)


def _groq(standings: Sequence[Standing]) -> dict[str, str]:
    """Groq's requests are those of the day, its tokens those of the minute; the others have no header."""
    requests, tokens = _find(standings, "requests", "day"), _find(standings, "tokens", "minute")
    return _trio("requests", requests, span) | _trio("tokens", tokens, span)


def _cerebras(standings: Sequence[Standing]) -> dict[str, str]:
    requests, tokens = _find(standings, "requests", "day"), _find(standings, "tokens", "minute")
    return _trio("requests-day", requests, str) | _trio("tokens-minute", tokens, str)


def _sambanova(standings: Sequence[Standing]) -> dict[str, str]:
    minute, day = _find(standings, "requests", "minute"), _find(standings, "requests", "day")
    return _trio("requests", minute, _whole_seconds) | _trio("requests-day", day, _whole_seconds)


def _together(standings: Sequence[Standing]) -> dict[str, str]:
    headers: dict[str, str] = {}
    if requests := _find(standings, "requests"):
        headers = {
            "x-ratelimit-limit": str(requests.limit),
            "x-ratelimit-remaining": str(requests.remaining),
            "x-ratelimit-reset": _whole_seconds(requests.resets_in),
        }
    if tokens := _find(standings, "tokens"):
        headers |= {"x-tokenlimit-limit": str(tokens.limit), "x-tokenlimit-remaining": str(tokens.remaining)}
    return headers


def _mistral(standings: Sequence[Standing]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for suffix, unit in (("req-minute", "requests"), ("tokens-minute", "tokens")):
        if standing := _find(standings, unit, "minute"):
            headers[f"x-ratelimit-limit-{suffix}"] = str(standing.limit)
            headers[f"x-ratelimit-remaining-{suffix}"] = str(standing.remaining)
    return headers


def _openrouter(standing: Standing, at: float) -> dict[str, str]:
    if not math.isfinite(standing.resets_in):
        return {}
    return {
        "X-RateLimit-Limit": str(standing.limit),
        "X-RateLimit-Remaining": str(standing.remaining),
        "X-RateLimit-Reset": str(round((at + standing.resets_in) * 1000)),
    }


STYLES: Mapping[str, Callable[[Sequence[Standing]], dict[str, str]]] = {
    "openai": _openai,
    "groq": _groq,
    "cerebras": _cerebras,
    "sambanova": _sambanova,
    "together": _together,
    "mistral": _mistral,
}
