"""The built-in catalogue, providers.toml of racer_adapters, and the page that lists it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from racer.config import compose
from racer.config.files import catalogue
from racer.config.review import review
from racer.config.schema import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.core.provider import Provider

ROOT = Path(__file__).parents[3]
ROWS = catalogue()
PROVIDERS = compose({}, ROWS, {}).providers
WANTED = {
    "ollama", "ollama-cloud", "groq", "cerebras", "openrouter", "mistral", "sambanova", "nvidia", "together",
    "huggingface", "deepinfra", "fireworks", "openai", "xai", "deepseek", "nebius", "hyperbolic", "scaleway",
    "chutes", "cloudflare",
}  # fmt: skip


def test_it_passes_the_checker() -> None:
    """The file that ships has no problem of any kind."""
    text = (ROOT / "adapters/racer_adapters/providers.toml").read_text("utf-8")

    review({"providers": ROWS}, {}, "providers.toml", text, CATALOGUE)


def test_who_is_in_it() -> None:
    """Every provider that speaks a dialect we have is there."""
    assert set(ROWS) >= WANTED


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_each_row(provider: Provider) -> None:
    """A row that is alive can be used as it stands: encrypted or local, with models and a console."""
    assert provider.status == "alive"
    assert provider.local or provider.base_url.startswith("https://")
    assert provider.local or provider.key_names
    assert provider.models
    assert provider.console.startswith("https://")
    assert all(model.tags for model in provider.models)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_each_limit_says_where_it_was_read(provider: Provider) -> None:
    """A limit without a source, a date and a confidence is a rumour."""
    assert all(limit.source and limit.seen and limit.confidence for limit in provider.limits)


def test_variables_belong_to_one_provider() -> None:
    """No key is ever sent to two providers because both look for the same variable."""
    variables = [name for row in ROWS.values() for name in row["key_names"]]

    assert len(variables) == len(set(variables))


def test_without_any_key() -> None:
    """With an empty environment only the local server has an account; the others wait for their keys."""
    assert [provider.name for provider in PROVIDERS if provider.accounts] == ["ollama"]


def test_order() -> None:
    """Local goes first, then what is free, then what is paid."""
    assert [provider.name for provider in PROVIDERS] == [
        provider.name for provider in sorted(PROVIDERS, key=lambda provider: provider.priority)
    ]


def test_cloudflare_needs_two_variables() -> None:
    """Its address holds the account, so that one is asked for by its own name."""
    key = "test-key-" + "x" * 12
    half = {"CLOUDFLARE_API_TOKEN": key}
    whole = {**half, "CLOUDFLARE_ACCOUNT_ID": "abc"}

    assert "CLOUDFLARE_ACCOUNT_ID" in named("cloudflare", half).unusable
    assert named("cloudflare", whole).base_url == "https://api.cloudflare.com/client/v4/accounts/abc/ai/v1"
    assert named("cloudflare", whole).unusable == ""


def named(name: str, env: Mapping[str, str]) -> Provider:
    return next(provider for provider in compose({}, ROWS, env).providers if provider.name == name)


def test_the_page_lists_it() -> None:
    """docs/configuration.md shows the same names, variables, priorities and models."""
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    table = re.search(r"<!-- providers: begin.*?\|---\|\n(.*?)\n\n<!-- providers: end", page, re.DOTALL)

    assert table is not None
    assert table[1].splitlines() == [as_row(name, row) for name, row in ROWS.items()]


def as_row(name: str, row: Mapping[str, Any]) -> str:
    variables = ", ".join(f"`{each}`" for each in row["key_names"]) or "none"
    models = ", ".join(f"`{model['name']}`" for model in row["models"])
    return f"| {name} | {variables} | {row['priority']} | {models} |"
