"""Counts before and after they were corrected, in words."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from racer.cli import usage_words
from racer.core.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from racer.accounts.gauge import Gauge

INDENT = 2


class Change(NamedTuple):
    """A limit before and after. `after` is None where nothing is known of it any more."""

    before: Gauge
    after: Gauge | None

    @property
    def changed(self) -> bool:
        before, after = self.before, self.after
        return after is None or before.used != after.used or before.row.limit != after.row.limit


def page(changes: Sequence[Change], name: str) -> Group:
    """The limits that are another now, by account and model."""
    changed = [change for change in changes if change.changed]
    if not changed:
        return Group(Text(f"nothing to change: it is so already for {one_line(name)}", overflow="fold"))
    parts: list[RenderableType] = []
    for place, of_place in groupby(changed, key=lambda change: usage_words.place(change.before.row)):
        parts.append(Text(one_line(place), "bold", overflow="fold"))
        for change in of_place:
            parts += [_indented(line, 1 + (number > 0)) for number, line in enumerate(lines(change))]
    return Group(*parts)


def _indented(line: str, steps: int) -> Padding:
    return Padding(Text(line, overflow="fold"), (0, 0, 0, INDENT * steps), expand=False)


def lines(change: Change) -> list[str]:
    """What was used and is; then what else there is to know."""
    before, after = change
    limit = usage_words.limit((after or before).row)
    if after is None:
        return [f"{limit}: {usage_words.figure(before.used)} used before, forgotten now"]
    figures = [usage_words.figure(value) for value in (before.used, after.used, after.left)]
    said = [f"{limit}: {figures[0]} used before, {figures[1]} now, {figures[2]} left"]
    if before.row.limit != after.row.limit:
        said.append(f"the limit was {usage_words.figure(before.row.limit)} before, as the provider had told")
    if after.held > 0:
        said.append(f"{usage_words.figure(after.held)} held by running processes, which may still use them")
    return said


def refusal(gauge: Gauge, used: float) -> str:
    """Why a count cannot be `used`."""
    row = gauge.row
    name = f"{usage_words.place(row)}, {usage_words.limit(row)}"
    if gauge.expired:
        return f"{name}: it has expired, so nothing of it can be used"
    return f"USED: found {used:.15g}; allowed for {name}: 0 to {usage_words.figure(row.limit)}"
