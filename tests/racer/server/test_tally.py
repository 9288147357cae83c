"""Facts and requests, counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from racer.core.facts import CacheHit, ClockJumped, CoolDownStarted, StoreTroubled
from racer.core.heat import Ending, Outcome
from racer.server import tally
from racer.server.tally import BOUNDS, Counts, Spread, Tally
from racer.server.visit import Served
from tests.racer.server.rooms import WON, B, begins, ends, over, started


def counted(*facts: object) -> Tally:
    found = Tally()
    for fact in facts:
        found.observe(fact)  # type: ignore[arg-type]
    return found


def test_a_race() -> None:
    """By policy and ending, by provider, model and outcome, with times, tokens and the tax."""
    found = counted(*WON)

    assert found.races == {("all", "won"): 1}
    assert found.lanes == {("a", "m", "won", "none"): 1}
    assert found.tokens == {("a", "input"): 3, ("a", "output"): 4}
    assert [found.sent, found.extra_requests, found.extra_tokens, found.extra_usd, found.saved] == [
        {("all",): 2}, {("all",): 1}, {("all",): 7}, {("all",): 0.5}, {("all",): 0.25},
    ]  # fmt: skip
    sums = [[(labels, total) for labels, _, total in each.rows()] for each in (
        found.race_seconds, found.lane_seconds, found.first_token,
    )]  # fmt: skip
    assert sums == [[(("all",), 2.0)], [(("a",), 1.5)], [(("a",), 0.5)]]
    assert (found.flying, found.policies) == ({"a": 0}, {})


def test_what_fails() -> None:
    """By the class of the reason; a time that no answer took is none."""
    failed = ends(Outcome.FAILED, reason="rate 429: for user 4711", on=B)
    found = counted(started(), begins(on=B), failed, ends(Outcome.LOST), over(Ending.EXPIRED), over())

    assert found.lanes == {("b", "m", "failed", "rate"): 1, ("a", "m", "lost", "none"): 1}
    assert list(found.lane_seconds.rows()) == []
    assert found.races == {("all", "expired"): 1, ("other", "won"): 1}


def test_lanes_under_way() -> None:
    """Never less than none, whatever was missed."""
    found = counted(begins(), begins(attempt=1), begins(on=B), ends())
    assert found.flying == {"a": 1, "b": 1}
    assert counted(ends()).flying == {"a": 0}
    assert counted(ends(usage=None)).tokens == {}


def test_other_facts() -> None:
    """Cool-downs by provider and kind, earlier replies, a store in trouble."""
    scopes = [
        "account groq:GROQ_API_KEY", "lane groq/m@K", "model a/m", "provider b", "pool c:org",
        "key d:K for m", "weather nice",
    ]  # fmt: skip
    found = counted(
        *(CoolDownStarted("r", scope, 1.0, 1.0, "rate: now") for scope in scopes),
        CacheHit("r", "key", 1.0, shared=False), CacheHit("r", "key", 1.0, shared=True),
        StoreTroubled("oh", 1), ClockJumped(1.0),
    )  # fmt: skip

    assert list(found.cooldowns) == [
        ("groq", "account", "rate"), ("groq", "lane", "rate"), ("a", "model", "rate"),
        ("b", "provider", "rate"), ("c", "pool", "rate"), ("d", "key", "rate"), ("nice", "other", "rate"),
    ]  # fmt: skip
    assert found.cache_hits == {("no",): 1, ("yes",): 1}
    assert found.faults == {(): 1}
    assert Tally().faults == {(): 0}


def test_requests() -> None:
    """By route, never by path; who left first has no status."""
    found = Tally()
    found.served(Served("1", "GET", "/v1/models", 200, 0.2, "team"))
    found.served(Served("2", "GET", "", 404, 0.2, "local"))
    found.served(Served("3", "POST", "/v1/messages", 0, 9.0, "team"))

    assert list(found.requests) == [
        ("/v1/models", "200", "team"), ("none", "404", "local"), ("/v1/messages", "left", "team"),
    ]  # fmt: skip
    assert [labels for labels, _, _ in found.request_seconds.rows()] == [
        ("/v1/models",), ("none",), ("/v1/messages",),
    ]  # fmt: skip


def test_labels_have_a_bound() -> None:
    """Beyond it, all others are one."""
    counts, spread = Counts(), Spread()
    for number in range(tally.MOST_ROWS + 5):
        counts.add((str(number), "x"))
        spread.add((str(number),), 1.0)
    counts.add(("0", "x"))

    assert (counts["other", "other"], counts["0", "x"], len(counts)) == (5, 2, tally.MOST_ROWS + 1)
    rows = {labels: buckets[-1][1] for labels, buckets, _ in spread.rows()}
    assert (rows[("other",)], len(rows)) == (5, tally.MOST_ROWS + 1)


@given(st.lists(st.floats(0, 1000)))
def test_histograms(times: list[float]) -> None:
    """Each bound has all that took no longer."""
    spread = Spread()
    for seconds in times:
        spread.add((), seconds)

    for _, buckets, total in spread.rows():
        assert [count for _, count in buckets] == [
            *(sum(each <= bound for each in times) for bound in BOUNDS), len(times),
        ]  # fmt: skip
        assert abs(total - sum(times)) < 1e-6
        assert [bound for bound, _ in buckets] == [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
