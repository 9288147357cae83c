"""A statement of usage on paper: every limit, what was refused, and where asked for, forecast and savings."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from racer.cli import usage_words as words
from racer.cli.console import Prose
from racer.cli.tables import NARROW
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from racer.accounts.gauge import Gauge
    from racer.accounts.outlook import Outlook
    from racer.accounts.statement import Statement, Total
    from racer.core.savings import Savings

    Row = tuple[str, ...]

NOBODY = "No limit is known of any account that is set up: `racer providers` tells who is."
MOST_ALERTS = 20
HEAD = ("limit", "used", "left", "resets")
INDENT = 2
LEFT = frozenset({"account", "how long", "comes back a day", "answers of", "price", "policy"})


def usage_page(statement: Statement, *, width: int, now: datetime) -> Group:
    parts: list[RenderableType] = [Text(title(statement, now)), Text("")]
    parts += limits_part(statement.gauges, width=width, now=now)
    if statement.totals:
        parts += [_head(f"since {words.day(statement.since)}"), *totals_part(statement.totals, width=width)]
    if statement.taxes:
        parts += [_head(f"race tax since {words.day(statement.since)}"), *tax_part(statement, width=width)]
    parts += _notes(
        "refused, although there seemed to be room",
        [words.refused(each, now) for each in statement.unforeseen],
    )
    parts += _notes("alerts", [words.reached(each, now) for each in statement.reached])
    if statement.outlook is not None:
        parts += outlook_part(statement.outlook, width=width, now=now)
    if statement.savings is not None:
        parts += savings_part(statement.savings, statement.priced, width=width)
    return Group(*parts)


def title(statement: Statement, now: datetime) -> str:
    """The time in whose zone all others are told, and where the counts come from."""
    told = statement.database or "nothing was used yet: no database"
    return f"{now:%Y-%m-%d %H:%M %Z}, {one_line(told)}"


# ---------------------------------------------------------------- limits


def limits_part(gauges: Sequence[Gauge], *, width: int, now: datetime) -> list[RenderableType]:
    """A block for each account, and in it one for each model with limits of its own."""
    if not gauges:
        return [Text(NOBODY, overflow="fold")]
    widths = _widths([_cells(gauge, now) for gauge in gauges], width)
    parts: list[RenderableType] = [_row(HEAD, widths, "bold")] if width >= NARROW else []
    for account, of_account in groupby(gauges, key=lambda gauge: gauge.row.account):
        parts.append(Text(one_line(account), "bold", overflow="fold"))
        for model, of_model in groupby(of_account, key=lambda gauge: gauge.row.model):
            parts += [Text(f" {one_line(model)}", "dim", overflow="fold")] if model else []
            for gauge in of_model:
                parts += _limit(gauge, widths, width=width, now=now)
    return parts


def _limit(gauge: Gauge, widths: Sequence[int], *, width: int, now: datetime) -> Iterator[RenderableType]:
    """A row, or where there is little room two lines; under it what is odd about it."""
    if width >= NARROW:
        yield _row(_cells(gauge, now), widths, _style(gauge))
    else:
        yield _indented(Text(words.limit(gauge.row), overflow="fold"))
        yield _indented(Prose(words.amounts(gauge, now), _style(gauge)), 2 * INDENT)
    if said := words.remarks(gauge):
        yield _indented(Text("; ".join(said), "dim", overflow="fold"), 2 * INDENT)


def _cells(gauge: Gauge, now: datetime) -> Row:
    amounts = words.figure(gauge.used), words.figure(gauge.left)
    return words.limit(gauge.row), *amounts, words.reset(gauge, now)


def _widths(rows: Iterable[Row], width: int) -> list[int]:
    """The same for all blocks. What a limit's words lack is folded."""
    first, *others = (max(map(len, column)) for column in zip(HEAD, *rows, strict=True))
    room = width - INDENT - sum(others) - 2 * len(others)
    return [min(first, max(len(HEAD[0]), room)), *others]


def _style(gauge: Gauge) -> str:
    if gauge.left <= 0 and gauge.row.per != "flight":
        return "red"
    return "yellow" if gauge.left <= gauge.row.limit / 10 else ""


def _row(cells: Row, widths: Sequence[int], style: str) -> Padding:
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for number, size in enumerate(widths):
        table.add_column(width=size, overflow="fold", justify="right" if number in (1, 2) else "left")
    table.add_row(*(Text(cell, style) for cell in cells))
    return _indented(table)


# ---------------------------------------------------------------- the rest


def totals_part(totals: Iterable[Total], *, width: int) -> Iterator[RenderableType]:
    names = ("calls", "won", "lost", "failed", "tokens")
    rows = [(each.account, *(words.figure(value) for value in each[1:6])) for each in totals]
    if width >= NARROW:
        yield _table(("account", *names), rows)
        return
    for account, *values in rows:
        said = (f"{value} {name}" for value, name in zip(values, names, strict=True))
        yield from _lines(account, ", ".join(said))


def tax_part(statement: Statement, *, width: int) -> Iterator[RenderableType]:
    """What all races together cost and saved; then each policy, where there are several."""
    for said in words.taxed(statement.tax):
        yield _indented(Prose(said))
    if len(statement.taxes) < 2:
        return
    if width >= NARROW:
        yield _table(words.TAX, words.tax_rows(statement.taxes))
        return
    for tax in statement.taxes:
        yield from _lines(tax.policy, "; ".join(words.taxed(tax)))


def outlook_part(outlook: Outlook, *, width: int, now: datetime) -> Iterator[RenderableType]:
    yield _head(words.pace(outlook))
    rows = words.outlook_rows(outlook, now)
    if width >= NARROW and rows:
        yield _table(("account", "how long", "comes back a day"), rows)
    else:
        for account, how_long, _ in rows:
            yield from _lines(account, how_long)
    if outlook.apart:
        yield _indented(Text(f"no limit known, so not in the sum: {', '.join(outlook.apart)}"))


def savings_part(savings: Savings, priced: str, *, width: int) -> Iterator[RenderableType]:
    yield _head(words.saved(savings, priced))
    rows = words.savings_rows(savings)
    if width >= NARROW and rows:
        yield _table(("answers of", "tokens", "worth", "paid", "price"), rows)
    else:
        for model, tokens, worth, _, price in rows:
            yield from _lines(model, f"{tokens} tokens, {worth} (price: {price})")
    if savings.bought:
        told = f"not counted, for it is paid for: {', '.join(savings.bought)}"
        yield _indented(Text(told, overflow="fold"))


def _table(head: Row, rows: Iterable[Row]) -> Padding:
    """Numbers stand to the right, and are never folded."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in head:
        numbers = name not in LEFT
        table.add_column(name, no_wrap=numbers, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return _indented(table)


def _lines(name: str, text: str) -> Iterator[RenderableType]:
    """A row where there is no room for columns."""
    yield _indented(Text(one_line(name), overflow="fold"))
    yield _indented(Prose(text), 2 * INDENT)


def _head(text: str) -> Prose:
    return Prose(f"\n{text}", "bold")


def _notes(head: str, lines: Sequence[str]) -> list[RenderableType]:
    """The last of them, for they come in the order of time."""
    if not lines:
        return []
    more = [f"and {len(lines) - MOST_ALERTS} before: --json has all"] if len(lines) > MOST_ALERTS else []
    told = [*more, *lines[-MOST_ALERTS:]]
    return [_head(head), *(_indented(Prose(one_line(line))) for line in told)]


def _indented(content: RenderableType, by: int = INDENT) -> Padding:
    return Padding(content, (0, 0, 0, by), expand=False)
