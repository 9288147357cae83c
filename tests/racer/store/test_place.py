"""Where the database lies: environment, configuration, home folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from racer.config import forms
from racer.errors import ConfigError
from racer.store.place import place_of

HOME = {"HOME": "/home/me"}

PLACES: list[tuple[str | None, dict[str, str], str | None]] = [
    # RACER_DB comes first, in each of its forms.
    ("sqlite:///other.db", {**HOME, "RACER_DB": "/var/x.db"}, "/var/x.db"),
    (None, {**HOME, "RACER_DB": "x.db"}, "x.db"),
    (None, {**HOME, "RACER_DB": "sqlite:///x.db"}, "x.db"),
    (None, {**HOME, "RACER_DB": "sqlite:////var/x.db"}, "/var/x.db"),
    (None, {**HOME, "RACER_DB": " ~/x.db "}, "/home/me/x.db"),
    (None, {**HOME, "RACER_DB": ":memory:"}, None),
    (None, {**HOME, "RACER_DB": "sqlite://"}, None),
    # Then the configuration; an empty variable is none.
    ("sqlite:///racer.db", {**HOME, "RACER_DB": ""}, "racer.db"),
    ("sqlite:////abs/a path.db", HOME, "/abs/a path.db"),
    ("sqlite:///~/x.db", HOME, "/home/me/x.db"),
    ("sqlite:///~x.db", HOME, "~x.db"),
    ("sqlite:///:memory:", HOME, None),
    ("sqlite://", HOME, None),
    # Then the folder for state, and the one below the home folder.
    (None, {**HOME, "XDG_STATE_HOME": "/state"}, "/state/racer/racer.db"),
    (None, {"XDG_STATE_HOME": "/state"}, "/state/racer/racer.db"),
    (None, {**HOME, "XDG_STATE_HOME": "state"}, "/home/me/.local/state/racer/racer.db"),
    (None, HOME, "/home/me/.local/state/racer/racer.db"),
    # And nowhere.
    (None, {}, None),
    (None, {"HOME": ""}, None),
    (None, {"HOME": "relative"}, None),
]


@pytest.mark.parametrize(("url", "env", "expected"), PLACES)
def test_the_first_that_says_where_is_heard(
    url: str | None, env: dict[str, str], expected: str | None
) -> None:
    """RACER_DB, then `[store] url`, then the folders for state; memory where there is none of them."""
    assert place_of(url, env) == (None if expected is None else Path(expected))


@pytest.mark.parametrize(
    ("url", "env", "words"),
    [
        ("redis://host:6379/0", HOME, ["store.url", "not built yet", "sqlite:///PATH"]),
        (None, {"RACER_DB": "rediss://u:hush@host"}, ["RACER_DB", "not built yet", "or just a path"]),
        (None, {"RACER_DB": "mysql://u:hush@host/x"}, ["RACER_DB", "no address", "sqlite:///PATH"]),
        (None, {"RACER_DB": "sqlite:///"}, ["RACER_DB", "no address"]),
        (None, {"RACER_DB": "sqlite://host/x"}, ["RACER_DB", "no address"]),
        ("sqlite:///~/x.db", {}, ["store.url", "HOME is not set"]),
        (None, {"RACER_DB": "~"}, ["RACER_DB", "HOME is not set"]),
    ],
)
def test_what_is_no_place_is_refused(url: str | None, env: dict[str, str], words: list[str]) -> None:
    """The message names the source and what to write instead, and repeats no address with its password."""
    with pytest.raises(ConfigError) as caught:
        place_of(url, env)

    assert [word for word in words if word not in str(caught.value)] == []
    assert "hush" not in str(caught.value)


def test_the_configuration_may_ask_for_memory() -> None:
    """What this file understands, the check of racer.toml lets through."""
    assert forms.store_url("sqlite:///:memory:") is None
