"""No key in any failure, and no header that may be one."""

from __future__ import annotations

from dataclasses import replace

from racer.core.scrub import scrubbed
from racer_adapters.errors import Kind, WireError
from racer_adapters.secret import Secret
from tests.core.lanes import lane

KEY, TOKEN = "test-key-" + "k" * 12, "test-token-" + "t" * 12


def test_what_a_provider_echoes_is_left_out() -> None:
    """Its key and its longer headers; the rest of the failure stays what it was."""
    plain = lane("a/m")
    account = replace(plain.account, key=Secret(KEY))
    provider = replace(plain.provider, headers={"x-token": TOKEN, "x-short": "abc"})
    error = WireError(Kind.AUTH, f"{KEY} and {TOKEN} are no abc", status=401)

    told = scrubbed(error, replace(plain, account=account, provider=provider))

    assert KEY not in told.message
    assert TOKEN not in told.message
    assert "are no abc" in told.message
    assert (Kind.AUTH, 401) == (told.kind, told.status)


def test_without_a_secret_nothing_changes() -> None:
    """But it is another object: the first one holds its frames."""
    error = WireError(Kind.SERVER, "oops")

    assert error == scrubbed(error, lane("a/m"))
    assert error is not scrubbed(error, lane("a/m"))
