"""Models in a local server's memory."""

from __future__ import annotations

import math

import pytest

from racer.sim.loaded import Loaded, full_name
from racer.sim.profile import Provider

LOCAL = Provider("ollama", models=("llama3.2", "mistral"), loaded=("llama3.2",), keep_alive=10.0)


def test_what_is_loaded_from_the_start_stays() -> None:
    """It is warm at any time, by either of its names."""
    loaded = Loaded(LOCAL)

    assert not loaded.use("llama3.2", 1e9)
    assert not loaded.use("llama3.2:latest", 2e9)
    assert loaded.models(3e9) == {"llama3.2:latest": math.inf}


def test_a_used_model_stays_for_a_while() -> None:
    """Cold at first, warm until keep_alive seconds after its last use, then cold again."""
    loaded = Loaded(LOCAL)

    assert loaded.use("mistral", 100.0)
    assert not loaded.use("mistral", 109.0)
    assert loaded.models(118.9)["mistral:latest"] == 119.0
    assert loaded.use("mistral", 119.0)


@pytest.mark.parametrize(("name", "full"), [("a", "a:latest"), ("a:8b", "a:8b")])
def test_a_name_without_tag_means_latest(name: str, full: str) -> None:
    """As Ollama reads names."""
    assert full_name(name) == full
