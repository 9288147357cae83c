"""`racer serve`: what it takes, what it refuses, what it says, how it ends."""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import socket
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from racer import config
from racer.cli.main import main
from racer.cli.serve import describe, no_address, settings_of
from racer.config import ServerSettings
from racer.errors import ConfigError
from tests.racer.cli.shells import COMMAND, clean_environ, shell_of, text_of
from tests.racer.cli.simulators import home_of, simulating

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TOKEN = "0123456789abcdef-team"
OTHER = "0123456789abcdef-other"


def settings(
    *argv: str, toml: str = "", env: Mapping[str, str] | None = None, folder: Path
) -> ServerSettings:
    parser = argparse.ArgumentParser()
    describe(parser)
    (folder / "racer.toml").write_text(toml)
    return settings_of(parser.parse_args(argv), config.load(environ=env or {}, cwd=folder))


def refusal(*argv: str, folder: Path, **more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(*argv, folder=folder, **more)
    return str(caught.value)


def test_defaults(tmp_path: Path) -> None:
    """Those of the configuration; flags go over it."""
    toml = '[server]\nport = 9000\ngrace = 5\ncors = ["https://app.example.com"]\n'

    assert settings(folder=tmp_path) == ServerSettings()
    assert settings(toml=toml, folder=tmp_path) == ServerSettings(
        port=9000, grace=5.0, cors=("https://app.example.com",)
    )
    flags = ("--port", "0", "--host", "::1", "--grace", "0", "--max-in-flight", "7")
    changed = settings(*flags, toml=toml, folder=tmp_path)
    assert (changed.port, changed.host, changed.grace, changed.max_in_flight) == (0, "::1", 0, 7)
    assert settings("--host", "[::1]", folder=tmp_path).host == "::1"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--port", "-1"], "--port is -1: use a number from 0 to 65535"),
        (["--port", "65536"], "--port is 65536"),
        (["--grace", "-1"], "--grace is -1"),
        (["--grace", "nan"], "--grace is nan"),
        (["--max-in-flight", "0"], "--max-in-flight is 0"),
        (["--host", ""], "--host is no address"),
        (["--host", "http://x"], "--host is no address"),
        (["--host", "0.0.0.0"], "lets other machines in, and there is no token"),
        (["--host", "192.168.1.2"], "lets other machines in"),
        (["--host", "example.com"], "lets other machines in"),
        (["--host", "::"], "lets other machines in"),
        (["--token", ""], "--token is not set"),
        (["--token", "short"], "--token is too short (5 characters): use at least 16"),
        (["--token", "x" * 20 + "ä"], "outside ASCII"),
        (["--token", "two words of a token"], "white space"),
        (["--token", "<your-token-is-here>"], "placeholder"),
    ],
)
def test_what_is_refused(argv: list[str], says: str, tmp_path: Path) -> None:
    """Before anything is opened, with what to do."""
    assert says in refusal(*argv, folder=tmp_path)


def test_tokens(tmp_path: Path) -> None:
    """Those of the configuration by their names, and one more from the environment, or the flag over it."""
    toml = '[server.tokens.alice]\ntoken = "$ALICE"\nrequests_per_minute = 5\nin_flight = 2\n'
    env = {"ALICE": f" {TOKEN}\n", "RACER_TOKEN": OTHER}

    alice, default = settings(toml=toml, env=env, folder=tmp_path).tokens
    assert (alice.name, alice.requests_per_minute, alice.in_flight) == ("alice", 5, 2)
    assert alice.secret is not None
    assert alice.secret.reveal() == TOKEN
    assert (default.name, default.secret and default.secret.reveal()) == ("default", OTHER)
    (only,) = settings("--token", "y" * 16, env={"RACER_TOKEN": OTHER}, folder=tmp_path).tokens
    assert only.secret is not None
    assert only.secret.reveal() == "y" * 16
    assert settings("--host", "0.0.0.0", env={"RACER_TOKEN": OTHER}, folder=tmp_path).host == "0.0.0.0"


def test_tokens_that_are_none(tmp_path: Path) -> None:
    """Each is named by its variable; no value is ever shown."""
    toml = '[server.tokens.alice]\ntoken = "$ALICE"\n[server.tokens.bob]\ntoken = "$BOB"\n'

    assert "$ALICE, the token of alice, is not set" in refusal(toml=toml, folder=tmp_path)
    told = refusal(toml=toml, env={"ALICE": "hunter2", "BOB": TOKEN}, folder=tmp_path)
    assert "$ALICE, the token of alice, is too short" in told
    assert "hunter2" not in told
    twice = refusal(toml=toml, env={"ALICE": TOKEN, "BOB": TOKEN}, folder=tmp_path)
    assert "$BOB, the token of bob, is also that of alice" in twice
    assert TOKEN not in twice
    assert "RACER_TOKEN is too short" in refusal(env={"RACER_TOKEN": "x"}, folder=tmp_path)
    assert "RACER_TOKEN is not set" in refusal(env={"RACER_TOKEN": ""}, folder=tmp_path)


def test_exit_code_of_what_is_refused(tmp_path: Path) -> None:
    """2, in one line on stderr, and nothing on stdout."""
    shell = shell_of(cwd=tmp_path)

    assert main(["serve", "--host", "0.0.0.0"], shell) == 2
    assert text_of(shell.stderr).startswith("racer: listening on 0.0.0.0 lets other machines in")
    assert text_of(shell.stdout) == ""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EADDRINUSE, "in use"), "another program does. Choose another port with --port"),
        (OSError(errno.EADDRNOTAVAIL, "no"), "no address of this machine"),
        (socket.gaierror(socket.EAI_NONAME, "no"), "no address of this machine"),
        (OSError(errno.EACCES, "Permission denied"), "(Permission denied): choose another"),
        (OSError("something"), "(something): choose another"),
    ],
)
def test_addresses_that_cannot_be_had(error: OSError, says: str) -> None:
    """Why, and what to do."""
    told = no_address(ServerSettings(host="10.0.0.9", port=80), error)

    assert told.startswith("cannot listen on 10.0.0.9:80")
    assert says in told


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Exit code 2, by a real program."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        shell = shell_of(cwd=tmp_path, environ={"RACER_DB": ":memory:", "RACER_LOG": "off"})
        assert main(["serve", "--port", port], shell) == 2

    assert f"cannot listen on 127.0.0.1:{port}: another program does" in text_of(shell.stderr)


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    """Exit code 2: nobody can listen there."""
    shell = shell_of(cwd=tmp_path, environ={"RACER_DB": ":memory:", "RACER_LOG": "off", "RACER_TOKEN": TOKEN})

    assert main(["serve", "--host", "192.0.2.7", "--port", "0"], shell) == 2
    assert "no address of this machine" in text_of(shell.stderr)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with simulating('[providers.a]\nmodels = ["m"]\n') as simulator:
        yield home_of(simulator, tmp_path)


def started(home: Path, *argv: str, **env: str) -> tuple[subprocess.Popen[str], str, str]:
    """The program, once it listens, where, and what it has said by then."""
    environ = clean_environ(
        home, RACER_DB=str(home / "racer.db"), SIM_API_KEY="sim-key-0123456789", RACER_LOG="json",
        RACER_LOG_LEVEL="info", **env,
    )  # fmt: skip
    program = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *argv], cwd=home, env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert program.stdout is not None
    said = ""
    while not said.rpartition("\n\n")[2].startswith("curl"):
        said += program.stdout.readline()
    assert said.startswith("racer serve: listening on ")
    return program, said.split()[4], said


def ask(url: str, **headers: str) -> tuple[int, dict[str, Any]]:
    body = json.dumps(
        {"model": "auto", "messages": [{"role": "user", "content": "a prompt of mine"}]}
    ).encode()
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", data=body, headers={"content-type": "application/json", **headers}
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.status, json.loads(response.read())


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_run(ending: signal.Signals, code: int, home: Path) -> None:
    """It says where it listens, answers, writes what it did, and ends with its exit code."""
    program, url, said = started(home)
    status, answer = ask(url)
    os.kill(program.pid, ending)
    rest, errors = program.communicate(timeout=30)

    assert (status, answer["object"], program.returncode) == (200, "chat.completion", code)
    assert f"base URL  {url}/v1" in said
    assert "API key   any" in said
    lines = [json.loads(row) for row in errors.splitlines() if row.startswith("{")]
    (request,) = [line for line in lines if line["event"] == "http.request"]
    assert (request["status"], request["provider"], request["token"]) == (200, "sim-a", "local")
    assert [line["event"] for line in lines if line["event"].startswith("server.")] == [
        "server.started",
        "server.ended",
    ]
    assert "a prompt of mine" not in errors
    assert "sim-key" not in errors + rest + said


def test_a_run_with_a_token(home: Path) -> None:
    """Nothing that it prints or writes holds the token; one on the command line is warned of."""
    program, url, said = started(home, "--token", TOKEN)
    status, _ = ask(url, authorization=f"Bearer {TOKEN}")
    program.terminate()
    rest, errors = program.communicate(timeout=30)

    assert (status, program.returncode) == (200, 0)
    assert "API key   the token" in said
    assert "others on this machine can read --token" in errors
    assert TOKEN not in rest + errors + said
    assert TOKEN.encode() not in (home / "racer.db").read_bytes()


def test_a_run_without_lanes(tmp_path: Path) -> None:
    """It serves, and says what is missing."""
    (tmp_path / "racer.toml").write_text("[providers.ollama]\nenabled = false\n")
    program, *_ = started(tmp_path)
    program.terminate()
    _, errors = program.communicate(timeout=30)

    assert program.returncode == 0
    assert "no lane can run yet: `racer providers` says what is missing" in errors


def test_a_run_before_local_servers_have_answered(tmp_path: Path) -> None:
    """It says no more than it knows."""
    (tmp_path / "racer.toml").write_text('[providers.ollama]\nbase_url = "http://127.0.0.1:9"\n')
    program, *_ = started(tmp_path)
    program.terminate()
    _, errors = program.communicate(timeout=30)

    assert "no lane is known so far: ollama may yet answer" in errors
    assert "no lane can run" not in errors
