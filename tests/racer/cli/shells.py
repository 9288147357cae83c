"""Shells for tests: streams in memory, that may say they are a terminal, and commands in real processes."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from racer.cli.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = (sys.executable, "-m", "racer")


class Terminal(io.StringIO):
    """Text in memory that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        return


def shell_of(
    *,
    stdin: io.StringIO | None = None,
    stdout: io.StringIO | None = None,
    stderr: io.StringIO | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Shell:
    """Pipes where nothing else is given; a person at the keyboard who types nothing."""
    return Shell(
        stdin=Terminal() if stdin is None else stdin,
        stdout=io.StringIO() if stdout is None else stdout,
        stderr=io.StringIO() if stderr is None else stderr,
        environ={} if environ is None else environ,
        cwd=Path() if cwd is None else cwd,
    )


def text_of(stream: object) -> str:
    """What was written to a stream of `shell_of`."""
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def clean_environ(home: Path, **more: str) -> dict[str, str]:
    """An environment for a process of its own: where Python and racer are, and nothing of the user's."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm-256color", **more}
