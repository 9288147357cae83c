"""benchmarks/marked.py: tables, and parts of a page between marks."""

from __future__ import annotations

import pytest

from benchmarks.marked import replaced, table

PAGE = "before\n\n<!-- it: begin -->\nold\n<!-- it: end -->\n\nafter\n"


def test_a_table_has_a_head_and_rows() -> None:
    """As GitHub reads it."""
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_only_what_is_between_the_marks_is_replaced() -> None:
    """And doing it twice changes nothing."""
    once = replaced(PAGE, "it", "new")

    assert once == "before\n\n<!-- it: begin -->\nnew\n<!-- it: end -->\n\nafter\n"
    assert replaced(once, "it", "new\n") == once


@pytest.mark.parametrize("page", ["", "<!-- it: begin -->", "<!-- it: end -->", PAGE.replace("it", "other")])
def test_marks_that_are_not_there_are_an_error(page: str) -> None:
    """Rather than a page without what was measured."""
    with pytest.raises(ValueError, match="it: begin"):
        replaced(page, "it", "new")
