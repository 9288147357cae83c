"""`racer usage`: with a database and without, what it takes, what it writes, and every way to fail."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from racer.acquaintance import zone
from racer.cli.main import main
from racer.core.field import field_of
from racer.core.metering import meters_of
from racer.core.span import slot_at
from racer.store.meters import count, row_of
from racer.store.schema import MIGRATIONS
from tests.racer.accounts.ledgers import day, put_day, written
from tests.racer.accounts.rows import LONG_KEY
from tests.racer.cli.shells import COMMAND, clean_environ, shell_of, text_of
from tests.racer.cli.terminal import run_in_terminal

if TYPE_CHECKING:
    import sqlite3
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
models = [{ name = "m", price = [1, 3] }, { name = "a-rather-long/name-of-a-model-20b" }]
limits = [
  { requests = 1000, per = "day", reset = "00:00 UTC" },
  { tokens = 50000, per = "minute", scope = "model" },
  { usd = 5, per = "once", expires = "2100-01-01" },
]
"""
ENVIRON = {"MINE_KEY": LONG_KEY + "ab12"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a provider that has limits, and no database yet."""
    (tmp_path / "racer.toml").write_text(ROWS)
    return tmp_path


@pytest.fixture
def shell(folder: Path) -> Shell:
    return shell_of(cwd=folder, environ=ENVIRON)


def used(folder: Path, *, old: bool = False) -> Path:
    """400 requests of today's, a refusal, and calls of the last days. `old`: by one of the first racers."""
    from racer import config

    now = time.time()
    loaded = config.load(None, environ=ENVIRON, cwd=folder)
    lane = field_of(loaded.providers, {}).lanes[0]
    meter = meters_of(lane, zone)[0]

    def work(connection: sqlite3.Connection) -> None:
        assert meter.span is not None
        id_ = row_of(connection, meter, now).id
        count(connection, id_, slot_at(meter.span, now), 400.0)
        alert = "INSERT INTO alerts VALUES (?, 0, 'unforeseen', 0.4, ?, 400, 1000, NULL, 2)"
        connection.execute(alert, (id_, now - 1))
        for ago in (1, 2, 40):
            name = (datetime.now(UTC) - timedelta(days=ago)).date().isoformat()
            put_day(connection, day(name, 100 * ago, provider="mine", account="mine:MINE_KEY"))
            if old:
                continue
            tax = (name, "all", 50 * ago, 40 * ago, 100 * ago, 60 * ago, 9000 * ago, 0.0, 30.0 * ago)
            connection.execute("INSERT INTO taxes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", tax)

    return written(folder / "racer.db", work, now, migrations=MIGRATIONS[:1] if old else MIGRATIONS)


def document(shell: Shell, *argv: str) -> dict[str, Any]:
    assert main(["usage", "--json", *argv], shell) == 0, text_of(shell.stderr)
    found: dict[str, Any] = json.loads(text_of(shell.stdout))
    return found


# ---------------------------------------------------------------- without a database


def test_before_anything_is_used(shell: Shell, folder: Path) -> None:
    """The limits are those of the configuration, all of them left; no database is made."""
    assert main(["usage"], shell) == 0

    text = text_of(shell.stdout)
    assert "nothing was used yet: no database" in text
    assert "1,000 requests a day" in text
    assert "5 USD once" in text
    assert text.count("50,000 tokens a minute") == 2
    assert "since" not in text
    assert [each.name for each in folder.iterdir()] == ["racer.toml"]


def test_a_forecast_needs_no_use(shell: Shell) -> None:
    """Where the rate is given; otherwise it is said what is missing."""
    asked = document(shell, "--tokens-per-day", "1000000")["forecast"]

    assert asked["given_tokens_a_day"] == 1_000_000
    assert [line["account"] for line in asked["accounts"]] == ["mine:MINE_KEY"]
    assert asked["together"]["days"] == pytest.approx(5 / (0.75 * 1 + 0.25 * 3))


def test_savings_of_nothing(shell: Shell) -> None:
    """None, and from when the prices are."""
    saved = document(shell, "--saved")["saved"]

    assert (saved["usd"], saved["models"], saved["prices_of"]) == (0, [], "May to October 2026")


def test_a_database_in_memory_is_none(folder: Path) -> None:
    """It ends with its process."""
    shell = shell_of(cwd=folder, environ={**ENVIRON, "RACER_DB": ":memory:"})

    assert document(shell)["database"] is None


# ---------------------------------------------------------------- with one


def test_what_is_used_and_left(shell: Shell, folder: Path) -> None:
    """By account and window; with sums since a week ago, and what was refused."""
    path = used(folder)

    found = document(shell)

    assert found["database"] == str(path)
    (daily,) = (each for each in found["limits"] if each["window"] == "day")
    assert (daily["account"], daily["used"], daily["left"]) == ("mine:MINE_KEY", 400, 600)
    assert 0 < daily["resets_at"] - found["at"] <= 86_400
    assert [(each["calls"], each["won"]) for each in found["totals"]] == [(300, 150)]
    assert [each["times"] for each in found["unforeseen"]] == [2]
    assert (found["forecast"], found["saved"]) == (None, None)


def test_refusals_have_a_line(shell: Shell, folder: Path) -> None:
    """With how often, and what we had counted."""
    used(folder)

    assert main(["usage"], shell) == 0

    flat = " ".join(text_of(shell.stdout).split())
    assert "mine:MINE_KEY: 2 times, last at" in flat
    assert "when 400 of 1,000 requests a day were counted" in flat


def test_the_race_tax_has_a_line(shell: Shell, folder: Path) -> None:
    """Of what the database says since a week ago; without one there is none."""
    assert main(["usage"], shell) == 0
    assert "race tax" not in text_of(shell.stdout)
    used(folder)

    assert main(["usage"], shell) == 0

    flat = " ".join(text_of(shell.stdout).split())
    assert "180 of 300 requests (60 %) were extra, 1.50 an answer: 27,000 tokens, nothing paid" in flat
    assert "racing saved about 90 s of waiting, 0.8 s an answer" in flat


def test_since_when(shell: Shell, folder: Path) -> None:
    """Further back there is more; the rate of a forecast does not depend on it."""
    used(folder)

    found = document(shell, "--since", "60d", "--forecast")

    assert [each["calls"] for each in found["totals"]] == [4300]
    assert (found["tax"]["sent"], found["tax"]["share"], found["tax"]["saved"]) == (4300, 0.6, 1290.0)
    assert found["forecast"]["days"] == 3
    assert found["forecast"]["calls_a_day"] == pytest.approx(4300 / 3)


def test_savings_are_of_that_time(shell: Shell, folder: Path) -> None:
    """300 calls, half of which won: 112,500 tokens in and 37,500 out, at 1 and 3 dollars a million."""
    used(folder)

    saved = document(shell, "--saved")["saved"]

    assert saved["usd"] == pytest.approx(0.1125 * 1 + 0.0375 * 3)


def test_it_changes_nothing(shell: Shell, folder: Path) -> None:
    """Neither the database nor the folder."""
    before = used(folder).read_bytes()
    names = {each.name for each in folder.iterdir()}

    assert main(["usage", "--forecast", "--saved"], shell) == 0

    assert (folder / "racer.db").read_bytes() == before
    assert {each.name for each in folder.iterdir()} == names


@pytest.mark.parametrize("argv", [[], ["--json"], ["--export", "usage.md"]])
def test_the_file_of_an_older_racer_is_told_of_and_left(argv: list[str], shell: Shell, folder: Path) -> None:
    """Its counts are right, and it knows of no race tax. Nothing on the disk changes."""
    before = used(folder, old=True).read_bytes()
    names = {each.name for each in folder.iterdir()}

    assert main(["usage", *argv], shell) == 0, text_of(shell.stderr)

    told = (folder / "usage.md").read_text() if "usage.md" in argv else text_of(shell.stdout)
    assert "400" in told
    assert "race tax" not in told.lower()
    assert (folder / "racer.db").read_bytes() == before
    assert {each.name for each in folder.iterdir()} - {"usage.md"} == names


def test_the_counts_of_an_older_racer(shell: Shell, folder: Path) -> None:
    """All that there was, and a race tax of nothing."""
    used(folder, old=True)

    found = document(shell)

    (daily,) = (each for each in found["limits"] if each["window"] == "day")
    assert (daily["used"], daily["left"]) == (400, 600)
    assert [(each["calls"], each["won"]) for each in found["totals"]] == [(300, 150)]
    assert (found["tax"]["sent"], found["tax"]["by_policy"]) == (0, [])


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("ending", ["json", "csv", "md"])
def test_an_export_goes_into_a_file(ending: str, shell: Shell, folder: Path) -> None:
    """In the folder where the command runs; nothing on stdout, and a line on stderr."""
    name = f"usage.{ending}"

    assert main(["usage", "--forecast", "--saved", "--export", name], shell) == 0

    assert "mine:MINE_KEY" in (folder / name).read_text()
    assert text_of(shell.stdout) == ""
    assert text_of(shell.stderr) == f"wrote {name}\n"


def test_an_export_and_a_document(shell: Shell, folder: Path) -> None:
    """Both, where both are asked for."""
    found = document(shell, "--export", "usage.json")

    assert json.loads((folder / "usage.json").read_text()) == found


# ---------------------------------------------------------------- mistakes

MISTAKES = [
    (["--export", "usage.xls"], 2, "racer: --export: found 'usage.xls'; allowed: a file whose name ends in"),
    (["--export", "none/usage.md"], 2, "cannot be written (No such file or directory)"),
    (["--since", "yesterday"], 2, "racer: --since: found 'yesterday'; allowed: a time such as 24h"),
    (["--tokens-per-day", "0"], 2, "racer: --tokens-per-day: found 0; allowed: a number above 0"),
    (["--tokens-per-day", "nan"], 2, "--tokens-per-day: found nan"),
    (["--tokens-per-day", "many"], 2, "invalid float value"),
    (["--config", "missing.toml"], 2, "missing.toml: found no such file"),
]


@pytest.mark.parametrize(("argv", "code", "says"), MISTAKES)
def test_mistakes_are_told(argv: list[str], code: int, says: str, shell: Shell) -> None:
    """What was found and what is allowed; nothing on stdout."""
    assert main(["usage", *argv], shell) == code
    assert says in text_of(shell.stderr)
    assert text_of(shell.stdout) == ""


def test_a_database_that_is_none_is_told(shell: Shell, folder: Path) -> None:
    """Exit code 1: with which file, and what happens to it. It stays where it is."""
    (folder / "racer.db").write_bytes(b"no database " * 1000)

    assert main(["usage"], shell) == 1
    assert f"racer: the database {folder / 'racer.db'} is damaged" in text_of(shell.stderr)
    assert (folder / "racer.db").exists()


# ---------------------------------------------------------------- terminals


def test_a_process_in_a_pipe(folder: Path) -> None:
    """No escape code, nothing on stderr, no key."""
    used(folder)
    done = subprocess.run(
        [*COMMAND, "usage", "--forecast", "--saved"],
        env=clean_environ(folder, FORCE_COLOR="1", **ENVIRON),
        cwd=folder,
        capture_output=True,
        check=False,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "mine:MINE_KEY" in done.stdout
    assert "\x1b" not in done.stdout
    assert LONG_KEY[-8:] not in done.stdout


@pytest.mark.parametrize(
    ("columns", "more"),
    [
        (80, {}),
        (40, {}),
        (80, {"NO_COLOR": "1"}),
        (80, {"TERM": "dumb"}),
        (80, {"PYTHONIOENCODING": "ascii"}),
    ],
)
def test_any_terminal_will_do(columns: int, more: dict[str, str], folder: Path) -> None:
    """Nothing is wider than it is, and no number is broken."""
    used(folder)
    done = run_in_terminal(
        [*COMMAND, "usage", "--forecast", "--saved"],
        env=clean_environ(folder, **ENVIRON, **more),
        cwd=folder,
        columns=columns,
    )

    assert done.code == 0
    assert max(map(len, done.lines)) <= columns
    assert "1,000 requests a day" in done.text
    assert "50,000" in done.text
    assert "TERM" not in more or "\x1b" not in done.raw
