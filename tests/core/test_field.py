"""From providers to lanes: every lane that there is, and a reason for each provider that gives none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from racer.core.field import Skipped, field_of
from racer.core.provider import Account, Lane, Model, Provider
from racer_adapters.types import Installed

GROQ = Provider(
    "groq",
    "openai",
    "https://groq.test/v1",
    models=(Model("small"), Model("large")),
    accounts=(Account("groq:GROQ_API_KEY"),),
    key_names=("GROQ_API_KEY",),
)
OLLAMA = Provider(
    "ollama",
    "ollama",
    "http://localhost:11434",
    models=(Model("llama3", tags=frozenset({"fast"}), can=frozenset({"tools"}), context=8192),),
    accounts=(Account("ollama"),),
    local=True,
    discover=True,
)


def lanes_of(provider: Provider, *found: Installed) -> tuple[Lane, ...]:
    return field_of([provider], {provider.name: found}).lanes


# ---------------------------------------------------------------- lanes


def test_a_lane_for_each_model() -> None:
    """With one account, a lane is called provider/model."""
    assert [each.id for each in lanes_of(GROQ)] == ["groq/small", "groq/large"]


def test_a_lane_for_each_model_and_account() -> None:
    """With several keys a lane has the variable's name in its own; without a variable the account's name."""
    keys = (Account("groq:GROQ_API_KEY_1"), Account("spare"))

    assert [(each.id, each.account) for each in lanes_of(replace(GROQ, accounts=keys))] == [
        ("groq/small@GROQ_API_KEY_1", keys[0]),
        ("groq/small@spare", keys[1]),
        ("groq/large@GROQ_API_KEY_1", keys[0]),
        ("groq/large@spare", keys[1]),
    ]


def test_providers_keep_their_order() -> None:
    """The field is in the order of the configuration."""
    other = replace(GROQ, name="other", models=(Model("m"),))

    assert [each.id for each in field_of([other, GROQ], {}).lanes] == ["other/m", "groq/small", "groq/large"]


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://groq.test/v1", "groq.test"),
        ("http://localhost:11434", "localhost"),
        ("http://127.0.0.1:1234/v1", "localhost"),
        ("http://[::1]:8080", "localhost"),
        ("http://GPU-box:11434", "gpu-box"),
        ("nowhere", ""),
    ],
)
def test_the_host_of_a_lane_is_its_machine(base_url: str, host: str) -> None:
    """Two local servers on one machine share its graphics card, whatever their ports and spellings."""
    assert lanes_of(replace(GROQ, base_url=base_url))[0].host == host


# ---------------------------------------------------------------- models that are found


def test_found_models_are_the_lanes() -> None:
    """What is installed decides: a known name that is not there gives no lane, an unknown one does."""
    found = lanes_of(OLLAMA, Installed("mistral:7b", loaded=True))

    assert [each.model for each in found] == [
        Model("mistral:7b", frozenset({"chat"}), frozenset({"json", "schema"}), loaded=True)
    ]


def test_a_found_model_keeps_what_is_known_of_it() -> None:
    """Tags and context come from the row, the exact name and whether it is loaded from the server."""
    found = lanes_of(OLLAMA, Installed("llama3:latest", loaded=True, can=("json", "vision", "insert")))

    assert [(each.id, each.model) for each in found] == [
        (
            "ollama/llama3:latest",
            Model(
                "llama3:latest",
                tags=frozenset({"fast"}),
                can=frozenset({"tools", "vision", "json", "schema"}),
                context=8192,
                loaded=True,
            ),
        )
    ]


def test_models_for_embeddings_are_no_lanes() -> None:
    """They cannot chat; where a server does not say so, the name does."""
    found = lanes_of(
        OLLAMA, Installed("nomic-embed-text"), Installed("Text-Embedding-3"), Installed("llama3")
    )

    assert [each.id for each in found] == ["ollama/llama3"]


def test_what_is_found_matters_only_where_it_is_looked_for() -> None:
    """Without `discover` the row's models are the models."""
    assert [each.id for each in lanes_of(GROQ, Installed("other"))] == ["groq/small", "groq/large"]


# ---------------------------------------------------------------- no lane


RETIRED = replace(GROQ, enabled=False, status="retired", note="closed in 2025")
NO_LANE: list[tuple[Provider, dict[str, tuple[Installed, ...] | None], str]] = [
    (replace(GROQ, enabled=False), {}, "not enabled"),
    (RETIRED, {}, "retired: closed in 2025"),
    (replace(GROQ, unusable="the address needs $ACCOUNT", accounts=()), {}, "the address needs $ACCOUNT"),
    (replace(GROQ, accounts=()), {}, "no key: set GROQ_API_KEY"),
    (replace(GROQ, accounts=(), key_names=("A", "B")), {}, "no key: set A or B"),
    (replace(GROQ, accounts=(), key_names=()), {}, "no key: set keys in racer.toml"),
    (replace(GROQ, models=()), {}, 'no model: add models = [{ name = "…" }] under [providers.groq]'),
    (OLLAMA, {}, "nothing answers at http://localhost:11434"),
    (OLLAMA, {"ollama": None}, "nothing answers at http://localhost:11434"),
    (OLLAMA, {"ollama": ()}, "no chat model is installed at http://localhost:11434"),
    (OLLAMA, {"ollama": (Installed("embed"),)}, "no chat model is installed at http://localhost:11434"),
]


@pytest.mark.parametrize(("provider", "installed", "reason"), NO_LANE, ids=[row[2] for row in NO_LANE])
def test_a_provider_without_lanes_says_why(
    provider: Provider, installed: dict[str, tuple[Installed, ...] | None], reason: str
) -> None:
    """One reason, the first that must be mended, with what to write."""
    field = field_of([provider], installed)

    assert field.lanes == ()
    assert field.skipped == (Skipped(provider.name, reason),)
