"""Simulated providers for the commands to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.racer.cli.simulators import home_of, simulating

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from racer.sim import Simulator

PROFILE = """
length = 6
[providers.quick]
models = ["m"]
[providers.slow]
models = ["m"]
first_token = 30
[providers.broken]
models = ["m"]
faults = [{ kind = "500" }]
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """sim-quick answers at once, sim-slow not while a test runs, sim-broken with status 500."""
    with simulating(PROFILE) as running:
        yield running


@pytest.fixture
def home(simulator: Simulator, tmp_path: Path) -> Path:
    """A folder whose racer.toml knows the simulator's providers, and nobody else who answers."""
    return home_of(simulator, tmp_path)
