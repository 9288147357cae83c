"""What went wrong with one lane, in one vocabulary for every provider.

    WireError
        kind      one of Kind: what the engine should make of it
        message   one line for people, with no key in it
        status    the HTTP status, where there was one
        retry_after  seconds that the provider asked us to wait, where it said so
        model_only   the limit closed is the model's own, not the whole account's
        closed       which limit that is, where the provider named it

A decoder puts a WireError at the end of its events; the transport raises one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Classes of failure; core/consequence.py says what each means for key, model, provider and race."""

    AUTH = "auth"
    CREDIT = "credit"
    QUOTA = "quota"
    RATE = "rate"
    OVERLOADED = "overloaded"
    SERVER = "server"
    NO_MODEL = "no_model"
    DENIED = "denied"
    TOO_LONG = "too_long"
    BAD_REQUEST = "bad_request"
    BLOCKED = "blocked"
    IN_BAND = "in_band"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    NOT_JSON = "not_json"
    INVALID = "invalid"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    REDIRECT = "redirect"
    TOO_LARGE = "too_large"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Closed:
    """The limit that a refusal names, in the words of a configured one; None is what it does not say.

    `window`: second, minute, hour, day, week or month. Calls in flight are `calls` of the window `flight`.
    """

    unit: str | None = None
    window: str | None = None
    limit: float | None = None


class WireError(Exception):
    """A lane's failure. Compares by value, so that tests and tables can name one."""

    def __init__(
        self,
        kind: Kind,
        message: str = "",
        *,
        status: int | None = None,
        retry_after: float | None = None,
        model_only: bool = False,
        closed: Closed | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.model_only = model_only
        self.closed = closed

    def facts(self) -> tuple[Kind, str, int | None, float | None, bool, Closed | None]:
        return (self.kind, self.message, self.status, self.retry_after, self.model_only, self.closed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WireError) and self.facts() == other.facts()

    def __hash__(self) -> int:
        return hash(self.facts())

    def __str__(self) -> str:
        status = f" {self.status}" if self.status else ""
        return f"{self.kind}{status}: {self.message}" if self.message else f"{self.kind}{status}"

    def __repr__(self) -> str:
        return f"WireError({self})"

    def replaced(self, message: str) -> WireError:
        """The same failure with another text."""
        return WireError(
            self.kind,
            message,
            status=self.status,
            retry_after=self.retry_after,
            model_only=self.model_only,
            closed=self.closed,
        )
