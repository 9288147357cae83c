"""What is wrong with a row as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from racer.config.check import dotted
from racer.config.rows import problems

GOOD: dict[str, Any] = {"dialect": "openai", "base_url": "https://api.example.com/v1"}
ORG = [{"pool": "org", "use": ["$A"]}, "$B"]
TEAMS = [*ORG, {"pool": "team", "use": ["$C"]}]
ORG_DAY = {"requests": 1, "per": "day", "scope": "org"}
DAY = {"limits": [{"requests": 20, "per": "day"}]}


def told(row: dict[str, Any], name: str = "box") -> list[str]:
    return [str(problem) for problem in problems(name, row, ("groq", "openai"))]


@pytest.mark.parametrize(
    "row",
    [
        GOOD,
        {**GOOD, "base_url": "http://localhost:8080/v1"},
        {**GOOD, "base_url": "http://example.com", "allow_http": True},
        {**GOOD, "base_url": "https://$HOST/v1"},
        {**GOOD, "limits": [{"requests": 1, "per": "day", "scope": "model"}, {"usd": 1, "per": "once"}]},
        {**GOOD, "keys": ORG, "limits": [{"requests": 1, "per": "day", "scope": "org"}]},
        {**GOOD, "models": [{"name": "a"}, {"name": "b"}]},
        {**GOOD, "limits": [{"requests": 1, "per": "day"}, {"requests": 2, "per": "hour"}]},
        {**GOOD, "limits": [{"requests": 1, "per": "day"}, {"tokens": 2, "per": "day"}]},
        {**GOOD, "limits": [{"requests": 1, "per": "day"}, {"requests": 1, "per": "day"}]},
        {**GOOD, "limits": [{"requests": 2, "per": "day"}, {"requests": 1, "per": "day", "scope": "model"}]},
        {**GOOD, "keys": TEAMS, "limits": [ORG_DAY, {"requests": 2, "per": "day", "scope": "team"}]},
        {
            **GOOD,
            "limits": [{"requests": 1, "per": "day", "scope": "model"}],
            "models": [{"name": "a", **DAY}],
        },
        {**GOOD, "keys": ["$A", "$A", {"pool": "org", "use": ["$B", "$B"]}]},
        {**GOOD, "preset": "much", "presets": {"much": {"limits": []}}},
        {"status": "retired", "note": "gone since 2024"},
        {**GOOD, "status": "retired", "note": "gone since 2024", "enabled": True},
    ],
)
def test_right(row: dict[str, Any]) -> None:
    """A row that can be used, or that is retired, has no problem."""
    assert told(row) == []


@pytest.mark.parametrize(
    ("row", "path", "found", "allowed"),
    [
        ({"base_url": "https://x.test"}, "dialect", "nothing", '"openai" or "ollama"'),
        ({"dialect": "openai"}, "base_url", "nothing", "an address"),
        ({**GOOD, "base_url": "http://example.com"}, "base_url", "plain http", "https, or allow_http = true"),
        ({**GOOD, "base_url": "http://$HOST/v1"}, "base_url", "plain http", "https"),
        (
            {**GOOD, "limits": [{"requests": 1, "per": "day", "scope": "modle"}]},
            "limits[0].scope",
            '"modle"',
            '"account" or "model"; did you mean model?',
        ),
        (
            {**GOOD, "keys": ORG, "limits": [{"requests": 1, "per": "day", "scope": "team"}]},
            "limits[0].scope",
            '"team"',
            '"account" or "model" or "org"',
        ),
        (
            {**GOOD, "models": [{"name": "a"}, {"name": "a"}]},
            "models[0].name",
            "named twice",
            "each model once",
        ),
        (
            {**GOOD, "preset": "mich", "presets": {"much": {"limits": []}}},
            "preset",
            '"mich"',
            '"much"; did you mean much?',
        ),
        ({**GOOD, "preset": "much"}, "preset", '"much"', "none: this provider has no preset"),
        (
            {"status": "retired", "enabled": True, **GOOD, "base_url": "http://x.test"},
            "base_url",
            "plain",
            "https",
        ),
    ],
)
def test_wrong(row: dict[str, Any], path: str, found: str, allowed: str) -> None:
    """Each problem names the provider, the key, what was found and what is allowed."""
    first = told(row)[0]

    assert first.startswith(f"providers.box.{path}: found ")
    assert found in first
    assert f"allowed: {allowed}" in first


def test_a_new_name_that_is_nearly_an_old_one() -> None:
    """Who misspells a built-in provider is asked whether that was meant."""
    found = problems("gorq", {"priority": 3}, ("groq", "openai"))

    assert [dotted(problem.path) for problem in found] == [
        "providers.gorq.dialect",
        "providers.gorq.base_url",
    ]
    assert all("did you mean groq?" in problem.hint for problem in found)


def test_a_retired_provider_that_is_to_come_back() -> None:
    """Enabled without an address, it says that the old one has ended."""
    (problem,) = problems("groq", {"status": "retired", "enabled": True, "dialect": "openai"}, ("groq",))

    assert dotted(problem.path) == "providers.groq.base_url"
    assert problem.hint == " (the service that was built in has ended: say where another one is)"


TEN = {"requests": 10, "per": "minute"}
TWENTY = {"requests": 20, "per": "minute"}
ONE = "allowed: one amount for the same unit, per and scope"
RIVALS = f"found 20 requests, and 10 in limits[0]; {ONE}"
CLAIMS: list[tuple[dict[str, Any], list[str]]] = [
    ({"limits": [TEN, TWENTY]}, [f"limits[1].requests: {RIVALS}"]),
    ({"limits": [TEN, {**TWENTY, "scope": "account"}]}, [f"limits[1].requests: {RIVALS}"]),
    (
        {"limits": [{**TEN, "scope": "model"}, {**TWENTY, "scope": "model"}]},
        [f"limits[1].requests: {RIVALS}"],
    ),
    ({"keys": ORG, "limits": [{**TEN, "scope": "org"}, TWENTY]}, [f"limits[1].requests: {RIVALS}"]),
    ({"models": [{"name": "a", "limits": [TEN, TWENTY]}]}, [f"models[0].limits[1].requests: {RIVALS}"]),
    (
        {"limits": [{"usd": 0.5, "per": "once"}, {"tokens": 1, "per": "once"}, {"usd": 5, "per": "once"}]},
        [f"limits[2].usd: found 5 usd, and 0.5 in limits[0]; {ONE}"],
    ),
    (
        {"keys": [*ORG, {"pool": "team", "use": ["$C", "$A", "$B"]}]},
        [
            'keys[2].use[1]: found a key that also stands in the pool "org"; allowed: each key in one place',
            "keys[2].use[2]: found a key that also stands outside of pools; allowed: each key in one place",
        ],
    ),
    (
        {"keys": [*ORG, "$A"]},
        ['keys[2]: found a key that also stands in the pool "org"; allowed: each key in one place'],
    ),
    (
        {"keys": [*ORG, {"pool": "org", "use": ["$C"]}]},
        [
            f'keys[{place}].pool: found "org", a pool that is named twice; allowed: each pool once'
            for place in (0, 2)
        ],
    ),
    (
        {"keys": [{"pool": "model", "use": ["$A"]}]},
        ['keys[0].pool: found "model", which has a meaning of its own in limits; allowed: another name'],
    ),
]


@pytest.mark.parametrize(("row", "problems_"), CLAIMS)
def test_what_is_claimed_twice(row: dict[str, Any], problems_: list[str]) -> None:
    """One thing that two places say differently: both values, or both places, are named."""
    assert told({**GOOD, **row}) == [f"providers.box.{each}" for each in problems_]
