"""An answer on stdout as it comes: as fast as its reader takes it, and nothing of ours in the midst of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self, TextIO

import anyio

from racer.core.printable import PlainFlow

if TYPE_CHECKING:
    from racer.cli.shell import Shell

# Characters. As UTF-8 they are never more than a pipe that has room takes without a wait.
AT_ONCE = 1024


class Picture(Protocol):
    """What is on stderr while the race is open, if anything is."""

    def settle(self) -> None: ...
    def say(self, text: str) -> None: ...


class Page:
    """The answer's own block: on leaving it, the last line is ended.

    As `Shell.result`, it cleans what goes to a terminal, and ends it in one line end at least. A reader
    that has gone away is told as BrokenPipeError.
    """

    def __init__(self, shell: Shell, picture: Picture | None = None) -> None:
        self._shell = shell
        self._picture = picture
        self._flow = PlainFlow() if shell.stdout.isatty() else None
        self._begun = self._ended = False
        self._last = ""
        self._kept: list[str] = []

    @property
    def _in_midline(self) -> bool:
        return self._last not in ("", "\n")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            if isinstance(error, OSError):
                return
            if error is None or isinstance(error, Exception):
                await self._end()
            elif self._in_midline and self._flow is not None:  # ctrl-C: whoever pressed it does not wait
                self._shell.lay_out("")
        finally:
            self._ended = True
            for text in self._kept:
                with suppress(OSError):
                    self.say(text)

    async def add(self, text: str) -> None:
        """Write it, once what was written before has gone."""
        await self._write(text if self._flow is None else self._flow.add(text))

    def say(self, text: str) -> None:
        """A remark on stderr; behind the answer, where it would stand in the midst of it."""
        if self._begun and not self._ended and self._shell.one_screen:
            self._kept.append(text)
        elif self._picture is not None:
            self._picture.say(text)
        else:
            self._shell.say(text)

    async def _end(self) -> None:
        if self._flow is not None:
            await self._write(self._flow.end())
        if self._in_midline:
            await self._write("\n")

    async def _write(self, text: str) -> None:
        if text and not self._begun:
            self._begin()
        for start in range(0, len(text), AT_ONCE):
            part = text[start : start + AT_ONCE]
            await _room(self._shell.stdout)
            self._shell.put(part)
            self._last = part[-1]

    def _begin(self) -> None:
        self._begun = True
        if self._picture is not None and self._shell.one_screen:
            self._picture.settle()
            self._shell.say("")


async def _room(stream: TextIO) -> None:
    """Until `stream` takes more without a wait; not at all where that cannot be told, as of a file."""
    with suppress(OSError, ValueError, NotImplementedError):
        await anyio.wait_writable(stream)
