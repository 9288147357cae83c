"""`racer doctor`: what it finds out, what it says to do, and what it ends with."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal

from racer.cli.checkup import questions
from racer.cli.doctor import announcement, examined
from racer.cli.main import main
from racer.cli.report_table import usual_lines
from racer.cli.simulated import KEY_VARIABLE, racer_toml
from racer.sim import Simulator, parse_profile
from tests.racer.accounts.rows import LONG_KEY, config_of_rows, row
from tests.racer.cli.shells import COMMAND, Terminal, clean_environ, shell_of, text_of
from tests.racer.cli.terminal import run_in_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from racer.cli.shell import Shell

PROFILE = """
length = 3
[providers.fine]
models = ["m"]
[providers.keyed]
models = ["m"]
keys = ["the-right-one"]
[providers.slow]
models = ["m"]
first_token = 60
[providers.ollama]
models = ["small"]
[providers.spent]
flavour = "openai"
models = ["m"]
faults = [{ kind = "insufficient_quota" }]
""" + "".join(
    f'[providers.{name}]\nmodels = ["m"]\nfaults = [{{ {fault} }}]\n'
    for name, fault in {
        "broke": 'kind = "402"',
        "gone": 'kind = "404"',
        "wrong": 'kind = "400"',
        "limited": 'kind = "429", retry_after = 600',
        "busy": 'kind = "529"',
        "ill": 'kind = "500"',
        "mute": 'kind = "empty_content"',
        "cut": 'kind = "reset_before"',
        "page": 'kind = "html_200"',
    }.items()
)
FOUND = {
    "fine": "works",
    "keyed": "wrong key",
    "slow": "too slow",
    "broke": "no credit",
    "spent": "no credit",
    "gone": "model gone",
    "wrong": "request refused",
    "limited": "limit reached",
    "busy": "overloaded",
    "ill": "provider error",
    "mute": "no valid reply",
    "cut": "network",
    "page": "no valid reply",
}
POISON = {
    "healthy": "works",
    "429": "limit reached",
    "500": "provider error",
    "503": "overloaded",
    "529": "overloaded",
    "reset-before": "network",
    "reset-mid": "no valid reply",
    "hang": "too slow",
    "hang-after-headers": "too slow",
    "keepalive-only": "too slow",
    "slow-drip": "too slow",
    "empty-200": "no valid reply",
    "empty-content": "no valid reply",
    "done-only": "no valid reply",
    "error-200": "provider error",
    "error-frame": "provider error",
    "error-frame-late": "provider error",
    "html-200": "no valid reply",
    "half-json": "no valid reply",
    "wrong-type": "no valid reply",
    "role-then-silence": "too slow",
    "truncated": "no valid reply",
    "whitespace": "no valid reply",
    "reasoning-only": "no valid reply",
    "redirect": "no valid reply",
    "too-large": "no valid reply",
    "gzip-bomb": "no valid reply",
}
NO_OLLAMA = "\n[providers.ollama]\nenabled = false\n"
ONE = '[providers.one]\ndialect = "openai"\nmodels = [{ name = "m" }]\n'


@pytest.fixture(scope="module")
def ward() -> Iterator[Simulator]:
    """A provider for each thing that can be wrong, one that is well, and an Ollama."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator(parse_profile(PROFILE, "ward"))) as running,
    ):
        yield running


@pytest.fixture
def folder(ward: Simulator, tmp_path: Path) -> Path:
    """Whose racer.toml knows them all."""
    (tmp_path / "racer.toml").write_text(racer_toml(ward) + "\n" + NO_OLLAMA)
    return tmp_path


def shell_in(folder: Path, **environ: str) -> Shell:
    return shell_of(cwd=folder, environ=environ)


def document_of(shell: Shell) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text_of(shell.stdout))
    return found


def accounts_of(shell: Shell) -> dict[str, dict[str, Any]]:
    return {each["provider"]: each for each in document_of(shell)["accounts"]}


def calls_of(simulator: Simulator) -> int:
    return simulator.counters().totals.started


# ---------------------------------------------------------------- what is wrong


def test_everything_is_told_apart(folder: Path) -> None:
    """In one run, each account by itself, each with a step; exit code 1."""
    shell = shell_in(folder, **{KEY_VARIABLE: LONG_KEY})

    assert main(["doctor", "--json", "--deadline", "3"], shell) == 1

    found = accounts_of(shell)
    assert {name: found[f"sim-{name}"]["verdict"] for name in FOUND} == FOUND
    assert all(found[f"sim-{name}"]["step"] for name, verdict in FOUND.items() if verdict != "works")
    assert found["sim-keyed"]["account"] == f"sim-keyed:{KEY_VARIABLE}"
    assert KEY_VARIABLE in found["sim-keyed"]["step"]
    assert found["groq"]["verdict"] == "no key"
    assert found["groq"]["console"] == "https://console.groq.com/keys"
    assert found["sim-limited"]["until"] is not None


def test_poison_is_told_apart(tmp_path: Path) -> None:
    """Every way to answer badly, through a process of its own and a racer.toml as `racer sim` prints it."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator("poison")) as simulator,
    ):
        (tmp_path / "racer.toml").write_text(racer_toml(simulator) + NO_OLLAMA)
        done = subprocess.run(
            [*COMMAND, "doctor", "--json", "--deadline", "3"],
            env=clean_environ(tmp_path),
            cwd=tmp_path,
            capture_output=True,
            check=False,
            text=True,
        )
    document = json.loads(done.stdout)
    found = {each["provider"]: each["verdict"] for each in document["accounts"]}

    assert done.returncode == 1
    assert {name: found[f"sim-{name}"] for name in POISON} == POISON
    assert (document["working"], document["called"]) == (1, len(POISON))
    assert done.stderr.startswith(f"doctor: making {len(POISON)} calls")


def test_nobody_at_the_port(tmp_path: Path) -> None:
    """What was refused names the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (tmp_path / "racer.toml").write_text(f'{ONE}base_url = "http://127.0.0.1:{port}/v1"\n{NO_OLLAMA}')
    shell = shell_in(tmp_path)

    assert main(["doctor", "one", "--json"], shell) == 1

    found = accounts_of(shell)["one"]
    assert (found["verdict"], "ECONNREFUSED" in found["reason"]) == ("network", True)
    assert f"http://127.0.0.1:{port}/v1" in found["step"]


def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    """In tests none does."""
    (tmp_path / "racer.toml").write_text(f'{ONE}base_url = "https://one.test/v1"\nkeys = []\n{NO_OLLAMA}')
    shell = shell_in(tmp_path)

    assert main(["doctor", "one", "--json"], shell) == 1
    assert accounts_of(shell)["one"]["reason"].startswith("dns: ")


def refuses(server: socket.socket) -> None:
    """A proxy that lets nobody through without a login."""
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize("there", [True, False])
def test_a_proxy_that_is_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
    """One that is not there, and one that wants a login: named, without the password that it was given."""
    (tmp_path / "racer.toml").write_text(f'{ONE}base_url = "https://one.test/v1"\nkeys = []\n{NO_OLLAMA}')
    shell = shell_in(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://user:secret@127.0.0.1:{port}")
        proxy = threading.Thread(target=refuses, args=(server,))
        if there:
            proxy.start()
        else:
            server.close()
        code = main(["doctor", "one", "--json"], shell)
        if there:
            proxy.join()

    found = accounts_of(shell)["one"]
    assert (code, found["verdict"]) == (1, "proxy in the way")
    assert f"127.0.0.1:{port}" in found["step"]
    assert "secret" not in text_of(shell.stdout)


# ---------------------------------------------------------------- what it costs


def test_it_says_before_how_many_calls(folder: Path, ward: Simulator) -> None:
    """And makes as many: one for each account that was named."""
    before = calls_of(ward)
    shell = shell_in(folder)

    assert main(["doctor", "sim-fine", "sim-gone"], shell) == 1
    assert text_of(shell.stderr).startswith(
        "doctor: making 2 calls, one for each account, of at most 64 tokens"
    )
    assert calls_of(ward) - before == 2


@pytest.mark.parametrize(
    ("calls", "dry", "says"),
    [
        (0, False, "doctor: no call, for no account is set up"),
        (1, False, "doctor: making 1 call, one"),
        (2, True, "doctor: would make 2 calls, one"),
    ],
)
def test_the_announcement(calls: int, says: str, *, dry: bool) -> None:
    """How many, and how large."""
    assert announcement(calls, dry=dry).startswith(says)


def test_a_dry_run_calls_nobody(folder: Path, ward: Simulator) -> None:
    """It shows who would be called, and ends well."""
    before = calls_of(ward)
    shell = shell_in(folder)

    assert main(["doctor", "--dry-run", "sim-fine", "sim-gone"], shell) == 0
    assert calls_of(ward) == before
    assert text_of(shell.stdout).count("not called") == 2
    assert "2 accounts would be called. Nobody was." in text_of(shell.stdout)
    assert text_of(shell.stderr).startswith("doctor: would make 2 calls")


# ---------------------------------------------------------------- how it ends


ENDS: list[tuple[list[str], dict[str, str], int]] = [
    (["sim-fine"], {}, 0),
    (["sim-fine", "sim-limited", "sim-busy"], {}, 0),
    (["sim-fine", "groq"], {}, 0),
    (["sim-fine", "sim-broke"], {}, 1),
    (["sim-limited"], {}, 1),
    (["groq"], {}, 1),
    (["sim-fine", "groq"], {"GROQ_API_KEY": "your-key"}, 1),
    (["sim-fine"], {"GROQ_API_KEY": "your-key"}, 0),
    (["sim-fine", "cloudflare"], {"CLOUDFLARE_API_TOKEN": LONG_KEY}, 1),
    (["sim-fine", "cloudflare"], {"CLOUDFLARE_ACCOUNT_ID": "abc"}, 0),
    (["sim-fine", "nobody"], {}, 2),
    (["--deadline", "0", "sim-fine"], {}, 2),
    (["--config", "missing.toml"], {}, 2),
]


@pytest.mark.parametrize(("argv", "environ", "code"), ENDS, ids=[" ".join(argv) for argv, _, _ in ENDS])
def test_exit_codes(argv: list[str], environ: dict[str, str], code: int, folder: Path) -> None:
    """0: somebody works, and nothing that was set up is broken; 1 otherwise; 2: it could not begin."""
    shell = shell_in(folder, **environ)

    assert main(["doctor", *argv], shell) == code
    assert (text_of(shell.stdout) == "") is (code == 2)


# ---------------------------------------------------------------- what it says


def test_people_get_a_row_and_a_way_out(folder: Path) -> None:
    """A table, then for each that is not in order why, what to do and where; at last the house."""
    shell = shell_in(folder, GROQ_API_KEY="your-key")

    assert main(["doctor"], shell_with_names(shell)) == 1

    flat = " ".join(text_of(shell.stdout).split())
    assert "sim-fine m works" in flat
    assert "groq wrong key why GROQ_API_KEY holds a placeholder, not a key do put a valid key of groq" in flat
    assert "page https://console.groq.com/keys" in flat
    assert "mistral (MISTRAL_API_KEY)" in flat.partition("not set up: ")[2]
    assert "ok configuration: " in flat


def shell_with_names(shell: Shell) -> Shell:
    """Only those that answer at once are left on."""
    path = shell.cwd / "racer.toml"
    kept = [part for part in path.read_text().split("\n\n") if "sim-fine]" in part or "ollama]" in part]
    path.write_text("\n\n".join(kept) + NO_OLLAMA.replace("[providers.ollama]", "[providers.chutes]"))
    return shell


def test_someone_watching_sees_each_as_it_comes(folder: Path) -> None:
    """A line on stderr for each call that has ended; none in a pipe."""
    shell = shell_of(cwd=folder, stderr=Terminal())

    main(["doctor", "sim-fine", "sim-gone"], shell)

    assert "  sim-fine: works\n" in text_of(shell.stderr)
    assert "  sim-gone: model gone\n" in text_of(shell.stderr)


def test_no_key_is_shown(folder: Path) -> None:
    """Not of those that were refused, not of those that were sent."""
    for more in ([], ["--json"]):
        shell = shell_in(folder, **{KEY_VARIABLE: LONG_KEY, "GROQ_API_KEY": "sëcret" + LONG_KEY})

        assert main(["doctor", "sim-keyed", "groq", *more], shell) == 1
        text = text_of(shell.stdout) + text_of(shell.stderr)
        assert LONG_KEY[-8:] not in text
        assert "GROQ_API_KEY holds a character outside ASCII" in text


@pytest.mark.anyio
async def test_what_is_retired_is_told_to_who_has_its_key() -> None:
    """And nobody else is bothered with it; nobody is called."""
    past = {**row("past"), "status": "retired", "note": "ended in May"}
    shell = shell_of()
    keyed, keyless = config_of_rows({"PAST_KEY": LONG_KEY}, past=past), config_of_rows(past=past)

    with_key, without = [
        await examined(config, questions(5.0), shell, named=False) for config in (keyed, keyless)
    ]

    (told,) = usual_lines(with_key.usual())
    assert told.startswith("past: retired: ended in May (PAST_KEY is not used for it; to revive it: ")
    assert usual_lines(without.usual()) == []
    assert [*with_key.troubles(), *without.troubles()] == []
    assert text_of(shell.stderr) == "doctor: no call, for no account is set up\n" * 2


# ---------------------------------------------------------------- the house


def test_the_house_is_looked_at(ward: Simulator, folder: Path) -> None:
    """The file in use, who may read .env, versions, the local server's own."""
    (folder / "racer.toml").write_text("")
    (folder / ".env").write_text("GROQ_API_KEY=\n")
    (folder / ".env").chmod(0o644)
    shell = shell_in(folder, OLLAMA_HOST=ward.base_url("ollama"))

    assert main(["doctor", "--json"], shell) == 0

    notes = {each["text"]: each["level"] for each in document_of(shell)["house"]}
    assert notes[f"configuration: {folder / 'racer.toml'}"] == "ok"
    assert notes[".env can be read by others (mode 0644)"] == "warning"
    assert any(text.startswith("Python 3.") for text in notes)
    assert any(text.startswith("SQLite 3.") for text in notes)
    assert any(text.startswith("ollama: Ollama 0.") for text in notes)
    assert accounts_of(shell)["ollama"]["model"] == "small:latest"


def test_a_house_without_files(tmp_path: Path) -> None:
    """Nothing is set up, and the way to begin is told."""
    shell = shell_in(tmp_path, OLLAMA_HOST="http://127.0.0.1:1")

    assert main(["doctor"], shell) == 1
    flat = " ".join(text_of(shell.stdout).split())
    assert "ok configuration: no racer.toml, the built-in providers" in flat
    assert "ollama: nothing answers at http://127.0.0.1:1 (ollama serve" in flat
    assert "`racer init` tells which keys are worth having" in flat
    assert ".env " not in flat


def test_a_key_that_does_not_count_is_a_problem(folder: Path) -> None:
    """Also beside one that does: somebody believes that both work."""
    keys = {KEY_VARIABLE: "the-right-one,changeme"}
    shell = shell_in(folder, **keys)

    assert main(["doctor", "sim-keyed", "--json"], shell) == 1

    assert accounts_of(shell)["sim-keyed"]["verdict"] == "works"
    problems = [each for each in document_of(shell)["house"] if each["level"] == "problem"]
    assert [each["text"] for each in problems] == [
        f"sim-keyed: {KEY_VARIABLE}[2] holds a placeholder, not a key"
    ]


# ---------------------------------------------------------------- real processes


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
    """Narrow, without colours, without a cursor, without Unicode: everything is there."""
    done = run_in_terminal(
        [*COMMAND, "doctor", "sim-fine", "sim-gone"],
        env=clean_environ(folder, **more),
        cwd=folder,
        columns=columns,
    )

    page = done.text.partition("account ")[2]
    assert done.code == 1
    assert max(map(len, page.splitlines())) <= columns
    assert "model gone" in page
    assert "1 of 2 accounts works." in " ".join(page.split())
    assert ("\x1b[32m" in done.raw) is (not {"NO_COLOR", "TERM"} & set(more))
    assert "TERM" not in more or "\x1b" not in done.raw
