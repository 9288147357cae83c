"""Why a provider was not called, and what would change that."""

from __future__ import annotations

from typing import Any

import pytest

from racer.accounts.absence import uncalled
from racer.accounts.diagnosis import Standing, Verdict
from racer_adapters.types import Installed
from tests.racer.accounts.rows import LONG_KEY, card_of, row

KEY = {"A_KEY": LONG_KEY}
SERVER = row(base_url="http://127.0.0.1:1", key_names=[], discover=True, local=True)
OLLAMA = {**SERVER, "dialect": "ollama"}

CASES: dict[str, tuple[dict[str, Any], dict[str, str], Verdict, Standing, str]] = {
    "no key": (row(), {}, Verdict.NO_KEY, Standing.ABSENT, "set A_KEY, in .env"),
    "no key, no address": (
        row(base_url="https://a.test/$A_ID"),
        {},
        Verdict.NO_KEY,
        Standing.ABSENT,
        "set A_KEY and A_ID",
    ),
    "no address": (
        row(base_url="$A_URL", key_names=[]),
        {},
        Verdict.NO_ADDRESS,
        Standing.ABSENT,
        "set A_URL",
    ),
    "no Ollama": (OLLAMA, {}, Verdict.AWAY, Standing.ABSENT, "ollama pull m"),
    "no Ollama, no wishes": (
        {**OLLAMA, "models": []},
        {},
        Verdict.AWAY,
        Standing.ABSENT,
        "ollama pull llama3.2",
    ),
    "no server": (SERVER, {}, Verdict.AWAY, Standing.ABSENT, "start the server"),
    "a placeholder": (
        row(),
        {"A_KEY": "changeme"},
        Verdict.WRONG_KEY,
        Standing.BROKEN,
        "into A_KEY, or take it",
    ),
    "half an address": (
        row(base_url="https://a.test/$A_ID"),
        KEY,
        Verdict.UNUSABLE,
        Standing.BROKEN,
        "set A_ID",
    ),
    "no model": (row(models=[]), KEY, Verdict.UNUSABLE, Standing.BROKEN, "under [providers.a]"),
    "off": (row(enabled=False), KEY, Verdict.OFF, Standing.ABSENT, "enabled = true"),
    "retired": (
        row(status="retired", note="n"),
        {},
        Verdict.RETIRED,
        Standing.ABSENT,
        "to revive it: enabled = true",
    ),
    "retired, with a key": (
        row(status="retired"),
        KEY,
        Verdict.RETIRED,
        Standing.ABSENT,
        "A_KEY is not used for it; to",
    ),
    "ready": (row(), KEY, Verdict.NOT_CALLED, Standing.GOOD, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_each_state_has_a_verdict_and_a_step(name: str) -> None:
    """The step names the variable, the command or the line that gives it a lane."""
    given, env, verdict, standing, step = CASES[name]

    found = uncalled(card_of(given, env))

    assert (found.verdict, found.standing) == (verdict, standing)
    assert step in found.step
    assert bool(found.reason) is (name != "ready")


def test_an_empty_server_is_told_what_to_get() -> None:
    """It answers, and has no model that chats."""
    found = uncalled(card_of(OLLAMA, {}, (Installed("embedder"),)))

    assert found.verdict is Verdict.AWAY
    assert "no chat model is installed" in found.reason
