"""Cards of providers: state, keys, and what is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from racer.accounts.card import State, cards_of, with_left
from racer.accounts.gauge import Gauge
from racer.core.field import field_of
from racer_adapters.types import Installed
from tests.racer.accounts.ledgers import usage
from tests.racer.accounts.rows import LONG_KEY, card_of, config_of_rows, row

KEY = {"A_KEY": LONG_KEY}
SERVER = row(base_url="http://127.0.0.1:1", dialect="ollama", key_names=[], discover=True, local=True)
FOUND = (Installed("small:latest", loaded=True),)
ADDRESS = row(base_url="https://a.test/$A_ID/v1")
OWN = row(base_url="$A_URL", key_names=[])
Case = tuple[dict[str, Any], dict[str, str], "tuple[Installed, ...] | None", State, str, tuple[str, ...]]

CASES: dict[str, Case] = {
    "a key": (row(), KEY, None, State.READY, "", ()),
    "no key needed": (row(key_names=[]), {}, None, State.READY, "", ()),
    "no key": (row(), {}, None, State.UNSET, "no key: set A_KEY", ("A_KEY",)),
    "two names for it": (
        row(key_names=["A_KEY", "A_TOKEN"]),
        {},
        None,
        State.UNSET,
        "no key: set A_KEY or A_TOKEN",
        ("A_KEY",),
    ),
    "neither key nor address": (ADDRESS, {}, None, State.UNSET, "", ("A_KEY", "A_ID")),
    "an address alone": (ADDRESS, {"A_ID": "1"}, None, State.UNSET, "no key: set A_KEY", ("A_KEY",)),
    "a key without address": (ADDRESS, KEY, None, State.BROKEN, "the address needs A_ID", ("A_ID",)),
    "a server nobody named": (OWN, {}, None, State.UNSET, "the address needs A_URL", ("A_URL",)),
    "a model nobody named": (
        row(models=[{"name": "$A_MODEL"}]),
        KEY,
        None,
        State.BROKEN,
        "the model needs A_MODEL",
        ("A_MODEL",),
    ),
    "a placeholder": (
        row(),
        {"A_KEY": "your-key"},
        None,
        State.BROKEN,
        "A_KEY holds a placeholder",
        ("A_KEY",),
    ),
    "an address that is none": (OWN, {"A_URL": "x"}, None, State.BROKEN, "the address, with the", ()),
    "no model": (row(models=[]), KEY, None, State.BROKEN, "no model: add models", ()),
    "off": (row(enabled=False), KEY, None, State.OFF, "not enabled", ()),
    "retired": (row(status="retired", note="ended"), KEY, None, State.RETIRED, "retired: ended", ()),
    "retired, revived": (row(status="retired", enabled=True), KEY, None, State.READY, "", ()),
    "no server": (SERVER, {}, None, State.AWAY, "nothing answers at", ()),
    "an empty server": (SERVER, {}, (), State.AWAY, "no chat model is installed", ()),
    "a server": (SERVER, {}, FOUND, State.READY, "", ()),
}


@pytest.mark.parametrize("name", CASES)
def test_each_provider_has_a_state_and_a_reason(name: str) -> None:
    """Ready, or why not, and which variables would change it."""
    given, env, installed, state, why, missing = CASES[name]

    card = card_of(given, env, installed)

    assert card.state is state
    assert card.why.startswith(why)
    assert bool(card.why) is (state is not State.READY)
    assert card.missing == missing


def test_the_models_are_those_that_may_run() -> None:
    """Of a server what it has, of others what the row names; also where no key is set."""
    assert [model.name for model in card_of(SERVER, {}, FOUND).models] == ["small:latest"]
    assert [model.name for model in card_of(row()).models] == ["m"]


def test_a_card_as_json() -> None:
    """Plain values, `left` unknown until something counts, and of the key its end alone."""
    limits = [{"requests": 5, "per": "day", "source": "s", "seen": "2026-01-02"}]
    models = [{"name": "m", "tags": ["fast", "chat"], "can": ["json"], "price": [0, 1], "context": 8}]
    card = card_of(row(limits=limits, models=models, note="n"), {"A_KEY": LONG_KEY + "ab12"})

    document = json.loads(json.dumps(card.to_dict()))

    assert LONG_KEY not in json.dumps(document)
    assert document == {
        "name": "a",
        "status": "alive",
        "state": "ready",
        "reason": None,
        "dialect": "openai",
        "local": False,
        "trains_on_data": None,
        "priority": 50,
        "key_names": ["A_KEY"],
        "missing": [],
        "keys": [{"account": "a:A_KEY", "hint": "…ab12", "pool": None}],
        "models": [
            {
                "name": "m",
                "tags": ["chat", "fast"],
                "can": ["json"],
                "context": 8,
                "price": [0.0, 1.0],
                "limits": [],
                "loaded": False,
            }
        ],
        "limits": [
            {
                "unit": "requests",
                "amount": 5.0,
                "per": "day",
                "scope": "account",
                "reset": None,
                "expires": None,
                "source": "s",
                "seen": "2026-01-02",
                "confidence": None,
            }
        ],
        "left": [],
        "console": "https://a.test/keys",
        "note": "n",
    }


def test_cards_keep_the_order_and_know_their_own() -> None:
    """One for each provider; a key that is refused is told on the card of its provider alone."""
    config = config_of_rows({"A_KEY": "changeme", "B_KEY": LONG_KEY}, a=row("a"), b=row("b"))

    cards = cards_of(config, field_of(config.providers, {}))

    assert [card.provider.name for card in cards] == ["a", "b"]
    assert [len(card.refused) for card in cards] == [1, 0]


def test_a_card_has_what_is_left_of_its_own() -> None:
    """Of its provider's accounts, and of nobody else's."""
    mine = Gauge(usage(used=1.0), None, None)
    (card,) = with_left([card_of(row(), KEY)], [mine, Gauge(usage(provider="b"), None, None)])

    assert card.left == (mine,)
    assert card.to_dict()["left"] == [mine.to_dict()]
