"""What a refusal means: status, headers and body -> WireError, by tables that can be read.

The first row of the rules that fits decides; then the status; then its class. A dialect puts its own rows
before `COMMON`. An error inside a 200 body has no status of its own, so the body's number or a code word
that stands for one takes its place; without either, any row may fit, and IN_BAND is what is left.

Choices: 408, 409, 424, 425 and 499 are SERVER, for the same request may well succeed elsewhere or later.
A 405 is NO_MODEL: this address has no such door. Statuses below 300 are treated as errors in band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from racer_adapters import bodies, quotas, waits
from racer_adapters.errors import Closed, Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer_adapters.bodies import Said


@dataclass(frozen=True, slots=True)
class Rule:
    """Fits when the status is among `statuses` (none: any) and the words hold every one of `needles`.

    Where the status is unknown a row fits by its needles alone, unless they are `weak`. A wait of less than
    `least_wait` seconds speaks of another limit than the row does, so it is not believed.
    """

    kind: Kind
    statuses: frozenset[int]
    needles: tuple[str, ...]
    model_only: bool = False
    weak: bool = False
    least_wait: float = 0.0

    def fits(self, status: int | None, words: str) -> bool:
        barred = self.weak if status is None else bool(self.statuses) and status not in self.statuses
        return not barred and all(needle in words for needle in self.needles)


Rules = tuple[Rule, ...]


def rows(
    kind: Kind,
    statuses: tuple[int, ...],
    *needles: str,
    model_only: bool = False,
    weak: bool = False,
    least_wait: float = 0.0,
) -> Rules:
    """A row for each needle; "a & b" needs both. All in lower case."""
    return tuple(
        Rule(kind, frozenset(statuses), tuple(needle.split(" & ")), model_only, weak, least_wait)
        for needle in needles
    )


COMMON: Rules = (
    *rows(
        Kind.CREDIT, (400, 403, 429),
        "insufficient_quota", "insufficient balance", "insufficient credit", "insufficient funds",
        "credit balance is too low", "spend_limit_reached", "spending limit", "monthly included credits",
        "billing_hard_limit", "out of credit",
    ),
    *rows(Kind.CREDIT, (403,), "credits", "billing", weak=True),
    *rows(
        Kind.AUTH, (400,),
        "api_key_invalid", "invalid_api_key", "api key not valid", "api key expired", "valid api key",
        "incorrect api key", "invalid api key",
    ),
    *rows(
        Kind.BLOCKED, (400, 403, 422),
        "content_policy_violation", "content_filter", "moderation", "flagged", "guardrail", "code=refusal;",
    ),
    *rows(
        Kind.TOO_LONG, (400, 403, 413, 422, 500),
        "context_length_exceeded", "exceed_context_size", "maximum context length", "prompt is too long",
        "input token count & exceeds", "exceeds the available context size", "too many tokens",
        "current length is & while limit is", "token_limit_exceeded", "longer than the context",
        "context window & exceed", "reduce the length of", "input is too long",
    ),
    *rows(Kind.BAD_REQUEST, (400, 422), "unsupported_parameter", "unsupported_value"),
    *rows(Kind.DENIED, (400, 403), "location is not supported", "region & not supported"),
    *rows(Kind.DENIED, (403,), "model", weak=True),
    *rows(
        Kind.NO_MODEL, (400, 422),
        "model_not_found", "model not found", "no such model", "unknown model", "invalid_model",
        "not a valid model id", "model & does not exist", "model not exist", "decommissioned",
        "model_not_supported", "end of life",
    ),
    *rows(Kind.OVERLOADED, (400, 429, 500), "overloaded", "out of capacity"),
    *rows(Kind.QUOTA, (429,), "per day", "per-day", "perday", "per month", "/ month"),
    *rows(Kind.QUOTA, (429,), "daily", "monthly", weak=True),
    *rows(Kind.QUOTA, (429,), "x-ratelimit-remaining-requests-day=0;"),
)  # fmt: skip

BY_STATUS: dict[int, Kind] = {
    401: Kind.AUTH, 402: Kind.CREDIT, 403: Kind.AUTH, 404: Kind.NO_MODEL, 405: Kind.NO_MODEL,
    407: Kind.CONNECT, 408: Kind.SERVER, 409: Kind.SERVER, 410: Kind.NO_MODEL, 413: Kind.TOO_LONG,
    424: Kind.SERVER, 425: Kind.SERVER, 429: Kind.RATE, 451: Kind.DENIED, 498: Kind.RATE, 499: Kind.SERVER,
    502: Kind.OVERLOADED, 503: Kind.OVERLOADED, 504: Kind.OVERLOADED, 520: Kind.OVERLOADED,
    521: Kind.OVERLOADED, 522: Kind.OVERLOADED, 523: Kind.OVERLOADED, 524: Kind.OVERLOADED,
    529: Kind.OVERLOADED, 530: Kind.OVERLOADED,
}  # fmt: skip
BY_CLASS: dict[int, Kind] = {3: Kind.REDIRECT, 4: Kind.BAD_REQUEST, 5: Kind.SERVER}

# The status that a code word stands for, where an error in a 200 body gives no number.
STATUS_OF_WORD: dict[str, int] = {
    "invalid_request": 400, "invalid_request_error": 400, "invalid_argument": 400, "badrequesterror": 400,
    "invalid_prompt": 400, "validation": 422, "unprocessable": 422,
    "authentication": 401, "authentication_error": 401, "invalid_api_key": 401, "unauthenticated": 401,
    "payment_required": 402, "billing_error": 402, "insufficient_quota": 402,
    "permission_denied": 403, "permission_error": 403,
    "not_found": 404, "not_found_error": 404, "model_not_found": 404,
    "payload_too_large": 413, "request_too_large": 413, "context_length_exceeded": 413,
    "token_limit_exceeded": 413,
    "rate_limit": 429, "rate_limited": 429, "rate_limit_exceeded": 429, "rate_limit_error": 429,
    "too_many_requests": 429, "too_many_requests_error": 429, "resource_exhausted": 429,
    "server": 500, "server_error": 500, "internal": 500, "internal_error": 500, "internal_server_error": 500,
    "api_error": 500, "generation": 500, "incomplete_generation": 500,
    "overloaded": 503, "unavailable": 503, "unavailable_error": 503, "service_unavailable": 503,
    "provider_unavailable": 503, "provider_overloaded": 529, "overloaded_error": 529,
    "timeout": 504, "timeout_error": 504, "deadline_exceeded": 504,
}  # fmt: skip


def classify(rules: Rules, status: int, headers: Mapping[str, str], body: bytes) -> WireError:
    """What a response with an error status means. Never raises."""
    said = bodies.read(body)
    if 200 <= status < 300:
        return in_band(rules, said)
    known = {**said.headers, **{name.lower(): value for name, value in headers.items()}}
    rule = _judged(rules, status, said.words + _used_up(known))
    return WireError(
        rule.kind,
        _redirected(known) if rule.kind is Kind.REDIRECT else said.message,
        status=status,
        retry_after=_wait(rule, waits.from_headers(known), *said.waits, waits.until_reset(known)),
        model_only=rule.model_only,
        closed=_closed(rule, said, known),
    )


def in_band(rules: Rules, said: Said) -> WireError:
    """What an error means that came in the body of a good status, as a whole or in mid-stream."""
    words = (STATUS_OF_WORD[code] for code in said.codes if code in STATUS_OF_WORD)
    rule = _judged(rules, said.status or next(words, None), said.words)
    return WireError(
        rule.kind,
        said.message,
        status=said.status,
        retry_after=_wait(rule, *said.waits),
        model_only=rule.model_only,
        closed=_closed(rule, said, said.headers),
    )


def _judged(rules: Rules, status: int | None, words: str) -> Rule:
    """The row that fits, or one for the status alone."""
    for rule in rules:
        if rule.fits(status, words):
            return rule
    if status is None:
        return Rule(Kind.IN_BAND, frozenset(), ())
    kind = BY_STATUS.get(status) or BY_CLASS.get(status // 100, Kind.SERVER)
    return Rule(kind, frozenset({status}), ())


def _used_up(headers: Mapping[str, str]) -> str:
    """Limits that the headers give as zero, as words for the rules."""
    zeros = (name for name, value in headers.items() if "ratelimit" in name and value.strip() == "0")
    return "".join(f" {name}=0;" for name in zeros)


def _wait(rule: Rule, *stated: float | None) -> float | None:
    """The first that was stated and fits the rule."""
    return next((wait for wait in stated if wait is not None and wait >= rule.least_wait), None)


def _closed(rule: Rule, said: Said, headers: Mapping[str, str]) -> Closed | None:
    """The limit that is named, where the refusal is for one."""
    return quotas.named(said, headers) if rule.kind in (Kind.RATE, Kind.QUOTA) else None


def _redirected(headers: Mapping[str, str]) -> str:
    """The host alone: the rest of an address may hold a key."""
    try:
        host = urlsplit(headers.get("location", "")).hostname
    except ValueError:
        host = None
    return bodies.one_line(f"it redirects{f' to {host}' if host else ''}; redirects are not followed")
