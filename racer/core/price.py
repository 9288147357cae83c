"""The price of quota: how many seconds of waiting a call on a lane is worth not to be made. Pure.

Rule 1: a limit that is on pace costs nothing. It is on pace while the share of it that is left is not smaller
        than the share of its time that is left; behind that, its price rises exponentially.
Rule 2: a window of a minute or so has no pace: it costs nothing until most of it is used.
Rule 3: what never comes back is priced by the share that is used, unless it expires soon: then it is cheap.
Rule 4: a lane is as dear as the dearest of its limits; those that nothing is known of cost nothing.

There is no state in here, so all processes on one store come to about the same price (adr 0020).
Time is unix seconds of the shared clock (core/clock.py).
"""

from __future__ import annotations

from math import expm1
from typing import TYPE_CHECKING, NamedTuple, assert_never

from racer.core.span import DAY, SLOTS, Calendar, Once, Rolling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.pocket import Pocket
    from racer.core.purse import Charge, Purse
    from racer.core.quota import Standing

UNIT = 0.25  # seconds
STEEPNESS = 4.0
DEAREST = UNIT * expm1(STEEPNESS)  # about 13.4 s
SLACK = 0.05  # of a limit: so far behind is still on pace
BRIEF = 120.0  # a window that is no longer has no pace
UNCROWDED = 0.6  # so much of a brief one may be used at no price
LAST = 0.1  # of a limit: what is better kept for when nobody else is left, where it is behind its pace
HORIZON = 30 * DAY  # for so long should last what does not come back


class Worth(NamedTuple):
    """`price` in seconds. `last`: the call would take of the last of a limit that is behind its pace."""

    price: float = 0.0
    last: bool = False


NOTHING = Worth()


def worth_of(charges: Sequence[Charge], purse: Purse, now: float, horizon: float = HORIZON) -> Worth:
    """What a call with these `charges` is worth: from 0 to DEAREST seconds, by the dearest of its limits.

    It is reckoned from memory alone: nothing is taken, and nothing is asked of the store. `horizon`, more
    than 0, is for how many seconds a limit should last of which nothing comes back.
    """
    dearest, last = 0.0, False
    for meter, amount in charges:
        pocket = purse.known(meter)
        if pocket is None or pocket.standing is None:
            continue
        price = _price(pocket, pocket.standing, amount, now, horizon)
        if price > 0:
            dearest = max(dearest, price)
            last = last or pocket.left - amount < LAST * pocket.standing.limit
    return Worth(dearest, last) if dearest else NOTHING


def pace(left: float, time_left: float) -> float:
    """Seconds that a call is worth where these shares are left of a limit and of its time.

    From 0 on pace to at most DEAREST; never less where less is left, or more time.
    """
    time_left = _share(time_left)
    enough = _share(left) + SLACK
    if enough >= time_left:
        return 0.0
    return _seconds(1.0 - enough / time_left)


def crowding(used: float) -> float:
    """Seconds that a call is worth on a brief window of which the share `used` is used. At most DEAREST."""
    return _seconds(max(0.0, (_share(used) - UNCROWDED) / (1.0 - UNCROWDED)))


def _seconds(lack: float) -> float:
    return UNIT * expm1(STEEPNESS * lack)


def _share(part: float) -> float:
    """From 0 to 1, whatever a clock or a count that is wrong made of it: 0 of what is no number."""
    return min(1.0, max(0.0, part))


def _price(pocket: Pocket, standing: Standing, amount: float, now: float, horizon: float) -> float:
    match pocket.meter.span:
        case Rolling(seconds) if seconds <= BRIEF:
            # A limit of one call a second would always be dear if this call counted already.
            used = 1.0 - _part(pocket.left, standing.limit)
            return crowding(used * _still_used(standing.opens_at, pocket.heard, seconds, now))
        case Rolling(seconds):
            until = standing.opens_at
            time_left = 1.0 if until is None else (until - now) / seconds
        case Calendar():
            slot = pocket.slot_now(now)
            time_left = (slot.until - now) / (slot.until - slot.start)
        case Once(expires):
            time_left = 1.0 if expires is None else (expires - now) / horizon
        case None:
            return 0.0
        case _:
            assert_never(pocket.meter.span)
    if standing.opens_at is not None and standing.opens_at <= now:
        return 0.0  # something is free again, and only a call makes us hear how much
    return pace(_part(pocket.left - amount, standing.limit), time_left)


def _part(left: float, limit: float) -> float:
    return left / limit if limit > 0 else 0.0


def _still_used(opens_at: float | None, heard: float, seconds: float, now: float) -> float:
    """The share of what was used in a brief window, as was `heard`, that counts now.

    All of it until the first is free again, and nothing when a whole window has passed. Between, nobody who
    did not ask knows: as if it came back evenly. Nothing, too, where the clock was set back.
    """
    end = heard + seconds * (1.0 + 1.0 / SLOTS)
    if not heard <= now < end:
        return 0.0
    if opens_at is None or now <= opens_at:
        return 1.0
    return (end - now) / (end - opens_at)
