"""`racer why`: which race is meant, what is told of it, and every way to fail."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from racer.cli.main import main
from racer.core.facts import LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Ending
from racer.core.tax import Tax
from racer.core.view import Due, Why
from racer.store.records import write
from racer.store.schema import MIGRATIONS
from tests.racer.accounts.ledgers import NOW, put_old_race, written
from tests.racer.cli.facts import WHOLE, A, B
from tests.racer.cli.shells import COMMAND, Terminal, clean_environ, shell_of, text_of
from tests.racer.cli.terminal import run_in_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from racer.cli.shell import Shell
    from racer.core.facts import Fact

SKIPPED = (("a/x", "cannot do tools\x1b[2J"), ("b", "no key: set B_KEY"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "racer.toml").write_text(f'[store]\nurl = "sqlite:///{tmp_path}/racer.db"\n')
    return tmp_path


@pytest.fixture
def shell(folder: Path) -> Shell:
    return shell_of(cwd=folder)


def won(folder: Path) -> Path:
    """One race, called r1: a/m fails, c/m takes its place and wins, b/m is stopped."""
    return written(folder / "racer.db", lambda connection: write(connection, 1, _seen(WHOLE, NOW)))


def several(folder: Path) -> Path:
    """aa1 and aa2 were won by nobody, bb1 runs; it is the last."""
    facts: list[tuple[float, Fact]] = []
    for ago, name in ((30.0, "aa1"), (20.0, "aa2"), (10.0, "bb1")):
        facts.append((NOW - ago, RaceStarted(name, "all", 4, 60.0, (A, B), SKIPPED)))
    for name in ("aa1", "aa2"):
        facts.append((NOW, RaceEnded(name, Ending.EXHAUSTED, 0.5, 0)))
    return written(folder / "racer.db", lambda connection: write(connection, 1, facts))


def _seen(facts: tuple[Fact, ...], at: float) -> list[tuple[float, Fact]]:
    return [(at, fact) for fact in facts]


def document(shell: Shell, *argv: str) -> dict[str, Any]:
    assert main(["why", "--json", *argv], shell) == 0, text_of(shell.stderr)
    found: dict[str, Any] = json.loads(text_of(shell.stdout))
    return found


# ---------------------------------------------------------------- what is told


def test_the_last_race_is_told(folder: Path, shell: Shell) -> None:
    """Lane by lane, with the reason of the one that failed."""
    won(folder)

    assert main(["why"], shell) == 0

    text = text_of(shell.stdout)
    assert text.startswith("race r1, ")
    assert "won by c/m after 1.00 s" in text
    assert [line.split()[:2] for line in text.splitlines()[4:7]] == [
        ["a/m", "failed"],
        ["b/m", "cancelled"],
        ["c/m", "won"],
    ]
    assert "  a/m: rate 429: slow down\n" in text
    assert "d/m: not needed" in text
    assert text_of(shell.stderr) == ""


def test_a_document_has_it_all(folder: Path, shell: Shell) -> None:
    """The same names as in Python."""
    won(folder)

    found = document(shell, "r")

    assert found["race_id"] == "r1"
    assert [attempt["fate"] for attempt in found["attempts"]] == ["failed", "cancelled", "won"]
    assert found["not_started"][0]["lane"] == "d/m"


def test_the_plan_and_the_tax_come_through_the_database(folder: Path, shell: Shell) -> None:
    """As the race has told them."""
    due = (Due("b/m", 1.84, 0.4, Why.LATE),)
    facts = (
        RaceStarted("cc1", "frugal", 4, 60.0, (A, B)),
        LaneStarted("cc1", 0, A, 0.0, 0.35),
        RaceEnded("cc1", Ending.WON, 0.5, 1, A, due=due, tax=Tax(2, 1, 412, 0.25, 1.3)),
    )
    written(folder / "racer.db", lambda connection: write(connection, 1, _seen(facts, NOW)))

    found = document(shell)
    assert (found["attempts"][0]["price"], found["attempts"][0]["why"]) == (0.35, "first")
    assert found["planned"] == [{"lane": "b/m", "at": 1.84, "price": 0.4, "why": "late"}]
    assert found["tax"] == {
        "sent": 2,
        "extra_requests": 1,
        "extra_tokens": 412,
        "extra_usd": 0.25,
        "saved": 1.3,
    }

    page = shell_of(cwd=folder)
    assert main(["why"], page) == 0
    assert "a/m: first, worth 0.35 s" in text_of(page.stdout)
    assert "b/m: was to start at 1.84 s, worth 0.40 s" in text_of(page.stdout)


def test_a_race_of_an_older_racer(folder: Path, shell: Shell) -> None:
    """What it did not write down is unknown; its file stays as it is."""
    path = written(folder / "racer.db", lambda old: put_old_race(old, "old1"), migrations=MIGRATIONS[:1])
    before = path.read_bytes()

    found = document(shell)
    page = shell_of(cwd=folder)
    assert main(["why", "old"], page) == 0

    assert (found["race_id"], found["winner"], found["tax"], found["planned"]) == ("old1", "a/m", None, [])
    assert "won by a/m after 0.50 s" in text_of(page.stdout)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("argv", "expected"), [([], "bb1"), (["aa2"], "aa2"), (["b"], "bb1")])
def test_the_beginning_of_an_id_will_do(argv: list[str], expected: str, folder: Path, shell: Shell) -> None:
    """Where it is the beginning of no other."""
    several(folder)

    assert document(shell, *argv)["race_id"] == expected


def test_what_kept_a_lane_out_is_told(folder: Path, shell: Shell) -> None:
    """As it was written down with the end of the race."""
    ended = RaceEnded("cc1", Ending.EXHAUSTED, 0.5, 0, kept_out=((A.id, "used up: 5 requests a day"),))
    facts = (RaceStarted("cc1", "all", 4, 60.0, (A,)), ended)
    written(folder / "racer.db", lambda connection: write(connection, 1, _seen(facts, NOW)))

    assert document(shell)["not_started"] == [
        {"lane": "a/m", "reason": "used up: 5 requests a day", "kept_out": True}
    ]


# ---------------------------------------------------------------- what goes wrong


def test_several_that_begin_so_are_listed(folder: Path, shell: Shell) -> None:
    """With what tells them apart; exit code 2."""
    several(folder)

    assert main(["why", "aa"], shell) == 2

    head, *lines = text_of(shell.stderr).splitlines()
    assert head == "racer: several races begin with 'aa'; add to it:"
    assert [line.split(",")[0] for line in lines] == ["  aa1", "  aa2"]
    assert all(line.endswith(": exhausted") for line in lines)
    assert text_of(shell.stdout) == ""


def test_an_unknown_one_is_answered_with_the_last_ones(folder: Path, shell: Shell) -> None:
    """The newest first; exit code 2."""
    several(folder)

    assert main(["why", "zz\udcff"], shell) == 2

    head, *lines = text_of(shell.stderr).splitlines()
    assert head == "racer: no race begins with 'zz\\udcff'; the last ones:"
    assert [line.split(",")[0] for line in lines] == ["  bb1", "  aa2", "  aa1"]


def test_without_a_race_there_is_nothing_to_tell(folder: Path, shell: Shell) -> None:
    """No database is made; an empty one and one in memory say the same."""
    assert main(["why"], shell) == 2
    assert "no race is recorded yet in " in text_of(shell.stderr)
    assert [each.name for each in folder.iterdir()] == ["racer.toml"]

    written(folder / "racer.db", lambda _: None)
    assert main(["why", "aa"], shell) == 2

    inside = shell_of(cwd=folder, environ={"RACER_DB": ":memory:"})
    assert main(["why"], inside) == 2
    assert "in memory" in text_of(inside.stderr)


@pytest.mark.parametrize(
    ("statement", "says"),
    [("user_version = 999", "written by a newer racer"), ("application_id = 7", "is not racer's")],
)
def test_trouble_with_the_database_is_one_line(statement: str, says: str, folder: Path, shell: Shell) -> None:
    """Exit code 1."""
    with closing(sqlite3.connect(won(folder), isolation_level=None)) as connection:
        connection.execute(f"PRAGMA {statement}")

    assert main(["why"], shell) == 1
    assert says in text_of(shell.stderr)
    assert text_of(shell.stderr).count("\n") == 1


# ---------------------------------------------------------------- terminals


def test_a_process_in_a_pipe(folder: Path) -> None:
    """No bar, no escape code, no control character of a reason."""
    several(folder)
    done = subprocess.run(
        [*COMMAND, "why", "aa1"],
        env=clean_environ(folder, FORCE_COLOR="1"),
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "a/x: cannot do tools" in done.stdout
    assert "\x1b" not in done.stdout


def test_bars_are_for_terminals(folder: Path) -> None:
    """In colour, on stdout; the same race has none in a pipe."""
    won(folder)
    terminal, pipe = (
        shell_of(cwd=folder, stdout=stdout, environ={"TERM": "xterm-256color"})
        for stdout in (Terminal(), None)
    )

    assert main(["why"], terminal) == main(["why"], pipe) == 0

    assert "──" in text_of(terminal.stdout)
    assert "\x1b[1;32m" in text_of(terminal.stdout)
    assert not {"─", "\x1b"} & set(text_of(pipe.stdout))


@pytest.mark.parametrize(
    ("columns", "more", "bar"),
    [
        (80, {}, "─────"),
        (40, {}, "─"),
        (80, {"NO_COLOR": "1"}, "─────"),
        (80, {"TERM": "dumb"}, ""),
        (80, {"PYTHONIOENCODING": "ascii"}, "-----"),
    ],
)
def test_any_terminal_will_do(columns: int, more: dict[str, str], bar: str, folder: Path) -> None:
    """Nothing is wider than it is; bars where it can show them."""
    won(folder)
    done = run_in_terminal([*COMMAND, "why"], env=clean_environ(folder, **more), cwd=folder, columns=columns)

    assert done.code == 0
    assert max(map(len, done.lines)) <= columns
    assert bar in done.text
    assert bar or "─" not in done.text
    assert "NO_COLOR" not in more or "[32m" not in done.raw
