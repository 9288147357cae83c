"""What the plots draw: no more than the eye can use, and nothing that changes the picture."""

from __future__ import annotations

import pytest

from racer.bench.drawn import MOST_CROSSES, MOST_DOTS, MOST_RACES, drawn, spread
from tests.racer.bench.documents import Lane, bench


def test_every_answer_has_its_dot() -> None:
    """Where they are few."""
    document = bench()
    found = drawn(document)

    assert len(found["answers"]) == sum(row["answered"] for row in document["rows"])
    assert len(found["races"]) == 60
    assert {each["of"] for each in found["answers"]} == set(range(len(document["rows"])))


def test_warm_ups_and_calls_that_were_not_sent_are_not_drawn() -> None:
    """They are in no figure either."""
    document = bench(policies=())
    document["samples"][0]["round"] = -1
    document["samples"][1]["outcome"] = "kept_out"
    before = drawn(bench(policies=()))
    found = drawn(document)

    assert len(found["answers"] + found["failures"]) == len(before["answers"] + before["failures"]) - 2


def test_of_many_answers_the_spread_stays() -> None:
    """Each lane keeps its fastest and its slowest, and what is between at even steps."""
    document = bench((Lane("a/b", 1.0), Lane("a/c", 2.0, 1.0)), MOST_DOTS, ("one",))
    found = drawn(document)
    lane = [sample["took"] for sample in document["samples"] if sample["contender"] == "a/b"]
    dots = [dot["took"] for dot in found["answers"] if dot["of"] == 0]

    assert len(found["answers"]) <= MOST_DOTS
    assert (min(dots), max(dots)) == (min(lane), max(lane))
    assert sorted(dots)[len(dots) // 2] == pytest.approx(sorted(lane)[len(lane) // 2], rel=0.01)
    assert len(found["failures"]) == MOST_CROSSES
    assert len(found["races"]) == MOST_RACES


def test_who_is_in_no_row_is_not_drawn() -> None:
    """A document that was changed by hand makes no page fail."""
    document = bench(policies=())
    document["rows"] = document["rows"][:1]

    assert {each["of"] for each in drawn(document)["answers"]} == {0}


@pytest.mark.parametrize(("count", "most"), [(5, 5), (6, 5), (1000, 7), (8, 7)])
def test_steps_are_even(count: int, most: int) -> None:
    """The first and the last are kept, and nothing comes twice."""
    found = spread(range(count), most)

    assert len(found) == min(count, most)
    assert (found[0], found[-1]) == (0, count - 1)
    assert len(set(found)) == len(found)
