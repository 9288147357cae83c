"""A pretend terminal for tests: runs a command under a pseudo-terminal and shows what would be on it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)|(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shown:
    """`raw`: all that was written; `lines`: what is on the screen and above it at the end."""

    code: int
    raw: str
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def run_in_terminal(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    columns: int = 80,
    encoding: str = "utf-8",
    interrupted_at: bytes | None = None,
) -> Shown:
    """stdin, stdout and stderr are one terminal of `columns`. ctrl-C comes when `interrupted_at` shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=cwd) as process:
        os.close(theirs)
        raw = _read(ours, interrupted_at)
        if interrupted_at is not None:
            os.kill(process.pid, signal.SIGINT)
            raw += _read(ours)
    os.close(ours)
    text = raw.decode(encoding)
    return Shown(process.returncode, text, screen(text))


def _read(terminal: int, until: bytes | None = None) -> bytes:
    """Until `until` has come, or else until every writer has gone, which Linux reports as an error."""
    data = b""
    while until is None or until not in data:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            return data
        if not piece:
            return data
        data += piece
    return data


def screen(raw: str) -> list[str]:
    """The lines after every cursor movement and erasure that we use; an unknown one is an error."""
    lines = [""]
    row = column = 0
    for found in _CONTROL.finditer(raw):
        numbers, command, end, text, stray = found.groups()
        if text:
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
            column += len(text)
        elif end == "\r":
            column = 0
        elif end == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif command == "A":
            row = max(0, row - int(numbers or 1))
        elif command == "K":
            lines[row] = "" if numbers == "2" else lines[row][:column]
        elif command not in ("m", "h", "l"):
            raise AssertionError(f"the terminal does not know {found[0]!r} {stray!r}")
    return [line.rstrip() for line in lines]
