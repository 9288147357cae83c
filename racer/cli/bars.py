"""A lane's bar as pieces of text: every row of a race on one time axis, at any width. Pure.

The line is thin while a lane waits for its first token and thick once it answers, so that a picture
without colours says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from racer.cli.track import Bar, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

# Where a time axis may end, in seconds. It grows in steps, or the bars would shrink all the time.
_AXIS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
_ROOMY = 60
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Glyphs:
    marks: dict[Stage, str]
    thin: str
    thick: str
    cut: str


RICH = Glyphs(
    {
        Stage.WAITING: "·",
        Stage.ANSWERING: "›",
        Stage.WON: "✓",
        Stage.LOST: "–",
        Stage.FAILED: "✗",
        Stage.LATE: "–",
    },
    thin="─",
    thick="━",
    cut="…",
)
ASCII = Glyphs(
    {
        Stage.WAITING: ".",
        Stage.ANSWERING: ">",
        Stage.WON: "*",
        Stage.LOST: "-",
        Stage.FAILED: "x",
        Stage.LATE: "-",
    },
    thin="-",
    thick="=",
    cut="~",
)

WIDEST = 99.995  # from there on two decimals would round to a cell more

STYLES = {
    Stage.WAITING: "dim",
    Stage.ANSWERING: "cyan",
    Stage.WON: "bold green",
    Stage.LOST: "dim",
    Stage.FAILED: "red",
    Stage.LATE: "dim",
}


@dataclass(frozen=True, slots=True)
class Columns:
    """How many cells each column of a row has."""

    name: int
    line: int
    note: int
    gap: int

    @classmethod
    def of(cls, bars: Sequence[Bar], width: int) -> Columns:
        """`width` cells for: mark, name, line, seconds, note."""
        gap = 2 if width >= _ROOMY else 1
        longest = max((cell_len(bar.lane) for bar in bars), default=0)
        name = min(longest, max(width // 3, _SHORTEST))
        note = max(width // 4, len("answering")) if width >= _ROOMY else len("answering")
        line = width - (2 + name + gap + gap + len(_seconds(0)) + gap + note)
        if line < _SHORTEST:
            line, note = 0, max(0, note + line + gap)
        return cls(name, line, note, gap)


def axis(elapsed: float) -> float:
    """The end of the time axis, in seconds."""
    return next((end for end in _AXIS if elapsed <= end), elapsed)


def row(bar: Bar, columns: Columns, glyphs: Glyphs, *, elapsed: float) -> list[Piece]:
    """One lane. `elapsed`: seconds since the start of the race."""
    style = STYLES[bar.stage]
    gap = " " * columns.gap
    pieces = [
        Piece(f"{glyphs.marks[bar.stage]} ", style),
        Piece(fitted(bar.lane, columns.name, glyphs) + gap),
    ]
    if columns.line:
        pieces += [*line(bar, columns.line, glyphs, elapsed=elapsed), Piece(gap)]
    now = elapsed if bar.end is None else bar.end
    pieces.append(Piece(_seconds(now) + gap, "" if bar.stage is Stage.WON else "dim"))
    if columns.note:
        pieces.append(Piece(fitted(note(bar), columns.note, glyphs), style))
    return pieces


def line(bar: Bar, cells: int, glyphs: Glyphs, *, elapsed: float) -> list[Piece]:
    """`cells` cells of time axis: blank, thin while the lane waits, thick while it answers, blank."""
    end = elapsed if bar.end is None else bar.end
    scale = cells / axis(elapsed)
    began = min(int(bar.start * scale), cells - 1)
    ended = max(min(round(end * scale), cells), began + 1)
    spoke = ended if bar.first_token is None else max(min(round(bar.first_token * scale), ended), began)
    style = STYLES[bar.stage]
    return [
        Piece(" " * began),
        Piece(glyphs.thin * (spoke - began), "red" if bar.stage is Stage.FAILED else "dim"),
        Piece(glyphs.thick * (ended - spoke), style),
        Piece(" " * (cells - ended)),
    ]


def note(bar: Bar) -> str:
    return f"{bar.stage.value}: {bar.reason}" if bar.reason else bar.stage.value


def fitted(text: str, cells: int, glyphs: Glyphs) -> str:
    """`text` in exactly `cells` cells, its end cut away if it must be."""
    if glyphs is ASCII:
        text = text.encode("ascii", "replace").decode()
    if cell_len(text) > cells > 0:
        return set_cell_size(text, cells - 1) + glyphs.cut
    return set_cell_size(text, cells)


def _seconds(value: float) -> str:
    return f"{value:5.2f} s" if value < WIDEST else f"{value:5.0f} s"
