"""docs/adding-a-provider.md, done as it says: both pieces of it race against a simulated Harbour."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from racer import Racer
from racer.config import compose
from racer.config.files import catalogue
from racer.config.review import review
from racer.config.schema import CATALOGUE
from racer.sim import Simulator, parse_profile
from racer_adapters import DIALECTS
from racer_adapters.limits import FORMATS

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
PAGE = Path(__file__).parents[2] / "docs" / "adding-a-provider.md"
KEYS = ["test-key-" + letter * 12 for letter in "ab"]
ENV = {"HARBOUR_API_KEY": ",".join(KEYS), "RACER_LOG": "off"}
SIMULATED = """
name = "harbour"
[providers.harbour]
models = ["harbour-small"]
keys = {keys}
flavour = "{flavour}"
limits = [{{ requests = 30, per = "minute" }}]
"""


def harbour(flavour: str) -> Simulator:
    return Simulator(parse_profile(SIMULATED.format(keys=KEYS, flavour=flavour), "harbour"))


def block(kind: str) -> str:
    (found,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)


def row_at(text: str, simulator: Simulator) -> dict[str, Any]:
    """The row of the page, at the simulator's address in the place of its own."""
    row: dict[str, Any] = tomllib.loads(text)["providers"]["harbour"]
    assert row["base_url"] == "https://api.harbour.example/v1"
    return {**row, "base_url": simulator.base_url("harbour")}


async def test_in_your_own_file() -> None:
    """Four lines of racer.toml and a key make a lane."""
    async with harbour("generic") as simulator:
        config = compose({"providers": {"harbour": row_at(block("toml"), simulator)}}, catalogue(), ENV)
        async with Racer(config) as racer:
            reply = await racer.race("Hello", only="harbour")

    assert (reply.provider, reply.model, bool(reply.text)) == ("harbour", "harbour-small", True)


async def test_in_the_catalogue() -> None:
    """A row among the built-in ones is found by its keys, and its quirks are met: this Harbour is strict."""
    text = block("toml catalogue")
    review(tomllib.loads(text), {}, "providers.toml", text, CATALOGUE)
    async with harbour("mistral") as simulator:
        rows = {**catalogue(), "harbour": row_at(text, simulator)}
        config = compose({}, rows, ENV)
        async with Racer(config) as racer:
            reply = await racer.race("Hello", only="harbour", seed=7, lanes=2)
        bodies = [each["body"] for each in simulator.requests() if each["body"]]

    assert reply.provider == "harbour"
    assert bodies
    assert all(body["stream"] and body["random_seed"] == 7 for body in bodies)
    assert all({"seed", "stream_options"}.isdisjoint(body) for body in bodies)


def test_one_file_is_enough() -> None:
    """What the row speaks of exists already: its dialect, and the format of its headers."""
    row = tomllib.loads(block("toml catalogue"))["providers"]["harbour"]

    assert row["dialect"] in DIALECTS
    assert row["limit_headers"] in FORMATS
