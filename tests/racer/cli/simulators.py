"""A simulator for tests of commands: in a thread, because a command brings its own event loop."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from anyio.from_thread import start_blocking_portal

from racer.cli.simulated import racer_toml
from racer.sim import Simulator, parse_profile

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def simulating(profile: str) -> Generator[Simulator]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator(parse_profile(profile, "commands"))) as running,
    ):
        yield running


def home_of(simulator: Simulator, folder: Path) -> Path:
    """`folder`, with a racer.toml that knows the simulator's providers, and nobody else who answers."""
    off = "\n[providers.ollama]\nenabled = false\n"
    (folder / "racer.toml").write_text(racer_toml(simulator) + "\n" + off)
    return folder
