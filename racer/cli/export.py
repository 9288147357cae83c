"""A statement of usage as a file: JSON with everything, CSV with the limits, Markdown for people."""

from __future__ import annotations

import csv
import io
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from racer.accounts.gauge import COLUMNS
from racer.cli import usage_words as words
from racer.core.printable import one_line
from racer.errors import BadRequest, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from racer.accounts.gauge import Gauge
    from racer.accounts.statement import Statement

    Writer = Callable[[Statement, datetime], str]

_FORMULAS = ("=", "+", "-", "@")


def check(path: Path) -> None:
    """Raises BadRequest where the ending of the name is that of no format."""
    if path.suffix.lower() not in FORMATS:
        allowed = f"a file whose name ends in {', '.join(FORMATS)}"
        raise BadRequest(f"--export: found {path.name!r}; allowed: {allowed}")


def export(path: Path, statement: Statement, now: datetime) -> None:
    """Write the file as its name says, over one that is there: it is replaced as a whole or not at all.

    Raises BadRequest and ConfigError.
    """
    check(path)
    text = FORMATS[path.suffix.lower()](statement, now)
    try:
        _replace(path.resolve(), text)
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(
            f"{path}: cannot be written ({why}); allowed: a file in a folder of yours"
        ) from None


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        beside.replace(path)
    except OSError:
        with suppress(FileNotFoundError, NotADirectoryError):
            beside.unlink()
        raise


# ---------------------------------------------------------------- formats


def as_json(statement: Statement, _: datetime) -> str:
    return json.dumps(statement.to_dict(), ensure_ascii=False, indent=2) + "\n"


def as_csv(statement: Statement, _: datetime) -> str:
    """The limits, a row each."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for gauge in statement.gauges:
        writer.writerow([_harmless(value) for value in gauge.to_dict().values()])
    return file.getvalue()


def _harmless(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe, which makes it a text."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def as_markdown(statement: Statement, now: datetime) -> str:
    return "\n".join(_markdown(statement, now)) + "\n"


FORMATS: Mapping[str, Writer] = {".json": as_json, ".csv": as_csv, ".md": as_markdown}


# ---------------------------------------------------------------- Markdown


def _markdown(statement: Statement, now: datetime) -> Iterator[str]:
    yield f"# Usage on {now:%Y-%m-%d %H:%M %Z}"
    head = ("account", "model", "limit", "used", "left", "resets", "remarks")
    yield from _table(head, (_limit(each, now) for each in statement.gauges))
    if statement.totals:
        rows = [(each.account, *map(words.figure, each[1:6])) for each in statement.totals]
        yield f"\n## Since {words.day(statement.since)}"
        yield from _table(("account", "calls", "won", "lost", "failed", "tokens"), rows)
    refused = [words.refused(each, now) for each in statement.unforeseen]
    yield from _tax(statement)
    yield from _list("Refused, although there seemed to be room", refused)
    yield from _list("Alerts", [words.reached(each, now) for each in statement.reached])
    yield from _forecast(statement, now)
    yield from _saved(statement)


def _tax(statement: Statement) -> Iterator[str]:
    if not statement.taxes:
        return
    yield f"\n## Race tax since {words.day(statement.since)}\n"
    yield " ".join(f"{_title(said)}." for said in words.taxed(statement.tax))
    if len(statement.taxes) > 1:
        yield from _table(words.TAX, words.tax_rows(statement.taxes))


def _list(head: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"\n## {head}\n"
        yield from (f"- {_cell(line)}" for line in lines)


def _limit(gauge: Gauge, now: datetime) -> Sequence[str]:
    row = gauge.row
    amounts = words.figure(gauge.used), words.figure(gauge.left), words.reset(gauge, now)
    return row.account, row.model, words.limit(row), *amounts, "; ".join(words.remarks(gauge))


def _forecast(statement: Statement, now: datetime) -> Iterator[str]:
    outlook = statement.outlook
    if outlook is None:
        return
    yield f"\n## {_title(words.pace(outlook))}"
    yield from _table(("account", "how long", "comes back a day"), words.outlook_rows(outlook, now))


def _saved(statement: Statement) -> Iterator[str]:
    savings = statement.savings
    if savings is None:
        return
    yield f"\n## {_title(words.saved(savings, statement.priced))}"
    yield from _table(("answers of", "tokens", "worth", "paid", "price"), words.savings_rows(savings))
    if savings.bought:
        yield f"\nNot counted, for it is paid for: {', '.join(savings.bought)}."


def _title(text: str) -> str:
    return text[0].upper() + text[1:]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield _line(head)
    yield _line(["---"] * len(head))
    yield from (_line(row) for row in rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    """Text from outside may hold what means something in Markdown."""
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
