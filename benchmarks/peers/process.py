"""A child that races, as its parent sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import repeat
from typing import TYPE_CHECKING, Any

from benchmarks.peers.environments import ROOT, python_of
from benchmarks.peers.protocol import (
    Cancel,
    Cancelled,
    Close,
    Hello,
    Lane,
    Open,
    Order,
    Race,
    Raced,
    order_line,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from benchmarks.peers.cast import Entry


class Child:
    """A process with a peer in it. What it prints to standard error is read when it fails."""

    def __init__(self, entry: Entry, folder: str) -> None:
        self.entry = entry
        python = str(python_of(entry.home)) if entry.home else sys.executable
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the child
        self._process = subprocess.Popen(
            [python, "-m", f"benchmarks.peers.{entry.module}"],
            cwd=ROOT,
            env=_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.hello = Hello(**self._read())

    def open(self, lanes: Sequence[Lane]) -> None:
        self._told(Open(tuple(lanes), self.entry.mode))

    def race(self, order: Race) -> Raced:
        return Raced(**self._told(order))

    def cancel(self, order: Cancel) -> Cancelled:
        return Cancelled(**self._told(order))

    def close(self) -> None:
        """Told to end; killed if it does not."""
        try:
            self._say(Close())
            self._process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            if file is not None:
                with suppress(OSError):  # what was not read by one that has died
                    file.close()

    def _told(self, order: Order) -> Any:
        self._say(order)
        return self._read()

    def _say(self, order: Order) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(order_line(order))
        self._process.stdin.flush()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"{self.entry.title} has ended:\n{self._errors.read()[-2000:]}")
        return json.loads(line)


def _environment(folder: str) -> dict[str, str]:
    """Without keys, proxies and paths of ours: a peer sees a home that is empty."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {**kept, "HOME": folder, "TMPDIR": folder}


@contextmanager
def children(cast: Sequence[Entry]) -> Generator[dict[str, Child]]:
    """By key, started two at a time."""
    with ExitStack() as exits:
        folder = exits.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(Child, cast, repeat(folder)))
        for child in found:
            exits.callback(child.close)
        yield {child.entry.key: child for child in found}
