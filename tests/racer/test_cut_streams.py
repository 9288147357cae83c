"""Streams that die at some places of an answer, in every dialect: benchmarks/cuts.py tries every place."""

from __future__ import annotations

import pytest

from benchmarks.cuts import ENDS, dialect_cut, undisturbed
from racer_adapters import DIALECTS

pytestmark = pytest.mark.anyio

TOKENS = 80
STRIDE = 13  # no multiple of a number of ways that take turns


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_stream_that_dies_is_told_exactly_or_gone_on_with(dialect: str) -> None:
    """Without resume the text before the cut and no more; with it the whole text, whoever goes on."""
    tally = await dialect_cut(dialect, TOKENS, STRIDE)

    assert [] == tally.wrong
    assert {"broken", "whole"} <= set(tally.ends) <= set(ENDS)


async def test_a_cut_inside_a_chunk_does_not_count_the_chunk() -> None:
    """What is expected of a cut: the text of the chunks that are whole, and of no other."""
    answer = await undisturbed("openai", 40)
    first, second = (len(chunk) for chunk in answer.chunks[:2])
    one, two = answer.texts[0], answer.texts[0] + answer.texts[1]

    assert [{""}, {one}, {one}, {one, two}, {two}] == [
        answer.before(place)
        for place in (first - 9, first, first + second - 9, first + second - 1, first + second)
    ]
