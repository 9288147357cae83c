"""What is said of a bench before it begins and while it runs, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.bench.contest import WARM_UP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.bench.bench import Progress
    from racer.bench.opening import Opening

MOST_NAMES = 6


def announcement(opening: Opening, *, dry: bool) -> list[str]:
    """Who takes part and what it will send, before it does: a line each."""
    contest, spending = opening.contest, opening.contest.announced
    terms, alone = contest.terms, sum(spending.lanes.values())
    rounds = f"{terms.rounds} round{_s(terms.rounds)}" + (" and a warm-up" if terms.warm_up else "")
    races = spending.total - alone
    sent = f"{'would send' if dry else 'sends'} {_requests(spending.total)}"
    return [
        f"bench: {len(contest.entrants)} lane{_s(len(contest.entrants))}, {rounds}",
        f"  {sent}: {alone:,} to lanes alone" + (f", {races:,} in races" if races else ""),
        *_races(opening),
        *(f"  {name}: {most:,} at most" for name, most in spending.providers.items()),
        *(f"  {each}" for each in (*opening.waits, *opening.notes)),
    ]


def _races(opening: Opening) -> list[str]:
    policies, width = opening.contest.announced.policies, opening.contest.width
    each = ", ".join(f"{name} {count:,}" for name, count in policies.items())
    return [f"  races of up to {width} lane{_s(width)}: {each}"] if policies else []


def _requests(count: int) -> str:
    return f"{count:,} request{_s(count)}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


# ---------------------------------------------------------------- while it runs


def stage(progress: Progress) -> str:
    if progress.number == WARM_UP:
        return "warm-up"
    if progress.number >= progress.rounds:
        return "last races"
    return f"round {progress.number + 1} of {progress.rounds}"


def spent(progress: Progress) -> str:
    return f"{progress.sent:,} of {progress.announced:,} requests"


def at_work(progress: Progress) -> str:
    """Who is asked, and who is waited for."""
    asked = [name for name in progress.asked if name not in progress.waiting]
    parts = [f"asking {_some(asked)}"] if asked else []
    if progress.waiting:
        parts.append(f"waiting to ask {_some(progress.waiting)}")
    return "; ".join(parts)


def line(progress: Progress) -> str:
    parts = (stage(progress), spent(progress), at_work(progress))
    return f"bench: {', '.join(filter(None, parts))}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:MOST_NAMES])} and {more} more"
