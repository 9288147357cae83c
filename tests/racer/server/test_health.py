"""How the lanes are, and with which status that is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest

from racer.accounts.gauge import Gauge
from racer.acquaintance import zone
from racer.core.facts import CoolDownStarted
from racer.core.field import field_of
from racer.core.heat import Outcome
from racer.core.metering import meters_of
from racer.core.span import Calendar, Once, Rolling
from racer.server.condition import Condition
from racer.server.health import SOON, UNCOUNTED, Report, Scene, report_of
from racer.testing import fails, says
from racer_adapters.errors import Kind, WireError
from tests.racer.accounts.ledgers import usage
from tests.racer.accounts.rows import LONG_KEY, config_of_rows, row
from tests.racer.server.rooms import ends, get, kept, over

if TYPE_CHECKING:
    from pathlib import Path

    from tests.racer.server.houses import Room

NOW, TICKS = 1_000_000.0, 500.0
DAY = Calendar("day", 0, 0, UTC)
LIMITED = row(limits=[{"requests": 100, "per": "day"}])
CONFIG = config_of_rows(
    {"A_KEY": LONG_KEY, "B_KEY": LONG_KEY}, a=LIMITED, b=row("b"), c=row("c"), d=row("d", keys=["$D_KEY"])
)
FIELD = field_of(CONFIG.providers, {})
A, B = FIELD.lanes
METERS = partial(meters_of, zone=zone)


def gauge(used: float = 0.0, span: Any = DAY, resets_at: float | None = NOW + 100, **more: Any) -> Gauge:
    (meter,) = meters_of(A, zone)
    named = usage(limit=100.0)._replace(meter=meter.name, provider="a", account="a:A_KEY", used=used)
    expired = more.pop("expired", False)
    return Gauge(named._replace(leased=5.0, **more), span, resets_at, expired)


def report(*gauges: Gauge, condition: Condition | None = None, **more: Any) -> Report:
    return report_of(Scene(CONFIG, FIELD, gauges, condition or Condition(), METERS, TICKS, NOW, **more))


def cooled(*scopes: str, until: float = TICKS + 20.0) -> Condition:
    condition = Condition()
    for scope in scopes:
        condition.observe(CoolDownStarted("r", scope, until, until - TICKS, "rate: slow"), NOW)
    return condition


def provider(told: Report, name: str) -> dict[str, Any]:
    (found,) = [each for each in told.body["providers"] if each["name"] == name]
    return dict(found)


def test_all_is_well() -> None:
    """Providers that are set up, with what is used and left; of others nothing."""
    told = report(gauge(40.0))

    assert (told.status, [each["name"] for each in told.body["providers"]]) == ("ok", ["a", "b"])
    assert (told.body["lanes"], told.body["lanes_available"], told.body["serving"]) == (2, 2, None)
    limit = {
        "used": 40.0,
        "left": 55.0,
        "limit": 100.0,
        "unit": "requests",
        "window": "day",
        "reset": NOW + 100,
    }
    assert provider(told, "a") == {
        "name": "a", "state": "ready", "reason": None, "local": False, "available": True, "lanes": 1,
        "lanes_available": 1, **limit, "limits": [{"account": "a:A_KEY", "model": None, **limit}],
        "cool_down": None, "last_error": None, "last_answer": None,
    }  # fmt: skip
    assert provider(told, "b")["left"] is None


def test_one_rests() -> None:
    """The others answer; it is told until when."""
    told = report(condition=cooled("provider a"))

    assert told.status == "degraded"
    assert not provider(told, "a")["available"]
    assert provider(told, "a")["cool_down"] == {
        "scope": "provider a", "until": NOW + 20.0, "reason": "rate: slow", "scopes": 1,
    }  # fmt: skip


def test_all_rest() -> None:
    """Then nobody is available, and the first who comes back says when to come again."""
    condition = cooled("provider a", "provider b")
    condition.observe(CoolDownStarted("r", "provider b", TICKS + 7.5, 7.5, "x"), NOW)

    assert (report(condition=condition).status, report(condition=condition).wait) == ("unavailable", 8)


def test_for_ever() -> None:
    """A key that was refused does not come back by waiting."""
    told = report(condition=cooled("provider a", "provider b", until=float("inf")))

    assert (told.status, told.wait) == ("unavailable", SOON)
    assert provider(told, "a")["cool_down"]["until"] is None
    orjson.dumps(told.body)


def test_a_limit_that_is_used_up() -> None:
    """Until it resets; what this process holds of it is not used yet."""
    assert report(gauge(95.0)).status == "ok"
    told = report(gauge(100.0), condition=cooled("provider b", until=TICKS + 9999.0))

    assert (told.status, told.wait, provider(told, "a")["left"]) == ("unavailable", 100, 0.0)
    late = report(
        gauge(100.0, resets_at=NOW + 99_999), condition=cooled("provider b", until=TICKS + 99_999.0)
    )
    assert late.wait == 99_999


@pytest.mark.parametrize(
    "spent",
    [
        gauge(9.0, None, None, per="flight", limit=9.0),
        gauge(1.0, Rolling(5.0), NOW + 3, limit=1.0),
    ],
)
def test_a_pace_is_no_absence(spent: Gauge) -> None:
    """Calls in flight and the gap between two starts are over in a moment."""
    assert report(spent).status == "ok"


def test_credits_that_have_expired() -> None:
    """They never come back."""
    told = report(
        gauge(1.0, Once(1.0), 1.0, expired=True), condition=cooled("provider b", until=float("inf"))
    )
    assert (told.status, told.wait) == ("unavailable", SOON)


def test_what_went_wrong_and_who_serves() -> None:
    """By provider; a good answer does not hide the last error."""
    condition = Condition()
    condition.observe(ends(Outcome.FAILED, reason="rate 429: slow", status=429), NOW - 5)
    condition.observe(ends(), NOW - 1)
    condition.observe(over(), NOW)
    told = report(condition=condition)

    assert provider(told, "a")["last_error"] == {
        "at": NOW - 5, "lane": "a/m", "kind": "rate", "status": 429, "message": "slow",
    }  # fmt: skip
    assert provider(told, "a")["last_answer"] == NOW - 1
    assert told.body["serving"] == {
        "provider": "a", "lane": "a/m", "local": False, "fallback": False, "since": NOW, "at": NOW,
    }  # fmt: skip


def test_a_store_in_trouble_and_a_server_that_ends() -> None:
    """Lanes answer without the one; nobody is to come to the other."""
    assert report(fault="the disk is full").status == "degraded"
    assert report(fault="the disk is full").body["store"] == {"available": False, "fault": "the disk is full"}
    assert report(stopping=True).status == "unavailable"


def test_limits_that_cannot_be_counted() -> None:
    """Who has them is not available, and says why; nobody knows for how long. Who has none, is."""
    told = report(fault="the disk is full", uncounted=[A].__contains__)

    assert (told.status, told.body["lanes_available"]) == ("degraded", 1)
    assert [provider(told, name)["available"] for name in "ab"] == [False, True]
    assert [provider(told, name)["reason"] for name in "ab"] == [UNCOUNTED, None]
    every = report(fault="the disk is full", uncounted=[A, B].__contains__)
    assert (every.status, every.wait) == ("unavailable", SOON)


@pytest.mark.anyio
@pytest.mark.real_time
@pytest.mark.parametrize("others", [[], ["b"]])
async def test_a_database_of_another_program(tmp_path: Path, others: list[str]) -> None:
    """Health, the probe and the metrics say what a question meets, before and after one was asked."""
    with closing(sqlite3.connect(tmp_path / "racer.db")) as foreign:
        foreign.execute("CREATE TABLE theirs (a)")
    rows = {"a": LIMITED} | {name: row(name) for name in others}
    async with kept(tmp_path, {name: says("hello") for name in rows}, rows=rows) as place:
        await place.racer.ledger.settled()
        before = await _told(place)
        asked, _, _ = await place.ask()
        after = await _told(place)

    expected = (200, 200, 200) if others else (503, 503, 503)
    assert before == after == (expected[0], expected[1], {"a": 0.0} | dict.fromkeys(others, 1.0))
    assert asked == expected[2]


@pytest.mark.anyio
@pytest.mark.real_time
async def test_where_the_database_lies(tmp_path: Path) -> None:
    """Clients are told what is wrong with it; where it is stands in the log, once."""
    (tmp_path / "racer.db").write_bytes(b"no database" * 400)
    async with kept(tmp_path, rows={"a": LIMITED}) as place:
        await place.racer.ledger.settled()
        async with place.client.get(place.server.url + "/api/events?race=none") as events:
            _, health = await get(place, "/api/health")
            pages = [health, *[await get(place, path) for path in ("/api/usage", "/api/races", "/api/usage")]]
            status, refusal, headers = await place.ask()
            pages += [refusal, *[await get(place, f"/api/races/{headers['x-racer-race-id']}")]]
            place.server.house.quiet.set()
            heard = await events.text()

    lacking = [fields["reason"] for level, name, fields in place.lines if (level, name)[1] == "http.lacking"]
    told = orjson.dumps(pages).decode() + heard
    assert (status, health["store"]["fault"]) == (
        503,
        "the database is not racer's, and is left as it is: the server's log says more",
    )
    assert str(tmp_path) not in told
    assert "RACER_DB" not in told
    assert len(lacking) == len(set(lacking)) > 0
    assert all(str(tmp_path) in each for each in lacking)


async def _told(place: Room) -> tuple[int, int, dict[str, float]]:
    """The status of health and of the probe, and who is available by the metrics."""
    (health, _), (ready, _) = await get(place, "/api/health"), await get(place, "/readyz")
    async with place.client.get(place.server.url + "/metrics") as page:
        lines = (await page.text()).splitlines()
    rows = [line.split(" ") for line in lines if line.startswith("racer_provider_available{")]
    return health, ready, {name.split('"')[1]: float(value) for name, value in rows}


@pytest.mark.anyio
@pytest.mark.real_time
async def test_over_http(tmp_path: Path) -> None:
    """200 while one lane is available, and what is used is what is counted."""
    async with kept(tmp_path) as place:
        await place.ask()
        with anyio.fail_after(10):
            while (await get(place, "/api/health"))[1]["providers"][0]["used"] != 1.0:  # noqa: ASYNC110
                await anyio.sleep(0.05)
        status, body = await get(place, "/api/health")
        _, told = await get(place, "/api/usage")
        place.server.house.stopping.set()
        ending, _ = await get(place, "/api/health")

    (mine,) = body["providers"]
    (limit,) = [each for each in told["limits"] if each["window"] == "day"]
    assert (status, body["status"], ending) == (200, "ok", 503)
    assert [mine["used"], mine["left"], mine["reset"]] == [
        limit["used"], limit["left"], limit["resets_at"],
    ]  # fmt: skip
    assert LONG_KEY not in orjson.dumps(body).decode()


@pytest.mark.anyio
@pytest.mark.real_time
async def test_nobody_over_http() -> None:
    """503, with the seconds until somebody is."""
    refused = fails(WireError(Kind.RATE, f"key {LONG_KEY} is too quick", status=429, retry_after=40))
    async with kept(None, {"a": refused, "b": says("no")}) as place:
        await place.ask()
        async with place.client.get(place.server.url + "/api/health") as page:
            body = orjson.loads(await page.read())
            wait = int(page.headers["retry-after"])

    assert (page.status, body["status"], 30 <= wait <= 40) == (503, "unavailable", True)
    assert body["providers"][0]["last_error"]["kind"] == "rate"
    assert LONG_KEY not in orjson.dumps(body).decode()
