"""From a row and the environment to a Provider."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from racer.config.providers import MaskedHeaders, provider_of, usual_key_name
from racer.core.provider import Account, Limit, Model, Provider
from racer_adapters.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

ROW: dict[str, Any] = {"dialect": "openai", "base_url": "https://api.example.com/v1"}
OLLAMA: dict[str, Any] = {
    "dialect": "ollama", "base_url": "http://localhost:11434", "key_names": [], "local": True,
}  # fmt: skip
KEY = "test-key-" + "x" * 12


def made(
    row: Mapping[str, Any],
    env: Mapping[str, str] | None = None,
    *,
    name: str = "box",
    own_address: bool = True,
) -> Provider:
    return provider_of(name, row, env or {}, own_address=own_address)[0]


def test_everything_is_taken_over() -> None:
    """Each key of a row ends up in the Provider, in the Provider's types."""
    row = {
        **ROW,
        "keys": ["$MY"],
        "priority": 7,
        "enabled": False,
        "local": True,
        "discover": True,
        "timeout": 9,
        "min_interval": 1,
        "parallel": 2,
        "cancel_refunds": True,
        "trains_on_data": False,
        "headers": {"X-A": "b"},
        "renames": {"seed": "random_seed"},
        "drops": ["stop"],
        "limit_headers": "groq",
        "note": "n",
        "console": "c",
        "models": [
            {"name": "m", "tags": ["chat"], "can": ["json"], "context": 5, "price": [0, 1]},
            {
                "name": "n",
                "renames": {"max_tokens": "max_new_tokens"},
                "drops": ["seed"],
                "limits": [{"requests": 5, "per": "minute"}],
            },
        ],
        "limits": [
            {
                "requests": 3,
                "per": "day",
                "reset": "00:00 UTC",
                "scope": "model",
                "source": "s",
                "confidence": "low",
            },
            {"usd": 0.5, "per": "once", "expires": "2027-01-31", "seen": date(2026, 11, 20)},
        ],
    }

    assert made(row, {"MY": KEY}) == Provider(
        name="box",
        dialect="openai",
        base_url="https://api.example.com/v1",
        models=(
            Model("m", frozenset({"chat"}), frozenset({"json"}), 5, (0.0, 1.0)),
            Model(
                "n",
                limits=(Limit("requests", 5.0, "minute", "model"),),
                renames={"max_tokens": "max_new_tokens"},
                drops=frozenset({"seed"}),
            ),
        ),
        accounts=(Account("box:MY", Secret(KEY)),),
        limits=(
            Limit("requests", 3.0, "day", "model", "00:00 UTC", None, "s", None, "low"),
            Limit("usd", 0.5, "once", expires="2027-01-31", seen="2026-11-20"),
        ),
        priority=7,
        enabled=False,
        local=True,
        timeout=9.0,
        min_interval=1.0,
        parallel=2,
        cancel_refunds=True,
        trains_on_data=False,
        headers={"X-A": "b"},
        renames={"seed": "random_seed"},
        drops=frozenset({"stop"}),
        key_names=("MY",),
        discover=True,
        limit_headers="groq",
        note="n",
        console="c",
    )


def test_defaults_are_the_records() -> None:
    """What a row does not say is what Provider says."""
    assert made({**ROW, "keys": []}) == Provider(
        name="box", dialect="openai", base_url="https://api.example.com/v1", accounts=(Account("box"),)
    )


@pytest.mark.parametrize(
    ("row", "env", "accounts", "key_names"),
    [
        ({**ROW, "keys": []}, {"BOX_API_KEY": KEY}, ["box"], ()),
        ({**ROW, "keys": ["$A"]}, {"BOX_API_KEY": KEY}, [], ("A",)),
        ({**ROW, "key_names": ["A"]}, {"A_1": KEY}, ["box:A_1"], ("A",)),
        ({**ROW, "key_names": ["A"], "keys": ["$B"]}, {"A": KEY}, [], ("B",)),
        (ROW, {"BOX_API_KEY": KEY}, ["box:BOX_API_KEY"], ("BOX_API_KEY",)),
        (ROW, {}, [], ("BOX_API_KEY",)),
        ({**ROW, "local": True}, {}, ["box"], ()),
        ({**ROW, "base_url": "http://127.0.0.1:8080/v1"}, {}, ["box"], ()),
        ({**ROW, "local": True}, {"BOX_API_KEY": KEY}, ["box:BOX_API_KEY"], ("BOX_API_KEY",)),
        (OLLAMA, {}, ["box"], ()),
        ({**ROW, "key_names": ["A"], "keyless": True}, {}, ["box"], ()),
        ({**ROW, "key_names": ["A"], "keyless": True}, {"A": KEY}, ["box:A"], ("A",)),
        ({**ROW, "base_url": "$URL", "keys": []}, {"URL": "https://x.test"}, ["box"], ()),
    ],
)
def test_accounts(
    row: Mapping[str, Any], env: Mapping[str, str], accounts: list[str], key_names: tuple[str, ...]
) -> None:
    """`keys` goes before `key_names`; a row with neither looks for its usual name; local ones need none."""
    provider = made(row, env)

    assert [account.name for account in provider.accounts] == accounts
    assert provider.key_names == key_names
    assert provider.unusable == ""


def test_only_refused_keys() -> None:
    """A provider whose every key is refused says of each why, also on this machine."""
    row = {**ROW, "local": True}
    provider, found = provider_of("box", row, {"BOX_API_KEY": "changeme"}, own_address=True)

    assert provider.accounts == ()
    assert provider.unusable == "BOX_API_KEY holds a placeholder, not a key"
    assert found.refused == (provider.unusable,)


def test_a_refused_key_beside_a_good_one() -> None:
    """One good key is enough to run."""
    provider = made(ROW, {"BOX_API_KEY": KEY, "BOX_API_KEY_1": "changeme"})

    assert (len(provider.accounts), provider.unusable) == (1, "")


@pytest.mark.parametrize(
    ("name", "variable"), [("groq", "GROQ_API_KEY"), ("my-box.2", "MY_BOX_2_API_KEY"), ("a_b", "A_B_API_KEY")]
)
def test_usual_key_name(name: str, variable: str) -> None:
    """The name in capitals, with an underscore for what no variable may hold."""
    assert usual_key_name(name) == variable


def test_retired_rows_do_not_run() -> None:
    """A retired row is not enabled, though it has neither dialect nor address."""
    provider = made({"key_names": [], "status": "retired", "note": "gone"})

    assert (provider.enabled, provider.status, provider.note) == (False, "retired", "gone")


# ---------------------------------------------------------------- models and presets


@pytest.mark.parametrize(
    ("env", "name", "why"),
    [
        ({"MY_MODEL": " org/m:1 "}, "org/m:1", ""),
        ({}, "$MY_MODEL", "the model needs MY_MODEL, which the environment does not have"),
        (
            {"MY_MODEL": "two words"},
            "$MY_MODEL",
            "the name of the model, with the environment filled in, is none",
        ),
    ],
)
def test_a_model_that_the_environment_names(env: Mapping[str, str], name: str, why: str) -> None:
    """Its name is filled in; where that cannot be, the provider says what it needs."""
    provider = made({**ROW, "keys": [], "models": [{"name": "a"}, {"name": "$MY_MODEL"}]}, env)

    assert [model.name for model in provider.models] == ["a", name]
    assert provider.unusable == why


def test_a_preset_takes_the_place_of_all_limits() -> None:
    """The row's and its models' own, for they would still hold."""
    row = {
        **ROW,
        "limits": [{"requests": 1, "per": "day"}],
        "models": [{"name": "m", "limits": [{"requests": 1, "per": "minute"}]}],
        "presets": {"much": {"limits": [{"requests": 100, "per": "day"}]}},
    }
    plain, much = made(row), made({**row, "preset": "much"})

    assert [limit.amount for limit in plain.limits] == [1.0]
    assert [limit.per for limit in plain.models[0].limits] == ["minute"]
    assert much.limits == (Limit("requests", 100.0, "day"),)
    assert much.models[0].limits == ()


# ---------------------------------------------------------------- headers


def test_headers_from_the_environment() -> None:
    """References are filled in, and no repr shows what they became."""
    provider = made({**ROW, "headers": {"Authorization": "Bearer $MINE", "X-A": "b"}}, {"MINE": f" {KEY} "})

    assert dict(provider.headers) == {"Authorization": f"Bearer {KEY}", "X-A": "b"}
    assert KEY not in repr(provider)
    assert repr(MaskedHeaders({"X-A": "b"})) == "<X-A>"


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({}, "needs A, which the environment does not have"),
        ({"A": "  "}, "needs A, which"),
        ({"A": f"{KEY}\nX-Evil: 1"}, "line break"),
        ({"A": "ä"}, "outside ASCII"),
    ],
)
def test_headers_that_cannot_be_made(env: Mapping[str, str], why: str) -> None:
    """A header that is incomplete or dangerous makes the provider unusable, with the reason."""
    provider = made({**ROW, "headers": {"X-A": "$A"}}, env)

    assert "the header X-A" in provider.unusable
    assert why in provider.unusable
    assert KEY not in provider.unusable
    assert "X-A" not in provider.headers


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("url", "env", "expected"),
    [
        ("https://x.test/v1/", {}, "https://x.test/v1"),
        ("https://x.test/$ID/v1", {"ID": " abc "}, "https://x.test/abc/v1"),
        ("$URL", {"URL": "https://x.test/v1/"}, "https://x.test/v1"),
        ("$URL", {"URL": "http://localhost:8080/v1"}, "http://localhost:8080/v1"),
    ],
)
def test_address(url: str, env: Mapping[str, str], expected: str) -> None:
    """The address has its variables filled in and no slash at its end."""
    provider = made({**ROW, "base_url": url}, env)

    assert (provider.base_url, provider.unusable) == (expected, "")


@pytest.mark.parametrize(
    ("url", "env", "why"),
    [
        ("https://x.test/$ID/v1", {}, "the address needs ID, which the environment does not have"),
        ("https://x.test/$ID/v1", {"ID": ""}, "needs ID"),
        ("https://x.test/$ID/$NO", {}, "needs ID and NO"),
        ("https://x.test/$ID/v1", {"ID": "../admin"}, ".."),
        ("https://x.test/$ID/v1", {"ID": "a?b=c"}, "query"),
        ("https://x.test/$ID/v1", {"ID": "a b"}, "characters"),
        ("https://$ID/v1", {"ID": "u:p@evil.test"}, "user name"),
        (
            "$URL",
            {"URL": "http://x.test/v1"},
            "plain http to another machine; allow_http = true under [providers.box]",
        ),
        ("$URL", {"URL": "x.test"}, "begin with"),
    ],
)
def test_address_that_cannot_be_made(url: str, env: Mapping[str, str], why: str) -> None:
    """An address that the environment spoils makes the provider unusable, and stays as it was written."""
    provider = made({**ROW, "base_url": url}, env)

    assert why in provider.unusable
    assert provider.base_url == url
    assert provider.accounts == ()


# ---------------------------------------------------------------- OLLAMA_HOST


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", "http://localhost:11434"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://192.168.1.5:11434", "http://192.168.1.5:11434"),
        ("https://gpu.example.com:443/ollama/", "https://gpu.example.com:443/ollama"),
    ],
)
def test_ollama_host(value: str, expected: str) -> None:
    """OLLAMA_HOST moves the built-in row, also to plain http elsewhere: setting it says so."""
    provider = made(OLLAMA, {"OLLAMA_HOST": value}, name="ollama", own_address=False)

    assert (provider.base_url, provider.unusable) == (expected, "")


@pytest.mark.parametrize(("name", "own_address"), [("ollama", True), ("box", False)])
def test_ollama_host_is_for_the_built_in_row(name: str, own_address: bool) -> None:
    """Neither an address that the user wrote nor another provider follows OLLAMA_HOST."""
    provider = made(OLLAMA, {"OLLAMA_HOST": "http://127.0.0.1:8000"}, name=name, own_address=own_address)

    assert provider.base_url == "http://localhost:11434"


@pytest.mark.parametrize(
    ("value", "row", "why"),
    [
        ("http://exa mple", OLLAMA, "OLLAMA_HOST"),
        ("ftp://example.com", OLLAMA, "OLLAMA_HOST"),
        ("http://192.168.1.5", {**OLLAMA, "keys": ["$A"]}, "this row has keys"),
    ],
)
def test_ollama_host_that_is_refused(value: str, row: Mapping[str, Any], why: str) -> None:
    """A value that is no address, or that would send a key in the clear, makes the row unusable."""
    provider = made(row, {"OLLAMA_HOST": value, "A": KEY}, name="ollama", own_address=False)

    assert why in provider.unusable
