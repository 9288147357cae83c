"""The Config record: its defaults, and what its repr keeps to itself."""

from __future__ import annotations

from racer.config import Config, RaceDefaults, ServerSettings


def test_defaults() -> None:
    """What nobody configures is what the contract says."""
    config = Config()

    assert config.race == RaceDefaults(
        lanes=4, policy="all", extra=0.25, deadline=60.0, wait=0.0, per_provider=1, local_lanes=1
    )
    assert (config.cache.ttl, config.store.url, config.alerts.at) == (None, None, (0.75, 0.90, 0.95))
    assert config.server == ServerSettings(
        host="127.0.0.1", port=8190, grace=20.0, max_in_flight=1000, cors=(), hosts=(), tokens=()
    )
    assert (config.providers, config.path, config.refused) == ((), None, ())


def test_the_environment_never_shows() -> None:
    """`env` holds keys, so no repr has it."""
    key = "test-key-" + "x" * 12

    assert key not in repr(Config(env={"GROQ_API_KEY": key}))
