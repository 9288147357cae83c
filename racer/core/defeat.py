"""A race without a winner, told to its caller: which error, every lane's reason, and what to do about it."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from racer.core.consequence import FOREVER
from racer.core.heat import Ending, Outcome
from racer.errors import BadRequest, DeadlineExceeded, NoLanes, RaceLost, RacerError, StreamBroken
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.field import Skipped
    from racer.core.provider import Provider
    from racer.core.reply import Attempt

LINES_IN_FULL = 6
NAMES_A_LINE = 12
LONGEST_ADVISED_WAIT = 3600
USUAL_DEADLINE = 60

_USED_UP = "Everything is used up for now: pass wait= to wait for the first to come back, or add a key."
_ADVICE: tuple[tuple[frozenset[Kind], str], ...] = (
    (
        frozenset({Kind.AUTH}),
        "Every key was refused: check that the variables hold the keys of the right providers.",
    ),
    (frozenset({Kind.CREDIT}), "No account has money left: top one up, or add the key of a free provider."),
    (frozenset({Kind.CREDIT, Kind.QUOTA, Kind.RATE}), _USED_UP),
    (
        frozenset({Kind.DNS, Kind.CONNECT, Kind.TLS, Kind.REDIRECT}),
        "Nothing could be reached: is this machine online, and are the addresses right?",
    ),
    (
        frozenset({Kind.INVALID}),
        "Every lane answered, but no reply passed the checks: loosen valid= or into=, or let others try.",
    ),
    (
        frozenset({Kind.NO_MODEL, Kind.DENIED}),
        "These models are not to be had with these keys: name others under models in racer.toml.",
    ),
    (frozenset({Kind.TOO_LONG}), "The prompt is too long for each: shorten it, or add a larger model."),
    (frozenset({Kind.BLOCKED}), "Every provider withheld its reply: put the question in other words."),
    (frozenset({Kind.BAD_REQUEST}), "The provider calls the request wrong: read its reason below."),
    (frozenset({Kind.TIMEOUT}), "All were too slow: raise timeout for the provider, or ask a smaller model."),
    (frozenset({Kind.LOCAL}), "This machine is at fault, not the providers: read its reason below."),
)
_OTHERWISE = "Try again, or give the race more lanes: the key of one more provider helps most."


def defeat(
    ending: Ending,
    attempts: Sequence[Attempt],
    reasons: Sequence[tuple[str, WireError]],
    deadline: float,
    rested: Sequence[Skipped] = (),
) -> RacerError:
    """The error for a race that had at least one attempt. Its cause is the group of all lane failures.

    `rested` are the lanes that could not even start, each with what keeps it out.
    """
    error = _named(ending, attempts, reasons, deadline)
    if rested:
        error.args = ("\n".join([str(error), *_not_tried(rested)]),)
    error.__cause__ = _cause(reasons)
    return error


def broken(
    told: str,
    attempts: Sequence[Attempt],
    reasons: Sequence[tuple[str, WireError]],
    rested: Sequence[Skipped] = (),
    *,
    resume: bool,
    mends: bool,
) -> StreamBroken:
    """The error for a race whose reader has `told`, and will get no more. Its cause as of `defeat`.

    `mends`: another lane could have gone on from there, or was asked to where `resume` was.
    """
    lines = [f"  {attempt.lane}: {attempt.reason}" for attempt in attempts if attempt.reason]
    if mends and resume:
        slow = (each for each in attempts if each.outcome is Outcome.LOST and each.resumed_at is not None)
        lines += [f"  {each.lane}: had not gone on yet" for each in slow]
        lines += _not_tried(rested)
    error = StreamBroken(
        "\n".join([_broke(len(told), reasons, resume=resume, mends=mends), *lines]), text=told
    )
    error.__cause__ = _cause(reasons)
    return error


def _broke(read: int, reasons: Sequence[tuple[str, WireError]], *, resume: bool, mends: bool) -> str:
    turned_down = reasons and reasons[-1][1].kind in (Kind.INVALID, Kind.BLOCKED)
    if not mends and turned_down:
        return f"the reply was turned down when {read:,} characters of it had been read."
    text = f"the stream broke off after {read:,} characters."
    if mends and not resume:
        return f"{text} Pass resume=True to have another lane go on from there."
    if mends:
        return f"{text} No other lane could go on from there."
    return f"{text} Nobody could go on from there."


def _not_tried(rested: Sequence[Skipped]) -> list[str]:
    return [f"  {each.name}: not tried: {each.reason}" for each in rested]


def _cause(reasons: Sequence[tuple[str, WireError]]) -> ExceptionGroup[WireError] | None:
    if not reasons:
        return None
    return ExceptionGroup("every lane's failure", [_told(lane, why) for lane, why in reasons])


def _named(
    ending: Ending, attempts: Sequence[Attempt], reasons: Sequence[tuple[str, WireError]], deadline: float
) -> RacerError:
    if ending is Ending.REFUSED:
        said = next(why.message for _, why in reversed(reasons) if why.kind is Kind.BAD_REQUEST)
        text = f"two providers agree that the request is wrong: {said}"
        return BadRequest("\n".join([text, *_lines(attempts)]), attempts=attempts)
    if ending is Ending.EXPIRED:
        text = f"no valid reply within {deadline:g} s. Raise deadline=, or let faster lanes run."
        return DeadlineExceeded("\n".join([text, *_lines(attempts)]), attempts=attempts)
    lanes = len({attempt.lane for attempt in attempts})
    count = f"all {lanes} lanes" if lanes != 1 else "the only lane that could run"
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
        return _USED_UP
    return _OTHERWISE


def nobody(
    providers: Sequence[Provider], skipped: Sequence[Skipped], until: float | None, now: float
) -> NoLanes:
    """No lane could even start. `until` and `now` in unix seconds; `skipped` has every reason."""
    back = "" if until is None else f" before {_in(until - now)}"
    help_ = _wait_for(until - now) if until is not None else _remedy(providers, skipped)
    return NoLanes(
        "\n".join([f"no lane can run{back}. {help_}", *left_out(skipped)]),
        until=until,
        skipped=[(each.name, each.reason) for each in skipped],
        help=help_,
    )


def left_out(skipped: Sequence[Skipped]) -> list[str]:
    """A line for each reason. Of a whole catalogue, providers without a key take one line together."""
    in_full = len(skipped) <= LINES_IN_FULL
    groups: dict[str, list[str]] = {}
    for each in skipped:
        usual = not in_full and each.reason.startswith(("no key", "not enabled", "retired"))
        reason = each.reason.partition(":")[0] if usual else each.reason
        groups.setdefault(reason, []).append(each.name)
    return [f"  {_some(names)}: {reason}" for reason, names in groups.items()]


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMES_A_LINE
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:NAMES_A_LINE])} and {more} more"


def _wait_for(seconds: float) -> str:
    wait = max(1, math.ceil(seconds))
    if wait > LONGEST_ADVISED_WAIT:
        return "Ask again then, or add the key of another provider."
    longer = " and a deadline= beyond that" if wait >= USUAL_DEADLINE else ""
    return f"Pass wait={wait}{longer} to wait for it, or add the key of another provider."


def _remedy(providers: Sequence[Provider], skipped: Sequence[Skipped]) -> str:
    lasting = [each.reason for each in skipped if each.until == FOREVER]
    if any(reason.startswith(Kind.AUTH) for reason in lasting):
        return "A key was refused: put the right one in its place and start anew, or add another provider's."
    if any(reason.startswith("the database") for reason in lasting):
        return "What has limits is counted before it is sent, and that cannot be done: see the reason below."
    if any(reason.startswith("too large") for reason in lasting):
        return "Make the prompt shorter or max_tokens smaller, or add a provider with larger limits."
    whole = {provider.name for provider in providers}
    if any(each.name not in whole for each in skipped):
        return (
            "Change what only, exclude, private or the request itself demands, or add a model that can do it."
        )
    return (
        "Set a key, such as GROQ_API_KEY, in the environment or in .env; or start Ollama (`ollama serve`); "
        "or see a race without either: `racer demo`."
    )


def _in(seconds: float) -> str:
    if seconds < 120:
        return f"{max(1, round(seconds))} s from now"
    if seconds < 7200:
        return f"{round(seconds / 60)} min from now"
    if seconds < 48 * 3600:
        return f"{round(seconds / 3600)} h from now"
    return f"{round(seconds / 86400)} days from now"
