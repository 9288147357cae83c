"""The user's tables over the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from racer.config import Config, RaceDefaults, ServerSettings, TokenSettings, compose
from racer.config.composition import merged
from racer.errors import ConfigError
from racer_adapters.secret import Secret

if TYPE_CHECKING:
    from racer.core.provider import Provider

CATALOGUE: dict[str, dict[str, Any]] = {
    "groq": {
        "dialect": "openai",
        "base_url": "https://api.groq.com/openai/v1",
        "key_names": ["GROQ_API_KEY"],
        "priority": 20,
        "headers": {"X-A": "1"},
        "limits": [{"requests": 30, "per": "minute"}, {"requests": 1000, "per": "day"}],
    },
    "ollama": {"dialect": "ollama", "base_url": "http://localhost:11434", "key_names": [], "local": True},
    "gone": {"key_names": [], "status": "retired", "note": "ended in 2024"},
}
KEY = "test-key-" + "x" * 12


def composed(tables: dict[str, Any], env: dict[str, str] | None = None) -> Config:
    return compose(tables, CATALOGUE, env or {})


def named(config: Config, name: str) -> Provider:
    return next(provider for provider in config.providers if provider.name == name)


def test_nothing_configured() -> None:
    """Without tables there are defaults and all built-in providers, also those that cannot run."""
    config = composed({})

    assert config.race == RaceDefaults()
    assert [provider.name for provider in config.providers] == ["groq", "ollama", "gone"]
    assert [bool(provider.accounts) for provider in config.providers] == [False, True, True]
    assert [provider.enabled for provider in config.providers] == [True, True, False]


def test_all_sections() -> None:
    """Each value of each section arrives in its record; seconds become floats."""
    config = composed(
        {
            "race": {
                "lanes": 2,
                "policy": "one",
                "extra": 1,
                "deadline": 5,
                "wait": 3,
                "per_provider": 2,
                "local_lanes": 3,
            },
            "cache": {"ttl": "1h30m"},
            "store": {"url": "sqlite:///x.db"},
            "alerts": {"at": [0.9, 0.5, 1, 0.5]},
        }
    )

    assert config.race == RaceDefaults(
        lanes=2, policy="one", deadline=5.0, wait=3.0, per_provider=2, local_lanes=3, extra=1.0, cache=5400.0
    )
    assert isinstance(config.race.deadline, float)
    assert (config.cache.ttl, config.store.url, config.alerts.at) == (
        5400.0,
        "sqlite:///x.db",
        (0.5, 0.9, 1.0),
    )


def test_the_server() -> None:
    """Its settings, and its tokens with what the environment has for them."""
    alice = {"token": "$ALICE", "requests_per_minute": 5}
    config = composed(
        {
            "server": {
                "host": "0.0.0.0", "port": 9000, "grace": 5, "max_in_flight": 7, "hosts": ["a.example"],
                "cors": ["https://b.example"],
                "tokens": {"alice": alice, "bob": {"token": "$BOB", "in_flight": 2}},
            }
        },
        {"ALICE": " 0123456789abcdef\n", "BOB": " "},
    )  # fmt: skip
    server = config.server

    assert (server.host, server.port, server.grace, server.max_in_flight) == ("0.0.0.0", 9000, 5.0, 7)
    assert isinstance(server.grace, float)
    assert (server.hosts, server.cors) == (("a.example",), ("https://b.example",))
    assert server.tokens == (
        TokenSettings("alice", "ALICE", Secret("0123456789abcdef"), 5),
        TokenSettings("bob", "BOB", None, None, 2),
    )
    assert "0123456789abcdef" not in repr(server)
    assert composed({"server": {}}).server == composed({}).server == ServerSettings()


@pytest.mark.parametrize(("ttl", "seconds"), [(90, 90.0), (0.5, 0.5), ("24h", 86_400.0)])
def test_ttl(ttl: object, seconds: float) -> None:
    """The time to live is seconds or a text; it is the default of the races too."""
    config = composed({"cache": {"ttl": ttl}})

    assert (config.cache.ttl, config.race.cache) == (seconds, seconds)


def test_empty_sections() -> None:
    """An empty section is as good as none."""
    assert composed(
        {"race": {}, "cache": {}, "store": {}, "alerts": {}, "providers": {"groq": {}}}
    ) == composed({})


def test_a_row_is_changed_key_by_key() -> None:
    """What the user writes replaces that key alone: lists whole, tables by their keys."""
    changes = {"priority": 1, "headers": {"X-B": "2"}, "limits": [{"usd": 1, "per": "once"}]}
    groq = named(composed({"providers": {"groq": changes}}), "groq")

    assert (groq.priority, dict(groq.headers), len(groq.limits)) == (1, {"X-A": "1", "X-B": "2"}, 1)
    assert (groq.dialect, groq.key_names) == ("openai", ("GROQ_API_KEY",))


def test_a_row_is_added() -> None:
    """A new row stands behind the built-in ones."""
    row = {"dialect": "openai", "base_url": "http://localhost:8080/v1", "models": [{"name": "m"}]}
    config = composed({"providers": {"box": row}})

    assert config.providers[-1].name == "box"
    assert [provider.name for provider in composed({}).providers] == [p.name for p in config.providers[:-1]]


def test_ollama_host_against_the_file() -> None:
    """OLLAMA_HOST moves the built-in address, but not one that the user wrote."""
    env = {"OLLAMA_HOST": "http://127.0.0.1:8000"}
    written = {"providers": {"ollama": {"base_url": "http://127.0.0.1:9000"}}}
    other = {"providers": {"ollama": {"priority": 3}}}

    assert named(composed({}, env), "ollama").base_url == "http://127.0.0.1:8000"
    assert named(composed(other, env), "ollama").base_url == "http://127.0.0.1:8000"
    assert named(composed(written, env), "ollama").base_url == "http://127.0.0.1:9000"


def test_refused_keys_are_told() -> None:
    """A key that is set and not used is named with its provider, also beside a good one."""
    config = composed({}, {"GROQ_API_KEY": KEY, "GROQ_API_KEY_1": "changeme"})

    assert config.refused == ("groq: GROQ_API_KEY_1 holds a placeholder, not a key",)
    assert len(named(config, "groq").accounts) == 1


def test_wrong_tables() -> None:
    """Problems end the composition, under the name of the file."""
    with pytest.raises(ConfigError, match=r"^my\.toml: race\.lanes: found 0;"):
        compose({"race": {"lanes": 0}}, CATALOGUE, {}, path=Path("my.toml"))
    with pytest.raises(ConfigError, match=r"^racer\.toml: race\.lanes: found 0;"):
        composed({"race": {"lanes": 0}})


def test_merged_leaves_its_sources_alone() -> None:
    """Merging changes neither row."""
    builtin = {"headers": {"a": "1"}, "drops": ["x"], "priority": 1}

    assert merged(builtin, {"headers": {"b": "2"}, "drops": []}) == {
        "headers": {"a": "1", "b": "2"},
        "drops": [],
        "priority": 1,
    }
    assert builtin == {"headers": {"a": "1"}, "drops": ["x"], "priority": 1}
