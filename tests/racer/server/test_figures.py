"""Usage, races, the timeline of one: the same figures as the command line's."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest

from racer.cli.program import perform
from racer.cli.shell import Shell
from racer.testing import hangs, says, streams
from racer_adapters.errors import Kind, WireError
from tests.racer.accounts.rows import LONG_KEY, row
from tests.racer.server.houses import CHAT, TOKEN, Room, said, token, until
from tests.racer.server.rooms import ROW, get, kept, until_written

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]


async def shown(place: Room, *words: str) -> Any:
    """What the command line says of the same configuration, as another process would."""
    path = place.racer.config.env["RACER_DB"]
    return await anyio.to_thread.run_sync(lambda: command(Path(path).parent, *words))


def command(folder: Path, *words: str) -> Any:
    """`a` is a row of the user's file here: the catalogue knows nobody of that name."""
    (folder / "racer.toml").write_text(
        '[providers.a]\ndialect = "openai"\nbase_url = "https://a.test/v1"\nkeys = ["$A_KEY"]\n'
        'limits = [{ requests = 100, per = "day" }]\nmodels = [{ name = "m", price = [1, 3] }]\n'
    )
    out = io.StringIO()
    environ = {"RACER_DB": str(folder / "racer.db"), "A_KEY": LONG_KEY}
    assert perform(words, Shell(io.StringIO(), out, io.StringIO(), environ, folder)) == 0
    return orjson.loads(out.getvalue())


def of_a(document: Any) -> list[Any]:
    return [limit for limit in document["limits"] if limit["provider"] == "a"]


async def test_figures_are_those_of_the_command_line(tmp_path: Path) -> None:
    """Limits, sums, race tax, alerts and savings are equal; only the instants are those of asking."""
    async with kept(tmp_path) as place:
        for _ in range(3):
            await place.ask()
        await until_written(place, 3)
        await anyio.sleep(0.6)
        _, served = await get(place, "/api/usage?since=24h&saved=1")
        told = await shown(place, "usage", "--json", "--since", "24h", "--saved")

    assert of_a(served) == of_a(told)
    assert of_a(served)[0]["used"] == 3
    assert set(served) == {*told, "by_token"} - {"database"}
    assert str(tmp_path) not in str(served)
    for name in ("totals", "tax", "unforeseen", "alerts", "forecast", "saved"):
        assert served[name] == told[name], name


async def test_usage_by_token(tmp_path: Path) -> None:
    """Since the server began."""
    async with kept(tmp_path, tokens=(token(),)) as place:
        headers = {"authorization": f"Bearer {TOKEN}"}
        await place.ask(headers=headers)
        status, served = await get(place, "/api/usage?forecast&tokens_per_day=5", headers=headers)
        refused, _ = await get(place, "/api/usage")

    (mine,) = served["by_token"]
    assert (status, refused) == (200, 401)
    assert mine["input_tokens"] > 0
    assert mine | {"input_tokens": 0, "output_tokens": 0} == {
        "token": "team", "requests": 1, "refused": 0, "in_flight": 0, "input_tokens": 0, "output_tokens": 0,
    }  # fmt: skip


async def test_usage_of_who_leaves(tmp_path: Path) -> None:
    """Whoever leaves a stream, or whose stream breaks off, has used what `totals` say, losers included."""
    broken_off = streams("hel", breaks=WireError(Kind.RESET, "connection lost"))
    slow = streams("Why?", "because", gap=60.0)
    scripts = {"a": [broken_off, slow], "b": [hangs(), hangs()]}
    async with kept(tmp_path, scripts, rows={"a": ROW, "b": row("b")}) as place:
        async with place.client.post(place.server.url + CHAT, json=said(stream=True)) as broken:
            text = await broken.text()
        async with place.client.post(place.server.url + CHAT, json=said(stream=True)) as left:
            await left.content.readuntil(b"Why?")
        await until(lambda: not place.server.house.visitors.in_flight)
        await until_ended(place, 2)
        _, served = await get(place, "/api/usage")

    (mine,) = served["by_token"]
    assert "stream_broken" in text
    assert mine["requests"] == 2
    assert min(mine["input_tokens"], mine["output_tokens"]) > 0
    assert mine["input_tokens"] + mine["output_tokens"] == sum(each["tokens"] for each in served["totals"])


async def until_ended(place: Room, races: int) -> None:
    """Until the database has so many of them to their ends, won or not."""
    with anyio.fail_after(10):
        while True:
            found = await place.server.house.books.recent(10)
            if sum(race.ending is not None for race in found.races) == races:
                return
            await anyio.sleep(0.05)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/api/usage?since=soon", "since"),
        ("/api/usage?since=2999-01-01", "since"),
        ("/api/usage?since=2026-02-31", "since"),
        ("/api/usage?tokens_per_day=-1", "tokens_per_day"),
        ("/api/usage?tokens_per_day=x", "tokens_per_day"),
        ("/api/usage?forecast=maybe", "forecast"),
        ("/api/usage?what=1", "what"),
        ("/api/races?limit=0", "limit"),
        ("/api/races?limit=501", "limit"),
        ("/api/races?limit=1&limit=2", "limit"),
        ("/api/races/last?x=1", "x"),
        ("/api/health?x=1", "x"),
        ("/metrics?x=1", "x"),
        ("/api/events?race=", "race"),
    ],
)
async def test_questions_that_nobody_can_answer(path: str, param: str) -> None:
    """The field is named."""
    async with kept(None) as place:
        status, body = await get(place, path)

    assert (status, body["error"]["param"]) == (400, param)


async def test_races(tmp_path: Path) -> None:
    """Those that are over and those under way, at once; the timeline as the command line has it."""
    async with kept(tmp_path, {"a": [says("hello"), hangs()]}) as place:
        _, _, headers = await place.ask()
        first = headers["x-racer-race-id"]
        asking = asyncio.ensure_future(place.client.post(place.server.url + CHAT, json=said()))
        with anyio.fail_after(10):
            while not place.server.house.watch.lately.running:  # noqa: ASYNC110 - nobody is told
                await anyio.sleep(0.001)
        _, body = await get(place, "/api/races?limit=10")
        status, timeline = await get(place, f"/api/races/{first}")
        _, short = await get(place, f"/api/races/{first[:12]}")
        told = await shown(place, "why", first, "--json")
        asking.cancel()

    assert [each["ending"] for each in body["races"]] == [None, "won"]
    assert body["races"][1]["race_id"] == first
    (running,) = body["running"]
    assert running["race_id"] == body["races"][0]["race_id"]
    assert [each["lane"] for each in running["attempts"]] == ["a/m"]
    assert (status, timeline, short) == (200, told, told)


async def test_the_last_race(tmp_path: Path) -> None:
    """As `racer why` without a name."""
    async with kept(tmp_path) as place:
        none, body = await get(place, "/api/races/last")
        await place.ask()
        await until_written(place)
        found, timeline = await get(place, "/api/races/last")

    assert (none, found, timeline["ending"]) == (404, 200, "won")
    assert "no such race" in body["error"]["message"]


@pytest.mark.parametrize("name", ["zz", "", "..", "%2e%2e%2fx", "A0", "0" * 65, "a/b"])
async def test_what_is_no_race(name: str, tmp_path: Path) -> None:
    """Whatever stands there, it is looked up in the database alone."""
    async with kept(tmp_path) as place:
        status, body = await get(place, f"/api/races/{name}")

    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_several_races_begin_so(tmp_path: Path) -> None:
    """Nobody guesses which is meant."""
    async with kept(tmp_path) as place:
        ids = {(await place.ask())[2]["x-racer-race-id"][0] for _ in range(17)}
        await until_written(place, 17)
        answers = [await get(place, f"/api/races/{digit}") for digit in sorted(ids)]

    assert {status for status, _ in answers} <= {200, 404}
    (words, *_) = [body["error"]["message"] for status, body in answers if status == 404]
    assert "races begin so" in words


@pytest.mark.parametrize("env", [{"RACER_DB": ":memory:"}, {}], ids=["in memory", "no home folder"])
async def test_a_database_in_memory(env: dict[str, str]) -> None:
    """No other process can read it: it is read through the Racer, and says what is true."""
    one = row(limits=[{"requests": 2, "per": "day"}])
    async with kept(None, rows={"a": one}, env=env) as place:
        await place.ask()
        _, _, headers = await place.ask()
        await until_written(place, 2)
        await anyio.sleep(0.6)
        _, usage = await get(place, "/api/usage?forecast&saved")
        health, report = await get(place, "/api/health")
        async with place.client.get(place.server.url + "/metrics") as page:
            metrics = await page.text()
        _, body = await get(place, "/api/races")
        status, told = await get(place, f"/api/races/{headers['x-racer-race-id']}")

    (limit,) = of_a(usage)
    assert (limit["used"], limit["left"]) == (2, 0)
    assert (health, report["status"], report["providers"][0]["used"]) == (503, "unavailable", 2)
    assert 'racer_provider_available{provider="a"} 0.0' in metrics
    assert next(line for line in metrics.splitlines() if line.startswith("racer_quota_used_ratio{")).endswith(
        " 1.0"
    )
    assert [each["ending"] for each in body["races"]] == ["won", "won"]
    assert (status, told["ending"], told["winner"]) == (200, "won", "a/m")


async def test_a_database_that_is_none(tmp_path: Path) -> None:
    """It is said, and the server goes on."""
    async with kept(tmp_path, rows={"a": ROW}) as place:
        await place.ask()
        await until_written(place)
        place.server.house.books.folder = tmp_path
        for part in ("racer.db", "racer.db-wal", "racer.db-shm"):
            (tmp_path / part).unlink(missing_ok=True)
        (tmp_path / "racer.db").write_bytes(b"this is no database" * 400)
        await anyio.sleep(0.6)
        usage, body = await get(place, "/api/usage")
        health, report = await get(place, "/api/health")
        status, _, _ = await place.ask()

    assert (usage, health, status) == (500, 200, 200)
    assert "error" in body
    assert (report["status"], report["store"]["available"]) == ("degraded", False)


async def test_the_description_is_served() -> None:
    """As JSON, whole."""
    async with kept(None) as place:
        status, body = await get(place, "/openapi.json")

    assert (status, body["openapi"]) == (200, "3.1.0")
