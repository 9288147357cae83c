"""`racer bench --replay`: what it prints and writes, and every way to have nothing to replay."""

from __future__ import annotations

import argparse
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from racer.cli import bench
from racer.cli.failure import DONE, LOST, USAGE, code_of, words_of
from racer.errors import RacerError
from tests.racer.accounts.ledgers import written
from tests.racer.bench.traces import BEGAN, put, race, seen
from tests.racer.cli.shells import Terminal, shell_of, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from racer.bench.trace import Recorded
    from racer.cli.shell import Shell

PROVIDERS = "".join(
    f'[providers.{name}]\ndialect = "openai"\nbase_url = "http://localhost:9/{name}"\nlocal = false\n'
    f'models = [{{ name = "m" }}]\npriority = {rank}\n'
    for rank, name in enumerate(("a", "b"))
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = f'[store]\nurl = "sqlite:///{tmp_path}/racer.db"\n'
    (tmp_path / "racer.toml").write_text(store + PROVIDERS)
    return tmp_path


@pytest.fixture
def shell(folder: Path) -> Shell:
    return shell_of(cwd=folder)


def races(count: int = 30) -> list[Recorded]:
    """Of `one`; the first lane is slow now and then, the second, asked when that fails, is fast."""
    return [
        race(
            number,
            *([seen("a/m", 0.25, error=None)] if number % 3 else [seen("a/m", 4.0), seen("b/m", 0.5)]),
            lanes=("a/m", "b/m"),
        )
        for number in range(count)
    ]


def record(folder: Path, found: Sequence[Recorded]) -> None:
    written(folder / "racer.db", lambda connection: put(connection, found))


def run(shell: Shell, *argv: str) -> int:
    """As the program runs it."""
    parser = argparse.ArgumentParser()
    bench.describe(parser)
    try:
        return bench.run(parser.parse_args(["--replay", *argv]), shell)
    except RacerError as error:
        shell.say(words_of(error))
        return code_of(error)


def document(shell: Shell, *argv: str) -> dict[str, Any]:
    assert run(shell, "--json", *argv) == DONE, text_of(shell.stderr)
    found: dict[str, Any] = json.loads(text_of(shell.stdout))
    return found


# ---------------------------------------------------------------- what is told


def test_each_policy_is_told_beside_what_was(folder: Path, shell: Shell) -> None:
    """A row each, what it comes to, how, and what it cannot know. Nothing is written to the database."""
    record(folder, races())
    before = (folder / "racer.db").read_bytes()

    assert run(shell) == DONE

    text = text_of(shell.stdout)
    assert text.startswith("30 races, 2027-01-15 ")
    for name in ("as it was", "all", "frugal", "one"):
        assert f"\n{name} " in text
    assert "`one` is what you had" in text
    assert "Kaplan and Meier" in text
    assert text_of(shell.stderr) == ""
    assert (folder / "racer.db").read_bytes() == before


def test_json_is_the_document(folder: Path, shell: Shell) -> None:
    """One, on stdout alone; a seed is 0 where none is given."""
    record(folder, races())

    found = document(shell)

    assert (found["racer_replay"], found["races"], found["seed"]) == (1, 30, 0)
    assert [row["name"] for row in found["rows"]] == ["as it was", "all", "frugal", "one"]
    was, everybody, _, one = found["rows"]
    assert everybody["latency"]["p95"]["value"] < was["latency"]["p95"]["value"]
    assert one["latency"]["p95"] == was["latency"]["p95"]
    assert found["recorded"] == {"one": 30}


def test_races_policies_and_seed_are_as_asked_for(folder: Path, shell: Shell) -> None:
    """The latest; in our order."""
    record(folder, races(40))

    found = document(shell, "--races", "25", "--policies", "one", "all", "--seed", "7")

    assert (found["races"], found["seed"]) == (25, 7)
    assert [row["name"] for row in found["rows"]] == ["as it was", "all", "one"]


def test_since_takes_a_date(folder: Path, shell: Shell) -> None:
    """And what comes before is not read."""
    old = [race(number, seen("a/m"), at=BEGAN - 40 * 86_400 + number) for number in range(50, 80)]
    record(folder, [*old, *races()])
    with closing(sqlite3.connect(folder / "racer.db")) as connection:
        connection.execute("UPDATE races SET at = at - ?", (BEGAN - 1_700_000_000.0,))
        connection.execute("UPDATE attempts SET at = at - ?", (BEGAN - 1_700_000_000.0,))
        connection.commit()

    assert document(shell, "--since", "2023-11-01")["races"] == 30


def test_reports_are_written_where_they_are_asked_for(folder: Path, shell: Shell) -> None:
    """The same document, and a page of it."""
    record(folder, races())

    found = document(shell, "--out", "reports/monday")

    assert json.loads((folder / "reports/monday/report.json").read_text()) == found
    assert "<html" in (folder / "reports/monday/report.html").read_text()
    assert text_of(shell.stderr) == "wrote report.json and report.html into reports/monday\n"


def test_reports_that_cannot_be_written_lose_nothing(folder: Path, shell: Shell) -> None:
    """What was reckoned is shown first."""
    record(folder, races())
    (folder / "r" / "report.html").mkdir(parents=True)

    assert run(shell, "--json", "--out", "r") == LOST
    assert json.loads(text_of(shell.stdout)) == json.loads((folder / "r/report.json").read_text())
    assert "report.html was not written: Is a directory; report.json was" in text_of(shell.stderr)


def test_a_bench_beside_does_not_change_what_was(folder: Path, shell: Shell) -> None:
    """Calls of a lane alone are none of the races, and say how it was."""
    alone = [race(number, seen("b/m", 9.0), lanes=("b/m",)) for number in range(100, 150)]
    record(folder, [*races(), *alone])

    found = document(shell)

    assert found["races"] == 30
    assert found["passed_over"] == {"one lane alone might run: nothing to decide": 50}
    assert found["rows"][0]["latency"]["p95"]["value"] < 9.0
    assert {each["lane"]: each["attempts"] for each in found["lanes"]} == {"a/m": 30, "b/m": 60}


def test_somebody_at_a_terminal_sees_how_far_it_is(folder: Path) -> None:
    """On a line that is gone at the end."""
    record(folder, races())
    shell = shell_of(cwd=folder, stderr=Terminal(), environ={"TERM": "xterm"})

    assert run(shell, "--policies", "one") == DONE

    told = text_of(shell.stderr)
    assert "replaying one: 20 of 30 races (67%)" in told
    assert told.endswith("\r\x1b[K")


# ---------------------------------------------------------------- nothing to replay


def test_without_a_database_there_is_nothing_to_replay(folder: Path, shell: Shell) -> None:
    """And none is made."""
    assert run(shell) == LOST

    assert "no race is recorded yet in " in text_of(shell.stderr)
    assert not (folder / "racer.db").exists()


def test_a_database_in_memory_remembers_nothing(tmp_path: Path) -> None:
    """It says where that was decided."""
    shell = shell_of(cwd=tmp_path, environ={"RACER_DB": ":memory:"})

    assert run(shell) == LOST

    assert "RACER_DB, store.url" in text_of(shell.stderr)


def test_an_empty_database_has_nothing_to_replay(folder: Path, shell: Shell) -> None:
    """Tables without a row."""
    record(folder, [])

    assert run(shell) == LOST

    assert "no race is recorded yet in " in text_of(shell.stderr)


def test_too_few_races_say_nothing(folder: Path, shell: Shell) -> None:
    """It tells how many there are, how many it takes, and what was passed over."""
    record(folder, [*races(12), race(12, seen(), ending="aborted")])

    assert run(shell) == LOST

    assert text_of(shell.stderr) == (
        "racer: 12 races can be replayed, and it takes 20 to say anything: go on racing, or reach further "
        "back with --since and --races\n"
        "  1 passed over: left by their caller\n"
        "  b/m: asked 4 times: 5 are needed\n"
    )


def test_lanes_that_were_hardly_asked_say_nothing(folder: Path, shell: Shell) -> None:
    """Each is named."""
    record(folder, [race(number, seen(f"p{number}/m")) for number in range(30)])

    assert run(shell) == LOST

    assert "no lane was asked often enough" in text_of(shell.stderr)
    assert "p29/m: asked 1 times" in text_of(shell.stderr)


def test_a_time_since_which_nothing_was_raced_is_said(folder: Path, shell: Shell) -> None:
    """The races are older."""
    record(folder, [race(number, seen(), at=1_600_000_000.0 + number) for number in range(30)])

    assert run(shell, "--since", "2026-01-01") == LOST

    assert "no race is recorded since 2026-01-01" in text_of(shell.stderr)


def test_a_database_of_a_newer_racer_is_left_alone(folder: Path, shell: Shell) -> None:
    """As by every command."""
    record(folder, races())
    with closing(sqlite3.connect(folder / "racer.db")) as connection:
        connection.execute("PRAGMA user_version = 999")

    assert run(shell) == LOST

    assert "newer racer" in text_of(shell.stderr)


# ---------------------------------------------------------------- wrong


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--since", "2099-01-01"], "--since: found '2099-01-01'"),
        (["--since", "yesterday"], "--since: found 'yesterday'"),
        (["--races", "0"], "--races is 0: use a whole number from 1"),
        (["--policies", "fast"], "--policies has 'fast'"),
        (["--policies", "none"], "--policies names nobody to replay"),
        (["--prompts", "x.txt"], "--prompts is about what is sent: --replay sends nothing"),
        (["--max-tokens", "5"], "--max-tokens is about what is sent"),
        (["--dry-run"], "--dry-run is about what is sent"),
        (["--out", "taken/there"], "--out "),
    ],
)
def test_what_nobody_can_do_is_said_at_once(folder: Path, shell: Shell, argv: list[str], words: str) -> None:
    """With exit code 2, and what is allowed."""
    record(folder, races())
    (folder / "taken").write_text("a file")

    assert run(shell, *argv) == USAGE

    assert words in text_of(shell.stderr)
    assert text_of(shell.stdout) == ""


def test_a_time_to_come_is_wrong_also_where_nothing_is_recorded(shell: Shell) -> None:
    """Whoever writes it has mistyped."""
    assert run(shell, "--since", "2099-01-01") == USAGE
