"""The table of what racer.toml may hold, beside the records and the dialects that it speaks of."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from racer.config import AlertSettings, CacheSettings, RaceDefaults, ServerSettings, StoreSettings
from racer.config.check import check
from racer.config.schema import (
    BUILTIN,
    DIALECTS,
    FILE,
    LIMIT,
    LIMIT_HEADERS,
    MODEL,
    MODEL_LIMIT,
    POOL,
    RACE,
    ROW,
    SERVER,
)
from racer.core.provider import Limit, Model, Provider
from racer_adapters import DIALECTS as TABLE_OF_DIALECTS
from racer_adapters.limits import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping


def names(record: type[Any]) -> set[str]:
    return {each.name for each in fields(record)}


def test_dialects() -> None:
    """A row may speak each dialect that there is, and no other."""
    assert set(DIALECTS) == set(TABLE_OF_DIALECTS)


def test_sections() -> None:
    """Each section has the keys of its record."""
    assert list(FILE.keys) == ["race", "cache", "store", "alerts", "server", "providers"]
    assert set(RACE.keys) == names(RaceDefaults) - {"cache"}
    assert names(CacheSettings) == {"ttl"}
    assert names(StoreSettings) == {"url"}
    assert names(AlertSettings) == {"at"}
    assert list(SERVER.keys) == [each.name for each in fields(ServerSettings)]


def test_rows() -> None:
    """A row has the fields of a Provider, but those that are worked out, and some of its own."""
    worked_out = {"name", "accounts", "key_names", "unusable", "extra", "status"}

    assert set(ROW.keys) == names(Provider) - worked_out | {"keys", "allow_http", "preset"}
    assert set(BUILTIN.keys) ^ set(ROW.keys) == {"status", "key_names", "keyless", "presets", "preset"}


def test_limit_headers() -> None:
    """A row may name the formats that there are."""
    assert set(LIMIT_HEADERS) == set(FORMATS)


def test_models_and_limits() -> None:
    """Models and limits have the fields of their records; a limit names its unit by a key."""
    units = {"requests", "tokens", "input_tokens", "output_tokens", "neurons", "usd"}

    assert set(MODEL.keys) == names(Model) - {"loaded"}
    assert set(LIMIT.keys) == names(Limit) - {"unit", "amount"} | units
    assert set(LIMIT.keys) - set(MODEL_LIMIT.keys) == {"scope"}
    assert set(POOL.keys) == {"pool", "use"}


@pytest.mark.parametrize(
    ("limit", "path", "found"),
    [
        ({"per": "day"}, "", "no unit"),
        ({"per": "day", "requests": 1, "usd": 1}, "", "requests and usd"),
        ({"per": "minute", "requests": 1, "reset": "00:00 UTC"}, "reset", 'per = "minute"'),
        ({"per": "rolling 24h", "requests": 1, "reset": "00:00 UTC"}, "reset", 'per = "rolling 24h"'),
        ({"per": "once", "requests": 1, "reset": "00:00 UTC"}, "reset", 'per = "once"'),
        ({"per": "day", "requests": 1, "expires": "2027-01-31"}, "expires", 'per = "day"'),
    ],
)
def test_limit_rule(limit: Mapping[str, object], path: str, found: str) -> None:
    """A limit has exactly one unit, a reset where a window has a fixed end, an end where nothing renews."""
    (problem,) = check(limit, LIMIT)

    assert problem.path == ((path,) if path else ())
    assert found in problem.found


@pytest.mark.parametrize(
    "name", ["Authorization", "x-api-key", "X-Auth", "Cookie", "my-token", "Client-Secret"]
)
def test_headers_that_hold_secrets(name: str) -> None:
    """A header that is there for a key takes a reference, and its literal value is not repeated."""
    (problem,) = check({"headers": {name: "Bearer hunter2"}}, ROW)

    assert problem.path == ("headers", name)
    assert "hunter2" not in str(problem)
    assert check({"headers": {name: "Bearer $MINE"}}, ROW) == []
    assert check({"headers": {"X-Title": "racer"}}, ROW) == []


def test_preset_rule() -> None:
    """A preset takes the place of the limits, so both in one row cannot be meant."""
    (problem,) = check({"preset": "generous", "limits": []}, ROW)

    assert (problem.path, problem.found) == (("preset",), "a preset beside limits of your own")
    assert check({"preset": "generous"}, ROW) == []


@pytest.mark.parametrize("key", ["requests_per_minute", "in_flight"])
def test_what_a_token_may_ask(key: str) -> None:
    """A whole number above 0."""
    team = {"token": "$TEAM"}

    assert check({"tokens": {"team": {**team, key: 1}}}, SERVER) == []
    assert len(check({"tokens": {"team": {**team, key: 0}}}, SERVER)) == 1
    assert len(check({"tokens": {"team": {**team, key: 0.5}}}, SERVER)) == 1
    assert len(check({"tokens": {"Team": team}}, SERVER)) == 1
