"""A replay on paper: each policy beside what was, what that says, how it was reckoned, what it misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from racer.bench.hindsight import LIMITS, METHOD, recorded_policies, seconds, sentences
from racer.bench.report import SHARES
from racer.cli.console import Prose
from racer.cli.tables import NARROW, NOTHING
from racer.cli.usage_words import past
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rich.console import RenderableType

    from racer.bench.hindsight import Hindsight, Row
    from racer.bench.report import Estimate

INDENT = 2


def replay_page(found: Hindsight, *, width: int, now: datetime | None = None) -> Group:
    """`now` gives the zone of times; without it, the machine's."""
    parts: list[RenderableType] = [Prose(headline(found, now or _local(found.began)), "bold"), Text("")]
    parts += [_table(found.rows, width=width), Text("")]
    parts += [Prose(sentence) for sentence in sentences(found)]
    parts += _part("left out", [*_lanes(found), *_races(found)])
    gone = [f"{one_line(lane)}: not configured any more; {limits}" for lane, limits in found.gone.items()]
    parts += _part("replayed all the same", gone)
    parts += _part("how", METHOD)
    parts += _part("what it cannot know", LIMITS)
    return Group(*parts)


def headline(found: Hindsight, now: datetime) -> str:
    """Which races, and with which policies they were run."""
    had = ", ".join(
        name if len(recorded_policies(found.trace)) == 1 else f"{name} {count:,}"
        for name, count in recorded_policies(found.trace).most_common()
    )
    span = f"{past(found.since, now)} to {past(found.until, now)}"
    return f"{len(found.trace.races):,} races, {span}, run with {one_line(had)}; nothing was sent"


def _local(at: float) -> datetime:
    from datetime import datetime

    return datetime.fromtimestamp(at).astimezone()


def _table(rows: Iterable[Row], *, width: int) -> Table:
    """Where there is little room, without bounds and without what local lanes take no part in."""
    roomy = width >= NARROW
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("policy", overflow="fold")
    counts = ("failed", "requests", "an answer", "metered") if roomy else ("failed", "an answer")
    for name in (*SHARES, *counts):
        table.add_column(name, no_wrap=True, justify="right")
    for row in rows:
        times = [_time(row.latency.get(share)) for share in SHARES]
        asked = NOTHING if row.requests_per_answer is None else f"{row.requests_per_answer:.2f}"
        failed = f"{row.races - row.answered:,}"
        many = [failed, f"{row.requests:,}", asked, f"{row.metered:,}"] if roomy else [failed, asked]
        table.add_row(Text(row.name), *times, *many)
        if roomy and row.latency:
            table.add_row("", *(Text(_bounds(row.latency[share]), "dim") for share in SHARES), *[""] * 4)
    return table


def _time(estimate: Estimate | None) -> str:
    return NOTHING if estimate is None else seconds(estimate.value)


def _bounds(estimate: Estimate) -> str:
    """What is not known has no number."""
    low, high = (("?" if end is None else f"{end:.2f}") for end in (estimate.low, estimate.high))
    return f"{low}–{high}"


def _lanes(found: Hindsight) -> list[str]:
    return [f"{one_line(lane)}: {why}" for lane, why in found.trace.left_out]


def _races(found: Hindsight) -> list[str]:
    return [
        f"{count:,} race{'' if count == 1 else 's'}: {reason}"
        for reason, count in found.trace.passed_over.items()
    ]


def _part(head: str, lines: Iterable[str]) -> list[RenderableType]:
    told = [Padding(Prose(line), (0, 0, 0, INDENT)) for line in lines]
    return [Text(f"\n{head}", "bold"), *told] if told else []
