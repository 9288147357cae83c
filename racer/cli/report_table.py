"""A report of `racer doctor` on paper: a row an account, every trouble with its way out, the house."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from racer.accounts.diagnosis import Standing, Verdict
from racer.cli.card_words import unset_words
from racer.cli.house import Level
from racer.cli.tables import NARROW, NOTHING, seconds
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from racer.cli.checkup import Finding
    from racer.cli.house import Note
    from racer.cli.report import Report

STYLES = {Standing.GOOD: "green", Standing.PASSING: "yellow", Standing.BROKEN: "red", Standing.ABSENT: "dim"}
UNSET = frozenset({Verdict.NO_KEY, Verdict.NO_ADDRESS})
LEVELS = {Level.FINE: "green", Level.NOTE: "", Level.WARNING: "yellow", Level.PROBLEM: "red"}


def report_page(report: Report, *, width: int, now: datetime) -> Group:
    parts: list[RenderableType] = []
    if report.called:
        parts += [called_table(report.called, width=width), Text("")]
    for finding in report.troubles():
        parts += [trouble(finding, now=now), Text("")]
    if usual := usual_lines(report.usual()):
        parts += [Text("\n".join(usual), overflow="fold"), Text("")]
    return Group(*parts, house_table(report.house), Text(""), Text(summary(report)))


def called_table(findings: Iterable[Finding], *, width: int) -> Table:
    """One row an account. Where there is little room, without its model."""
    roomy = width >= NARROW
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("account", overflow="fold")
    if roomy:
        table.add_column("model", overflow="fold")
    table.add_column("result", overflow="fold")
    table.add_column("time", no_wrap=True, justify="right")
    for each in findings:
        verdict = each.diagnosis.verdict
        time = NOTHING if verdict is Verdict.NOT_CALLED else seconds(each.latency)
        table.add_row(
            Text(label(each)),
            *([Text(one_line(each.model))] if roomy else []),
            Text(verdict, STYLES[each.diagnosis.standing]),
            time,
        )
    return table


def label(finding: Finding) -> str:
    """An account by its name and the end of its key."""
    return f"{finding.name} {finding.hint}" if finding.hint else finding.name


def trouble(finding: Finding, *, now: datetime) -> Group:
    """What is wrong with it, what that means, what to do, and where."""
    found = finding.diagnosis
    page = finding.provider.console if found.standing is not Standing.PASSING else ""
    rows = [
        ("until", "" if found.wait is None else when(found.wait, now)),
        ("why", one_line(found.reason)),
        ("do", one_line(found.step)),
        ("page", page),
    ]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for head, text in rows:
        if text:
            table.add_row(Text(head, "dim"), Text(text))
    title = Text.assemble((label(finding), "bold"), "  ", (str(found.verdict), STYLES[found.standing]))
    return Group(title, Padding(table, (0, 0, 0, 2), expand=False))


def when(seconds_from_now: float, now: datetime) -> str:
    """An instant as people say it: 14:32 (in 12 min); with the day where it is another one."""
    then = now + timedelta(seconds=seconds_from_now)
    form = (
        "%H:%M:%S" if seconds_from_now < 120 else "%H:%M" if then.date() == now.date() else "%Y-%m-%d %H:%M"
    )
    return f"{then.strftime(form)} (in {span(seconds_from_now)})"


def span(length: float) -> str:
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if length >= 2 * unit:
            return f"{round(length / unit)} {name}"
    return f"{max(1, round(length))} s"


def usual_lines(findings: Sequence[Finding]) -> list[str]:
    """A server that is away, a key of a service that has ended; what is not set up takes a line together."""
    told = [each for each in findings if each.diagnosis.verdict is Verdict.AWAY or _has_old_key(each)]
    lines = [f"{each.name}: {one_line(each.diagnosis.reason)} ({each.diagnosis.step})" for each in told]
    unset = [(each.name, each.missing) for each in findings if each.diagnosis.verdict in UNSET]
    return [*lines, f"not set up: {unset_words(unset)}"] if unset else lines


def _has_old_key(finding: Finding) -> bool:
    return finding.diagnosis.verdict is Verdict.RETIRED and finding.has_key


def house_table(notes: Iterable[Note]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for note in notes:
        step = f"; {note.step}" if note.step else ""
        table.add_row(Text(note.level, LEVELS[note.level]), Text(one_line(note.text) + step, overflow="fold"))
    return table


def summary(report: Report) -> str:
    """The last line: how many work, and whether anything has to be done."""
    if not report.called:
        return "No account is set up: `racer init` tells which keys are worth having; or start Ollama."
    if all(each.diagnosis.verdict is Verdict.NOT_CALLED for each in report.called):
        return f"{_accounts(len(report.called))} would be called. Nobody was."
    verb = "works" if 1 in (report.working, len(report.called)) else "work"
    text = f"{report.working} of {_accounts(len(report.called))} {verb}."
    return text if report.healthy else f"{text} What is not in order stands above, with what to do."


def _accounts(count: int) -> str:
    return f"{count} account{'' if count == 1 else 's'}"
