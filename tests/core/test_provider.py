"""Providers, models, accounts and lanes: data with safe defaults, and no key in sight."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from racer.core.provider import Account, Lane, Limit, Model, Provider
from racer_adapters.secret import Secret

KEY = "test-key-" + "x" * 12
GROQ = Provider("groq", "openai", "https://groq.test/v1", key_names=("GROQ_API_KEY",))


def test_a_provider_with_names_of_keys_needs_one() -> None:
    """Local servers name none and need none."""
    assert GROQ.needs_key
    assert not Provider("ollama", "ollama", "http://localhost:11434", local=True).needs_key


def test_a_lane_is_called_by_its_id() -> None:
    """The name is the same in logs, errors and options."""
    lane = Lane("groq/m", GROQ, Model("m"), Account("groq:GROQ_API_KEY"), "groq.test")

    assert str(lane) == "groq/m"


def test_a_lane_is_cold_where_its_server_says_so() -> None:
    """One that does not tell would be cold for ever; one elsewhere is none of ours."""
    here, there = (Provider("o", "ollama", "http://o.test", local=local) for local in (True, False))

    def cold(provider: Provider, *, loaded: bool | None) -> bool:
        return Lane("o/m", provider, Model("m", loaded=loaded), Account("o"), "o.test").is_cold

    assert [True, False, False] == [cold(here, loaded=loaded) for loaded in (False, True, None)]
    assert not cold(there, loaded=False)


def test_nothing_shows_a_key() -> None:
    """Neither an account nor a lane with it in it prints its key."""
    lane = Lane("groq/m", GROQ, Model("m"), Account("groq:GROQ_API_KEY", Secret(KEY)), "groq.test")

    assert KEY not in f"{lane!r} {lane} {lane.account}"


def test_what_is_not_said_is_the_careful_choice() -> None:
    """Nothing is assumed of privacy, capabilities or limits."""
    assert (GROQ.trains_on_data, GROQ.local, GROQ.discover, GROQ.limits) == (None, False, False, ())
    assert (Model("m").can, Model("m").tags, Model("m").loaded) == (frozenset(), frozenset(), None)
    assert Limit("requests", 30, "minute").scope == "account"


@pytest.mark.parametrize("record", [GROQ, Model("m"), Account("a"), Limit("requests", 1, "day")])
def test_records_are_frozen(record: Provider | Model | Account | Limit) -> None:
    """What a race was given cannot change under it."""
    with pytest.raises(FrozenInstanceError):
        setattr(record, fields(record)[0].name, "other")
