"""What the page of a bench says: figures with their bounds, times and findings, as HTML."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from racer.bench.words import about
from racer.pages.document import escaped, named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Figures = Mapping[str, Any]

NOTHING = '<span aria-hidden="true">–</span><span class="unseen">none</span>'
SHARES = {"p50": "median", "p95": "p95", "p99": "p99"}


def seconds(value: float) -> str:
    return f"{bare(value)} s"


def bare(value: float) -> str:
    """Two figures behind the point, and three for what is short."""
    return f"{value:.{3 if abs(value) < 0.1 else 2}f}"


def rate(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def percent(share: float | None) -> str:
    """Never 0 % or 100 % for what is a little more or less."""
    if share is None:
        return NOTHING
    digits = 1 if 0 < share < 0.01 or 0.99 < share < 1 else 0
    return f"{100 * share:.{digits}f} %"


def counted(count: int, thing: str, many: str = "") -> str:
    return f"{count:,} {thing if count == 1 else many or thing + 's'}"


def bounds(estimate: Figures, form: Callable[[float], str] = bare) -> str:
    """Where the true value lies: what is not bounded is open to that side."""
    low, high = estimate["low"], estimate["high"]
    if low is not None and high is not None:
        return f"{form(low)} to {form(high)}"
    if low is not None:
        return f"at least {form(low)}"
    return "no bounds" if high is None else f"at most {form(high)}"


def moment(at: float) -> str:
    """For people in UTC; a script turns it into their own time."""
    when = datetime.fromtimestamp(at, UTC)
    return f'<time datetime="{when:%Y-%m-%dT%H:%M:%SZ}">{when.day} {when:%B %Y, %H:%M} UTC</time>'


def lasting(seconds: float) -> str:
    """In the unit that people would use."""
    if seconds < 120:
        return counted(round(seconds), "second")
    return counted(round(seconds / 60), "minute") if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def verdict(comparison: Figures) -> str:
    """Which of two is faster, and by how much; or what it would take to know."""
    a, b, difference = comparison["a"], comparison["b"], comparison["difference"]
    if comparison["told_apart"]:
        if difference["low"] < 0:
            a, b, difference = b, a, turned(difference)
        return (
            f"{strong(a)} is faster than {strong(b)}: its {share_of(comparison)} is "
            f"{seconds(difference['value'])} less ({bounds(difference, seconds)})."
        )
    needed = comparison["rounds_needed"]
    return (
        f"{strong(a)} and {strong(b)} cannot be told apart by their {share_of(comparison)}. The difference "
        f"seen is {seconds(abs(difference['value']))}; {_open_question(a, b, difference)}."
        + (f" About {counted(about(needed), 'round')} would tell, if it is the true one." if needed else "")
    )


def strong(name: object) -> str:
    return f"<strong>{named(name)}</strong>"


def _open_question(a: str, b: str, difference: Figures) -> str:
    """Both ends of a difference that holds nought, each said of who would be faster."""
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return "the answers are too few to bound it"
    if low > 0 or high < 0:
        return f"the true one is {bounds(difference, seconds)}"
    return f"{named(b)} may be {seconds(-low)} faster, and {named(a)} may be {seconds(high)} faster"


def share_of(comparison: Figures) -> str:
    return SHARES.get(comparison["share"], escaped(comparison["share"]))


def turned(difference: Figures) -> dict[str, Any]:
    """The same difference, seen from the other side."""
    low, high = difference["low"], difference["high"]
    return {
        "value": -difference["value"],
        "low": None if high is None else -high,
        "high": None if low is None else -low,
    }
