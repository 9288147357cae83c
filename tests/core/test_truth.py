"""racer/core/truth.py: which meter a header or a refusal speaks of, and what it says of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.quota import Meter, Truth
from racer.core.span import LENGTHS, Calendar, Once, Rolling
from racer.core.truth import from_error, from_headers
from racer_adapters.errors import Closed, Kind, WireError
from racer_adapters.limits import Reading

if TYPE_CHECKING:
    from racer.core.span import Span

NOW = 1_763_600_000.0  # 2025-11-20T00:53:20Z
MIDNIGHT = datetime(2025, 11, 21, tzinfo=UTC).timestamp()
DAY = 86_400.0
MIDNIGHTS = Calendar("day", 0, 0, UTC)


def meter(unit: str, per: str, amount: float, *, model: str = "", span: Span | None = None) -> Meter:
    return Meter(
        f"{model} {unit}/{per}", "p", "a", model, unit, per, amount, span or Rolling(LENGTHS.get(per, DAY))
    )


MINUTE = meter("requests", "minute", 30)
DAILY = meter("requests", "day", 1000, span=MIDNIGHTS)
ROLLING = meter("requests", "rolling 24h", 1000)
TOKENS = meter("tokens", "minute", 8000)
INPUT = meter("input_tokens", "minute", 5000)
NEURONS = meter("neurons", "day", 10_000, span=MIDNIGHTS)
OF_MODEL = meter("requests", "day", 50, model="m", span=MIDNIGHTS)
ONCE = meter("requests", "once", 100, span=Once())
PAUSE = Meter("p requests/60 s", "p", "a", "", "requests", "60 s", 1.0, Rolling(60.0))
FLYING = Meter("p calls/flight", "p", "a", "", "calls", "flight", 4.0, None)
ALL = (MINUTE, DAILY, TOKENS, PAUSE, FLYING, ONCE)


# ---------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("meters", "reading", "found"),
    [
        (ALL, Reading("requests", "minute", 30, 20), MINUTE),
        (ALL, Reading("requests", "day", 14_400, 20), DAILY),
        (ALL, Reading("tokens", "minute", 8000, 20), TOKENS),
        (ALL, Reading("input_tokens", "minute", 8000, 20), None),
        (ALL, Reading("tokens", "day", 8000, 20), None),
        (ALL, Reading("requests", "hour", 30, 20), None),
        ((ROLLING, MINUTE), Reading("requests", "day", 1000, 20), ROLLING),
        ((PAUSE,), Reading("requests", "minute", 30, 20), None),
        (ALL, Reading("requests", None, 30, 0), MINUTE),
        (ALL, Reading("requests", None, 1000, 0), DAILY),
        (ALL, Reading("requests", None, 100, 0), None),
        (ALL, Reading("requests", None, 1, 0), None),
        (ALL, Reading("requests", None, None, 0), None),
        ((DAILY, OF_MODEL), Reading("requests", "day", 50, 20), OF_MODEL),
        ((DAILY, OF_MODEL), Reading("requests", "day", 1000, 20), DAILY),
        ((DAILY, OF_MODEL), Reading("requests", "day", 77, 20), None),
        ((DAILY, OF_MODEL), Reading("requests", "day", None, 20), None),
        ((DAILY, ROLLING), Reading("requests", "day", 1000, 20), None),
    ],
)
def test_the_meter_that_a_header_means(
    meters: tuple[Meter, ...], reading: Reading, found: Meter | None
) -> None:
    """The only one of its unit and window; where that is not clear, the one of that size; else none."""
    assert [truth.meter for truth in from_headers(meters, [reading], NOW)] == ([found] if found else [])


@pytest.mark.parametrize(
    ("reading", "truth"),
    [
        (Reading("requests", "day", 900, 600), Truth(DAILY, "header", 300.0, 900.0)),
        (Reading("requests", "day", None, 600), Truth(DAILY, "header", 400.0)),
        (Reading("requests", "day", None, 6000), Truth(DAILY, "header", 0.0)),
        (Reading("requests", "day", 900, None), Truth(DAILY, "header", 0.0, 900.0)),
        (Reading("requests", "day", 0, 0), Truth(DAILY, "header", 0.0, 0.0)),
        (Reading("requests", "day", 900, 0, 60.0), Truth(DAILY, "header", 900.0, 900.0, NOW + 60)),
        (Reading("requests", "day", 900, 0, 0.0), Truth(DAILY, "header", 900.0, 900.0, NOW)),
        (Reading("requests", "day", 900, 0, 9 * DAY), Truth(DAILY, "header", 900.0, 900.0, NOW + DAY)),
    ],
)
def test_what_a_header_says(reading: Reading, truth: Truth) -> None:
    """How much is used, at least; the limit; and when that is over, which is within one window from now."""
    assert from_headers([MINUTE, DAILY], [reading], NOW) == (truth,)


def test_each_reading_is_told() -> None:
    """In their order; without meters or without readings there is nothing to tell."""
    readings = [Reading("requests", "day", 1000, 990), Reading("tokens", "minute", 8000, 8000)]

    assert [truth.meter for truth in from_headers(ALL, readings, NOW)] == [DAILY, TOKENS]
    assert from_headers((), readings, NOW) == ()
    assert from_headers(ALL, (), NOW) == ()


# ---------------------------------------------------------------- errors


def refused(
    closed: Closed | None, wait: float | None = None, *, kind: Kind = Kind.RATE, model_only: bool = False
) -> WireError:
    return WireError(kind, "no", status=429, retry_after=wait, model_only=model_only, closed=closed)


MANY = (*ALL, NEURONS, OF_MODEL)


@pytest.mark.parametrize(
    ("meters", "error", "found"),
    [
        (ALL, refused(Closed("requests", "day", 20.0)), DAILY),
        (ALL, refused(Closed("requests", "minute")), MINUTE),
        (ALL, refused(Closed("tokens", "minute")), TOKENS),
        ((ROLLING, MINUTE), refused(Closed("requests", "day")), ROLLING),
        (ALL, refused(Closed("tokens", "day"), 5.0), None),
        (ALL, refused(Closed("calls", "flight"), 5.0), None),
        (ALL, refused(Closed("requests", "hour"), 5.0), None),
        (ALL, refused(Closed("neurons", "day"), 5.0), None),
        # One side of the tokens, where both are counted together.
        ((MINUTE, TOKENS, INPUT), refused(Closed("input_tokens", "minute")), INPUT),
        ((MINUTE, TOKENS), refused(Closed("input_tokens", "minute")), TOKENS),
        ((MINUTE, TOKENS), refused(Closed("output_tokens", "minute")), TOKENS),
        # No unit: that of requests, and of the size that is named.
        ((TOKENS, MINUTE), refused(Closed(None, "minute")), MINUTE),
        ((NEURONS, TOKENS), refused(Closed(None, "day")), NEURONS),
        ((NEURONS, DAILY), refused(Closed(None, "day", 10_000.0)), NEURONS),
        # No window: the size, else the wait.
        (ALL, refused(Closed("requests", None, 1000.0), 5.0), DAILY),
        (ALL, refused(Closed(None, None, 8000.0), 5.0), TOKENS),
        (ALL, refused(Closed("requests", None, 77.0), 5.0), MINUTE),
        (ALL, refused(Closed("requests")), None),
        (ALL, refused(Closed("tokens"), 5.0), TOKENS),
        (ALL, refused(Closed("tokens"), 61.0), None),
        # Several of that unit and window: the size, else the scope.
        (MANY, refused(Closed("requests", "day", 50.0)), OF_MODEL),
        (MANY, refused(Closed("requests", "day", 1000.0), model_only=True), DAILY),
        (MANY, refused(Closed("requests", "day"), model_only=True), OF_MODEL),
        (MANY, refused(Closed("requests", "day")), DAILY),
        # Nothing named: the shortest window that is as long as the wait.
        (ALL, refused(None, 5.0), MINUTE),
        (ALL, refused(None, 60.0), MINUTE),
        (ALL, refused(None, 61.0), DAILY),
        (ALL, refused(None, 2 * DAY), None),
        (ALL, refused(None), None),
        ((TOKENS, NEURONS), refused(None, 5.0), TOKENS),
        ((TOKENS, DAILY), refused(None, 5.0), DAILY),
        (MANY, refused(None, 61.0, model_only=True), OF_MODEL),
        ((), refused(None, 5.0), None),
        ((PAUSE, FLYING, ONCE), refused(None, 5.0), None),
        # Not for a limit.
        (ALL, refused(Closed("requests", "day"), 5.0, kind=Kind.OVERLOADED), None),
        (ALL, refused(Closed("requests", "day"), 5.0, kind=Kind.CREDIT), None),
        (ALL, refused(Closed("requests", "day"), kind=Kind.QUOTA), DAILY),
    ],
)
def test_the_meter_that_a_refusal_closes(
    meters: tuple[Meter, ...], error: WireError, found: Meter | None
) -> None:
    """The one that is named, or the likeliest one; none where that would be a mere guess."""
    assert [truth.meter for truth in from_error(meters, error, NOW)] == ([found] if found else [])


@pytest.mark.parametrize(
    ("of", "wait", "until"),
    [
        (MINUTE, 7.0, NOW + 7),
        (MINUTE, 0.0, NOW),
        (MINUTE, 3600.0, NOW + 60),
        (DAILY, 3600.0, NOW + 3600),
        (DAILY, 9 * DAY, NOW + DAY),
        (DAILY, None, MIDNIGHT),
        (MINUTE, None, NOW + 60),
        (ROLLING, None, NOW + 3600),
    ],
)
def test_until_when_it_is_closed(of: Meter, wait: float | None, until: float) -> None:
    """The wait that was asked for, within one window; else the reset, or a window's length, or an hour."""
    error = refused(Closed(of.unit, "day" if of is ROLLING else of.per), wait)

    assert from_error([of], error, NOW) == (Truth(of, "error", until=until, foreseen=False),)


@pytest.mark.parametrize(
    ("closed", "limit"),
    [
        (Closed("tokens", "minute", 6000.0), 6000.0),
        (Closed("tokens", "minute", 0.0), 0.0),
        (Closed("tokens", "minute"), None),
        (Closed("input_tokens", "minute", 6000.0), None),
        (Closed(None, "minute", 6000.0), None),
    ],
)
def test_the_size_that_a_refusal_names(closed: Closed, limit: float | None) -> None:
    """It is that of the meter only where the unit is."""
    (truth,) = from_error([TOKENS], refused(closed, 5.0), NOW)

    assert (truth.used, truth.limit, truth.until) == (None, limit, NOW + 5)


UNITS = st.sampled_from(["requests", "tokens", "input_tokens", "calls", "x"])
WINDOWS = st.sampled_from([None, "second", "minute", "day", "month", "flight", "rolling 24h", "x"])
SIZES = st.none() | st.sampled_from([0.0, 1.0, 30.0, 1000.0]) | st.floats(0, 1e15)
WAITS = st.none() | st.floats(0, 31 * DAY)


@given(
    st.lists(st.sampled_from((*MANY, ROLLING, INPUT))),
    st.lists(st.builds(Reading, UNITS, WINDOWS, SIZES, SIZES, WAITS), max_size=3),
    st.builds(Closed, st.none() | UNITS, WINDOWS, SIZES),
    WAITS,
    st.sampled_from([Kind.RATE, Kind.QUOTA]),
)
def test_whatever_is_said_stays_within_a_window(
    meters: list[Meter], readings: list[Reading], closed: Closed, wait: float | None, kind: Kind
) -> None:
    """No truth is of a meter that is not there, lasts longer than its window, or uses less than nothing."""
    error = refused(closed, wait, kind=kind)
    for truth in (*from_headers(meters, readings, NOW), *from_error(meters, error, NOW)):
        longest = LENGTHS.get(truth.meter.per, DAY)
        assert truth.meter in meters
        assert truth.meter.span not in (None, Once())
        assert truth.until is None or NOW <= truth.until <= NOW + longest
        assert truth.used is None or truth.used >= 0
