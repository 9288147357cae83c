"""`racer providers`: who is listed, how, and what of a key is shown."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal

from racer import config
from racer.acquaintance import zone
from racer.cli.main import main
from racer.core.field import field_of
from racer.core.metering import meters_of
from racer.core.span import Once, slot_at
from racer.sim import Simulator, parse_profile
from racer.store.meters import count, row_of
from racer.store.schema import MIGRATIONS
from tests.racer.accounts.ledgers import NOW, written
from tests.racer.accounts.rows import LONG_KEY
from tests.racer.cli.shells import COMMAND, clean_environ, shell_of, text_of
from tests.racer.cli.terminal import run_in_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from racer.cli.shell import Shell

HALF = """
[providers.half]
dialect = "openai"
base_url = "https://half.test/$HALF_ID"
models = [{ name = "m" }]
"""
LIMITED = """
[providers.half]
dialect = "openai"
base_url = "https://half.test/v1"
models = [{ name = "m" }]
limits = [{ requests = 1000, per = "once" }]
"""
OLLAMA = '[providers.ollama]\nmodels = ["small", "large"]\nloaded = ["large"]\n'
ENVIRON = {"HALF_API_KEY": LONG_KEY + "ab12", "GROQ_API_KEY": LONG_KEY + "cd34"}


@pytest.fixture
def shell(home: Path) -> Shell:
    """Ready: the simulator's three and groq. Not ready: half, whose address lacks a part; ollama is off."""
    with (home / "racer.toml").open("a") as file:
        file.write(HALF)
    return shell_of(cwd=home, environ=ENVIRON)


def documents(shell: Shell) -> dict[str, dict[str, Any]]:
    document = json.loads(text_of(shell.stdout))
    assert document["counted"] is (shell.cwd / "racer.db").exists()
    return {each["name"]: each for each in document["providers"]}


def test_the_ready_ones_are_a_table(shell: Shell) -> None:
    """The others follow with their reasons, and those without a key on a line, with what to set."""
    assert main(["providers"], shell) == 0

    text = text_of(shell.stdout)
    flat = " ".join(text.split())
    table = text.partition("\n\n")[0]
    assert [line.split()[0] for line in table.splitlines() if line[0] != " "] == [
        "provider",
        "groq",
        "sim-quick",
        "sim-slow",
        "sim-broken",
    ]
    assert "1 (…cd34)" in table
    assert "half: the address needs HALF_ID" in flat
    assert "ollama: not enabled" in flat
    assert "mistral (MISTRAL_API_KEY)" in flat.partition("not set up: ")[2]
    assert flat.count("Nothing was counted yet") == 1
    assert text_of(shell.stderr) == ""


def test_all_have_a_row_if_one_wants(shell: Shell) -> None:
    """Also those without a key."""
    assert main(["providers", "--all"], shell) == 0

    rows = {line.split()[0]: line for line in text_of(shell.stdout).splitlines() if line[:1].strip()}
    assert "set MISTRAL_API_KEY" in rows["mistral"]
    assert "not enabled" in rows["ollama"]
    assert "not set up" not in text_of(shell.stdout)


def test_names_are_told_everything_about(shell: Shell) -> None:
    """In the order of the configuration; nobody else is mentioned."""
    assert main(["providers", "half", "groq"], shell) == 0

    text = text_of(shell.stdout)
    assert text.index("groq  ready") < text.index("half  cannot run")
    assert "groq:GROQ_API_KEY …cd34" in text
    assert "https://console.groq.com/keys" in text
    assert "mistral" not in text


def test_json_has_them_all(shell: Shell) -> None:
    """Whether they are ready or not; names choose."""
    assert main(["providers", "--json"], shell) == 0
    found = documents(shell)

    assert {found[name]["state"] for name in ("groq", "sim-quick")} == {"ready"}
    assert found["half"]["state"] == "cannot run"
    assert found["half"]["reason"].startswith("the address needs HALF_ID")
    assert found["mistral"]["missing"] == ["MISTRAL_API_KEY"]
    assert found["groq"]["keys"] == [{"account": "groq:GROQ_API_KEY", "hint": "…cd34", "pool": None}]
    assert found["groq"]["limits"]
    assert [each["left"] for each in found["groq"]["left"]] == [found["groq"]["left"][0]["limit"]]


def test_what_is_left_is_told(shell: Shell) -> None:
    """As the database counts it, by the tightest limit of each account; it is only read."""
    environ = {**ENVIRON, "RACER_DB": "racer.db"}
    counted, told = (shell_of(cwd=shell.cwd, environ=environ) for _ in range(2))
    (shell.cwd / "racer.toml").write_text(LIMITED)
    assert main(["quota", "set", "half", "188"], counted) == 0

    assert main(["providers"], told) == 0
    assert "812 of 1,000 requests once" in text_of(told.stdout)
    assert "Nothing was counted yet" not in text_of(told.stdout)

    document = shell_of(cwd=shell.cwd, environ=environ)
    assert main(["providers", "--json", "half"], document) == 0
    (left,) = documents(document)["half"]["left"]
    assert (left["account"], left["used"], left["left"]) == ("half:HALF_API_KEY", 188, 812)


def test_what_is_left_by_the_file_of_an_older_racer(shell: Shell) -> None:
    """Nothing, here; and it is not said to be all."""
    (shell.cwd / "racer.toml").write_text(LIMITED)
    loaded = config.load(None, environ=ENVIRON, cwd=shell.cwd)
    (lane,) = (each for each in field_of(loaded.providers, {}).lanes if each.provider.name == "half")
    (meter,) = meters_of(lane, zone)
    slot = slot_at(meter.span or Once(), NOW)
    path = written(
        shell.cwd / "racer.db",
        lambda old: count(old, row_of(old, meter, NOW).id, slot, 1000.0),
        migrations=MIGRATIONS[:1],
    )
    before = path.read_bytes()
    told = shell_of(cwd=shell.cwd, environ={**ENVIRON, "RACER_DB": "racer.db"})

    assert main(["providers"], told) == 0, text_of(told.stderr)

    assert "0 of 1,000 requests once" in text_of(told.stdout)
    assert path.read_bytes() == before


def test_a_database_that_cannot_be_read_is_told_below_the_table(shell: Shell) -> None:
    """Exit code 1; who is ready is told all the same."""
    (shell.cwd / "racer.db").write_bytes(b"no database " * 1000)
    told = shell_of(cwd=shell.cwd, environ={**ENVIRON, "RACER_DB": "racer.db"})

    assert main(["providers", "groq"], told) == 1

    assert "groq  ready" in text_of(told.stdout)
    assert "limits are shown as if nothing was used" in " ".join(text_of(told.stdout).split())
    assert text_of(told.stderr).startswith("racer: the database ")
    assert text_of(told.stderr).count("\n") == 1


def test_json_of_a_name_is_its_own(shell: Shell) -> None:
    """A filter as everywhere."""
    assert main(["providers", "--json", "groq"], shell) == 0
    assert list(documents(shell)) == ["groq"]


@pytest.mark.parametrize("argv", [[], ["--all"], ["groq", "half"], ["--json"]], ids=" ".join)
def test_no_key_is_shown(argv: list[str], shell: Shell) -> None:
    """Four characters at the most, of a long one."""
    assert main(["providers", *argv], shell) == 0
    assert LONG_KEY[-8:] not in text_of(shell.stdout) + text_of(shell.stderr)


MISTAKES = [
    (["providers", "grok"], "racer: 'grok' is no provider that is known here; did you mean groq?"),
    (["providers", "--config", "missing.toml"], "missing.toml: found no such file"),
]


@pytest.mark.parametrize(("argv", "says"), MISTAKES)
def test_mistakes_are_told(argv: list[str], says: str, shell: Shell) -> None:
    """Exit code 2, nothing on stdout."""
    assert main(argv, shell) == 2
    assert says in text_of(shell.stderr)
    assert text_of(shell.stdout) == ""


@pytest.fixture(scope="module")
def ollama() -> Iterator[Simulator]:
    """A server that tells its models."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator(parse_profile(OLLAMA, "ollama"))) as running,
    ):
        yield running


def test_a_local_server_tells_its_models(ollama: Simulator, tmp_path: Path) -> None:
    """Those that it has, and not those of the row; the one in memory is marked and goes first."""
    shell = shell_of(cwd=tmp_path, environ={"OLLAMA_HOST": ollama.base_url("ollama")})

    assert main(["providers", "--json", "ollama"], shell) == 0

    (card,) = documents(shell).values()
    assert card["state"] == "ready"
    assert [(model["name"], model["loaded"]) for model in card["models"]] == [
        ("large:latest", True),
        ("small:latest", False),
    ]


def test_a_local_server_that_is_away_is_no_mistake(tmp_path: Path) -> None:
    """Nothing answers, and that is all."""
    shell = shell_of(cwd=tmp_path, environ={"OLLAMA_HOST": "http://127.0.0.1:1"})

    assert main(["providers"], shell) == 0
    assert "ollama: nothing answers at http://127.0.0.1:1\n" in text_of(shell.stdout)
    assert text_of(shell.stdout).startswith("No provider is ready")


def test_a_process_in_a_pipe(home: Path) -> None:
    """No escape code, nothing on stderr."""
    done = subprocess.run(
        [*COMMAND, "providers"],
        env=clean_environ(home, FORCE_COLOR="1"),
        cwd=home,
        capture_output=True,
        check=False,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "sim-quick" in done.stdout
    assert "\x1b" not in done.stdout


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
@pytest.mark.parametrize("argv", [[], ["--all"], ["groq"]], ids=["ready", "all", "named"])
def test_any_terminal_will_do(argv: list[str], columns: int, more: dict[str, str], home: Path) -> None:
    """Nothing is wider than it is, and every provider is there."""
    done = run_in_terminal(
        [*COMMAND, "providers", *argv], env=clean_environ(home, **more), cwd=home, columns=columns
    )

    assert done.code == 0
    assert max(map(len, done.lines)) <= columns
    assert "groq" in done.text
    assert "TERM" not in more or "\x1b" not in done.raw
