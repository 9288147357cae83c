"""A reader of stdout that leaves before anything was written, and everything that is no such thing."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.lowlevel import checkpoint

from racer.cli.reader import read_along

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from typing import TextIO

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="that a pipe has no reader is not told there"),
]
ENOUGH = 20  # turns of the loop, in each of which it looks at its files


@pytest.fixture
def pipe() -> Generator[tuple[int, TextIO]]:
    """The end to read from, for the test to close, and the other."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        yield reading, stream


async def turns() -> None:
    for _ in range(ENOUGH):
        await checkpoint()


@pytest.mark.parametrize("before", [True, False])
async def test_a_block_that_nobody_waits_for_is_stopped(pipe: tuple[int, TextIO], *, before: bool) -> None:
    """Whether the reader leaves before it begins or in the midst of it."""
    reading, stream = pipe
    if before:
        os.close(reading)

    async def work() -> None:
        with read_along(stream):
            await checkpoint()
            if not before:
                os.close(reading)
            await anyio.sleep_forever()

    with pytest.raises(BrokenPipeError):
        await work()


async def test_a_block_that_has_ended_stays_so(pipe: tuple[int, TextIO]) -> None:
    """What happens to the reader behind it is no matter of its own."""
    reading, stream = pipe
    with read_along(stream):
        await turns()
    os.close(reading)

    await turns()


async def test_an_error_of_the_block_is_its_own(pipe: tuple[int, TextIO]) -> None:
    """Nothing is put in its place."""
    reading, stream = pipe
    with pytest.raises(ZeroDivisionError), read_along(stream):
        raise ZeroDivisionError
    os.close(reading)


async def test_while_it_is_watched_it_can_be_waited_for(pipe: tuple[int, TextIO]) -> None:
    """A full pipe has room again once it is read from."""
    reading, stream = pipe
    os.set_blocking(stream.fileno(), False)
    with suppress(BlockingIOError):
        while True:
            os.write(stream.fileno(), bytes(4096))

    async def wait() -> None:
        await anyio.wait_writable(stream)

    with read_along(stream), anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await turns()
            os.read(reading, 1_000_000)
    os.close(reading)


async def test_what_has_something_to_read_is_not_left(tmp_path: Path) -> None:
    """A pipe that was opened for both directions, as a shell does with <>."""
    os.mkfifo(tmp_path / "both")
    with os.fdopen(os.open(tmp_path / "both", os.O_RDWR), "w") as stream, read_along(stream):
        os.write(stream.fileno(), b"read me")
        await turns()


@pytest.mark.parametrize("kind", ["memory", "file", "closed"])
async def test_what_is_no_pipe_has_no_reader_that_leaves(kind: str, tmp_path: Path) -> None:
    """Nothing is watched then."""
    with (tmp_path / "out").open("w") as file:
        stream = io.StringIO() if kind == "memory" else file
        if kind == "closed":
            stream.close()
        with read_along(stream):
            await turns()
