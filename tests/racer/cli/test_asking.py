"""A question on its way: told as it comes, whole, by a schema; watched, broken off, interrupted."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from racer.cli.asking import Troubles
from racer.cli.main import main
from racer.core.facts import Fact, QuotaExhausted, QuotaReset, StoreHealed, StoreTroubled
from tests.racer.cli.shells import COMMAND, Gone, Terminal, clean_environ, shell_of, text_of
from tests.racer.cli.simulators import home_of, simulating
from tests.racer.cli.terminal import run_in_terminal, screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from racer.cli.shell import Shell
    from racer.sim import Simulator

HI = ["ask", "hi"]
STAGE = """
length = 30
answer = "same"
[providers.even]
models = ["m"]
[providers.slow]
models = ["m"]
first_token = 30
[providers.cut]
models = ["m"]
rate = 50
faults = [{ kind = "cut", tokens = 5, how = "end" }]
[providers.stuck]
models = ["m"]
faults = [{ kind = "cut", tokens = 5, how = "hang" }]
[providers.drip]
models = ["m"]
rate = 20
[providers.json]
models = ["m"]
"""
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ONE_SCREEN = {"TERM": "xterm", "COLUMNS": "100"}


def shell_in(home: Path, **streams: Any) -> Shell:
    return shell_of(cwd=home, **streams)


@pytest.fixture(scope="module")
def stage() -> Iterator[Simulator]:
    """sim-even answers at once, sim-slow never; sim-cut ends after five tokens, sim-stuck halts there."""
    with simulating(STAGE) as running:
        yield running


@pytest.fixture
def theatre(stage: Simulator, tmp_path: Path) -> Path:
    """As `home`, with these providers."""
    return home_of(stage, tmp_path)


@pytest.fixture
def whole(theatre: Path) -> str:
    """What every provider of the stage says, if it comes to its end."""
    shell = shell_in(theatre)
    assert main([*HI, "--no-stream", "--only", "sim-even"], shell) == 0
    return text_of(shell.stdout)


# ---------------------------------------------------------------- as it comes, and whole


def test_what_comes_in_pieces_is_the_whole_answer(theatre: Path, whole: str) -> None:
    """To the last character, with one line end."""
    shell = shell_in(theatre)

    assert main([*HI, "--only", "sim-even,sim-slow"], shell) == 0
    assert text_of(shell.stdout) == whole
    assert text_of(shell.stderr) == ""


def test_an_answer_that_breaks_off_stays_as_far_as_it_came(theatre: Path, whole: str) -> None:
    """Exit code 1, its line ended, the reason on stderr with what to type next."""
    shell = shell_in(theatre)

    assert main([*HI, "--only", "sim-cut,sim-slow"], shell) == 1
    out, err = text_of(shell.stdout), text_of(shell.stderr)
    assert out.endswith("\n")
    assert 1 < len(out) < len(whole)
    assert whole.startswith(out[:-1])
    assert err.startswith(f"racer: the stream broke off after {len(out) - 1} characters. Pass --resume to ")
    assert "\n  sim-cut/m: truncated: " in err


def test_another_lane_goes_on_where_it_broke_off(theatre: Path, whole: str) -> None:
    """Nothing is repeated or lost, and people are told of the seam."""
    shell = shell_in(theatre, stderr=Terminal())

    assert (
        main([*HI, "--only", "sim-cut,sim-even", "--lanes", "1", "--prefer", "sim-cut", "--resume"], shell)
        == 0
    )
    assert text_of(shell.stdout) == whole
    assert "sim-even/m won in " in text_of(shell.stderr)
    assert ": it went on where another broke off, behind " in text_of(shell.stderr)


@pytest.mark.parametrize("flags", [["--no-stream"], ["--no-stream", "--resume"]])
def test_a_whole_answer_never_breaks_off(flags: list[str], theatre: Path, whole: str) -> None:
    """Nothing was printed of the lane that failed; --resume has nothing to do."""
    shell = shell_in(theatre)

    assert (
        main([*HI, "--only", "sim-cut,sim-even", "--lanes", "1", "--prefer", "sim-cut", *flags], shell) == 0
    )
    assert text_of(shell.stdout) == whole


def test_a_schema_prints_the_value_alone(theatre: Path) -> None:
    """On one line into a pipe, with indents on a terminal, among the rest with --json."""
    (theatre / "n.json").write_text(json.dumps(SCHEMA))
    ask = [*HI, "--only", "sim-json", "--schema", "n.json"]
    pipe, terminal, document = shell_in(theatre), shell_in(theatre, stdout=Terminal()), shell_in(theatre)

    assert (main(ask, pipe), main(ask, terminal), main([*ask, "--json"], document)) == (0, 0, 0)
    assert re.fullmatch(r'\{"n": -?\d+\}\n', text_of(pipe.stdout))
    assert re.fullmatch(r'\{\n  "n": -?\d+\n\}\n', text_of(terminal.stdout))
    assert json.loads(text_of(document.stdout))["parsed"] == json.loads(text_of(pipe.stdout))


def test_an_answer_that_does_not_fit_says_where(theatre: Path) -> None:
    """Exit code 1, and nothing on stdout; of options that only Python has nothing is said."""
    (theatre / "n.json").write_text(json.dumps(SCHEMA))
    shell = shell_in(theatre)

    assert main([*HI, "--only", "sim-even", "--schema", "n.json", "--max-tokens", "1"], shell) == 1
    assert text_of(shell.stdout) == ""
    assert "sim-even/m: invalid: cut off in mid-JSON" in text_of(shell.stderr)
    assert "valid=" not in text_of(shell.stderr)


# ---------------------------------------------------------------- watched


def test_watch_shows_lanes_and_leaves_a_table(home: Path) -> None:
    """On stderr: what happened when, then a row a lane, with reasons; the answer alone on stdout."""
    shell = shell_in(home)

    assert main([*HI, "--watch", "--lanes", "2", "--prefer", "sim-broken,sim-slow"], shell) == 0

    told = text_of(shell.stderr)
    assert "  sim-slow/m  started\n" in told
    assert "  sim-quick/m  first token\n" in told
    assert "  sim-quick/m  won\n" in told
    assert "\nlane " in told
    assert "\n  sim-broken/m: server 500: " in told
    assert "won in" not in told
    assert text_of(shell.stdout).count("\n") == 1


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_on_one_terminal_the_picture_ends_where_the_answer_begins(
    term: str, theatre: Path, whole: str
) -> None:
    """Lanes, answer, table, one under the other, and no line of one within another."""
    both = Terminal()
    shell = shell_in(theatre, stdout=both, stderr=both, environ={**ONE_SCREEN, "TERM": term})

    assert main([*HI, "--only", "sim-even,sim-slow", "--watch"], shell) == 0
    lines = screen(text_of(both))
    at = lines.index(whole.strip())
    table = next(number for number, line in enumerate(lines) if line.startswith("lane "))
    assert lines[0].startswith("race: policy all, 2 lanes")
    assert lines[at - 1] == lines[at + 1] == ""
    assert at + 2 == table
    assert lines[table + 1].split()[:2] == ["sim-even/m", "won"]
    assert not any("sim-" in line for line in lines[at - 1 : table])
    assert [line for line in lines if "won in" in line] == []


def test_the_picture_goes_on_where_the_answer_goes_elsewhere(theatre: Path, whole: str) -> None:
    """Into a file: the last frame knows who has won."""
    shell = shell_in(theatre, stderr=Terminal(), environ=ONE_SCREEN)

    assert main([*HI, "--only", "sim-even,sim-slow", "--watch"], shell) == 0
    assert text_of(shell.stdout) == whole
    assert any(line.startswith("✓ sim-even/m") for line in screen(text_of(shell.stderr)))


def test_a_broken_answer_is_followed_by_its_table(theatre: Path) -> None:
    """Then the error, behind an empty line."""
    both = Terminal()
    shell = shell_in(theatre, stdout=both, stderr=both, environ=ONE_SCREEN)

    assert main([*HI, "--only", "sim-cut", "--watch"], shell) == 1
    lines = screen(text_of(both))
    error = next(at for at, line in enumerate(lines) if line.startswith("racer: the stream broke off"))
    assert lines[error - 1] == ""
    table = "\n".join(lines[:error])
    assert "  sim-cut/m: truncated" in table[table.index("failed\n") :]


# ---------------------------------------------------------------- troubles of the database


def _foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()


BROKEN: list[tuple[Callable[[Path], None], str]] = [
    (Path.mkdir, "cannot be opened"),
    (_foreign, "is not racer's"),
]


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("flags", [[], ["--json"], ["--watch"]])
@pytest.mark.parametrize(("make", "says"), BROKEN)
def test_a_broken_database_is_told_beside_the_answer(
    make: Callable[[Path], None], says: str, flags: list[str], stream: type[io.StringIO], home: Path
) -> None:
    """The reason once, then what it cost; the answer comes all the same, and stdout holds nothing else."""
    make(home / "broken.db")
    environ = {"RACER_DB": str(home / "broken.db"), "TERM": "xterm", "COLUMNS": "400"}
    shell = shell_in(home, stderr=stream(), environ=environ)

    assert main([*HI, "--only", "sim-quick", *flags], shell) == 0
    told = [line for line in screen(text_of(shell.stderr)) if line.startswith("racer: ")]
    assert told[0].startswith(f"racer: the database {home}/broken.db {says}")
    assert re.fullmatch(r"racer: \d+ records? lost", " ".join(told[1:]))
    assert text_of(shell.stdout).count("\n") == 1
    assert "--json" not in flags or json.loads(text_of(shell.stdout))["provider"] == "sim-quick"


TROUBLES: list[tuple[list[Fact], list[str]]] = [
    ([StoreTroubled("full", 0), StoreHealed(1.0), StoreTroubled("full", 0)], ["racer: full"]),
    ([StoreTroubled("full", 0), StoreTroubled("gone", 2)], ["racer: full", "racer: gone; 2 records lost"]),
    ([StoreTroubled("full", 0), StoreTroubled("full", 1)], ["racer: full", "racer: 1 record lost"]),
    ([StoreTroubled("\x1b[31mno\nroom\x07", 0)], ["racer: no room"]),
    ([QuotaExhausted("m", 10.0, None, foreseen=True), QuotaReset("m", 10.0)], []),
]


@pytest.mark.parametrize(("facts", "lines"), TROUBLES)
def test_troubles_are_told_once(facts: list[Fact], lines: list[str]) -> None:
    """Each reason on one line, without control characters; what heals and what limits do is not told."""
    shell = shell_of()
    troubles = Troubles(shell.say)
    for fact in facts:
        troubles(fact)

    assert text_of(shell.stderr).splitlines() == lines


def test_troubles_that_nobody_reads_stop_no_race() -> None:
    """An answer is not lost because stderr is closed."""
    shell = shell_of(stderr=Gone())

    Troubles(shell.say)(StoreTroubled("full", 0))

    assert text_of(shell.stderr) == ""


# ---------------------------------------------------------------- real processes


def test_a_process_keeps_its_streams_apart(home: Path) -> None:
    """The whole way: stdin to the question, the answer alone on stdout, no escape code anywhere."""
    done = subprocess.run(
        [*COMMAND, "ask", "--watch", "Sum up:"],
        input="a long text\n",
        env=clean_environ(home, FORCE_COLOR="1"),
        cwd=home,
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert "sim-quick/m  won" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("columns", "more"),
    [
        (80, {}),
        (40, {}),
        (80, {"NO_COLOR": "1"}),
        (80, {"TERM": "dumb"}),
        (80, {"PYTHONIOENCODING": "ascii"}),
        (1, {}),
    ],
)
def test_any_terminal_will_do(columns: int, more: dict[str, str], home: Path) -> None:
    """Narrow, without colours, without a cursor, without Unicode: the race is won and the answer is there."""
    done = run_in_terminal(
        [*COMMAND, "ask", "--watch", "hi"], env=clean_environ(home, **more), cwd=home, columns=columns
    )

    assert done.code == 0
    assert "Traceback" not in done.text
    assert columns == 1 or "sim-quick" in done.text
    assert ("\x1b[1;32m" in done.raw) is (not {"NO_COLOR", "TERM"} & set(more))
    assert "TERM" not in more or "\x1b" not in done.raw
    assert "PYTHONIOENCODING" not in more or done.raw.isascii()


def test_ctrl_c_ends_a_race(home: Path) -> None:
    """Exit code 130, without a traceback, as soon as it is pressed: here before the first token."""
    with subprocess.Popen(
        [*COMMAND, "ask", "--watch", "--only", "sim-slow", "hi"],
        env=clean_environ(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline(), process.stderr.readline()]
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert lines[1].endswith("sim-slow/m  started\n")
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_a_reader_that_leaves_ends_it_quietly(home: Path) -> None:
    """`racer ask … | true`: exit code 141, no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "ask", "hi"],
        env=clean_environ(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("flags", [[], ["--no-stream"], ["--json"], ["--watch"]], ids=" ".join)
def test_a_reader_that_leaves_before_the_first_word_ends_it(flags: list[str], theatre: Path) -> None:
    """Nobody waits for an answer that would come much later."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, *HI, "--only", "sim-slow", *flags],
        env=clean_environ(theatre),
        cwd=theatre,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=25,
        text=True,
    )
    os.close(writing)

    assert done.returncode == 141
    assert done.stderr == "" or "--watch" in flags


def test_a_reader_that_leaves_in_the_midst_stops_the_lane(stage: Simulator, theatre: Path) -> None:
    """As `head -c 1`: it ends quietly, and the provider is not read out."""
    before = stage.counters().providers["drip"].dropped
    with subprocess.Popen(
        [*COMMAND, "ask", "--only", "sim-drip", "hi"],
        env=clean_environ(theatre),
        cwd=theatre,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=20)

    assert (process.returncode, said) == (141, b"")
    wait_for(lambda: stage.counters().providers["drip"].dropped == before + 1)


def wait_for(fact: Callable[[], bool]) -> None:
    """What another thread is about to see."""
    patience = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < patience
        time.sleep(0.005)


def test_ctrl_c_in_mid_answer_stops_the_lane(stage: Simulator, theatre: Path) -> None:
    """Exit code 130; what came stays, and the provider sees its client leave at once."""
    before = stage.counters().providers["stuck"].dropped
    with subprocess.Popen(
        [*COMMAND, "ask", "--only", "sim-stuck", "hi"],
        env=clean_environ(theatre),
        cwd=theatre,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        begun = process.stdout.read(1)
        pressed = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (130, "")
    assert (begun + out).strip()
    assert not out.endswith("\n")
    wait_for(lambda: stage.counters().providers["stuck"].dropped == before + 1)
    last = stage.counters().providers["stuck"].last_drop_at
    assert last is not None
    assert pressed < last < pressed + 5


@pytest.mark.parametrize("flags", [[], ["--watch"]])
def test_ctrl_c_leaves_a_terminal_in_order(flags: list[str], theatre: Path, whole: str) -> None:
    """The cursor is visible and on a line of its own, and the last word is ours."""
    word = whole.split()[0].encode()
    done = run_in_terminal(
        [*COMMAND, "ask", "--only", "sim-stuck", *flags, "hi"],
        env=clean_environ(theatre),
        cwd=theatre,
        interrupted_at=word,
    )

    assert done.code == 130
    assert done.lines[-3:] == ["", "racer: interrupted", ""]
    assert done.lines[-4].startswith(word.decode())
    assert done.raw.count("\x1b[?25l") == done.raw.count("\x1b[?25h") == len(flags)
    assert "Traceback" not in done.text
