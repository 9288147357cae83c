"""What each kind of failure means beyond its own lane: what closes, for how long, and who said so.

The table is the whole policy. `AT_ONCE` closes on the first failure, otherwise on the third in a row.
`stated`: the provider said so (or it is certain), so nothing may be started against it. The others are
our own guess; when no other lane is left, a guess is overruled.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from racer_adapters.errors import Kind

HOUR = 3600.0
FOREVER = float("inf")
IN_A_ROW = 3
AT_ONCE = 1


class Scope(StrEnum):
    """What closes.

    A key that is refused closes alone; a limit closes its account, which may be a pool of keys; a model's
    own limit closes its share of the account. A model that is gone is gone for all keys.
    """

    LANE = "lane"
    MODEL = "model"
    KEY = "key"
    ACCOUNT = "account"
    SHARE = "share"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Consequence:
    """`seconds` doubles with each time in a row that the scope closes, up to `most`."""

    scope: Scope
    strikes: int
    seconds: float
    most: float = 600.0
    stated: bool = False


_GUESS = Consequence(Scope.LANE, IN_A_ROW, 15.0)

CONSEQUENCES: dict[Kind, Consequence | None] = {
    # The key is wrong: only a new configuration helps. Other keys of the provider go on.
    Kind.AUTH: Consequence(Scope.KEY, AT_ONCE, FOREVER, FOREVER, stated=True),
    # Money does not come back by waiting; one look an hour costs nothing.
    Kind.CREDIT: Consequence(Scope.ACCOUNT, AT_ONCE, HOUR, HOUR, stated=True),
    Kind.QUOTA: Consequence(Scope.ACCOUNT, AT_ONCE, HOUR, HOUR, stated=True),
    # It does not say until when, or that would be kept. Most such limits are over within a minute, and when
    # all lanes rest for it, none may rest for long after it has passed.
    Kind.RATE: Consequence(Scope.ACCOUNT, AT_ONCE, 15.0, 25.0, stated=True),
    Kind.OVERLOADED: Consequence(Scope.LANE, AT_ONCE, 5.0),
    Kind.NO_MODEL: Consequence(Scope.MODEL, AT_ONCE, HOUR, HOUR, stated=True),
    Kind.DENIED: Consequence(Scope.LANE, AT_ONCE, HOUR, HOUR, stated=True),
    # A certificate or a redirect does not heal in seconds, and is never worked around.
    Kind.TLS: Consequence(Scope.PROVIDER, AT_ONCE, 600.0, stated=True),
    Kind.REDIRECT: Consequence(Scope.PROVIDER, AT_ONCE, 600.0, stated=True),
    Kind.DNS: Consequence(Scope.PROVIDER, IN_A_ROW, 15.0),
    Kind.CONNECT: Consequence(Scope.PROVIDER, IN_A_ROW, 15.0),
    Kind.SERVER: _GUESS,
    Kind.IN_BAND: _GUESS,
    Kind.EMPTY: _GUESS,
    Kind.TRUNCATED: _GUESS,
    Kind.MALFORMED: _GUESS,
    Kind.NOT_JSON: _GUESS,
    Kind.TIMEOUT: _GUESS,
    Kind.RESET: _GUESS,
    Kind.TOO_LARGE: _GUESS,
    # These say something of the question, of the caller's taste or of this machine, not of the lane.
    Kind.TOO_LONG: None,
    Kind.BAD_REQUEST: None,
    Kind.BLOCKED: None,
    Kind.INVALID: None,
    Kind.LOCAL: None,
}
