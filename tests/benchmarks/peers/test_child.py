"""benchmarks/peers: a child does what it is told; the one that is raced by hand stands for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.peers.cast import CAST, entries
from benchmarks.peers.poison import answer_of, outcome
from benchmarks.peers.process import children
from benchmarks.peers.protocol import Cancel, Race
from benchmarks.peers.stage import lanes, total
from benchmarks.simulated import Simulated, simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.peers.process import Child

PROFILE = """
name = "child"
[providers.quick]
models = ["m"]
[providers.healthy]
models = ["m"]
first_token = 0.1
[providers.empty]
models = ["m"]
faults = [{ kind = "empty_content" }]
[providers.never]
models = ["m"]
faults = [{ kind = "hang" }]
"""


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulated]:
    path = tmp_path / "child.toml"
    path.write_text(PROFILE)
    with simulator(str(path)) as made:
        yield made


@pytest.fixture
def child() -> Iterator[Child]:
    with children(entries(("by_hand:stream",))) as found:
        yield found["by_hand:stream"]


def test_a_child_races_and_counts(sim: Simulated, child: Child) -> None:
    """What it says is what the simulator has seen."""
    child.open(lanes(sim, ("quick", "healthy")))

    raced = child.race(Race(6, at_once=2))

    assert len(raced.seconds) == sum(raced.replies.values()) == 6
    assert raced.errors == {}
    assert raced.cpu > 0
    assert total(sim, "started") == 12


def test_a_lane_that_answers_badly_wins_where_nobody_looks(sim: Simulated, child: Child) -> None:
    """The race by hand has no checks; that is seen, and so would be an error."""
    well = answer_of(sim, "healthy")

    found = outcome(sim, child, "empty", well)

    assert found == {"right": 0, "wrong": 10, "none": 0, "asked": 10}


def test_callers_that_wait_in_vain_are_errors(sim: Simulated, child: Child) -> None:
    """By their class, after the patience that the order gives."""
    child.open(lanes(sim, ("never",)))

    raced = child.race(Race(2, at_once=2, patience=0.2))

    assert (raced.seconds, raced.errors) == ([], {"TimeoutError": 2})


def test_callers_that_leave_leave_no_task_of_a_race_by_hand(sim: Simulated, child: Child) -> None:
    """It cancels its tasks and waits for them."""
    child.open(lanes(sim, ("never", "never")))

    left = child.cancel(Cancel(3, 0.2, 0.1))

    assert left.tasks == 0
    assert total(sim, "open") == 0


def test_each_entry_has_a_file_of_its_own_environment() -> None:
    """Its key is unique, for figures are kept by it."""
    assert len({entry.key for entry in CAST}) == len(CAST)
