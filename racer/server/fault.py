"""An error of racer -> what the client is told: a true status, and when to come again."""

from __future__ import annotations

import math
import re
from ast import literal_eval
from typing import TYPE_CHECKING

from racer.core.heat import Outcome
from racer.core.kinds import kind_of
from racer.errors import (
    BadRequest,
    DeadlineExceeded,
    NoLanes,
    RaceLost,
    RacerError,
    StreamBroken,
)
from racer.server.names import nobody_is_called
from racer.server.question import Refused, place_in
from racer.server.unfit import too_long, unfit
from racer.server.wording import for_clients
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from racer.core.provider import Lane

SOON = 30  # seconds, where nobody knows when
LONGEST_PATIENCE = 60  # beyond it clients of OpenAI's kind would come sooner than they are told
_UNKNOWN = re.compile(r"(?:only|prefer) names ('.*'|\".*\"), which is not known: ")
_BY_A_LIMIT = ("rate", "quota", "used up", "its limit", "set aside", "busy")
_LIMITS = frozenset({Kind.RATE, Kind.QUOTA, Kind.CREDIT})
_NOT_ASKED = ("not in only", "excluded", "private", "cannot do", "too long")


def refused(
    error: RacerError,
    now: float,
    lanes: Iterable[Lane] = (),
    rest: Callable[[Lane], float | None] = lambda _: None,
) -> Refused:
    """`now` in unix seconds; `lanes` are those whose names could have been meant.

    `rest`: for how many seconds a lane is left alone; None where it is not, or nobody knows.
    """
    match error:
        case BadRequest():
            return _bad_request(error, lanes)
        case NoLanes():
            return unfit(error.skipped) or _nobody(error, now)
        case DeadlineExceeded():
            return Refused(504, _told(error), kind="server_error", code="deadline_exceeded", again=False)
        case RaceLost():
            return _lost(error, lanes, rest)
        case StreamBroken():
            return Refused(502, _told(error), kind="server_error", code="stream_broken")
        case _:
            return Refused(500, _told(error), kind="server_error", code="internal_error")


def _told(error: RacerError) -> str:
    return for_clients(str(error))


def broken() -> Refused:
    """For a fault of ours: what it was stands in the log, and nobody else is told."""
    return Refused(500, "racer has failed: its log says why", kind="server_error", code="internal_error")


def closing() -> Refused:
    """For whoever is in the middle of something when the server ends."""
    return Refused(
        503, "the server is shutting down", kind="server_error", code="shutting_down", retry_after=5
    )


def _bad_request(error: BadRequest, lanes: Iterable[Lane]) -> Refused:
    text = _told(error)
    if found := _UNKNOWN.match(text):
        return nobody_is_called(literal_eval(found[1]), lanes)
    return Refused(400, text, param=place_in(text), again=False)


def _nobody(error: NoLanes, now: float) -> Refused:
    """429 where limits alone are in the way and it is known when they end."""
    wait = SOON if error.until is None else max(1, math.ceil(error.until - now))
    again = error.until is not None and wait <= LONGEST_PATIENCE
    if error.until is not None and _by_limits(error):
        kind, code = "rate_limit_error", "rate_limit_exceeded"
        return Refused(429, _told(error), kind=kind, code=code, retry_after=wait, again=again)
    return Refused(503, _told(error), kind="server_error", code="no_lanes", retry_after=wait, again=again)


def _lost(error: RaceLost, lanes: Iterable[Lane], rest: Callable[[Lane], float | None]) -> Refused:
    """What all providers have said of themselves, the client hears: it knows how to wait."""
    failed = [each for each in error.attempts if each.outcome is Outcome.FAILED]
    kinds = {kind_of(each.reason) for each in failed}
    if kinds == {Kind.TOO_LONG}:
        return too_long("\n".join(f"  {each.lane}: {each.reason}" for each in failed))
    if kinds and kinds <= {Kind.TOO_LONG, Kind.BAD_REQUEST}:
        return Refused(400, _told(error), again=False)
    if not kinds or not kinds <= {*_LIMITS, Kind.OVERLOADED}:
        return Refused(502, _told(error), kind="server_error", code="race_lost", again=False)
    names = {each.lane for each in failed}
    waits = [wait for lane in lanes if lane.id in names and (wait := rest(lane)) is not None]
    wait = max(1, math.ceil(min(waits))) if waits else None
    if kinds <= _LIMITS:
        again = wait is not None and wait <= LONGEST_PATIENCE
        kind, code = "rate_limit_error", "rate_limit_exceeded"
        return Refused(429, _told(error), kind=kind, code=code, retry_after=wait or SOON, again=again)
    again = wait is None or wait <= LONGEST_PATIENCE
    return Refused(503, _told(error), kind="server_error", code="race_lost", retry_after=wait, again=again)


def _by_limits(error: NoLanes) -> bool:
    """Lanes are called provider/model; a provider alone was never in question."""
    reasons = [why for name, why in error.skipped if "/" in name and not why.startswith(_NOT_ASKED)]
    return bool(reasons) and all(why.startswith(_BY_A_LIMIT) for why in reasons)
