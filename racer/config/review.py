"""The review of the user's file: single keys by the schema, rows as a whole, all problems in one error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from racer.config import rows
from racer.config.check import check
from racer.config.composition import merged
from racer.config.lines import line_of
from racer.config.schema import FILE
from racer.errors import ConfigError

if TYPE_CHECKING:
    from racer.config.check import Problem
    from racer.config.kinds import Table
    from racer.config.providers import Row


def review(
    tables: Mapping[str, Any], catalogue: Mapping[str, Row], file: str, text: str, kind: Table = FILE
) -> None:
    """Raises ConfigError where anything is wrong with `tables`, read from `text` in `file`."""
    found = check(tables, kind)
    found += _row_problems(tables.get("providers"), catalogue, found)
    if found:
        placed = sorted(
            ((line_of(text, problem.path) or 0, problem) for problem in found), key=lambda pair: pair[0]
        )
        raise ConfigError(*(_told(problem, file, line) for line, problem in placed))


def _row_problems(
    changes: object, catalogue: Mapping[str, Row], found: Sequence[Problem]
) -> Iterator[Problem]:
    """Rows are looked at as a whole only where every single key of theirs is right."""
    if not isinstance(changes, Mapping):
        return
    wrong = {problem.path[:2] for problem in found}
    for name, row in cast("Mapping[str, Row]", changes).items():
        if ("providers", name) not in wrong:
            yield from rows.problems(name, merged(catalogue.get(name, {}), row), tuple(catalogue))


def _told(problem: Problem, file: str, line: int) -> str:
    """One problem in one line for people; line 0 is one that was not found."""
    return f"{file}:{line}: {problem}" if line else f"{file}: {problem}"
