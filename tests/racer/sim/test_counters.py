"""Counting what happened: nothing is lost, nothing is counted twice."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from racer.sim.counters import Counts, Outcome, Tally, Visit, totals

EVENTS: st.SearchStrategy[Outcome | Literal["reset"] | None] = st.sampled_from(
    ["completed", "refused", "failed", "dropped", "reset", None]
)


def visit(n: int = 1) -> Visit:
    return Visit(n, "a", "POST", "/v1/chat/completions", {}, started_at=float(n))


def balanced(counts: Counts) -> bool:
    ended = counts.completed + counts.refused + counts.failed + counts.dropped
    return counts.started == ended + counts.open


def test_one_question_from_start_to_end() -> None:
    """It is open in between, and leaves by its outcome."""
    tally, one = Tally(), visit()
    tally.start(one)
    assert (tally.counts().open, tally.counts().completed) == (1, 0)

    tally.end(one, "completed", 5.0)

    counts = tally.counts()
    assert (counts.started, counts.open, counts.peak, counts.completed) == (1, 0, 1, 1)
    assert (one.outcome, one.ended_at) == ("completed", 5.0)


def test_the_last_drop_is_remembered() -> None:
    """Its instant, and only of drops."""
    tally, one, two = Tally(), visit(1), visit(2)
    for each in (one, two):
        tally.start(each)

    tally.end(one, "dropped", 3.0)
    tally.end(two, "completed", 4.0)

    assert tally.counts().last_drop_at == 3.0


def test_statuses_faults_tokens_and_pages() -> None:
    """Each is counted by its own name."""
    tally, one = Tally(), visit()
    tally.start(one)
    tally.strike(one, "429")
    tally.status(one, 429)
    tally.answer(3, 5)
    tally.page(visit(2))

    counts = tally.counts()

    assert counts.faults == {"429": 1}
    assert counts.requests_by_status == {"429": 1}
    assert (counts.input_tokens, counts.output_tokens, counts.pages) == (3, 5, 1)
    assert (one.fault, one.status) == ("429", 429)


def test_a_reset_keeps_what_is_open() -> None:
    """What began before counts as started, so that the sum stays right."""
    tally, one, two = Tally(), visit(1), visit(2)
    for each in (one, two):
        tally.start(each)
    tally.end(one, "dropped", 3.0)

    tally.reset()

    counts = tally.counts()
    assert (counts.started, counts.open, counts.dropped, counts.last_drop_at) == (1, 1, 0, None)
    tally.end(two, "completed", 4.0)
    assert balanced(tally.counts())


def test_only_the_last_visits_are_kept() -> None:
    """Memory does not grow with the number of requests."""
    tally = Tally(keep=2)
    for n in range(5):
        tally.page(visit(n))

    assert [one.serial for one in tally.visits] == [3, 4]


@given(st.lists(EVENTS, max_size=40))
def test_the_sum_is_right_at_any_instant(events: list[Outcome | Literal["reset"] | None]) -> None:
    """started = completed + refused + failed + dropped + open, whatever comes; None leaves one open."""
    tally = Tally()
    for n, event in enumerate(events):
        if event == "reset":
            tally.reset()
            continue
        one = visit(n)
        tally.start(one)
        assert balanced(tally.counts())
        if event is not None:
            tally.end(one, event, float(n))
        assert balanced(tally.counts())


def test_totals_sum_the_providers() -> None:
    """Numbers and maps are added; the last drop is the latest of all."""
    first = Counts(started=2, dropped=1, open=1, faults={"500": 1}, last_drop_at=3.0)
    second = Counts(started=1, completed=1, faults={"500": 2, "hang": 1}, requests_by_status={"200": 1})

    both = totals([first, second])

    assert (both.started, both.completed, both.dropped, both.open) == (3, 1, 1, 1)
    assert both.faults == {"500": 3, "hang": 1}
    assert both.requests_by_status == {"200": 1}
    assert both.last_drop_at == 3.0
    assert totals([]) == Counts()


def test_every_counter_is_documented() -> None:
    """The page of the simulator names each field."""
    page = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text("utf-8")

    assert [field.name for field in fields(Counts) if f"`{field.name}`" not in page] == []
