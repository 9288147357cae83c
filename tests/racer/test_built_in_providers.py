"""Every built-in row at work: found by its variables alone, and raced against a provider of its dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from racer import Racer
from racer.config import compose
from racer.config.files import catalogue
from racer.config.forms import references
from racer.sim import Profile, Simulator
from racer.sim import Provider as Simulated
from racer.sim.wire.flavour import FLAVOURS

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
ROWS = catalogue()
ALIVE = {name: row for name, row in ROWS.items() if row.get("status") != "retired"}
KEY = "test-key-" + "k" * 12
# What OpenAI's reasoning models, Mistral and others would refuse, were it sent as it is.
OPTIONS: Mapping[str, Any] = {"max_tokens": 50, "temperature": 0.5, "top_p": 0.9, "seed": 7, "stop": "\n\n\n"}


def simulated(name: str, row: Mapping[str, Any]) -> Simulated:
    models = tuple(
        "from-env" if references(model["name"]) else model["name"] for model in row.get("models", ())
    )
    dropped = [field for each in (row, *row.get("models", ())) for field in each.get("drops", ())]
    return Simulated(
        name=name,
        dialect=row["dialect"],
        flavour=name if name in FLAVOURS else "generic",
        models=models or ("served",),
        keys=(KEY,) if row["key_names"] else None,
        refuses=frozenset(dropped) | row.get("renames", {}).keys(),
    )


def environment(row: Mapping[str, Any], base_url: str) -> dict[str, str]:
    """One variable of the key; where the address is a variable, that one; and the name of a model."""
    names = [name for model in row.get("models", ()) for name in references(model["name"])]
    whole = row["base_url"].removeprefix("$") if row["base_url"].startswith("$") else ""
    env = {"RACER_LOG": "off", **dict.fromkeys(names, "from-env"), **({whole: base_url} if whole else {})}
    return env | {row["key_names"][-1]: KEY} if row["key_names"] else env


@pytest.mark.parametrize("name", ALIVE)
async def test_each_row_races(name: str) -> None:
    """With its key, its quirks and its first model, and with options that somebody refuses."""
    row = ALIVE[name]
    async with Simulator(Profile((simulated(name, row),))) as simulator:
        url = simulator.base_url(name)
        moved = {} if row["base_url"].startswith("$") else {name: {"base_url": url}}
        config = compose({"providers": moved}, {name: row}, environment(row, url))
        async with Racer(config) as racer:
            reply = await racer.race("Name three rivers.", **OPTIONS)

    assert reply.provider == name
    assert len(reply.text) > 10
