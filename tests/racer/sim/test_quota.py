"""Limits: never more than allowed in any window, and counts that can be read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.sim.profile import Limit
from racer.sim.quota import Gate

MINUTE = Limit("requests", 3, 60.0, "minute")


def admitted(gate: Gate, now: float, *, account: str = "k", model: str = "m", tokens: int = 10) -> bool:
    return gate.admit(now, account, model, tokens) is None


def test_a_window_takes_its_amount_and_no_more() -> None:
    """Three a minute: the fourth is refused, and says what, how much and until when."""
    gate = Gate([MINUTE])
    assert [admitted(gate, now) for now in (100.0, 110.0, 120.0)] == [True, True, True]

    closed = gate.admit(130.0, "k", "m", 10)

    assert closed is not None
    assert closed.requested == 1
    standing = closed.standing
    assert (standing.unit, standing.period, standing.limit, standing.used) == ("requests", "minute", 3, 3)
    assert standing.resets_in == 30.0


def test_a_window_begins_at_first_use() -> None:
    """It ends a period after its first request; the next begins when one comes."""
    gate = Gate([MINUTE])
    for now in (100.0, 159.9, 159.9):
        assert admitted(gate, now)

    assert not admitted(gate, 159.99)
    assert admitted(gate, 160.0)
    assert admitted(gate, 219.9)


def test_utc_windows_begin_at_round_instants() -> None:
    """A day of UTC ends at midnight, whenever its first request came."""
    gate = Gate([Limit("requests", 1, 86400.0, "day", reset="utc")])

    assert admitted(gate, 86399.0)
    assert not admitted(gate, 86399.5)
    assert admitted(gate, 86400.0)


@pytest.mark.parametrize(("seconds", "now"), [(0.7, 2.0999999999999996), (0.3, 5.699999999999999)])
def test_rounding_opens_no_second_window(seconds: float, now: float) -> None:
    """Where floating point puts an instant just beside its window, the limit holds all the same."""
    gate = Gate([Limit("requests", 1, seconds, "window", reset="utc")])

    assert admitted(gate, now)
    assert not admitted(gate, now)


def test_tokens_are_counted_by_what_is_asked() -> None:
    """A request that does not fit is refused even while some is left."""
    gate = Gate([Limit("tokens", 25, 60.0, "minute")])

    assert admitted(gate, 0.0, tokens=20)
    assert not admitted(gate, 1.0, tokens=6)
    assert admitted(gate, 1.0, tokens=5)


def test_once_never_comes_back() -> None:
    """A limit for good has one window without end."""
    gate = Gate([Limit("requests", 1, math.inf, "once")])

    assert admitted(gate, 0.0)
    assert not admitted(gate, 1e9)


def test_a_refused_request_counts_nowhere() -> None:
    """All limits have room, or none counts."""
    gate = Gate([Limit("requests", 9, 60.0, "minute"), Limit("tokens", 5, 60.0, "minute")])

    assert not admitted(gate, 0.0, tokens=6)

    assert [one.used for one in gate.standings(0.0, "k", "m")] == [0, 0]
    assert [(use.admitted, use.refused) for use in gate.uses(0.0)] == [(0, 0), (0, 1)]


@pytest.mark.parametrize(
    ("scope", "other_key", "other_model"),
    [("account", True, False), ("model", True, True), ("provider", False, False)],
)
def test_scope_says_who_shares(scope: str, *, other_key: bool, other_model: bool) -> None:
    """One key, one model of one key, or all together."""
    limit = Limit("requests", 1, 60.0, "minute", scope=scope)  # type: ignore[arg-type] # a table of literals

    def second(account: str, model: str) -> bool:
        gate = Gate([limit])
        assert admitted(gate, 0.0)
        return admitted(gate, 0.0, account=account, model=model)

    assert second("other", "m") is other_key
    assert second("k", "other") is other_model


def test_uses_can_be_read() -> None:
    """Used now, the most in any window, all that was let in and refused, and the number of windows."""
    gate = Gate([MINUTE])
    for now in (0.0, 0.0, 0.0, 1.0, 60.0):
        gate.admit(now, "k", "m", 10)

    (use,) = gate.uses(61.0)

    assert (use.limit, use.account, use.model) == ("3 requests per minute", "k", None)
    assert (use.used, use.peak, use.admitted, use.refused, use.windows) == (1, 3, 4, 1, 2)
    assert use.resets_in == 59.0
    assert gate.uses(500.0)[0].resets_in is None


def test_standings_of_an_untouched_gate() -> None:
    """Nothing is used, and a whole period is left."""
    (standing,) = Gate([MINUTE]).standings(5.0, "k", "m")

    assert (standing.used, standing.remaining, standing.resets_in) == (0, 3, 60.0)


def test_clear_forgets() -> None:
    """After it, the windows are as new."""
    gate = Gate([Limit("requests", 1, 60.0, "minute")])
    assert admitted(gate, 0.0)

    gate.clear()

    assert admitted(gate, 0.0)


STEPS = st.lists(
    st.tuples(
        st.floats(0, 40), st.sampled_from(["k1", "k2"]), st.sampled_from(["m1", "m2"]), st.integers(1, 9)
    ),
    max_size=60,
)
LIMITS = st.lists(
    st.builds(
        Limit,
        unit=st.sampled_from(["requests", "tokens"]),
        amount=st.integers(0, 12),
        seconds=st.sampled_from([0.3, 1.0, 7.0, 60.0]),
        name=st.just("window"),
        scope=st.sampled_from(["account", "model", "provider"]),
        reset=st.sampled_from(["first", "utc"]),
    ),
    min_size=1,
    max_size=3,
)


def windows_of(limit: Limit, instants: list[float]) -> list[int]:
    """To which window each admitted instant belongs, by the rules alone."""
    if limit.reset == "utc":
        return [math.floor(now / limit.seconds) for now in instants]
    starts: list[float] = []
    places: list[int] = []
    for now in instants:
        if not starts or now >= starts[-1] + limit.seconds:
            starts.append(now)
        places.append(len(starts))
    return places


@given(LIMITS, STEPS)
def test_no_window_ever_holds_more_than_its_limit(
    limits: list[Limit], steps: list[tuple[float, str, str, int]]
) -> None:
    """Whatever comes: in each window of each scope, admitted amounts sum to at most the limit."""
    gate = Gate(limits)
    now, let_in = 1000.0, list[tuple[float, str, str, int]]()
    for wait, account, model, tokens in steps:
        now += round(wait, 3)
        if gate.admit(now, account, model, tokens) is None:
            let_in.append((now, account, model, tokens))

    for limit in limits:
        scopes: dict[tuple[str, str], list[tuple[float, int]]] = {}
        for at, account, model, tokens in let_in:
            scope = (account if limit.scope != "provider" else "", model if limit.scope == "model" else "")
            scopes.setdefault(scope, []).append((at, tokens if limit.unit == "tokens" else 1))
        for entries in scopes.values():
            sums: dict[int, int] = {}
            for place, (_, amount) in zip(windows_of(limit, [at for at, _ in entries]), entries, strict=True):
                sums[place] = sums.get(place, 0) + amount
            assert max(sums.values()) <= limit.amount


@given(LIMITS, STEPS)
def test_nothing_is_refused_while_there_is_room(
    limits: list[Limit], steps: list[tuple[float, str, str, int]]
) -> None:
    """A refusal names a limit that the request would have broken, and the standing shows it."""
    gate = Gate(limits)
    now = 1000.0
    for wait, account, model, tokens in steps:
        now += wait
        closed = gate.admit(now, account, model, tokens)
        if closed is not None:
            assert closed.standing.used + closed.requested > closed.standing.limit
            assert 0 <= closed.standing.resets_in <= closed.standing.seconds + 1e-6
    for use in gate.uses(now):
        assert use.used <= use.peak <= use.admitted
