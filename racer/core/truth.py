"""What a provider says of its limits, matched with the meters that count them: Readings and errors -> Truths.

    from_headers   every response may say how much is used and how much there is
    from_error     a refusal may say which limit is closed, and until when

Whoever holds the meters sets aside what is no news: that takes no more than two comparisons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from racer.core.quota import Truth
from racer.core.span import LENGTHS, Calendar, Once, Rolling, slot_at
from racer_adapters.errors import Closed, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from racer.core.quota import Meter
    from racer_adapters.errors import WireError
    from racer_adapters.limits import Reading

# A long window that nobody says the end of, and that has no fixed one, is looked at again after that long.
LOOK_AGAIN = 3600.0

# A provider may name one side of the tokens where both together are configured.
_WIDER = {"input_tokens": "tokens", "output_tokens": "tokens"}


# ---------------------------------------------------------------- headers


def from_headers(meters: Sequence[Meter], readings: Sequence[Reading], now: float) -> tuple[Truth, ...]:
    """What the headers of a response say of the `meters` of its lane. Of others they say nothing."""
    return tuple(_told(meters, readings, now)) if meters and readings else ()


def _told(meters: Sequence[Meter], readings: Sequence[Reading], now: float) -> Iterator[Truth]:
    for reading in readings:
        meter = _only(meters, reading)
        if meter is not None:
            until = None if reading.resets_in is None else now + _within(meter, reading.resets_in)
            yield Truth(meter, "header", _used(meter, reading), reading.limit, until)


def _only(meters: Sequence[Meter], reading: Reading) -> Meter | None:
    """The one meter that is meant: where several could be, or no window is named, the sizes must agree."""
    fitting = [meter for meter in meters if meter.unit == reading.unit and _lasts(meter, reading.window)]
    if reading.window is None or len(fitting) > 1:
        fitting = [meter for meter in fitting if meter.amount == reading.limit]
    return fitting[0] if len(fitting) == 1 else None


def _used(meter: Meter, reading: Reading) -> float:
    """At least so much. Who does not say what is left says nothing of what is used."""
    if reading.remaining is None:
        return 0.0
    return max(0.0, (meter.amount if reading.limit is None else reading.limit) - reading.remaining)


# ---------------------------------------------------------------- errors


def from_error(meters: Sequence[Meter], error: WireError, now: float) -> tuple[Truth, ...]:
    """Which of a lane's `meters` is closed by a refusal for a limit: all of it is used, and until when.

    Where the provider names none, it is the one of requests whose window is just long enough for the wait
    that it asks for. Calls in flight, and what is to be had but once, are never closed by this.
    """
    if error.kind not in (Kind.RATE, Kind.QUOTA):
        return ()
    meter = _closed(meters, error)
    if meter is None:
        return ()
    named = error.closed or Closed()
    limit = named.limit if named.unit == meter.unit else None
    return (Truth(meter, "error", limit=limit, until=_opens_at(meter, error, now), foreseen=False),)


def _closed(meters: Sequence[Meter], error: WireError) -> Meter | None:
    named = error.closed or Closed()
    counted = [meter for meter in meters if _length(meter) is not None]
    fitting = _of_unit(counted, named.unit)
    if named.window is not None:
        fitting = [meter for meter in fitting if _lasts(meter, named.window)]
    elif any(meter.amount == named.limit for meter in fitting):
        fitting = [meter for meter in fitting if meter.amount == named.limit]
    else:
        fitting = _just_long_enough(fitting, error.retry_after)
    return max(fitting, key=_likeness(named, error), default=None)


def _of_unit(meters: Sequence[Meter], unit: str | None) -> Sequence[Meter]:
    """Those of that unit; where there are none, those of the wider one; all, where no unit is named."""
    if unit is None:
        return meters
    exact = [meter for meter in meters if meter.unit == unit]
    return exact or [meter for meter in meters if meter.unit == _WIDER.get(unit)]


def _just_long_enough(meters: Sequence[Meter], wait: float | None) -> Sequence[Meter]:
    """Those of the shortest window that can make one wait that long: of requests, where any are."""
    if wait is None:
        return ()
    able = [meter for meter in meters if (_length(meter) or 0.0) >= wait]
    able = [meter for meter in able if meter.unit == "requests"] or able
    shortest = min((_length(meter) or 0.0 for meter in able), default=0.0)
    return [meter for meter in able if _length(meter) == shortest]


def _likeness(named: Closed, error: WireError) -> Callable[[Meter], tuple[bool, bool, bool]]:
    """Of several: the one of the size that is named; then one of requests; then one of that scope."""
    return lambda meter: (
        meter.amount == named.limit,
        meter.unit == "requests",
        bool(meter.model) == error.model_only,
    )


def _opens_at(meter: Meter, error: WireError, now: float) -> float:
    if error.retry_after is not None:
        return now + _within(meter, error.retry_after)
    if isinstance(meter.span, Calendar):
        return slot_at(meter.span, now).until
    return now + _within(meter, LOOK_AGAIN)


# ---------------------------------------------------------------- windows


def _lasts(meter: Meter, window: str | None) -> bool:
    """Is the meter's window that one? "rolling 24h" is a day, too. None: any."""
    length = _length(meter)
    return length is not None and (window is None or length == LENGTHS.get(window))


def _within(meter: Meter, seconds: float) -> float:
    """No wait is longer than its window."""
    return max(0.0, min(seconds, _length(meter) or 0.0))


def _length(meter: Meter) -> float | None:
    """Of a window that a provider can mean: not of `min_interval`, nor where nothing comes back by itself."""
    match meter.span:
        case Calendar(per):
            return LENGTHS[per]
        case Rolling(seconds):
            return seconds if meter.per in LENGTHS or meter.per.startswith("rolling ") else None
        case Once() | None:
            return None
        case _:
            assert_never(meter.span)
