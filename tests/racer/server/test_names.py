"""`model`: who is meant, and what it can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from racer.core.field import field_of
from racer.core.provider import Model
from racer.server.names import choices, nobody_is_called, options_of, owner_of, shown
from racer.server.question import Refused
from racer.testing import provider_of

LANES = field_of(
    [
        replace(provider_of("groq"), models=(Model("llama", tags=frozenset({"fast"})), Model("big/one"))),
        replace(provider_of("home"), models=(Model("llama:latest"),)),
    ],
    {},
).lanes


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("auto", {}),
        ("auto:frugal", {"policy": "frugal"}),
        ("auto:all", {"policy": "all"}),
        ("auto:one", {"policy": "one"}),
        ("auto:fast", {"task": "fast"}),
        ("auto:code,auto:one", {"task": "code", "policy": "one"}),
        ("groq", {"only": ["groq"]}),
        ("groq/llama", {"only": ["groq/llama"]}),
        ("groq/big/one", {"only": ["groq/big/one"]}),
        ("fast", {"only": ["fast"]}),
        ("big/one", {"only": ["groq/big/one"]}),
        ("llama", {"only": ["groq/llama", "home/llama:latest"]}),
        ("groq, home", {"only": ["groq", "home"]}),
        ("groq,,groq", {"only": ["groq"]}),
        ("groq,auto", {"prefer": ["groq"]}),
        ("auto:frugal,home", {"policy": "frugal", "prefer": ["home"]}),
        ("nobody", {"only": ["nobody"]}),
        ("http://127.0.0.1/", {"only": ["http://127.0.0.1/"]}),
    ],
)
def test_who_is_meant(model: str, options: dict[str, Any]) -> None:
    """Words of ours, providers, models and tags; a name that nobody has is left to the race."""
    assert options_of(model, LANES) == options


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (None, "missing"), (4, "no text"), (["auto"], "no text"), ("", "empty"), (" , ", "empty"),
        ("x" * 3000, "too long"), (",".join(map(str, range(65))), "too long"),
    ],
)  # fmt: skip
def test_what_is_no_name(model: object, says: str) -> None:
    """Status 400, and what to write instead."""
    with pytest.raises(Refused, match=says) as caught:
        options_of(model, LANES)

    assert (caught.value.status, caught.value.param) == (400, "model")


@pytest.mark.parametrize("word", ["auto:", "auto:quick", "auto:Fast", "auto:frugal:fast", "auto:\x1b[2J"])
def test_words_that_are_none(word: str) -> None:
    """404 with those that there are; nothing of it can steer a terminal."""
    with pytest.raises(Refused, match="auto:frugal, auto:one, auto:chat") as caught:
        options_of(word, LANES)

    assert (caught.value.status, caught.value.code) == (404, "model_not_found")
    assert caught.value.message.isprintable()


def test_what_a_model_can_be() -> None:
    """Our words, then providers, then models, each once."""
    names = choices([*LANES, *LANES])

    assert names[:4] == [
        ("auto", "racer"),
        ("auto:all", "racer"),
        ("auto:frugal", "racer"),
        ("auto:one", "racer"),
    ]
    assert names[9:] == [
        ("groq", "groq"), ("home", "home"),
        ("groq/llama", "groq"), ("groq/big/one", "groq"), ("home/llama:latest", "home"),
    ]  # fmt: skip


def test_near_names() -> None:
    """A mistake in writing is pointed out; for anything else there is a list."""
    assert "did you mean groq/llama" in nobody_is_called("grok/llama", LANES).message
    assert "GET /v1/models lists them" in nobody_is_called("gpt-4o-mini", LANES).message
    assert nobody_is_called("gpt", LANES).param == "model"


def test_long_names_are_cut() -> None:
    """An answer is not as long as the question."""
    assert len(shown("x" * 1000)) < 120


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("auto:fast", "racer"),
        ("fast", "racer"),
        ("groq", "groq"),
        ("groq/llama", "groq"),
        ("big/one", "groq"),
        ("llama:latest", "home"),
        ("slow", None),
        ("", None),
    ],
)
def test_owners(name: str, owner: str | None) -> None:
    """Of whatever `model` can be: tags, and names of models alone, too."""
    assert owner_of(name, LANES) == owner
