"""What `import racer` loads: the parts that only some programs need come when they are needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

LATER = {
    "structlog": "at the first log line",
    "rich": "in the command line",
    "aiohttp.web": "in the simulator and the server",
    "racer.cli": "in the command line",
    "racer.accounts": "in the command line and the server",
    "racer.sim": "in the simulator",
    "racer.testing": "in tests",
    "argparse": "in the command line",
    "msgspec": "where into= is a type",
    "jsonschema": "where into= is a schema",
    "racer.parsed": "where into= is given",
    "tomllib": "where a TOML file is read",
    "sqlite3": "in the store",
    "aiosqlite": "in the store",
    "zoneinfo": "where a limit names a time zone",
    "prometheus_client": "where /metrics is asked for",
    "opentelemetry": "in the server",
    "openai": "never: racer speaks to the wire",
    "ollama": "never: racer speaks to the wire",
    "httpx": "never",
    "pydantic": "never",
    "numpy": "never",
}


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after `statement`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{statement}\nprint(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    )
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def by_racer() -> set[str]:
    return loaded_by("import racer\nracer.Racer")


def test_racer_is_loaded_by_its_names(by_racer: set[str]) -> None:
    """The lists below are of a real import: the first name that is used brings the rest."""
    assert {"racer", "racer.api", "aiohttp", "anyio"} <= by_racer


def test_import_racer_alone_loads_nothing() -> None:
    """Who imports one part of racer, or asks for help, does not wait for an HTTP client."""
    assert loaded_by("import racer").isdisjoint(
        {"racer.api", "aiohttp", "anyio", "asyncio", "orjson", *LATER}
    )


@pytest.mark.parametrize("module", LATER)
def test_racer_leaves_for_later(module: str, by_racer: set[str]) -> None:
    """Racer costs what aiohttp costs: nothing of what it does not need at once."""
    assert module not in by_racer, f"wanted {LATER[module]}"


def test_import_racer_starts_and_changes_nothing() -> None:
    """An import starts no thread and leaves the environment as it was."""
    statement = "import os, threading\nenviron = dict(os.environ)\nimport racer\n"
    statement += "assert threading.active_count() == 1\nassert environ == dict(os.environ)"

    assert "racer" in loaded_by(statement)


def test_dialects_need_no_network_library() -> None:
    """racer_adapters can be used alone: the standard library and orjson."""
    loaded = loaded_by("import racer_adapters")

    assert loaded.isdisjoint({"aiohttp", "anyio", "asyncio", "racer", "structlog", "ssl"})
