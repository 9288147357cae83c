"""Streams: results apart from the rest, nothing coloured into a pipe, no noise when a reader has gone."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from racer.cli.shell import NotWritten
from tests.racer.cli.shells import Terminal, clean_environ, shell_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

COLOURED = "\x1b[31mred\x1b[0m"


@pytest.mark.parametrize(("stream", "written"), [(io.StringIO(), COLOURED), (Terminal(), "red")])
def test_a_result_is_cleaned_for_a_terminal_alone(stream: io.StringIO, written: str) -> None:
    """A program gets every byte; a terminal gets no control character."""
    shell_of(stdout=stream).result(COLOURED)

    assert stream.getvalue() == f"{written}\n"


@pytest.mark.parametrize("text", ["one line", "one line\n"])
def test_a_result_ends_in_one_line_end(text: str) -> None:
    """A line end is added where there is none."""
    shell = shell_of()

    shell.result(text)

    assert text_of(shell.stdout) == "one line\n"
    assert text_of(shell.stderr) == ""


def test_what_is_said_goes_to_stderr() -> None:
    """Everything that is no result leaves stdout alone, and is clean wherever it goes."""
    shell = shell_of()

    shell.say(f"racer: {COLOURED}")

    assert text_of(shell.stdout) == ""
    assert text_of(shell.stderr) == "racer: red\n"


@pytest.mark.parametrize(
    ("stream", "environ", "written"),
    [
        (io.StringIO(), {"TERM": "xterm"}, ""),
        (Terminal(), {"TERM": "xterm"}, "\x1b[2mwho won\x1b[0m\n"),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, "who won\n"),
        (Terminal(), {"TERM": "dumb"}, "who won\n"),
        (Terminal(), {}, "who won\n"),
    ],
)
def test_an_aside_is_for_people(stream: io.StringIO, environ: dict[str, str], written: str) -> None:
    """It is dim where that is possible and wanted, and not there at all in a pipe."""
    shell_of(stderr=stream, environ=environ).aside("who won")

    assert stream.getvalue() == written


@pytest.mark.parametrize(
    ("stream", "term", "moves"),
    [
        (io.StringIO(), "xterm", False),
        (Terminal(), "xterm", True),
        (Terminal(), "DUMB", False),
        (Terminal(), "unknown", False),
        (Terminal(), "", False),
    ],
)
def test_only_a_real_terminal_is_drawn_on(stream: io.StringIO, term: str, *, moves: bool) -> None:
    """A pipe and a dumb terminal get lines."""
    assert shell_of(stderr=stream, environ={"TERM": term}).moves_cursor is moves


@pytest.mark.parametrize("stdout", [io.StringIO(), Terminal()])
@pytest.mark.parametrize("stderr", [io.StringIO(), Terminal()])
def test_two_terminals_are_one_screen(stdout: io.StringIO, stderr: io.StringIO) -> None:
    """What is redirected meets nothing."""
    both = isinstance(stdout, Terminal) and isinstance(stderr, Terminal)

    assert shell_of(stdout=stdout, stderr=stderr).one_screen is both


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(28, "No space left on device"), NotWritten),
        (OSError("odd"), NotWritten),
        (BrokenPipeError(), BrokenPipeError),
    ],
)
def test_what_stdout_does_not_take_is_told_apart(error: OSError, raised: type[OSError]) -> None:
    """A full disk is one thing, a reader that has left another."""

    class Unwilling(io.StringIO):
        def flush(self) -> None:
            raise error

    with pytest.raises(raised) as caught:
        shell_of(stdout=Unwilling()).put("a")
    if raised is NotWritten:
        assert str(caught.value) == f"could not write to stdout: {error.strerror or error}"


@pytest.mark.parametrize(
    ("encoding", "text", "held"),
    [("utf-8", "ü→", True), ("ascii", "ü", False), ("utf-8", "\ud800", False), ("ascii", "u", True)],
)
def test_an_encoding_holds_what_it_can_write(encoding: str, text: str, *, held: bool) -> None:
    """Half a character cannot be written anywhere."""
    shell = shell_of()
    stdout = io.TextIOWrapper(io.BytesIO(), encoding=encoding)

    assert type(shell)(shell.stdin, stdout, shell.stderr, {}, shell.cwd).holds(text) is held


def test_a_reader_that_left_is_forgotten() -> None:
    """After hanging up, what is still in the buffer goes nowhere, and says nothing about it."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        shell = shell_of()
        stream.write("nobody reads this")
        type(shell)(shell.stdin, stream, shell.stderr, {}, shell.cwd).hang_up()
        stream.flush()


WRITES = (
    "from racer.cli.shell import Shell; s = Shell.of_process(); s.say(repr(s.stdin.read())); s.result('ü→')"
)


@pytest.mark.parametrize(
    ("redirection", "encoding", "out", "err"),
    [
        ("</dev/null", "utf-8", "ü→\n".encode(), b"''\n"),
        ("</dev/null", "ascii", b"??\n", b"''\n"),
        ("</dev/null 2>&-", "utf-8", "ü→\n".encode(), b""),
    ],
)
def test_any_streams_will_do(redirection: str, encoding: str, out: bytes, err: bytes, tmp_path: Path) -> None:
    """A stream that is closed, or cannot show a character, is no reason to fail."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -c "$1" {redirection}', sys.executable, WRITES],
        env=clean_environ(tmp_path, PYTHONIOENCODING=encoding),
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, out, err)


def test_what_is_written_to_a_closed_stdout_is_not_lost_in_silence(tmp_path: Path) -> None:
    """A script that begins with >&- has made a mistake, and is told."""
    done = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1" <&- >&-', sys.executable, WRITES],
        env=clean_environ(tmp_path),
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("''\n")
    assert done.stderr.endswith("NotWritten: could not write to stdout: it is closed\n")
