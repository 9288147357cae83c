"""No key in any failure, no header that may be one, and nothing of what was asked or came."""

from __future__ import annotations

from dataclasses import replace

from racer.core.scrub import scrubbed
from racer_adapters.errors import Kind, WireError
from racer_adapters.secret import Secret
from racer_adapters.types import Answer, Call, Message
from tests.core.lanes import lane

KEY, TOKEN = "test-key-" + "k" * 12, "test-token-" + "t" * 12
CALL, ANSWER = Call((Message("user", "why does my neighbour sing"),)), Answer("he sings because he is glad")


def test_what_a_provider_echoes_is_left_out() -> None:
    """Its key and its longer headers; the rest of the failure stays what it was."""
    plain = lane("a/m")
    account = replace(plain.account, key=Secret(KEY))
    provider = replace(plain.provider, headers={"x-token": TOKEN, "x-short": "abc"})
    error = WireError(Kind.AUTH, f"{KEY} and {TOKEN} are no abc", status=401)

    told = scrubbed(error, replace(plain, account=account, provider=provider), CALL, ANSWER)

    assert KEY not in told.message
    assert TOKEN not in told.message
    assert "are no abc" in told.message
    assert (Kind.AUTH, 401) == (told.kind, told.status)


def test_what_was_asked_and_what_came_are_left_out() -> None:
    """They are stored in the cache and in batch files alone."""
    error = WireError(Kind.INVALID, f"{CALL.messages[0].content}: {ANSWER.text}")

    assert scrubbed(error, lane("a/m"), CALL, ANSWER).message == "[prompt]: [reply]"


def test_without_a_secret_nothing_changes() -> None:
    """But it is another object: the first one holds its frames."""
    error = WireError(Kind.SERVER, "oops")

    assert error == scrubbed(error, lane("a/m"), CALL, ANSWER)
    assert error is not scrubbed(error, lane("a/m"), CALL, ANSWER)
