"""Is there room for a bench: what is left of limits beside what it takes, and what would fit."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from racer.api import ledger_of, store_of
from racer.bench.afford import Holding, holdings, objections, usage_of, waits
from racer.bench.contest import Contest, Entrant, Terms, contest_of
from racer.core.provider import Lane, Limit
from racer.testing import config_of
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer_adapters.types import Usage

A, A2, B = Entrant("a/m", "a", "a/m"), Entrant("a/n", "a", "a/n"), Entrant("b/m", "b", "b/m")


def contest(*entrants: Entrant, **terms: Any) -> Contest:
    return contest_of(entrants, replace(Terms(rounds=20), **terms))


def held(left: float, *lanes: str, limit: float = 50, **more: Any) -> Holding:
    amounts = dict.fromkeys(lanes or ("a/m",), 1.0)
    return Holding("a", f"{limit:g} requests a day", "requests", limit, left, amounts, **more)


# ---------------------------------------------------------------- words


def test_where_there_is_room_nothing_is_said() -> None:
    """To the last request: 21 alone, 20 + 25 + 20 in races."""
    most = contest(A, B).announced.providers["a"]

    assert objections(contest(A, B), [held(most, limit=1000)]) == []
    assert len(objections(contest(A, B), [held(most - 1, limit=1000)])) == 2


def test_a_limit_that_may_be_used_up_is_told_with_what_would_fit() -> None:
    """Each of the ways that are named has room, and one more has not."""
    planned, holding = contest(A, B), held(50, limit=100, opens_at=4_102_444_800.0)

    line, fitting = objections(planned, [holding])

    assert line.startswith("a: up to 86 requests, and 50 of 100 requests a day are left until 2")
    rounds, budget = (int(found) for found in re.findall(r"--(?:rounds|budget) (\d+)", fitting))
    assert fitting.endswith(" or --exclude a.")
    assert not objections(contest(A, B, rounds=rounds), [holding])
    assert objections(contest(A, B, rounds=rounds + 1), [holding])
    assert budget <= 50
    assert not objections(contest(A, B, budget=budget), [holding])


def test_an_end_that_is_today_is_told_by_the_clock() -> None:
    """Where nobody knows it, none is."""
    (line, _) = objections(contest(A, B), [held(1, opens_at=time.time())])
    assert re.search(r"until \d\d:\d\d$", line)
    (line, _) = objections(contest(A, B), [held(1)])
    assert line.endswith("are left")


def test_where_nothing_fits_that_is_told() -> None:
    """One lane, and nothing left of its day."""
    (_, fitting) = objections(contest(A), [held(0)])

    assert fitting == "What would fit: nothing of it now: ask again later, or ask other lanes."
    (_, fitting) = objections(contest(A, A2), [held(0, "a/m", "a/n")])
    assert fitting == "What would fit: nothing of it now: ask again later, or ask fewer lanes with --only."


def test_what_does_not_open_again_is_not_to_be_asked_later() -> None:
    """Neither is a limit that is too small for a single call."""
    (_, fitting) = objections(contest(A), [held(0, once=True)])
    assert fitting == "What would fit: nothing of it, and that limit does not open again: ask other lanes."
    (_, fitting) = objections(contest(A), [replace(held(0), limit=0.5)])
    assert fitting == (
        "What would fit: nothing of it: ask other lanes, or for shorter answers with --max-tokens."
    )


def test_a_bench_without_races_may_fit() -> None:
    """With all of its rounds, or with more of them than it would have with races."""
    (_, fitting) = objections(contest(A, B), [held(21, limit=100)])
    assert fitting.startswith("What would fit: --rounds 4 or --policies none or --budget ")
    (_, fitting) = objections(contest(A, B), [held(3, limit=100)])
    assert fitting == "What would fit: --policies none --rounds 2 or --exclude a."
    (_, fitting) = objections(contest(A, B, policies=()), [held(3, limit=100)])
    assert "--policies" not in fitting


def test_a_long_bench_is_told_at_once_what_would_fit() -> None:
    """Not by trying each number of rounds."""
    began = time.process_time()

    (_, fitting) = objections(contest(A, B, rounds=100_000), [held(50_000, limit=50_000)])

    assert time.process_time() - began < 1.0
    assert "--rounds 11" in fitting


def test_a_limit_is_told_once_and_by_whom() -> None:
    """Two alike have one line; one of several accounts, or of a model, is named."""
    limits = [held(1), held(1), held(1, holder="a@2"), replace(held(1), holder="a/m")]

    lines = objections(contest(A, B), limits)[:-1]

    assert [line.partition(":")[0] for line in lines] == ["a", "a@2", "a/m"]


def test_a_limit_of_several_lanes_counts_them_all() -> None:
    """And lanes that take no part do not count."""
    both = held(100, "a/m", "a/n", limit=200)

    assert objections(contest(A, A2, B), [both])
    assert not objections(contest(A, B), [both])
    assert not objections(contest(B), [held(0)])


def test_a_short_window_is_waited_for() -> None:
    """Unless a single call is too large for it."""
    minute = held(0, limit=30, length=60.0, passes=True)
    large = replace(minute, unit="tokens", text="30 tokens a minute", lanes={"a/m": 64.0})

    assert objections(contest(A, B), [minute]) == []
    assert waits(contest(A, B), [minute]) == ["a has 30 requests a day: up to 2 min of waiting for that"]
    assert waits(contest(A, B), [replace(minute, limit=60)]) == [
        "a has 30 requests a day: up to 60 s of waiting for that"
    ]
    two = replace(minute, limit=10, provider="b", lanes={"b/m": 1.0})
    assert waits(contest(A, B), [minute, replace(minute, limit=20, holder="a@2"), two]) == [
        "a@2 has 30 requests a day: up to 4 min of waiting for that",
        "b has 30 requests a day: up to 8 min of waiting for that",
        "these are waited for at once: about 8 min in all at most",
    ]
    assert waits(contest(A, B), [held(0, limit=1, length=2.0, passes=True), held(5)]) == []
    assert objections(contest(A, B), [large])[0] == (
        "a: one call takes up to 64 tokens, and its limit is 30 tokens a minute"
    )


# ---------------------------------------------------------------- what the ledger knows


def limited(*limits: Limit, **more: Any) -> Lane:
    plain = lane("a/m")
    return replace(plain, provider=replace(plain.provider, limits=limits, **more))


async def holdings_of(one: Lane, usage: Usage) -> list[Holding]:
    config = config_of("a")
    ledger = ledger_of(config, store_of(config), lambda _: None)
    ledger.open([one])
    try:
        return await holdings(ledger, [one], usage, 65.0)
    finally:
        await ledger.aclose()


@pytest.mark.anyio
async def test_what_is_left_is_told_of_each_limit() -> None:
    """With what a call takes of it; calls in flight come back by themselves."""
    one = limited(
        Limit("requests", 50, "day", reset="00:00 UTC"),
        Limit("tokens", 6000, "minute"),
        Limit("usd", 5, "once"),
        Limit("requests", 9, "rolling 5h"),
        parallel=2,
    )

    found = {each.text: each for each in await holdings_of(one, usage_of(20, 64))}

    assert set(found) == {
        "50 requests a day", "6,000 tokens a minute", "5 usd in all", "9 requests in any 5h",
    }  # fmt: skip
    assert found["50 requests a day"].left == 50
    assert found["6,000 tokens a minute"].lanes == {"a/m": 84.0}
    assert {text for text, each in found.items() if each.passes} == {"6,000 tokens a minute"}
    assert {text for text, each in found.items() if each.once} == {"5 usd in all"}
    assert {each.whose for each in found.values()} == {"a"}


@pytest.mark.anyio
async def test_who_holds_a_limit_is_told() -> None:
    """One of several accounts, and a model that has its own."""
    one = limited(Limit("requests", 50, "day"), Limit("requests", 9, "day", scope="model"))
    another = replace(one.account, name="a:2")
    one = replace(one, provider=replace(one.provider, accounts=(one.account, another)), account=another)

    assert {each.whose for each in await holdings_of(one, usage_of(20, 64))} == {"a@2", "a/m@2"}


def test_an_answer_without_bounds_is_taken_to_be_usual() -> None:
    """Nobody knows."""
    assert usage_of(10, None).output_tokens > usage_of(10, 64).output_tokens == 64
