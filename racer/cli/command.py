"""A command as a record: its name, its line in the list, its options, its work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from racer.cli.shell import Shell


@dataclass(frozen=True, slots=True)
class Command:
    """`describe` fills the parser in; `run` does the work and gives the exit code, or raises RacerError.

    A command's file imports only what its options need; what its work needs, `run` imports itself, so
    that `racer --help` does not wait for it.
    """

    name: str
    summary: str
    describe: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Shell], int]
