"""What a command has around it: its streams, the environment, the folder. Tests bring their own.

Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from racer.core.printable import plain

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_DIM, _RESET = "\x1b[2m", "\x1b[0m"
_NO_CURSOR = frozenset({"", "dumb", "unknown"})


class NotWritten(OSError):
    """stdout takes no more: it is closed, or its disk is full. A reader that has left is not among these."""


class Closed(io.StringIO):
    """A stdout that was closed before we began."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "it is closed")


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
        """The process's own. Of those that were closed, stdin is empty and stderr keeps nothing."""
        stdin, stdout, stderr = (
            sys.stdin or io.StringIO(),
            sys.stdout or Closed(),
            sys.stderr or io.StringIO(),
        )
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
        self.put(text if text.endswith("\n") else f"{text}\n")

    def put(self, text: str) -> None:
        """`text` as it is, on stdout. Raises as `writing` does."""
        with self.writing():
            self.stdout.write(text)
            self.stdout.flush()

    @contextmanager
    def writing(self) -> Generator[None]:
        """Raises NotWritten for what stdout does not take, and BrokenPipeError where its reader has left."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise NotWritten(f"could not write to stdout: {error.strerror or error}") from error

    def holds(self, text: str) -> bool:
        """Can stdout show every character of it?"""
        try:
            text.encode(self.stdout.encoding or "utf-8")
        except UnicodeEncodeError:
            return False
        return True

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
        """Point every stream that takes no more at nothing, so that the exit stays quiet."""
        for stream in (self.stdout, self.stderr):
            try:
                stream.flush()
            except OSError:
                _discard(stream)


def _discard(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
