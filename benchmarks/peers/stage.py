"""What the sections about peers share: the children, started once, and the simulators that they ask."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks.peers import environments
from benchmarks.peers.cast import entries
from benchmarks.peers.process import Child, children
from benchmarks.peers.protocol import Lane
from benchmarks.simulated import Simulated, simulator

if TYPE_CHECKING:
    from collections.abc import Iterable

PROFILES = Path(__file__).parent.parent / "profiles"


class Stage:
    """Everything is made when it is first needed, and ends with the block."""

    def __init__(self) -> None:
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    @cached_property
    def missing(self) -> dict[str, str]:
        """The environments that could not be made, and why."""
        return environments.prepare(entry.home for entry in entries())

    @cached_property
    def cast(self) -> dict[str, Child]:
        """By key, those whose environment is there."""
        there = [entry for entry in entries() if entry.home not in self.missing]
        return self._exits.enter_context(children(there))

    @cached_property
    def sim(self) -> Simulated:
        return self._exits.enter_context(simulator(str(PROFILES / "peers.toml")))

    @cached_property
    def poisons(self) -> Simulated:
        return self._exits.enter_context(simulator(str(PROFILES / "poisons.toml")))


def lanes(sim: Simulated, names: Iterable[str], limit: int | None = None) -> list[Lane]:
    return [Lane(name, f"{sim.url}/{name}/v1", limit) for name in names]


def total(sim: Simulated, what: str) -> int:
    """One counter over all providers of the simulator."""
    return int(sim.get("/sim/counters")["totals"][what])
