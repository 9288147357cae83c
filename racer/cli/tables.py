"""Tables at the end: the lanes of one race, what the providers did, two policies side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from racer.cli.bars import STYLES
from racer.cli.tally import middle
from racer.cli.track import Stage
from racer.core.heat import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from racer.cli.tally import Tally, Use
    from racer.cli.track import Bar

NARROW = 72
NOTHING = "-"


def lanes_table(bars: Sequence[Bar], *, width: int) -> Group:
    """One row a lane, and under them why each that failed did, and who went on for another."""
    roomy = width >= NARROW
    table = _table("lane", "outcome", *(["start"] if roomy else []), "first", "end")
    for bar in bars:
        start = [seconds(bar.start)] if roomy else []
        table.add_row(
            Text(bar.lane),
            Text(bar.stage.value, STYLES[bar.stage]),
            *start,
            seconds(bar.first_token),
            seconds(bar.end),
        )
    failed = [f"{bar.lane}: {bar.reason}" for bar in bars if bar.stage is Stage.FAILED]
    resumed = [bar for bar in bars if bar.behind is not None and bar.stage is not Stage.LOST]
    went_on = [f"{bar.lane}: behind {bar.behind:,} characters" for bar in resumed]
    return Group(table, *_notes("failed", failed), *_notes("went on where another broke off", went_on))


def usage_table(uses: Iterable[Use], *, width: int) -> Group:
    """One row a provider, and under them the reasons of the failures, the most frequent first."""
    roomy = width >= NARROW
    wide = ("provider", "requests", "won", "lost", "failed", "tokens", "first token", "answer")
    table = _table(*(wide if roomy else ("provider", "req", "won", "failed", "answer")))
    reasons: list[str] = []
    for use in uses:
        table.add_row(Text(use.provider), *_cells(use, roomy=roomy))
        reasons += [f"{use.provider}: {why} ({count})" for why, count in use.failures.most_common()]
    return Group(table, *_notes("failed", reasons))


def _cells(use: Use, *, roomy: bool) -> list[str]:
    won, failed = str(use.outcomes[Outcome.WON]), str(use.outcomes[Outcome.FAILED])
    answer = seconds(middle(use.answers))
    if not roomy:
        return [str(use.requests), won, failed, answer]
    lost = str(use.outcomes[Outcome.LOST] + use.outcomes[Outcome.LATE])
    tokens = f"{'~' if use.estimated else ''}{use.input_tokens + use.output_tokens}"
    return [str(use.requests), won, lost, failed, tokens, seconds(middle(use.first_tokens)), answer]


def comparison_table(tallies: Mapping[str, Tally], *, width: int) -> Table:
    """One row a policy. `width` decides how much of it there is room for."""
    roomy = width >= NARROW
    table = _table(
        "policy",
        "median",
        "slowest",
        "requests" if roomy else "req",
        *(["stopped", "lost races"] if roomy else []),
    )
    for name, tally in tallies.items():
        counts = [tally.requests, tally.stopped, tally.lost] if roomy else [tally.requests]
        slowest = max(tally.races, default=None)
        table.add_row(Text(name), seconds(middle(tally.races)), seconds(slowest), *map(str, counts))
    return table


def seconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f} s"


def _table(first: str, *rest: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(first, overflow="fold")
    for name in rest:
        table.add_column(name, no_wrap=True, justify="left" if name == "outcome" else "right")
    return table


def _notes(head: str, lines: Sequence[str]) -> list[RenderableType]:
    if not lines:
        return []
    return [
        Text(f"\n{head}", "bold"),
        *(Padding(Text(line, overflow="fold"), (0, 0, 0, 2), expand=False) for line in lines),
    ]
