"""A batch beside what providers do: limits, refusals, outages, and lines that nobody can answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer import BatchStopped
from racer.core.provider import Limit, Model
from racer.testing import Script, VirtualLoop, answers, fails, hangs, provider_of
from racer_adapters.errors import Kind, WireError
from tests.racer.batch.crew import crew, now, results, said, whole
from tests.racer.counting import busiest, limited

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.batch.line import Result
    from racer_adapters.types import WireRequest

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Not in debug mode, which notes the stack of each task: that takes longer than all else here."""
    return "asyncio", {"loop_factory": VirtualLoop}


REFUSED = WireError(Kind.CONNECT, "connection refused")
RESET = WireError(Kind.RESET, "the connection broke")
DAY = 86_400.0


def answered(found: list[Result]) -> int:
    return sum(result.ok for result in found)


def codes(found: list[Result]) -> Counter[str]:
    return Counter(result.failure.code for result in found if result.failure)


def lines(number: int) -> list[str]:
    return [f"p{each}" for each in range(number)]


async def within(seconds: float, batch: Any) -> list[Result]:
    with anyio.fail_after(seconds):
        return await results(batch)


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("policy", ["frugal", "one", "all"])
async def test_a_limit_by_the_minute_is_never_overrun(policy: str) -> None:
    """As its server counts; the batch sleeps, wakes, and ends."""
    limits = (Limit("requests", 20, "minute"),)
    async with crew(limited("a", *limits), limited("b", *limits), scripts={"b": whole("b", 0.2)}) as table:
        found = await within(DAY, table.racer.batch(lines(200), policy=policy))  # type: ignore[arg-type]
        assert 200 == answered(found)
        for server in "ab":
            assert 20 >= busiest(table.sent(server), 60.0)
        assert now() < (420.0 if policy != "all" else 900.0)


async def test_a_limit_by_the_day_is_slept_through() -> None:
    """Until noon, with tokens counted as well."""
    daily = Limit("requests", 40, "day", reset="12:00 UTC")
    async with crew(limited("a", daily, Limit("tokens", 300, "minute"))) as table:
        found = await within(5 * DAY, table.racer.batch(lines(70), max_tokens=20))
        assert 70 == answered(found)
        noon = 4 * 3600.0
        assert 40 == sum(at < noon for at in table.sent())
        assert noon < now() < noon + 3600.0


async def test_a_race_beside_shares_the_limits() -> None:
    """What others have used is counted."""
    async with crew(limited("a", Limit("requests", 10, "minute"))) as table:

        async def races() -> None:
            for _ in range(6):
                await anyio.sleep(20.0)
                await table.racer.race("hello", wait=600.0, deadline=600.0)

        async with anyio.create_task_group() as group:
            group.start_soon(races)
            assert 60 == answered(await within(DAY, table.racer.batch(lines(60))))
        assert 10 >= busiest(table.sent(), 60.0)


async def test_calls_at_once_are_bounded() -> None:
    """`parallel` is a limit as well."""
    async with crew(replace(provider_of("a"), parallel=3)) as table:
        assert 40 == answered(await within(DAY, table.racer.batch(lines(40))))
        at_work = 0
        for _, event, _ in table.transport.log:
            at_work += 1 if event == "sent" else -1
            assert at_work <= 3


async def test_a_line_too_large_for_every_lane() -> None:
    """It fails alone, at once, without a request; a small one behind it does not wait."""
    async with crew(limited("a", Limit("tokens", 1000, "minute"))) as table:
        asked = ["x", "word " * 5000, "y", "z"]
        found = await within(DAY, table.racer.batch(asked, max_tokens=10))
        assert {1, 3, 4} == {result.line for result in found if result.ok}
        assert {"too_long": 1} == codes(found)


async def test_a_line_too_large_for_a_model() -> None:
    """Its window has no room for it; a lane that has takes it."""
    small = replace(provider_of("a"), models=(Model("m", context=500),))
    async with crew(small, "b") as table:
        found = await within(DAY, table.racer.batch([*lines(5), "word " * 3000], policy="one"))
        assert 6 == answered(found)
    async with crew(small) as table:
        found = await within(DAY, table.racer.batch([*lines(5), "word " * 3000]))
        assert 5 == answered(found)
        assert 5 == table.asked


# ---------------------------------------------------------------- what a lane cannot do


async def test_pictures_go_to_who_can_see() -> None:
    """A line that wants more than the others do has lanes of its own."""
    blind = replace(provider_of("a"), models=(Model("m"),))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    look: Any = [{"role": "user", "content": [{"type": "text", "text": "what?"}, picture]}]
    async with crew(blind, "b") as table:
        found = await within(DAY, table.racer.batch(["x", look, "y", look]))
        assert 4 == answered(found)
        assert {"b"} == {each.reply.provider for each in found if each.reply and each.line in (2, 4)}
    async with crew(blind) as table:
        found = await within(DAY, table.racer.batch(["x", look]))
        assert {"no_lane": 1} == codes(found)


async def test_tools() -> None:
    """A call of a tool is an answer."""
    import orjson

    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    body = orjson.dumps({"object": "chat.completion", "choices": [choice]})
    script = answers(200, body, after=0.5, headers={"content-type": "application/json"})
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    async with crew("a", scripts={"a": script}) as table:
        found = await within(DAY, table.racer.batch(lines(4), tools=[tool]))
        assert 4 == answered(found)
        assert all(each.reply and each.reply.tool_calls for each in found)


# ---------------------------------------------------------------- a lane is ill


ILL: dict[str, Script | Callable[[], Script]] = {
    "hangs": hangs(),
    "refused": fails(REFUSED),
    "reset": fails(RESET, after=0.1),
    "500": answers(500, b"oh", after=0.1),
    "503": answers(503, b"{}", after=0.1, headers={"retry-after": "120"}),
    "429": answers(429, b"{}", after=0.1),
    "429 told": answers(429, b"{}", after=0.1, headers={"retry-after": "33"}),
    "401": answers(401, b"{}", after=0.1),
    "402": answers(402, b"{}", after=0.1),
    "403": answers(403, b"{}", after=0.1),
    "404": answers(404, b"{}", after=0.1),
    "html": answers(200, b"<html>", after=0.1, headers={"content-type": "text/html"}),
    "empty": whole("", 0.1),
    "400": answers(400, b'{"error": {"message": "bad"}}', after=0.1),
    "redirect": answers(302, b"", after=0.1, headers={"location": "http://other.test"}),
}


@pytest.mark.parametrize("kind", ILL)
async def test_one_of_two_lanes_is_ill(kind: str) -> None:
    """The other answers every line; the ill one is asked a few times, not once for each."""
    script = ILL[kind]
    assert isinstance(script, Script)
    async with crew("a", "b", scripts={"a": script}) as table:
        found = await within(DAY, table.racer.batch(lines(300)))
        assert 300 == answered(found), codes(found)
        assert len(table.sent("a")) <= 40


@pytest.mark.parametrize("kind", ["401", "402", "403", "404"])
async def test_nobody_is_left(kind: str) -> None:
    """It stops, and says why, rather than to wait for what does not come; nothing is asked over and over."""
    script = ILL[kind]
    assert isinstance(script, Script)
    async with crew("a", scripts={"a": script}) as table:
        with pytest.raises(BatchStopped) as stopped:
            await within(20 * DAY, table.racer.batch(lines(30), deadline=DAY / 4))
        assert "a" in str(stopped.value)
        assert table.asked <= 4 + 6 * 2


OUTAGES = {
    "refused": fails(REFUSED),
    "reset": fails(RESET, after=0.1),
    "500": answers(500, b"oh", after=0.1),
    "503": answers(503, b"{}", after=0.1),
    "429": answers(429, b"{}", after=0.1),
    "hangs": hangs(),
    "html": answers(200, b"<html>", after=0.1, headers={"content-type": "text/html"}),
}


@pytest.mark.parametrize("names", [("a",), ("a", "b")], ids=len)
@pytest.mark.parametrize("kind", OUTAGES)
async def test_an_outage_of_all_for_twenty_minutes(kind: str, names: tuple[str, ...]) -> None:
    """No line is lost, and none is asked over and over: a provider that comes back finds them all."""

    def choose(_: str, __: WireRequest) -> Script:
        return OUTAGES[kind] if 2.0 < now() < 1202.0 else whole("hi", 0.5)

    async with crew(*names, choose=choose) as table:
        found = await within(DAY, table.racer.batch(lines(400)))
        lost = codes(found)
        asked = len([1 for _, event, at in table.transport.log if event == "sent" and 2.0 < at < 1202.0])
        assert 400 == answered(found), (lost, asked)
        assert 0 < asked <= 64 * 5
        assert 1202.0 < now() < 1202.0 + 900.0


async def test_a_short_hiccup_of_all() -> None:
    """Half a minute of nothing costs no line."""

    def choose(_: str, __: WireRequest) -> Script:
        return answers(502, b"", after=0.05) if 3.0 < now() < 33.0 else whole("hi", 0.5)

    async with crew("a", "b", choose=choose) as table:
        assert 500 == answered(await within(DAY, table.racer.batch(lines(500))))


@pytest.mark.parametrize(
    "poison",
    [
        answers(500, b"boom", after=0.2), answers(400, b'{"error": {"message": "bad"}}', after=0.2),
        answers(403, b'{"error": {"message": "flagged"}}', after=0.2), answers(404, b"{}", after=0.2),
        answers(413, b"{}", after=0.2), answers(422, b"{}", after=0.2), answers(503, b"{}", after=0.2),
        hangs(), whole("", 0.2), fails(RESET, after=0.2),
        answers(200, b'{"object": "chat.completion", "choices": []}', after=0.2),
    ],
    ids=["500", "400", "403", "404", "413", "422", "503", "hangs", "empty", "reset", "no choices"],
)  # fmt: skip
@pytest.mark.parametrize("lanes", [1, 2, 3])
async def test_a_poisoned_line_fails_alone(poison: Script, lanes: int) -> None:
    """Whatever it does to providers, it ends as an error row, and the others are answered meanwhile."""

    def choose(_: str, request: WireRequest) -> Script:
        return poison if said(request) == "p50" else whole("hi", 0.5)

    async with crew(*"abc"[:lanes], choose=choose) as table:
        found = await within(DAY, table.racer.batch(lines(400)))
        assert 399 == answered(found), codes(found)
        assert [51] == [result.line for result in found if not result.ok]
        assert now() < 900.0
        assert table.asked < 480


async def test_waits_that_are_stated_are_kept() -> None:
    """Not one request more before that."""
    tired = answers(429, b"{}", after=0.1, headers={"retry-after": "300"})
    begun = 0

    def choose(_: str, __: WireRequest) -> Script:
        nonlocal begun
        begun += 1
        return tired if begun == 20 else whole("hi", 0.5)

    async with crew("a", choose=choose) as table:
        found = await within(DAY, table.racer.batch(lines(100)))
        assert 100 == answered(found)
        sent = table.sent()
        told = sent[19] + 0.1
        assert not [at for at in sent if told + 0.01 < at < told + 299.9]


async def test_a_server_that_takes_few_at_once() -> None:
    """Pushed back, it gets fewer; every line is answered, few are refused."""
    push = answers(429, b"{}", headers={"retry-after": "1"})

    def choose(_: str, __: WireRequest) -> Script:
        return push if table.transport.open >= 6 else whole("x", 1.0)

    async with crew("a", choose=choose) as table:
        found = await within(DAY, table.racer.batch(lines(300)))
        assert 300 == answered(found)
        assert table.asked < 360
        assert now() < 200.0


async def test_hedges_are_few() -> None:
    """A slow lane in the tail is hedged, within the allowance."""

    def choose(server: str, request: WireRequest) -> Script:
        slow = server == "a" and said(request).endswith("7")
        return whole("hi", 14.0 if slow else 0.5)

    async with crew("a", "b", choose=choose) as table:
        found = await within(DAY, table.racer.batch(lines(500)))
        assert 500 == answered(found)
        assert table.asked <= 650


@pytest.mark.parametrize("policy", ["one", "frugal", "all"])
async def test_policies(policy: str) -> None:
    """`one` asks once, `frugal` little more, `all` several for each."""
    async with crew("a", "b", "c") as table:
        found = await within(DAY, table.racer.batch(lines(60), policy=policy))  # type: ignore[arg-type]
        assert 60 == answered(found)
        if policy == "one":
            assert 60 == table.asked
        elif policy == "frugal":
            assert table.asked <= 75
        else:
            assert table.asked > 90


async def test_attempts_are_told() -> None:
    """Each request of a line is in its result: as many as were sent."""

    def choose(_: str, __: WireRequest) -> Script:
        return answers(500, b"", after=0.2) if now() < 0.5 else whole("x", 0.3)

    async with crew("a", "b", choose=choose) as table:
        found = await within(DAY, table.racer.batch(lines(100)))
        assert table.asked == sum(len(result.attempts) for result in found)
