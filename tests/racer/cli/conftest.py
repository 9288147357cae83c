"""Simulated providers for the commands to ask: in a thread, because a command brings its own event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from anyio.from_thread import start_blocking_portal

from racer.cli.simulated import racer_toml
from racer.sim import Simulator, parse_profile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator(parse_profile(PROFILE, "commands"))) as running,
    ):
        yield running


@pytest.fixture
def home(simulator: Simulator, tmp_path: Path) -> Path:
    """A folder whose racer.toml knows the simulator's providers, and nobody else who answers."""
    off = "\n[providers.ollama]\nenabled = false\n"
    (tmp_path / "racer.toml").write_text(racer_toml(simulator) + "\n" + off)
    return tmp_path
