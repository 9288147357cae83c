"""Rows of a race at any width, with and without Unicode."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from racer.cli.bars import ASCII, RICH, Columns, Glyphs, axis, fitted, line, note, row
from racer.cli.track import Bar, Stage

SECONDS = st.floats(0, 200)


@st.composite
def runs(draw: st.DrawFn) -> Bar:
    """A bar as a race may have it: start, first token and end in order."""
    instants = sorted([draw(SECONDS), draw(SECONDS), draw(SECONDS)])
    spoke = draw(st.sampled_from([None, instants[1]]))
    stage = draw(st.sampled_from(Stage))
    running = stage in (Stage.WAITING, Stage.ANSWERING)
    name = draw(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=40))
    return Bar(
        name,
        instants[0],
        stage,
        spoke,
        None if running else instants[2],
        draw(st.sampled_from(["", "rate 429"])),
    )


@given(
    st.lists(runs(), min_size=1, max_size=5),
    st.integers(1, 200),
    st.sampled_from([RICH, ASCII]),
    st.floats(0, 300),
)
def test_a_row_never_is_wider_than_its_line(bars: list[Bar], width: int, glyphs: Glyphs, more: float) -> None:
    """Whatever a lane is called. Rows of a race are equally wide; below 24 cells the terminal cuts them."""
    elapsed = max([bar.end or 0.0 for bar in bars] + [bar.start for bar in bars]) + more
    columns = Columns.of(bars, width)

    rows = ["".join(piece.text for piece in row(bar, columns, glyphs, elapsed=elapsed)) for bar in bars]

    assert len({cell_len(text) for text in rows}) == 1
    if width >= 24:
        assert cell_len(rows[0]) <= width
    if glyphs is ASCII:
        assert all(text.isascii() for text in rows)


CASES = [
    (Bar("a", 0.0), 0.5, "──────────"),
    (Bar("a", 0.0), 0.375, "────────  "),
    (Bar("a", 0.0, Stage.ANSWERING, 0.25), 0.5, "─────━━━━━"),
    (Bar("a", 0.25, Stage.ANSWERING, 0.375), 0.5, "     ───━━"),
    (Bar("a", 0.0, Stage.FAILED, None, 0.125), 0.5, "──        "),
    (Bar("a", 0.125, Stage.WON, 0.25, 0.5), 1.0, " ─━━━     "),
    (Bar("a", 0.5), 0.5, "         ─"),
]


@pytest.mark.parametrize(("bar", "elapsed", "drawn"), CASES)
def test_a_line_is_thin_until_the_first_token(bar: Bar, elapsed: float, drawn: str) -> None:
    """All lanes share one time axis; a lane that has just started shows, too."""
    assert "".join(piece.text for piece in line(bar, 10, RICH, elapsed=elapsed)) == drawn


@pytest.mark.parametrize(
    ("elapsed", "end"), [(0.0, 0.25), (0.25, 0.25), (0.26, 0.5), (1.2, 1.5), (63.0, 64.0), (99.0, 99.0)]
)
def test_the_axis_grows_in_steps(elapsed: float, end: float) -> None:
    """Bars that shrank all the time would be hard to read."""
    assert axis(elapsed) == end


@pytest.mark.parametrize(
    ("text", "cells", "glyphs", "shown"),
    [
        ("groq/m", 8, RICH, "groq/m  "),
        ("groq/model", 6, RICH, "groq/…"),
        ("groq/model", 6, ASCII, "groq/~"),
        ("你好你好", 6, RICH, "你好 …"),
        ("你好", 4, ASCII, "??  "),
        ("x", 0, RICH, ""),
    ],
)
def test_texts_are_cut_to_cells(text: str, cells: int, glyphs: Glyphs, shown: str) -> None:
    """Wide characters take two cells, and no terminal has half of one."""
    assert fitted(text, cells, glyphs) == shown


def test_a_failure_says_why() -> None:
    """The word, and the reason where there is one."""
    assert note(Bar("a", 0.0, Stage.FAILED, None, 1.0, "rate 429")) == "failed: rate 429"
    assert note(Bar("a", 0.0)) == "waiting"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_usual_widths_have_room_for_everything(width: int) -> None:
    """Name, line, seconds and the stage's word, from forty columns on."""
    bar = Bar("groq/openai/gpt-oss-20b", 0.0, Stage.ANSWERING, 0.1)

    text = "".join(piece.text for piece in row(bar, Columns.of([bar], width - 1), RICH, elapsed=0.5))

    assert "groq/" in text
    assert "─" in text
    assert "━" in text
    assert " 0.50 s" in text
    assert "answering" in text
