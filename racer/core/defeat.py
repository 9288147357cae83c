"""A race without a winner, told to its caller: which error, every lane's reason, and what to do about it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from racer.core.heat import Ending
from racer.errors import BadRequest, DeadlineExceeded, NoLanes, RaceLost, RacerError
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.field import Skipped
    from racer.core.provider import Provider
    from racer.core.reply import Attempt

_ADVICE: tuple[tuple[frozenset[Kind], str], ...] = (
    (
        frozenset({Kind.AUTH}),
        "Every key was refused: check that the variables hold the keys of the right providers.",
    ),
    (
        frozenset({Kind.CREDIT, Kind.QUOTA, Kind.RATE}),
        "Everything is used up for now: pass wait= to wait for the first to come back, or add a key.",
    ),
    (
        frozenset({Kind.DNS, Kind.CONNECT, Kind.TLS}),
        "Nothing could be reached: is this machine online, and are the addresses right?",
    ),
    (
        frozenset({Kind.INVALID}),
        "Every lane answered, but no reply passed the checks: loosen valid=, or let other models try.",
    ),
    (
        frozenset({Kind.NO_MODEL, Kind.DENIED}),
        "These models are not to be had with these keys: name others under models in racer.toml.",
    ),
    (frozenset({Kind.TOO_LONG}), "The prompt is too long for each: shorten it, or add a larger model."),
    (frozenset({Kind.BLOCKED}), "Every provider withheld its reply: put the question in other words."),
    (frozenset({Kind.BAD_REQUEST}), "The provider calls the request wrong: read its reason below."),
    (frozenset({Kind.TIMEOUT}), "All were too slow: raise timeout for the provider, or ask a smaller model."),
)
_OTHERWISE = "Try again, or give the race more lanes: the key of one more provider helps most."


def defeat(
    ending: Ending,
    attempts: Sequence[Attempt],
    reasons: Sequence[tuple[str, WireError]],
    deadline: float,
) -> RacerError:
    """The error for a race that had at least one attempt. Its cause is the group of all lane failures."""
    error = _named(ending, attempts, reasons, deadline)
    if reasons:
        error.__cause__ = ExceptionGroup("every lane's failure", [_told(lane, why) for lane, why in reasons])
    return error


def _named(
    ending: Ending, attempts: Sequence[Attempt], reasons: Sequence[tuple[str, WireError]], deadline: float
) -> RacerError:
    if ending is Ending.REFUSED:
        said = next(why.message for _, why in reversed(reasons) if why.kind is Kind.BAD_REQUEST)
        return BadRequest(f"two providers agree that the request is wrong: {said}", attempts=attempts)
    if ending is Ending.EXPIRED:
        text = f"no valid reply within {deadline:g} s. Raise deadline=, or let faster lanes run."
        return DeadlineExceeded("\n".join([text, *_lines(attempts)]), attempts=attempts)
    count = f"all {len(attempts)} lanes" if len(attempts) != 1 else "the only lane"
    return RaceLost(f"{count} failed. {advice([why.kind for _, why in reasons])}", attempts=attempts)


def _lines(attempts: Sequence[Attempt]) -> list[str]:
    return [f"  {attempt.lane}: {attempt.reason or 'still running'}" for attempt in attempts]


def _told(lane: str, why: WireError) -> WireError:
    return why.replaced(f"{lane}: {why.message}")


def advice(kinds: Sequence[Kind]) -> str:
    """One sentence on what to do; the common reason's own where the lanes agree."""
    seen = frozenset(kinds)
    for of, text in _ADVICE:
        if seen and seen <= of:
            return text
    if seen & {Kind.RATE, Kind.QUOTA} and Counter(kinds).most_common(1)[0][0] in (Kind.RATE, Kind.QUOTA):
        return _ADVICE[1][1]
    return _OTHERWISE


def nobody(
    providers: Sequence[Provider], skipped: Sequence[Skipped], until: float | None, now: float
) -> NoLanes:
    """No lane could even start. `until` and `now` in unix seconds; `skipped` has every reason."""
    shown = [each for each in skipped if not each.reason.startswith(("no key", "not enabled", "retired"))]
    keyless = [each.name for each in skipped if each.reason.startswith("no key")]
    lines = [f"  {each.name}: {each.reason}" for each in shown]
    if keyless:
        lines.append(f"  without a key: {', '.join(keyless)}")
    ready = bool(shown) and any(provider.accounts for provider in providers)
    message = "no lane can run"
    if until is not None:
        message += f" before {_in(until - now)}"
    return NoLanes(
        "\n".join([f"{message}.", *lines]),
        until=until,
        skipped=[(each.name, each.reason) for each in skipped],
        help=_help(until, now, ready=ready),
    )


def _help(until: float | None, now: float, *, ready: bool) -> str:
    if until is not None:
        seconds = max(1, round(until - now + 0.5))
        return f"Pass wait={seconds} to wait for it, or add the key of another provider."
    if ready:
        return "Loosen only, exclude, private or what the request demands, or add a model that can do it."
    return (
        "Set a key, such as GROQ_API_KEY, in the environment or in .env; or start Ollama (`ollama serve`); "
        "or see a race without either: `racer demo`."
    )


def _in(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s from now"
    if seconds < 7200:
        return f"{round(seconds / 60)} min from now"
    return f"{round(seconds / 3600)} h from now"
