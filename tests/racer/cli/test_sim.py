"""`racer sim`: what it prints, where it listens, how it ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import pytest

from racer import config
from racer.cli.main import main
from racer.cli.sim import HOST, check_address, listing, profile_of, welcome
from racer.errors import ConfigError
from racer.sim import Simulator, built_in, parse_profile
from racer.sim.fault import KINDS
from tests.racer.cli.shells import COMMAND, Gone, clean_environ, shell_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

MINE = 'seed = 3\n[providers.mine]\nmodels = ["m"]\n'


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 0), ("127.0.0.2", 65535), ("127.255.255.254", 8191)]
)
def test_loopback_is_allowed(host: str, port: int) -> None:
    """Any IPv4 address of this machine alone, any port."""
    check_address(host, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("0.0.0.0", 1),
        ("192.168.1.2", 1),
        ("8.8.8.8", 1),
        ("::", 1),
        ("example.com", 1),
        ("", 1),
        (HOST, -1),
        (HOST, 65536),
    ],
)
def test_other_addresses_are_refused(host: str, port: int) -> None:
    """It answers everybody, so nobody else may reach it."""
    with pytest.raises(ConfigError, match="--port" if host == HOST else "--host"):
        check_address(host, port)


def test_a_profile_has_a_name_or_a_file(tmp_path: Path) -> None:
    """Built-in ones by name, others as seen from the folder; --seed changes the seed."""
    (tmp_path / "mine.toml").write_text(MINE)
    shell = shell_of(cwd=tmp_path)

    assert profile_of("zero", None, shell).name == "zero"
    assert profile_of("mine.toml", None, shell).seed == 3
    assert profile_of("mine.toml", 8, shell).seed == 8


@pytest.mark.parametrize(
    ("text", "says"), [(None, "No such file"), ("colour = 1", "providers: missing"), ("[", "not TOML")]
)
def test_a_profile_that_cannot_be_used_is_told(text: str | None, says: str, tmp_path: Path) -> None:
    """Exit code 2, with the file and what is wrong with it."""
    if text is not None:
        (tmp_path / "mine.toml").write_text(text)
    shell = shell_of(cwd=tmp_path)

    assert main(["sim", "--profile", "mine.toml"], shell) == 2
    assert text_of(shell.stderr).startswith("racer: ")
    assert "mine.toml" in text_of(shell.stderr)
    assert says in text_of(shell.stderr)


def test_the_list_names_profiles_and_faults() -> None:
    """Everything that a profile can be or have."""
    shell = shell_of()

    assert main(["sim", "--list"], shell) == 0
    words = set(text_of(shell.stdout).split())
    assert words >= set(built_in())
    assert words >= set(KINDS)
    assert text_of(shell.stdout) == f"{listing()}\n"


@pytest.mark.anyio
@pytest.mark.parametrize("profile", ["default", "demo", "poison", "zero"])
async def test_what_is_printed_can_be_pasted(profile: str, tmp_path: Path) -> None:
    """The first line tells the address; the rows load as racer.toml; the curl line has a body in JSON."""
    async with Simulator(profile) as simulator:
        text = welcome(simulator)
        addresses = {simulator.base_url(each.name) for each in simulator.profile.providers}
    rows = text.partition("# rows for racer.toml\n")[2].partition("# to try it\n")[0]
    (tmp_path / "racer.toml").write_text(rows)
    loaded = {each.base_url for each in config.load(environ={}, cwd=tmp_path).providers}

    assert text.startswith(f"racer sim: listening on {simulator.url} (")
    assert addresses <= loaded
    assert shlex.split(text.splitlines()[-1])[0] == "curl"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("dialect", "ending"),
    [("openai", "/p/v1/chat/completions"), ("ollama", "/p/api/chat"), ("anthropic", None)],
)
async def test_the_curl_line_is_of_the_first_simple_provider(dialect: str, ending: str | None) -> None:
    """Its route and a body in JSON; where no provider speaks a simple dialect there is none."""
    profile = parse_profile(f'[providers.p]\ndialect = "{dialect}"\nmodels = ["it\'s"]', "one")
    async with Simulator(profile) as simulator:
        text, url = welcome(simulator), simulator.url
    lines = [shlex.split(line) for line in text.splitlines() if line.startswith("curl")]

    assert [words[4] for words in lines] == ([] if ending is None else [url + ending])
    assert [json.loads(words[-1])["model"] for words in lines] == ([] if ending is None else ["it's"])


def test_a_port_in_use_is_told() -> None:
    """Exit code 2, and what to do about it."""
    with socket.create_server((HOST, 0)) as taken:
        shell = shell_of()
        port = taken.getsockname()[1]

        assert main(["sim", "--port", str(port), "--profile", "zero"], shell) == 2

    assert f"racer: cannot listen on {HOST}:{port} (" in text_of(shell.stderr)
    assert "--port 0" in text_of(shell.stderr)
    assert text_of(shell.stdout) == ""


def test_a_reader_that_left_ends_it() -> None:
    """Nobody will learn the port."""
    assert main(["sim", "--port", "0", "--profile", "zero"], shell_of(stdout=Gone())) == 141


def test_it_serves_until_ctrl_c(tmp_path: Path) -> None:
    """The first line comes when it listens; ctrl-C ends it with 130, at once and without a word."""
    with subprocess.Popen(
        [*COMMAND, "sim", "--port", "0", "--profile", "zero", "--seed", "5"],
        env=clean_environ(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[4]
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/sim/profile") as page:
            profile = page.read()
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)

    assert b'"seed":5' in profile
    assert (process.returncode, err) == (130, "")
