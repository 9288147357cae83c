"""`racer quota`: what it changes in the database, what it prints, and every way to fail."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from racer.acquaintance import zone
from racer.cli.main import main
from racer.core.field import field_of
from racer.core.metering import meters_of
from racer.core.quota import Meter, Report, Spend, Wish
from racer.core.span import Once, slot_at
from racer.store import census
from racer.store.quotas import exchange
from racer.store.schema import MIGRATIONS, Migration
from tests.racer.accounts.ledgers import written
from tests.racer.accounts.rows import LONG_KEY
from tests.racer.cli.shells import COMMAND, clean_environ, shell_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from racer.cli.shell import Shell

ROWS = """
[store]
url = "sqlite:///racer.db"
[providers.ollama]
enabled = false
[providers.mine]
dialect = "openai"
base_url = "https://mine.test/v1"
keys = ["$MINE_KEY"]
parallel = 4
models = [{ name = "m" }]
limits = [
  { requests = 1000, per = "once" },
  { tokens = 50000, per = "once", scope = "model" },
  { usd = 5, per = "once", expires = "2020-01-01" },
]
"""
ENVIRON = {"MINE_KEY": LONG_KEY + "ab12"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a provider that has limits which no time resets, and no database yet."""
    (tmp_path / "racer.toml").write_text(ROWS)
    return tmp_path


def fresh(folder: Path) -> Shell:
    return shell_of(cwd=folder, environ=ENVIRON)


@pytest.fixture
def shell(folder: Path) -> Shell:
    return fresh(folder)


def meters(folder: Path) -> tuple[Meter, ...]:
    from racer import config

    loaded = config.load(None, environ=ENVIRON, cwd=folder)
    (lane,) = field_of(loaded.providers, {}).lanes
    return meters_of(lane, zone)


def used(
    folder: Path,
    *amounts: float,
    leased: float = 0.0,
    more: tuple[Meter, ...] = (),
    migrations: tuple[Migration, ...] = MIGRATIONS,
) -> Path:
    """So much of each limit is used, in their order, and some of the first is leased."""
    now = time.time()

    def work(connection: sqlite3.Connection) -> None:
        owner = census.enrol(connection, pid=1, boot="b", now=now)
        counted = zip((*meters(folder), *more), amounts, strict=False)
        spends = [
            Spend(meter, slot_at(meter.span, now), amount, 0.0)
            for meter, amount in counted
            if meter.span is not None and amount
        ]
        wish = Wish(meters(folder)[0], leased, 1.0)
        exchange(connection, owner, Report(tuple(spends), wishes=(wish,)), now, ())

    return written(folder / "racer.db", work, now, migrations=migrations)


def counts(folder: Path) -> dict[str, float]:
    """What is used of each meter, by its unit."""
    with closing(sqlite3.connect(folder / "racer.db")) as connection:
        select = "SELECT unit, SUM(used + outside) FROM slots JOIN meters ON id = meter GROUP BY unit"
        return dict(connection.execute(select).fetchall())


def lines_of(shell: Shell) -> list[str]:
    return [line.rstrip() for line in text_of(shell.stdout).splitlines()]


# ---------------------------------------------------------------- reset


def test_a_reset_counts_nothing_as_used(folder: Path, shell: Shell) -> None:
    """Of every limit that the name means; before and after are printed."""
    used(folder, 812, 3000, leased=7)

    assert main(["quota", "reset", "mine"], shell) == 0

    assert counts(folder) == {}
    assert lines_of(shell) == [
        "mine:MINE_KEY",
        "  1,000 requests once: 812 used before, 0 now, 993 left",
        "    7 held by running processes, which may still use them",
        "mine:MINE_KEY m",
        "  50,000 tokens once: 3,000 used before, 0 now, 50,000 left",
    ]
    assert text_of(shell.stderr) == ""


@pytest.mark.parametrize("name", ["mine/m", "mine:MINE_KEY/m"])
def test_a_reset_of_a_model_leaves_the_others(name: str, folder: Path, shell: Shell) -> None:
    """Also under the name of its lane."""
    used(folder, 812, 3000)

    assert main(["quota", "reset", name], shell) == 0

    assert counts(folder) == {"requests": 812}


def test_a_reset_of_what_was_never_used(folder: Path, shell: Shell) -> None:
    """Nothing to do, and no database is made for it."""
    assert main(["quota", "reset", "mine"], shell) == 0

    assert lines_of(shell) == ["nothing to change: it is so already for mine"]
    assert [each.name for each in folder.iterdir()] == ["racer.toml"]


def test_a_limit_that_is_not_configured_any_more_can_be_reset(folder: Path, shell: Shell) -> None:
    """It is counted as long as its window lasts; only a reset is possible."""
    old = Meter("mine#1 neurons/once", "mine", "mine:OLD", "", "neurons", "once", 10.0, Once())
    used(folder, 0, 0, 0, 0, 4, more=(old,))

    assert main(["quota", "set", "mine:OLD", "1"], shell) == 2
    assert "only a reset is possible" in text_of(shell.stderr)
    assert counts(folder) == {"neurons": 4}

    assert main(["quota", "reset", "mine:OLD"], shell) == 0
    assert counts(folder) == {}
    assert lines_of(shell)[-1] == "  10 neurons once: 4 used before, forgotten now"


# ---------------------------------------------------------------- set


def test_a_count_is_set(folder: Path, shell: Shell) -> None:
    """Of one limit, whatever was used of it; the others stay."""
    used(folder, 812, 3000)

    assert main(["quota", "set", "mine", "200", "--unit", "requests"], shell) == 0

    assert counts(folder) == {"requests": 200, "tokens": 3000}
    assert lines_of(shell)[1] == "  1,000 requests once: 812 used before, 200 now, 800 left"


def test_a_count_can_be_set_before_anything_was_used(folder: Path, shell: Shell) -> None:
    """The database is made, for its owner alone."""
    assert main(["quota", "set", "mine/m", "49999.5"], shell) == 0

    assert counts(folder) == {"tokens": 49999.5}
    assert (folder / "racer.db").stat().st_mode & 0o777 == 0o600


MISTAKES: dict[str, tuple[list[str], str]] = {
    "above the limit": (
        ["set", "mine/m", "50001"],
        "USED: found 50001; allowed for mine:MINE_KEY m, 50,000",
    ),
    "below zero": (["set", "mine/m", "-1"], "USED: found -1; allowed for"),
    "not a number": (["set", "mine/m", "nan"], "USED: found nan; allowed for"),
    "without end": (["set", "mine/m", "inf"], "USED: found inf; allowed for"),
    "expired": (["set", "mine", "1", "--unit", "usd"], "it has expired"),
    "several limits": (["set", "mine", "1"], "'mine' has 3 limits; choose one of:\n  mine:MINE_KEY --unit"),
    "an unknown name": (["set", "mien", "1"], "nothing is counted under 'mien'; known are: mine, mine/m"),
    "one to reset": (["reset", "mine:MIN_KEY"], "known are: mine:MINE_KEY, "),
    "a configuration": (["reset", "mine", "--config", "no.toml"], "no.toml: found no such file"),
}


@pytest.mark.parametrize(("argv", "says"), MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize("database", [True, False], ids=["some used", "none used"])
def test_mistakes_change_nothing(
    argv: list[str], says: str, *, database: bool, folder: Path, shell: Shell
) -> None:
    """They name the value and what is allowed; exit code 2."""
    if database:
        used(folder, 812, 3000)

    assert main(["quota", *argv], shell) == 2

    assert says in text_of(shell.stderr)
    assert text_of(shell.stdout) == ""
    assert not database or counts(folder) == {"requests": 812, "tokens": 3000}


def test_a_name_that_is_unknown_makes_no_database(folder: Path, shell: Shell) -> None:
    """Nor does anything else that is refused before it is opened."""
    assert main(["quota", "set", "mien", "1"], shell) == 2
    assert [each.name for each in folder.iterdir()] == ["racer.toml"]


@pytest.mark.parametrize("argv", [["set", "mine"], ["set", "mine", "x"], ["reset"], ["grow"]])
def test_wrong_usage_ends_with_2(argv: list[str], shell: Shell) -> None:
    """As everywhere."""
    assert main(["quota", *argv], shell) == 2
    assert text_of(shell.stderr).startswith("usage: racer quota")


def test_without_a_verb_it_explains_itself(shell: Shell) -> None:
    """On stderr: nothing was done."""
    assert main(["quota"], shell) == 2
    assert "racer quota reset groq" in text_of(shell.stderr)
    assert text_of(shell.stdout) == ""


# ---------------------------------------------------------------- the database


def test_a_database_in_memory_has_nothing_to_correct(folder: Path) -> None:
    """It ends with its process."""
    shell = shell_of(cwd=folder, environ={**ENVIRON, "RACER_DB": ":memory:"})

    assert main(["quota", "reset", "mine"], shell) == 2
    assert "the database is in memory" in text_of(shell.stderr)


@pytest.mark.parametrize("argv", [["reset", "mine"], ["set", "mine", "0", "--unit", "requests"]])
def test_the_file_of_an_older_racer_is_renewed(argv: list[str], folder: Path, shell: Shell) -> None:
    """As a race does it: with a copy from before beside it. What it had counted is what is corrected."""
    path = used(folder, 812, migrations=MIGRATIONS[:1])
    before = path.read_bytes()

    assert main(["quota", *argv], shell) == 0, text_of(shell.stderr)

    assert lines_of(shell)[1] == "  1,000 requests once: 812 used before, 0 now, 1,000 left"
    assert not counts(folder).get("requests")
    (backup,) = folder.glob("racer.db.backup-*")
    for file, version in ((path, len(MIGRATIONS)), (backup, 1)):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    assert path.read_bytes() != before


def test_a_mistake_leaves_the_file_of_an_older_racer(folder: Path, shell: Shell) -> None:
    """As it was, and without a copy: it is read first."""
    path = used(folder, 812, migrations=MIGRATIONS[:1])
    before = path.read_bytes()

    assert main(["quota", "reset", "mien"], shell) == 2

    assert path.read_bytes() == before
    assert not list(folder.glob("racer.db.backup-*"))


def broken(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize(("spoil", "says"), [(broken, "is damaged"), (newer, "written by a newer racer")])
def test_trouble_with_the_database_is_one_line(
    spoil: Callable[[Any], None], says: str, folder: Path, shell: Shell
) -> None:
    """Exit code 1; a broken one stays where it is."""
    path = used(folder, 812)
    spoil(path)
    before = path.read_bytes()

    assert main(["quota", "reset", "mine"], shell) == 1

    assert says in text_of(shell.stderr)
    assert text_of(shell.stderr).count("\n") == 1
    assert path.read_bytes() == before


@pytest.mark.real_time
def test_a_locked_database_is_told(folder: Path, shell: Shell) -> None:
    """Once it has been waited for a little."""
    path = used(folder, 812)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert main(["quota", "reset", "mine"], shell) == 1

    assert "locked by another program" in text_of(shell.stderr)
    assert counts(folder) == {"requests": 812}


def test_a_process_of_its_own(folder: Path) -> None:
    """It ends quietly, its thread with it."""
    used(folder, 812)
    done = subprocess.run(
        [*COMMAND, "quota", "reset", "mine"],
        env=clean_environ(folder, **ENVIRON),
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "812 used before, 0 now" in done.stdout
