"""Whoever reads stdout may leave before anything is on it: then nobody waits for the race any more."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

import anyio

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def read_along(stream: TextIO) -> Generator[None]:
    """Stop the block as soon as the reader of `stream` has left, and raise BrokenPipeError.

    Of a pipe alone: that a terminal or a file has no reader cannot be told, nor on some systems that a pipe
    has none. There the next word that is written tells it.
    """
    pipe = _pipe(stream)
    if pipe is None:
        yield
        return
    loop = asyncio.get_running_loop()
    with anyio.CancelScope() as scope:

        def noticed() -> None:
            loop.remove_reader(pipe)  # what is noticed once is noticed again and again
            if _is_left(pipe):
                scope.cancel()

        with suppress(OSError, NotImplementedError):
            loop.add_reader(pipe, noticed)  # the end that is written to has nothing to read but its end
        try:
            yield
        finally:
            with suppress(NotImplementedError):
                loop.remove_reader(pipe)
    if scope.cancelled_caught:
        raise BrokenPipeError


def _pipe(stream: TextIO) -> int | None:
    with suppress(OSError, ValueError):
        descriptor = stream.fileno()
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return descriptor
    return None


def _is_left(pipe: int) -> bool:
    """Not where it only has something to read, as a pipe that was opened for both has."""
    import select

    poll = select.poll()
    poll.register(pipe, 0)
    return bool(poll.poll(0))
