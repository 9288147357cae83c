"""The built-in catalogue, providers.toml of racer_adapters, and the page that is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from racer.config import compose
from racer.config.files import catalogue
from racer.config.review import review
from racer.config.schema import CATALOGUE
from racer.errors import ConfigError
from racer_adapters import DIALECTS
from scripts import provider_tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.core.provider import Limit, Provider

ROOT = Path(__file__).parents[3]
ROWS = catalogue()
PROVIDERS = compose({}, ROWS, {}).providers
ALIVE = [provider for provider in PROVIDERS if provider.status == "alive"]
RETIRED = {"ai21", "anyscale", "banana", "github-models"}
DEPLOYED = {"generic", "modal", "runpod"}
SHORT = ("second", "minute")

# Every provider that the project set out with, and the dialect that its row prefers.
WANTED = {
    "ollama": "ollama", "ollama-cloud": "ollama", "groq": "openai", "together": "openai",
    "huggingface": "openai", "openrouter": "openai", "deepinfra": "openai", "cohere": "cohere",
    "replicate": "replicate", "perplexity": "responses", "anthropic": "anthropic", "mistral": "openai",
    "ai21": "openai", "fireworks": "openai", "anyscale": "openai", "modal": "openai", "banana": "",
    "runpod": "runpod", "gemini": "gemini", "cloudflare": "openai", "openai": "openai",
    "cerebras": "openai", "sambanova": "openai", "nvidia": "openai", "xai": "openai", "deepseek": "openai",
    "nebius": "openai", "hyperbolic": "openai", "scaleway": "openai", "chutes": "openai",
    "github-models": "openai", "generic": "openai",
}  # fmt: skip

# The numbers of the owner's lists; where two lists differ, the larger one.
OWNERS = {
    "groq": [(14_400, "requests", "day"), (100_000, "tokens", "day")],
    "together": [(1_000, "requests", "day")],
    "huggingface": [(10_000, "requests", "day")],
    "openrouter": [(200, "requests", "day")],
    "cohere": [(1_000, "requests", "day")],
    "mistral": [(1_000_000_000, "tokens", "month")],
    "gemini": [(1_500, "requests", "day")],
    "cloudflare": [(10_000, "requests", "day")],
    "openai": [(5_000, "tokens", "once")],
    **{
        name: [(100, "requests", "day")]
        for name in (
            "deepinfra", "replicate", "perplexity", "anthropic", "ai21", "fireworks", "anyscale", "modal",
            "banana", "runpod",
        )
    },
}  # fmt: skip


def key(letter: str) -> str:
    return "test-key-" + letter * 12


def named(name: str, env: Mapping[str, str], changes: Mapping[str, Any] | None = None) -> Provider:
    providers = compose({"providers": {name: changes or {}}}, ROWS, env).providers
    return next(provider for provider in providers if provider.name == name)


# ---------------------------------------------------------------- the rows


def test_it_passes_the_checker() -> None:
    """The file that ships has no problem of any kind."""
    text = (ROOT / "adapters/racer_adapters/providers.toml").read_text("utf-8")

    review({"providers": ROWS}, {}, "providers.toml", text, CATALOGUE)


def test_who_is_in_it() -> None:
    """Every provider that was wanted has a row, in the dialect that suits it best."""
    assert {name: row.get("dialect", "") for name, row in ROWS.items()} == WANTED


@pytest.mark.parametrize("provider", ALIVE, ids=lambda provider: provider.name)
def test_each_row_that_is_alive(provider: Provider) -> None:
    """It can be used as it stands, or says what it needs: an address, models, and where to get a key."""
    assert provider.dialect in DIALECTS
    assert provider.local or provider.base_url.startswith(("https://", "$"))
    assert provider.models or provider.discover
    assert provider.console.startswith("https://") or provider.name == "generic"
    assert all(model.tags for model in provider.models)
    assert provider.cancel_refunds is False


@pytest.mark.parametrize("provider", ALIVE, ids=lambda provider: provider.name)
def test_each_limit_says_where_it_was_read(provider: Provider) -> None:
    """A limit without a source, a date and a confidence is a rumour."""
    limits = [*provider.limits, *(limit for model in provider.models for limit in model.limits)]

    assert all(limit.source and limit.seen and limit.confidence for limit in limits)


def test_variables_belong_to_one_provider() -> None:
    """No key is ever sent to two providers because both look for the same variable."""
    variables = [name for row in ROWS.values() for name in row["key_names"]]

    assert len(variables) == len(set(variables))


def test_without_any_key() -> None:
    """With an empty environment only the local server has an account; the others wait for their keys."""
    assert [provider.name for provider in PROVIDERS if provider.accounts] == ["ollama"]


def test_who_goes_on_with_an_answer() -> None:
    """Those of which it is known, and nobody else: a wrong guess would put a wrong text together."""
    can = {f"{each.name}/{model.name}" for each in ALIVE for model in each.models if "prefill" in model.can}

    assert can == {"ollama/llama3.1", "ollama/llama3.2", "anthropic/claude-haiku-4-5"}


def test_order() -> None:
    """Local goes first, then what is free, then what is paid, and in the file as well."""
    places = [(provider.priority, provider.status) for provider in PROVIDERS]
    rank = {provider.name: place for place, provider in enumerate(PROVIDERS)}

    assert places == sorted(places, key=lambda place: place[0])
    assert rank["ollama"] < rank["groq"] < rank["cohere"] < rank["anthropic"] < rank["banana"]
    assert {priority for priority, status in places if status == "retired"} == {90}


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("name", "variable"), [(name, variable) for name, row in ROWS.items() for variable in row["key_names"]]
)
def test_every_variable_is_found(name: str, variable: str) -> None:
    """By itself, with a number, as a list, and all of it together: one account for each different key."""
    env = {f"{variable}_2": key("c"), variable: f"{key('a')}, {key('b')}", f"{variable}_1": key("a")}

    keys = [account.key and account.key.reveal() for account in named(name, env).accounts]

    assert keys == [key("a"), key("b"), key("c")]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("gemini", "GOOGLE_API_KEY", "GEMINI_API_KEY"),
        ("cohere", "CO_API_KEY", "COHERE_API_KEY"),
        ("together", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY"),
        ("huggingface", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
        ("nvidia", "NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
        ("deepinfra", "DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN"),
        ("perplexity", "PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
        ("cloudflare", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"),
    ],
)
def test_of_two_spellings_the_providers_own_goes_first(name: str, first: str, second: str) -> None:
    """Both count where they hold different keys; the same key is one account, under the first."""
    both = named(name, {second: key("b"), first: key("a")})
    same = named(name, {second: key("a"), first: key("a")})

    assert [account.name for account in both.accounts] == [f"{name}:{first}", f"{name}:{second}"]
    assert [account.name for account in same.accounts] == [f"{name}:{first}"]


# ---------------------------------------------------------------- what the environment completes


@pytest.mark.parametrize(
    ("name", "env", "needs", "then"),
    [
        ("cloudflare", {"CLOUDFLARE_API_TOKEN": key("a")}, "CLOUDFLARE_ACCOUNT_ID", "abc"),
        ("runpod", {"RUNPOD_API_KEY": key("a")}, "RUNPOD_ENDPOINT_ID", "abc"),
        ("modal", {}, "MODAL_BASE_URL", "https://me--vllm.modal.run/v1"),
        ("generic", {}, "GENERIC_BASE_URL", "http://127.0.0.1:8080/v1"),
        ("generic", {"GENERIC_API_KEY": key("a")}, "GENERIC_BASE_URL", "https://llm.example.com/v1"),
    ],
)
def test_rows_that_need_one_variable_more(name: str, env: Mapping[str, str], needs: str, then: str) -> None:
    """They name it until it is there; with it they can run, where a key is not needed also without one."""
    half, whole = named(name, env), named(name, {**env, needs: then})

    assert f"needs {needs}" in half.unusable
    assert (whole.unusable, len(whole.accounts)) == ("", 1)
    assert any(then in text for text in (whole.base_url, *(model.name for model in whole.models)))


@pytest.mark.parametrize("name", sorted(DEPLOYED - {"runpod"}))
def test_an_address_in_the_file_brings_a_deployed_one_to_life(name: str) -> None:
    """A base_url of the user's needs no variable."""
    provider = named(name, {}, {"base_url": "https://llm.example.com/v1"})

    assert (provider.base_url, provider.unusable) == ("https://llm.example.com/v1", "")
    assert len(provider.accounts) == 1


def test_plain_http_across_the_network_is_refused() -> None:
    """Also where the environment names the address; the file may allow it."""
    env = {"GENERIC_BASE_URL": "http://192.168.1.9:8000/v1"}

    assert "allow_http = true under [providers.generic]" in named("generic", env).unusable
    assert named("generic", env, {"allow_http": True}).unusable == ""


# ---------------------------------------------------------------- the retired


@pytest.mark.parametrize("name", sorted(RETIRED))
def test_the_retired_explain_themselves(name: str) -> None:
    """Not enabled whatever keys there are, with the year and what would bring them back."""
    provider = named(name, {ROWS[name]["key_names"][0]: key("a")})

    assert (provider.enabled, provider.status) == (False, "retired")
    assert "20" in provider.note
    assert "enabled = true" in provider.note


@pytest.mark.parametrize("name", sorted(RETIRED))
def test_the_retired_come_back(name: str) -> None:
    """With an address, a dialect where the row has none, and in so many words."""
    changes = {"enabled": True, "dialect": "openai", "base_url": "https://new.example.com/v1"}
    provider = named(name, {ROWS[name]["key_names"][0]: key("a")}, changes)

    assert (provider.enabled, provider.unusable, len(provider.accounts)) == (True, "", 1)


@pytest.mark.parametrize("name", ["anyscale", "banana"])
def test_the_retired_do_not_come_back_without_an_address(name: str) -> None:
    """There is nobody at the old one."""
    with pytest.raises(ConfigError, match="the service that was built in has ended"):
        named(name, {}, {"enabled": True})


# ---------------------------------------------------------------- presets


def test_the_owners_numbers_are_there() -> None:
    """Each provider of the lists has them as its preset, and no other provider has one."""
    assert {name for name, row in ROWS.items() if "presets" in row} == set(OWNERS)
    assert all(set(row["presets"]) == {"generous"} for row in ROWS.values() if "presets" in row)


@pytest.mark.parametrize("name", sorted(OWNERS))
def test_generous_takes_the_owners_numbers(name: str) -> None:
    """In the place of all limits of the row and its models, but what the lists leave open is kept."""
    plain, generous = named(name, {}), named(name, {}, {"preset": "generous"})
    said = [limit for limit in generous.limits if limit.source == "the owner's list"]

    assert [(limit.amount, limit.unit, limit.per) for limit in said] == OWNERS[name]
    assert [told(limit) for limit in generous.limits if limit not in said] == [
        told(limit) for limit in plain.limits if limit.per in SHORT
    ]
    assert not any(model.limits for model in generous.models)


def told(limit: Limit) -> tuple[object, ...]:
    return (limit.unit, limit.amount, limit.per, limit.scope)


def test_a_preset_that_is_none() -> None:
    """A wrong name is told with the right one; a provider without any says so."""
    with pytest.raises(ConfigError, match=r'found "generos"; allowed: "generous"; did you mean generous\?'):
        named("groq", {}, {"preset": "generos"})
    with pytest.raises(ConfigError, match='found "generous"; allowed: none: this provider has no preset'):
        named("xai", {}, {"preset": "generous"})


# ---------------------------------------------------------------- the page


def test_the_page_is_up_to_date() -> None:
    """docs/providers.md has the tables that the catalogue gives today."""
    assert provider_tables.PAGE.read_text() == provider_tables.page_with(provider_tables.drawn()), (
        "run: python scripts/provider_tables.py"
    )


def test_the_page_names_every_provider() -> None:
    """Alive or retired, each has its line."""
    tables = provider_tables.drawn()
    lines = (tables["providers"] + "\n" + tables["retired"]).splitlines()

    assert {line.split(" | ")[0].removeprefix("| ") for line in lines} == {*WANTED, "name", "---"}


def test_a_page_without_a_place_for_a_table() -> None:
    """It is not written at all."""
    with pytest.raises(ValueError, match="no place for the table odd"):
        provider_tables.page_with({"odd": ""})
