"""A bench on paper: how fast each contender was and how sure that is, what races gained, what went wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from racer.bench.sample import Kind
from racer.bench.words import sentences
from racer.cli.console import Prose
from racer.cli.tables import NOTHING
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from racer.bench.report import Estimate, Report, Row

NARROW = 72
UNKNOWN = "?"


def table(report: Report, *, width: int) -> Group:
    """All of it, for so many cells in a line."""
    lanes = [row for row in report.rows if row.kind is Kind.LANE]
    policies = [row for row in report.rows if row.kind is Kind.POLICY]
    parts: list[RenderableType] = [*_partial(report)]
    for title, rows in (("lanes alone", lanes), ("races", policies)):
        if rows:
            parts += [latency_table(title, rows, width=width), Text("")]
    parts += [work_table([*lanes, *policies], width=width), Text(""), Prose(legend(report), "dim")]
    for title, lines in (
        ("what that says", [*sentences(report)]),
        ("failures", failures(report.rows)),
        ("limits in headers", limits(report.rows)),
        ("notes", [one_line(note) for note in report.notes]),
    ):
        parts += _section(title, lines)
    return Group(*parts)


def _partial(report: Report) -> list[RenderableType]:
    if report.complete:
        return []
    told = f"partial: {report.stopped} when {report.rounds_done} of {report.rounds} rounds were done"
    return [Text(told, "yellow"), Text("")]


def latency_table(title: str, rows: Iterable[Row], *, width: int) -> Table:
    """The whole answer, in seconds, the fastest first. Where there is little room, without bounds of p95."""
    roomy = width >= NARROW
    made = _table(title, "p50 s", "", "p95 s", *([""] if roomy else []), "p99 s")
    for row in sorted(rows, key=_median):
        cells: list[str] = []
        for name in ("p50", "p95", "p99"):
            estimate = row.latency.get(name)
            cells.append(NOTHING if estimate is None else _seconds(estimate.value))
            if name == "p50" or (name == "p95" and roomy):
                cells.append("" if estimate is None else bounds(estimate))
        made.add_row(Text(one_line(row.name)), *cells)
    return made


def work_table(rows: Iterable[Row], *, width: int) -> Table:
    """First token, speed, how often it failed and won, what an answer took."""
    roomy = width >= NARROW
    made = _table(
        "",
        "first token" if roomy else "first",
        "tokens/s" if roomy else "tok/s",
        "failed",
        "won",
        "req/answer" if roomy else "req",
    )
    for row in rows:
        first = row.first_token.get("p50")
        speed = row.tokens_per_second
        made.add_row(
            Text(one_line(row.name)),
            NOTHING if first is None else f"{_seconds(first.value)} s",
            NOTHING if speed is None else f"{speed.value:.0f}",
            percent(row.error_rate),
            percent(row.win_rate),
            NOTHING if row.requests_per_answer is None else f"{row.requests_per_answer:.2f}",
        )
    return made


def legend(report: Report) -> str:
    sure = f"{100 * report.confidence:.0f} %"
    return (
        f"Behind p50 and p95: where the true ones lie; all of these bounds hold together with {sure} "
        f"confidence, and {UNKNOWN} is where the rounds are too few to say. First token: p50. Failed: of the "
        "calls or races that ran. Won: of the races that it ran in."
    )


def failures(rows: Iterable[Row]) -> list[str]:
    """By class, the most frequent first."""
    told: list[str] = []
    for row in rows:
        counts = Counter(row.failures)
        if counts:
            each = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.most_common())
            told.append(f"{one_line(row.name)}: {each} (of {row.asked - row.kept_out})")
    return told


def limits(rows: Iterable[Row]) -> list[str]:
    return [f"{one_line(row.name)}: {'; '.join(map(one_line, row.limits))}" for row in rows if row.limits]


def bounds(estimate: Estimate) -> str:
    if estimate.low is None and estimate.high is None:
        return UNKNOWN
    low, high = (UNKNOWN if end is None else _seconds(end) for end in (estimate.low, estimate.high))
    return f"{low}–{high}"


def percent(share: float | None) -> str:
    """Never 0 % or 100 % for what is a little more or less."""
    if share is None:
        return NOTHING
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _median(row: Row) -> float:
    return row.latency["p50"].value if row.latency else float("inf")


def _table(first: str, *rest: str) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column(first, overflow="fold")
    for name in rest:
        made.add_column(name, no_wrap=True, justify="right" if name else "left")
    return made


def _section(title: str, lines: Sequence[str]) -> list[RenderableType]:
    if not lines:
        return []
    rows = Table.grid(padding=(0, 1, 0, 0))
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    for line in lines:
        rows.add_row(" ", Prose(line))
    return [Text(f"\n{title}", "bold"), rows]
