"""docs/recipes.md, as a reader would type it: simulated providers behind, and another address.

LangChain is not among our tools, so its recipe was tried by hand.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from racer import Racer
from racer.cli.program import parser
from racer.cli.simulated import config_for
from racer.config import ServerSettings
from racer.server.app import Server
from racer.server.audience import Audience
from tests.racer.server.recipes import PAGE, SHOWN, recipes
from tests.racer.server.test_openai_client import able
from tests.racer.sim.loopback import one

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

PATIENCE = 30.0
DEPLOY = PAGE.parent / "deploy"
CURLS = [text for text in recipes("sh") if text.startswith("curl")]
PYTHONS = [text for text in recipes("python sketch") if "langchain" not in text]


@asynccontextmanager
async def serving() -> AsyncGenerator[str]:
    audience = Audience()
    async with (
        one("") as simulator,
        Racer(able(config_for(simulator)), observers=[audience]) as racer,
        Server(racer, ServerSettings(port=0), audience) as server,
    ):
        yield server.url


async def told(*command: str) -> str:
    """What a program writes that ends well."""
    environment = {"PATH": os.environ["PATH"], "ALICE_TOKEN": "any"}
    with anyio.fail_after(PATIENCE):
        done = await anyio.run_process(command, check=False, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def name_of(text: str) -> str:
    return re.sub(r"\W+", "-", text)[:40].strip("-")


@pytest.mark.anyio
@pytest.mark.real_time
@pytest.mark.parametrize("text", PYTHONS, ids=name_of)
async def test_libraries(text: str) -> None:
    """Each ends well, and has something to show."""
    async with serving() as url:
        said = await told(sys.executable, "-c", text.replace(SHOWN, url))

    assert said.strip()


@pytest.mark.anyio
@pytest.mark.real_time
@pytest.mark.parametrize("text", CURLS, ids=name_of)
async def test_command_lines(text: str) -> None:
    """curl gets what is shown as gotten."""
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    async with serving() as url:
        said = await told("sh", "-c", text.replace(SHOWN, url).replace("curl", "curl -sS --fail", 1))

    assert "sim-a" in said or "by_token" in said


def test_settings_of_editors() -> None:
    """They are JSON, and hold the server's address."""
    texts = recipes("json")

    assert texts
    assert all(SHOWN in json.dumps(json.loads(text)) for text in texts)


def test_the_unit() -> None:
    """It starts a command that there is, and waits longer than that does."""
    unit = (DEPLOY / "racer.service").read_text()
    (words,) = re.findall(r"^ExecStart=/opt/racer/bin/racer (.*)$", unit, re.MULTILINE)
    (patience,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)

    assert parser().parse_args(shlex.split(words)).command.name == "serve"
    assert float(patience) > ServerSettings().grace


def test_the_image() -> None:
    """It starts the server on the port that it names, from the wheel that a build makes."""
    text = (DEPLOY / "Dockerfile").read_text()
    (words,) = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    racer, *rest = json.loads(words)

    assert racer == "racer"
    assert parser().parse_args(rest).command.name == "serve"
    assert f"EXPOSE {ServerSettings().port}\n" in text
    assert text.count("dist/llm_racer-*.whl") == 1
    assert "!dist/llm_racer-*.whl" in (DEPLOY / "Dockerfile.dockerignore").read_text()


def test_the_unit_is_one(tmp_path: Path) -> None:
    """systemd finds nothing wrong with it."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd here")
    unit = tmp_path / "racer.service"
    unit.write_text((DEPLOY / unit.name).read_text().replace("/opt/racer/bin/racer", "/bin/true"))

    done = subprocess.run([tool, "verify", str(unit)], capture_output=True, text=True, check=False)

    assert "racer.service" not in done.stderr
