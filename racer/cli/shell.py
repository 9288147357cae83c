"""What a command has around it: its streams, the environment, the folder. Tests bring their own.

Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from racer.cli.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIM, _RESET = "\x1b[2m", "\x1b[0m"
_NO_CURSOR = frozenset({"", "dumb", "unknown"})


@dataclass(frozen=True, slots=True)
class Shell:
    """`environ` is the process's environment as it is, without `.env`."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]
    cwd: Path

    @classmethod
    def of_process(cls) -> Shell:
        """The process's own; a stream that was closed before we began reads as empty and keeps nothing."""
        stdin, stdout, stderr = (stream or io.StringIO() for stream in (sys.stdin, sys.stdout, sys.stderr))
        for stream in (stdout, stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal without UTF-8 is no reason to fail
        return cls(stdin, stdout, stderr, os.environ, Path())

    @property
    def on_terminal(self) -> bool:
        return self.stderr.isatty()

    @property
    def one_screen(self) -> bool:
        """Do stdout and stderr meet on a terminal?"""
        return self.on_terminal and self.stdout.isatty()

    @property
    def moves_cursor(self) -> bool:
        """May stderr be drawn on, and not only written to?"""
        return self.on_terminal and self.environ.get("TERM", "").lower() not in _NO_CURSOR

    def result(self, text: str) -> None:
        """Text from outside, on stdout: as it is into a pipe, without control characters on a terminal."""
        self.lay_out(plain(text) if self.stdout.isatty() else text)

    def lay_out(self, text: str) -> None:
        """Text of our own making, colours included, on stdout."""
        self.stdout.write(text if text.endswith("\n") else f"{text}\n")
        self.stdout.flush()

    def say(self, text: str) -> None:
        """A line for people, on stderr."""
        self.stderr.write(f"{plain(text)}\n")
        self.stderr.flush()

    def aside(self, text: str) -> None:
        """What only somebody at a terminal wants to know; nothing at all elsewhere."""
        if not self.on_terminal:
            return
        coloured = self.moves_cursor and not self.environ.get("NO_COLOR")
        self.stderr.write(f"{_DIM}{plain(text)}{_RESET}\n" if coloured else f"{plain(text)}\n")
        self.stderr.flush()

    def hang_up(self) -> None:
        """Point every stream that nobody reads any more at nothing, so that the exit stays quiet."""
        for stream in (self.stdout, self.stderr):
            try:
                stream.flush()
            except BrokenPipeError:
                _discard(stream)


def _discard(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
