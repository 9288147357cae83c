"""What the ledger hears of limits from providers, and what it tells of them: alerts, exhaustion, reset."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from racer import NoLanes
from racer.core.facts import QuotaAlert, QuotaExhausted, QuotaReset
from racer.core.provider import Limit
from racer.testing import answers, says
from tests.racer.counting import DAILY, DAY, START, crowd, limited, table, tried

pytestmark = pytest.mark.anyio

METER = "a requests/day from 00:00 UTC"
HUNDRED = replace(DAILY, amount=100)
MINUTE = Limit("requests", 100, "minute")


async def test_each_share_is_told_once_in_a_window() -> None:
    """75, 90 and 95 %, then that nothing is left; the next day again, after the word that it is open."""
    async with table(limited("a", HUNDRED)) as all_:
        for _ in range(2):
            for _ in range(104):
                await tried(all_.racer)
                await anyio.sleep(0.5)
            assert [0.75, 0.90, 0.95] == [fact.level for fact in all_.of(QuotaAlert)][-3:]
            await anyio.sleep(DAY)

        assert [0.75, 0.90, 0.95] * 2 == [fact.level for fact in all_.of(QuotaAlert)]
        assert [(METER, True)] * 2 == [(fact.meter, fact.foreseen) for fact in all_.of(QuotaExhausted)]
        assert [QuotaReset(METER, 100.0)] == all_.of(QuotaReset)
        kinds = "kind, level, times FROM alerts ORDER BY at, level"
        assert [("reached", level, 1) for level in (0.75, 0.9, 0.95, 1.0)] * 2 == await all_.rows(kinds)


async def test_an_alert_says_how_it_stands() -> None:
    """What is used, of how much, and when it is open again."""
    async with table(limited("a", HUNDRED)) as all_:
        for _ in range(80):
            await tried(all_.racer)
            await anyio.sleep(0.5)
        (alert,) = all_.of(QuotaAlert)

        assert (METER, 0.75, 100.0, START + 16 * 3600) == (
            alert.meter, alert.level, alert.limit, alert.resets_at,
        )  # fmt: skip
        assert 75 <= alert.used < 78


def headers(**named: str) -> dict[str, str]:
    return {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in named.items()}


async def test_less_remaining_than_we_think_is_believed() -> None:
    """Somebody else uses the account: what is left by the provider's count holds."""
    said = headers(limit_requests="100", remaining_requests="3", reset_requests="40s")
    script = [replace(says("hi"), headers=said), says("hi")]
    async with table(limited("a", MINUTE), scripts={"a": script}) as all_:
        await all_.racer.race("hi")
        await anyio.sleep(1)
        ends = await crowd(all_.racer, 50)
        await anyio.sleep(45)

        assert {"Reply": 3, "NoLanes": 47} == ends
        assert {"Reply": 50} == await crowd(all_.racer, 50)


async def test_more_remaining_than_we_think_makes_no_room() -> None:
    """A provider that counts late does not lift our count."""
    said = headers(limit_requests="5", remaining_requests="5")
    limit = Limit("requests", 5, "minute")
    async with table(limited("a", limit), scripts={"a": replace(says("hi"), headers=said)}) as all_:
        for _ in range(8):
            await tried(all_.racer)
            await anyio.sleep(0.5)

        assert 5 == len(all_.sent())


@pytest.mark.parametrize(("told", "calls"), [("4", 4), ("20", 20), ("500", 100)])
async def test_a_limit_that_is_told(told: str, calls: int) -> None:
    """A lower one than the user has written is believed, a higher one is not."""
    script = replace(says("hi"), headers=headers(limit_requests=told, remaining_requests=str(int(told) - 1)))
    async with table(limited("a", MINUTE), scripts={"a": script}) as all_:
        await all_.racer.race("hi")
        await anyio.sleep(1)
        await crowd(all_.racer, 150)

        assert calls == len(all_.sent())


async def test_a_refusal_that_nobody_foresaw() -> None:
    """A 429 with room by our count closes the window as long as it says; it is told, and in `v_alerts`."""
    script = [answers(429, b"{}", headers={"retry-after": "30"}), says("hi")]
    async with table(limited("a", MINUTE, HUNDRED), scripts={"a": script}) as all_:
        await tried(all_.racer)
        await anyio.sleep(1)
        with pytest.raises(NoLanes) as caught:
            await all_.racer.race("hi")
        unforeseen = "unit, \"window\", kind, times FROM v_alerts WHERE kind = 'unforeseen'"
        alerts = await all_.rows(unforeseen)
        await anyio.sleep(31)

        assert START + 30 == pytest.approx(caught.value.until, abs=0.5)
        assert [("requests", "minute", "unforeseen", 1)] == alerts
        assert [False] == [fact.foreseen for fact in all_.of(QuotaExhausted)][:1]
        assert "hi" == (await all_.racer.race("hi")).text
