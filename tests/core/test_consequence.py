"""The table of consequences: whole, coherent, and what the classes of failure are meant to close."""

from __future__ import annotations

import pytest

from racer.core.consequence import AT_ONCE, CONSEQUENCES, FOREVER, HOUR, IN_A_ROW, Consequence, Scope
from racer_adapters.errors import Kind

CLOSES: list[tuple[Kind, Scope, int]] = [
    (Kind.AUTH, Scope.KEY, AT_ONCE),
    (Kind.CREDIT, Scope.ACCOUNT, AT_ONCE),
    (Kind.QUOTA, Scope.ACCOUNT, AT_ONCE),
    (Kind.RATE, Scope.ACCOUNT, AT_ONCE),
    (Kind.OVERLOADED, Scope.LANE, AT_ONCE),
    (Kind.NO_MODEL, Scope.MODEL, AT_ONCE),
    (Kind.DENIED, Scope.LANE, AT_ONCE),
    (Kind.TLS, Scope.PROVIDER, AT_ONCE),
    (Kind.REDIRECT, Scope.PROVIDER, AT_ONCE),
    (Kind.DNS, Scope.PROVIDER, IN_A_ROW),
    (Kind.CONNECT, Scope.PROVIDER, IN_A_ROW),
    (Kind.SERVER, Scope.LANE, IN_A_ROW),
    (Kind.IN_BAND, Scope.LANE, IN_A_ROW),
    (Kind.EMPTY, Scope.LANE, IN_A_ROW),
    (Kind.TRUNCATED, Scope.LANE, IN_A_ROW),
    (Kind.MALFORMED, Scope.LANE, IN_A_ROW),
    (Kind.NOT_JSON, Scope.LANE, IN_A_ROW),
    (Kind.TIMEOUT, Scope.LANE, IN_A_ROW),
    (Kind.RESET, Scope.LANE, IN_A_ROW),
    (Kind.TOO_LARGE, Scope.LANE, IN_A_ROW),
]
CLOSES_NOTHING = [Kind.TOO_LONG, Kind.BAD_REQUEST, Kind.BLOCKED, Kind.INVALID, Kind.LOCAL]


def consequence_of(kind: Kind) -> Consequence:
    found = CONSEQUENCES[kind]
    assert found is not None
    return found


def test_every_kind_of_failure_has_its_row() -> None:
    """No kind is left to chance: the table has each of them, and these tests do too."""
    assert set(CONSEQUENCES) == set(Kind)
    assert sorted([kind for kind, _, _ in CLOSES] + CLOSES_NOTHING) == sorted(Kind)


@pytest.mark.parametrize(("kind", "scope", "strikes"), CLOSES)
def test_what_a_failure_closes(kind: Kind, scope: Scope, strikes: int) -> None:
    """A key, an account, a model, a lane or a whole provider; at once or at the third in a row."""
    found = consequence_of(kind)

    assert (found.scope, found.strikes) == (scope, strikes)


@pytest.mark.parametrize("kind", CLOSES_NOTHING)
def test_what_is_not_the_lanes_fault_closes_nothing(kind: Kind) -> None:
    """The question, the caller's taste and this machine say nothing of a lane's health."""
    assert CONSEQUENCES[kind] is None


def test_a_guess_is_never_made_from_one_failure_but_overload() -> None:
    """What closes at once is certain, or short: an overload is gone in seconds."""
    guesses = {
        kind: found.seconds
        for kind, found in CONSEQUENCES.items()
        if found and found.strikes == AT_ONCE and not found.stated
    }

    assert guesses == {Kind.OVERLOADED: 5.0}


def test_no_guess_lasts_longer_than_ten_minutes() -> None:
    """A guess may be wrong, so it doubles up to 600 s and no further."""
    guesses = [found for found in CONSEQUENCES.values() if found and not found.stated]

    assert all(0 < found.seconds <= found.most <= 600.0 for found in guesses)


def test_only_a_refused_key_is_out_for_good() -> None:
    """Only a new configuration mends a key; money and quotas are looked at again each hour."""
    closed_for = {kind: found.seconds for kind, found in CONSEQUENCES.items() if found and found.stated}

    assert [kind for kind, seconds in closed_for.items() if seconds == FOREVER] == [Kind.AUTH]
    assert closed_for[Kind.CREDIT] == closed_for[Kind.QUOTA] == HOUR
