"""An answer on stdout as it comes: cleaned, ended, kept apart from what is on stderr, never in the way."""

from __future__ import annotations

import asyncio
import io
import os
import sys

import anyio
import pytest
from anyio.lowlevel import checkpoint

from racer.cli.answer import AT_ONCE, Page
from racer.cli.shell import Shell
from racer.errors import StreamBroken
from tests.racer.cli.shells import Gone, Terminal, shell_of, text_of

pytestmark = pytest.mark.anyio


class Watched:
    """A picture that notes what it is told, on the same stream as everything else."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def settle(self) -> None:
        self._stream.write("<settled>")

    def say(self, text: str) -> None:
        self._stream.write(f"<{text}>")


async def printed(shell: Shell, *pieces: str) -> str:
    async with Page(shell) as page:
        for piece in pieces:
            await page.add(piece)
    return text_of(shell.stdout)


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Hel", "lo"], "Hello\n"),
        (["Hello", "\n"], "Hello\n"),
        (["Hello\n\n"], "Hello\n\n"),
        (["", "\nHello"], "\nHello\n"),
        ([], ""),
        ([""], ""),
    ],
)
async def test_an_answer_ends_in_a_line_end(pieces: list[str], text: str) -> None:
    """One, where it has none of its own; no answer has no line."""
    assert await printed(shell_of(), *pieces) == text


async def test_every_piece_is_there_at_once() -> None:
    """Whoever reads along does not wait for a buffer to fill."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as reader, os.fdopen(writing, "w") as writer:
        async with Page(shell_with(writer)) as page:
            for piece in ("Hel", "lo"):
                await page.add(piece)
                assert reader.read(100) == piece.encode()


async def test_a_terminal_gets_no_control_characters() -> None:
    """Not in pieces either; a pipe gets what came."""
    pieces = ("a\x1b", "[31mb\x1b]0;ti", "tle\x07c", "\x1b[")

    assert await printed(shell_of(stdout=Terminal()), *pieces) == "abc\n"
    assert await printed(shell_of(), *pieces) == "".join(pieces) + "\n"


# ---------------------------------------------------------------- one terminal


async def test_a_picture_is_settled_before_the_first_text() -> None:
    """Once, with an empty line between."""
    both = Terminal()
    async with Page(shell_of(stdout=both, stderr=both), Watched(both)) as page:
        await page.add("")
        assert text_of(both) == ""
        await page.add("a")
        await page.add("b")

    assert text_of(both) == "<settled>\nab\n"


async def test_a_remark_stands_behind_the_answer() -> None:
    """Before it and after it, too, but not in the midst."""
    both = Terminal()
    page = Page(shell_of(stdout=both, stderr=both), Watched(both))
    async with page:
        page.say("1")
        await page.add("answer")
        page.say("2")
        await page.add("s")
    page.say("3")

    assert text_of(both) == "<1><settled>\nanswers\n<2><3>"


@pytest.mark.parametrize("streams", [(io.StringIO, Terminal), (Terminal, io.StringIO)])
async def test_streams_apart_do_not_wait_for_each_other(streams: tuple[type[io.StringIO], ...]) -> None:
    """No picture is stopped, and no remark kept."""
    out, err = (each() for each in streams)
    async with Page(shell_of(stdout=out, stderr=err), Watched(err)) as page:
        await page.add("a")
        page.say("1")
        assert text_of(err) == "<1>"


async def test_without_a_picture_remarks_are_lines() -> None:
    """On stderr; where nobody reads it, nothing is lost but them."""
    shell = shell_of()
    Page(shell).say("racer: full")
    assert text_of(shell.stderr) == "racer: full\n"

    class Deaf(Gone):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    async with Page(shell_of(stdout=terminal, stderr=Deaf())) as page:
        await page.add("a")
        page.say("racer: full")
    assert text_of(terminal) == "a\n"


# ---------------------------------------------------------------- how it ends


async def left_by(error: BaseException, shell: Shell, text: str) -> None:
    async with Page(shell) as page:
        await page.add(text)
        raise error


async def test_a_line_that_breaks_off_is_ended() -> None:
    """And what might have become an escape sequence is not waited for."""
    shell = shell_of(stdout=Terminal())
    with pytest.raises(StreamBroken):
        await left_by(StreamBroken("broke"), shell, "Hel\x1b]lo")

    assert text_of(shell.stdout) == "Hello\n"


@pytest.mark.parametrize(
    ("stream", "text", "left"),
    [
        (io.StringIO, "Hel", "Hel"),
        (Terminal, "Hel", "Hel\n"),
        (Terminal, "Hel\n", "Hel\n"),
        (Terminal, "", ""),
    ],
)
async def test_ctrl_c_leaves_a_terminal_on_a_new_line(
    stream: type[io.StringIO], text: str, left: str
) -> None:
    """A pipe is left as it is: it may be full, and nobody is to wait."""
    shell = shell_of(stdout=stream())
    with pytest.raises(asyncio.CancelledError):
        await left_by(asyncio.CancelledError(), shell, text)

    assert text_of(shell.stdout) == left


async def test_a_reader_that_has_gone_is_told() -> None:
    """Once: the line is not ended for nobody."""
    with pytest.raises(BrokenPipeError):
        async with Page(shell_of(stdout=Gone())) as page:
            await page.add("a")


# ---------------------------------------------------------------- slow readers


def shell_with(stdout: io.TextIOWrapper) -> Shell:
    shell = shell_of()
    return Shell(shell.stdin, stdout, shell.stderr, shell.environ, shell.cwd)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipe can be waited for there")
async def test_a_slow_reader_stops_nothing_else() -> None:
    """While the pipe is full, the loop turns; what is read in the end is everything."""
    text = "ü" * 200_000
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0) as reader, os.fdopen(writing, "w", encoding="utf-8") as writer:

        async def write() -> None:
            async with Page(shell_with(writer)) as page:
                await page.add(text)
            writer.close()

        data = b""
        async with anyio.create_task_group() as group:
            group.start_soon(write)
            await anyio.wait_readable(reader)
            for _ in range(100):
                await checkpoint()
            while piece := await anyio.to_thread.run_sync(reader.read, 10_000):
                data += piece

    assert data.decode() == text + "\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no pipe can be waited for there")
async def test_a_full_pipe_can_be_left() -> None:
    """ctrl-C does not wait for a reader that reads no more."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", 0), os.fdopen(writing, "w") as writer:
        page = Page(shell_with(writer))
        async with page:
            with anyio.move_on_after(0.1) as scope:
                await page.add("x" * 1_000_000)
            assert scope.cancelled_caught
            os.read(reading, 64 * AT_ONCE)
