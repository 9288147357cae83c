"""Simulated providers as rows of racer.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from racer import config
from racer.cli.simulated import config_for, name_of, racer_toml, rows_of
from racer.sim import Simulator, parse_profile

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

PROFILE = """
[providers.groq]
models = ["openai/gpt-oss-20b", "odd\\\\\\"name"]
[providers.mistral]
models = ["mistral-small-latest"]
[providers.ollama]
models = ["llama3.2"]
[providers."a.b"]
models = ["m"]
keys = ["abc", "def"]
"""


async def test_the_rows_load_as_they_are_printed(tmp_path: Path) -> None:
    """What `racer sim` prints is a racer.toml: providers, addresses, quirks and models arrive as they are."""
    async with Simulator(parse_profile(PROFILE, "test")) as simulator:
        (tmp_path / "racer.toml").write_text(racer_toml(simulator))
        rows = rows_of(simulator)

    loaded = {each.name: each for each in config.load(environ={}, cwd=tmp_path).providers}

    for name, row in rows.items():
        assert loaded[name].base_url == row["base_url"]
        assert loaded[name].dialect == row["dialect"]
        assert [model.name for model in loaded[name].models] == [model["name"] for model in row["models"]]
        assert all(model.tags == {"sim"} for model in loaded[name].models)
        assert all(model.can == {"tools", "json", "schema", "vision"} for model in loaded[name].models)
    assert loaded["sim-mistral"].drops == {"stream_options"}
    assert loaded["sim-groq"].models[1].name == 'odd\\"name'


async def test_a_key_is_asked_for_where_the_simulator_wants_one(tmp_path: Path) -> None:
    """Nowhere else: on this machine a provider does without, and no real key comes near it."""
    async with Simulator(parse_profile(PROFILE, "test")) as simulator:
        (tmp_path / "racer.toml").write_text(racer_toml(simulator))

    environ = {"GROQ_API_KEY": "test-key-" + "x" * 12}
    loaded = {each.name: each for each in config.load(environ=environ, cwd=tmp_path).providers}

    assert [account.key for account in loaded["sim-groq"].accounts] == [None]
    assert loaded["sim-a.b"].key_names == ("SIM_API_KEY",)


async def test_the_demo_knows_the_simulator_alone() -> None:
    """No built-in provider, nothing of the environment, no log lines, one model each."""
    async with Simulator(parse_profile(PROFILE, "test")) as simulator:
        loaded = config_for(simulator)
        names = [name_of(each) for each in simulator.profile.providers]

    assert [provider.name for provider in loaded.providers] == names
    assert all(provider.base_url.startswith(simulator.url) for provider in loaded.providers)
    assert all(len(provider.models) == 1 for provider in loaded.providers)
    assert loaded.env == {"RACER_LOG": "off"}
