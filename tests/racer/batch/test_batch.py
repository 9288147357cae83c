"""A batch as its caller has it: what may be given, what comes back, and how it is left."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer import BadRequest, NoLanes, Racer, RacerError, Reply
from racer.batch.line import Result
from racer.core.provider import Limit
from racer.errors import BatchStopped, InvalidReply
from racer.testing import ScriptedTransport, config_of
from tests.racer.batch.crew import always, crew, now, read, results, said, whole
from tests.racer.counting import limited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from racer.testing import Script
    from racer_adapters.types import WireRequest

pytestmark = pytest.mark.anyio

CHAT: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]


def echo(_: str, request: WireRequest) -> Script:
    """Whatever was asked, after as many seconds as its last word says."""
    word = said(request).rpartition(" ")[2]
    return whole(said(request), float(word) if word.replace(".", "").isdigit() else 0.1)


# ---------------------------------------------------------------- what may be given


async def test_every_form_of_a_prompt() -> None:
    """A text, messages, and mappings like the lines of each kind of batch file."""
    asked: list[Any] = [
        "one",
        CHAT,
        tuple(CHAT),
        {"prompt": "two", "id": "a"},
        {"messages": CHAT, "custom_id": 7},
        {"custom_id": "c", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": CHAT}},
        {"prompt": "three", "system": "Be long."},
    ]
    async with crew("a") as table:
        found = await results(table.racer.batch(asked))

    assert all(result.ok for result in found)
    assert ["line-1", "line-2", "line-3", "a", 7, "c", "line-7"] == [
        result.id for result in sorted(found, key=lambda result: result.line)
    ]


@pytest.mark.parametrize(
    "bad",
    [
        5, None, b"bytes", {}, [], "", {"prompt": 7}, {"custom_id": ["x"], "prompt": "x"}, [{"role": "user"}],
        [{"role": "wizard", "content": "x"}], {"body": {"messages": "x"}, "url": "/v1/embeddings"},
        {"messages": [{"role": "user", "content": b"x"}]}, {"prompt": "x", "temperature": "hot"},
        {"prompt": "x", "max_tokens": -1}, {"prompt": "x", "tools": "hammer"}, ["a", "b"], ("a", "b"),
        {"prompt": "x", "response_format": 3}, {"prompt": "x", "model": 3},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_line_that_cannot_be_asked_fails_alone(bad: object) -> None:
    """It says its number, and the others are answered."""
    async with crew("a") as table:
        found = await results(table.racer.batch(["one", bad, "three"]))

    failed = [result for result in found if not result.ok]
    assert [2] == [result.line for result in failed]
    assert failed[0].failure is not None
    assert failed[0].failure.code in {"bad_line", "bad_request"}
    assert "2" in failed[0].failure.message
    assert 2 == table.asked


async def test_a_circle_fails_alone() -> None:
    """As do messages that are nested without end."""
    circle: list[Any] = [{"role": "user", "content": "x"}]
    circle[0]["content"] = circle
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    async with crew("a") as table:
        found = await results(table.racer.batch(["one", circle, [{"role": "user", "content": deep}], "four"]))

    assert {1: True, 2: False, 3: False, 4: True} == {result.line: result.ok for result in found}


async def test_lone_surrogates_fail_alone_or_are_answered() -> None:
    """Half a character ends no batch."""
    async with crew("a") as table:
        found = await results(table.racer.batch(["one", "half \ud800", {"prompt": "x", "id": "\ud800"}]))

    assert {1, 2, 3} == {result.line for result in found}


async def test_results_come_as_they_are_ready() -> None:
    """Not in the order of the input."""
    async with crew("a", choose=echo) as table:
        found = await results(table.racer.batch(["slow 3", "quick 1", "middling 2"], policy="one"))

    assert ["line-2", "line-3", "line-1"] == [result.id for result in found]
    assert ["quick 1", "middling 2", "slow 3"] == [result.reply.text for result in found if result.reply]


async def test_nothing_to_do() -> None:
    """No prompts are no mistake."""
    async with crew("a") as table:
        assert [] == await results(table.racer.batch([]))
        assert 0 == (await table.racer.batch(iter(())).finished()).done


async def test_a_generator_is_read_as_it_is_needed() -> None:
    """Not all at once: a batch may have no end."""
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield f"p {read}"

    async with crew("a") as table:
        batch = table.racer.batch(endless())
        async with batch:
            async for result in batch:
                if result.line >= 100:
                    break

    assert read < 4000


async def test_a_slow_async_generator() -> None:
    """Each line is asked as it comes, and answered before the next one does."""

    async def slow() -> AsyncIterator[str]:
        for number in range(5):
            await anyio.sleep(10.0)
            yield f"p {number}"

    async with crew("a", choose=always(whole("x", 1.0))) as table:
        began, instants = now(), list[float]()
        async for _ in table.racer.batch(slow()):
            instants.append(now() - began)

    assert [11, 21, 31, 41, 51] == [round(each) for each in instants]


async def test_a_generator_that_raises_ends_the_batch_with_its_error() -> None:
    """And nothing is left at work."""

    async def broken() -> AsyncIterator[str]:
        yield "one"
        await anyio.sleep(5.0)
        raise LookupError("the table is gone")

    def broken_too() -> Iterator[str]:
        yield "one"
        raise LookupError("the table is gone")

    async with crew("a") as table:
        given: list[Result] = []
        with pytest.raises(LookupError):
            await read(table.racer.batch(broken()), given)
        with pytest.raises(LookupError):
            await results(table.racer.batch(broken_too()))
        assert [1] == [result.line for result in given]


async def test_an_async_generator_is_closed_with_its_batch() -> None:
    """Its own `finally` runs, so that what it has open is closed."""
    closed: list[bool] = []

    async def lines() -> AsyncIterator[str]:
        try:
            while True:
                yield "x"
        finally:
            closed.append(True)

    given = lines()
    async with crew("a") as table:
        async with table.racer.batch(given, concurrency=2) as batch:
            async for _ in batch:
                break
        assert closed


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    "options",
    [
        {"concurrency": 0}, {"concurrency": True}, {"concurrency": 5000}, {"rate": 0}, {"rate": "fast"},
        {"rate": float("nan")}, {"attempts": 0}, {"max_errors": -1}, {"deadline": 0}, {"deadline": "8h"},
        {"deadline": float("nan")}, {"deadline": float("inf")}, {"sinks": "x"}, {"sinks": [1]},
        {"restart": True}, {"errors_only": True}, {"accept_changes": True}, {"temperature": "hot"},
        {"max_tokens": 0}, {"policy": "slowly"}, {"wait": 5}, {"proof": "none"}, {"system": 3},
        {"format": "word"}, {"valid": 3}, {"into": 3}, {"tools": "hammer"}, {"cache": "often"},
    ],
    ids=repr,
)  # fmt: skip
async def test_bad_options_are_told_at_once(options: dict[str, Any]) -> None:
    """Before anything is sent, by the call itself."""
    async with crew("a") as table:
        with pytest.raises(BadRequest) as told:
            table.racer.batch(["x"], **options)
        assert next(iter(options)) in str(told.value)
        assert 0 == table.asked


async def test_an_option_that_is_none() -> None:
    """As for a race."""
    async with crew("a") as table:
        options: Any = {"unheard": 1}
        with pytest.raises(TypeError, match="unheard"):
            table.racer.batch(["x"], **options)


@pytest.mark.parametrize("prompts", ["a text", b"x", 5, None], ids=repr)
async def test_prompts_that_are_none(prompts: Any) -> None:
    """A text would be asked letter by letter."""
    async with crew("a") as table:
        with pytest.raises(BadRequest):
            table.racer.batch(prompts)


@pytest.mark.parametrize("option", ["only", "prefer", "exclude"])
async def test_names_that_nobody_has(option: str) -> None:
    """Before anything is sent, with what was meant."""
    async with crew("alpha") as table:
        options: Any = {option: "alhpa"}
        with pytest.raises(BadRequest, match="did you mean alpha"):
            await results(table.racer.batch(["x"], **options))
        with pytest.raises(BadRequest):
            await table.racer.batch(["x"], **options).finished()
        assert 0 == table.asked


async def test_nobody_who_can_answer() -> None:
    """Said at the start, with reasons."""
    async with crew(limited("a", Limit("requests", 5, "day")), "b") as table:
        with pytest.raises(NoLanes):
            await results(table.racer.batch(["x"], exclude=["a", "b"]))
        with pytest.raises(NoLanes):
            async with table.racer.batch(["x"], exclude=["a", "b"]):
                pass
    async with crew() as table:
        with pytest.raises(NoLanes):
            await results(table.racer.batch(["x"]))


async def test_a_racer_that_is_not_open() -> None:
    """As for a race."""
    racer = Racer(config_of("a"), transport=ScriptedTransport({"a": whole("x")}))
    with pytest.raises(RacerError):
        racer.batch(["x"])


# ---------------------------------------------------------------- how it is left


async def test_leaving_the_loop_leaves_nothing_at_work() -> None:
    """Inside its block, and without one."""
    async with crew("a", "b") as table:
        async with table.racer.batch(["x"] * 500) as batch:
            async for _ in batch:
                break
        await table.check()

        async for _ in table.racer.batch(["x"] * 500):
            break
        gc.collect()
        for _ in range(10):
            await asyncio.sleep(0)
        await table.check()
        sent = table.asked
        await anyio.sleep(100.0)
        assert sent == table.asked


async def test_what_is_never_read_begins_nothing() -> None:
    """Neither made, nor opened and left."""
    async with crew("a") as table:
        table.racer.batch(["x"] * 10)
        async with table.racer.batch(["x"] * 10) as batch:
            await anyio.sleep(50.0)
            assert 10 == batch.total
        assert 0 == table.asked


async def test_a_closed_batch_stays_closed() -> None:
    """It says so."""
    async with crew("a") as table:
        batch = table.racer.batch(["x"])
        await batch.aclose()
        await batch.aclose()
        with pytest.raises(RacerError):
            await results(batch)


@pytest.mark.parametrize("after", [0.0, 0.5, 1.0, 1.5, 7.0])
async def test_cancelling_whoever_iterates(after: float) -> None:
    """Everything ends in the same tick."""
    async with crew("a", choose=always(whole("x", 1.0))) as table:
        with anyio.move_on_after(after):
            await results(table.racer.batch(["x"] * 5000))
        gc.collect()
        for _ in range(10):
            await asyncio.sleep(0)
        await table.check()


@pytest.mark.parametrize("after", [0.5, 1.0, 1.5, 7.0])
async def test_cancelling_whoever_waits_for_its_end(after: float) -> None:
    """As with a loop: nobody is left to hear of it."""
    async with crew("a", choose=always(whole("x", 1.0))) as table:
        with anyio.move_on_after(after):
            await table.racer.batch(["x"] * 5000).finished()
        gc.collect()
        for _ in range(10):
            await asyncio.sleep(0)
        await table.check()


async def test_a_racer_that_is_closed_ends_its_batches_loudly() -> None:
    """A reader must not take what it has for all there was."""
    async with crew("a") as table:
        batch = table.racer.batch(["x"] * 500)
        given: list[Result] = []

        async def read() -> None:
            given.extend([result async for result in batch])

        reading = asyncio.create_task(read())
        await anyio.sleep(1.5)
        await table.racer.__aexit__(None, None, None)
        with pytest.raises(RacerError):
            await reading


async def test_two_batches_and_races_beside() -> None:
    """None disturbs another."""
    async with crew("a", "b", choose=echo) as table:

        async def batch(name: str) -> None:
            texts = [f"{name} {number}" for number in range(50)]
            found = await results(table.racer.batch([f"{text} 0.5" for text in texts]))
            assert sorted(result.reply.text for result in found if result.reply) == sorted(
                f"{text} 0.5" for text in texts
            )

        async def race() -> None:
            for _ in range(5):
                assert isinstance(await table.racer.race("hello 0.3"), Reply)

        async with anyio.create_task_group() as group:
            for name in "xyz":
                group.start_soon(batch, name)
            group.start_soon(race)


# ---------------------------------------------------------------- stop, deadline, too many errors


async def test_stopping_finishes_what_is_under_way() -> None:
    """And then says that it did not end by itself."""
    async with crew("a") as table:
        batch, given = table.racer.batch(["x"] * 500), list[Result]()
        with pytest.raises(BatchStopped) as stopped:
            await read(batch, given, stop_after=3)
        await table.check()

    assert len(given) == table.asked == stopped.value.done
    assert all(result.ok for result in given)
    assert 500 - len(given) == stopped.value.left


async def test_stopping_before_it_has_begun() -> None:
    """Nothing is asked; it is no more to be begun."""
    async with crew("a") as table:
        batch = table.racer.batch(["x"] * 50)
        batch.stop()
        with pytest.raises(BatchStopped):
            await results(batch)
        async with table.racer.batch(["x"] * 50) as batch:
            batch.stop()
            with pytest.raises(BatchStopped):
                await results(batch)
        assert 0 == table.asked


async def test_too_many_errors() -> None:
    """It stops with one more than were allowed; bad lines count."""
    async with crew("a") as table:
        lines: list[Any] = ["x", 5, "x", 5, "x", 5, *["x"] * 200]
        batch = table.racer.batch(lines, max_errors=2)
        with pytest.raises(BatchStopped, match="more than 2") as stopped:
            await results(batch)
        assert 3 == stopped.value.failed
        assert len(await results(table.racer.batch(lines, max_errors=3))) == len(lines)


async def test_its_deadline() -> None:
    """Nothing begins after it; what has begun is finished."""
    async with crew("a", choose=always(whole("x", 2.0))) as table:
        began, given = now(), list[Result]()
        with pytest.raises(BatchStopped, match="deadline"):
            await read(table.racer.batch(["x"] * 5000, deadline=7.0), given)
        assert 7.0 <= now() - began < 9.5
        assert len(given) == table.asked
        assert max(table.sent()) - began <= 7.0


async def test_a_deadline_before_the_next_reset_ends_it_at_once() -> None:
    """There is nothing to wait for; with a later one, it waits."""
    async with crew(limited("a", Limit("requests", 5, "hour"))) as table:
        began = now()
        with pytest.raises(BatchStopped, match="deadline") as stopped:
            await results(table.racer.batch(["x"] * 8, deadline=600.0))
        assert now() - began < 30.0
        assert 5 == stopped.value.done
        assert 5 == table.asked
    async with crew(limited("a", Limit("requests", 5, "hour"))) as table:
        assert 8 == len(await results(table.racer.batch(["x"] * 8, deadline=3 * 3600.0)))


# ---------------------------------------------------------------- checks and shapes


async def test_a_check_that_turns_answers_down() -> None:
    """Another lane is asked; where none is left to say something else, the line fails."""

    def right(reply: Reply) -> bool:
        return reply.text == "good"

    def picky(reply: Reply) -> None:
        if reply.text != "good":
            raise InvalidReply("not good")

    async with crew("a", "b", scripts={"a": whole("bad", 0.5), "b": whole("good", 1.0)}) as table:
        for check in (right, picky):
            found = await results(table.racer.batch(["x"] * 20, valid=check))
            assert {"good"} == {result.reply.text if result.reply else "" for result in found}
    async with crew("a", scripts={"a": whole("bad", 0.5)}) as table:
        found = await results(table.racer.batch(["x"] * 3, valid=picky, attempts=3))
        assert ["invalid"] * 3 == [result.failure.code for result in found if result.failure]
        assert {3} == {len(result.attempts) for result in found}
        assert 9 == table.asked


async def test_a_check_with_a_bug_ends_it_loudly() -> None:
    """As it ends a race. What has come before is given."""

    def buggy(reply: Reply) -> bool:
        if reply.text == "last 5":
            raise ZeroDivisionError("oh")
        return True

    async with crew("a", choose=echo) as table:
        given: list[Result] = []
        with pytest.raises(ZeroDivisionError):
            await read(table.racer.batch(["p 1", "p 2", "p 4.99", "last 5", "p 9"], valid=buggy), given)
        await table.check()
        assert [1, 2, 3] == [result.line for result in given]


async def test_a_check_that_never_ends_does_not_keep_the_batch_for_ever() -> None:
    """It has as long as its lane has for an answer."""

    async def hanging(reply: Reply) -> bool:
        if reply.text == "odd":
            await anyio.sleep_forever()
        return True

    def odd(_: str, request: WireRequest) -> Script:
        return whole("odd" if said(request) == "p3" else "even", 0.5)

    async with crew("a", "b", choose=odd) as table:
        with anyio.fail_after(3600.0):
            found = await results(table.racer.batch([f"p{i}" for i in range(6)], valid=hanging))
        assert [3] == [result.line - 1 for result in found if not result.ok]


@dataclass
class Point:
    x: int
    y: int


async def test_into_a_dataclass() -> None:
    """Each reply has its value; an answer that does not fit is none."""

    def answer(server: str, _: WireRequest) -> Script:
        return whole('{"x": 1, "y": 2}' if server == "b" else "no json", 0.5)

    async with crew("a", "b", choose=answer) as table:
        found = await results(table.racer.batch(["x"] * 10, into=Point))
        assert [Point(1, 2)] * 10 == [result.reply.parsed for result in found if result.reply]


# ---------------------------------------------------------------- sinks


async def test_sinks_are_told_of_every_result() -> None:
    """Plain ones and those that wait, whether or not somebody reads."""
    plain: list[int] = []
    slow: list[int] = []

    async def slowly(result: Result) -> None:
        await anyio.sleep(0.01)
        slow.append(result.line)

    async with crew("a") as table:

        def quickly(result: Result) -> None:
            plain.append(result.line)

        await table.racer.batch(["x"] * 50, sinks=[quickly, slowly]).finished()
        assert list(range(1, 51)) == sorted(plain) == sorted(slow)
        one: Any = {"sinks": slowly}
        assert 50 == len(await results(table.racer.batch(["x"] * 50, **one)))
        assert 100 == len(slow)


async def test_a_sink_that_fails_ends_it_loudly() -> None:
    """Nobody may think that it was told."""

    def full(_: Result) -> None:
        raise OSError("no room")

    async with crew("a") as table:
        with pytest.raises(OSError, match="no room"):
            await table.racer.batch(["x"] * 500, sinks=[full]).finished()
        with pytest.raises(OSError, match="no room"):
            await results(table.racer.batch(["x"] * 500, sinks=[full]))
        await table.check()


# ---------------------------------------------------------------- progress


async def test_progress_adds_up() -> None:
    """At every result, and at the end, after which its clock stands still."""
    asked: list[Any] = ["x"] * 200 + [5]
    async with crew("a", "b") as table:
        batch = table.racer.batch(asked)
        async with batch:
            seen = 0
            async for _ in batch:
                seen += 1
                told = batch.progress()
                assert told.total == 201
                assert seen <= told.done + told.failed <= 201
                assert 0 <= told.in_flight <= 64
            told = batch.progress()
            assert (200, 1, 0) == (told.done, told.failed, told.in_flight)
            assert told.attempts == table.asked
            assert 600 <= told.input_tokens
            await anyio.sleep(1000.0)
            assert told.elapsed == batch.progress().elapsed


async def test_progress_says_until_when_it_sleeps() -> None:
    """The reset of the limit, in unix seconds, and whose it is."""
    daily = Limit("requests", 10, "day", reset="12:00 UTC")
    async with crew(limited("a", daily)) as table:
        batch = table.racer.batch(["x"] * 20)
        reading = asyncio.create_task(batch.finished())
        await anyio.sleep(600.0)
        told = batch.progress()
        noon = 1_800_000_000.0 + 4 * 3600
        assert told.asleep_until == pytest.approx(noon, abs=2.0)
        assert "a/m" in told.why_asleep
        assert 10 == told.done
        assert 0 == told.in_flight
        await reading
        assert 4 * 3600 <= now() <= 4 * 3600 + 60


async def test_a_slow_reader_holds_it_back() -> None:
    """No more is asked than `concurrency` beyond what was read."""
    async with crew("a") as table:
        seen = 0
        async for _ in table.racer.batch(["x"] * 60, concurrency=4):
            seen += 1
            await anyio.sleep(3.0)
            assert table.asked <= seen + 4 + 1


async def test_one_at_a_time() -> None:
    """`concurrency=1` is a queue."""
    async with crew("a", "b") as table:
        await table.racer.batch(["x"] * 30, concurrency=1).finished()
        sent, at_work = table.transport.log, 0
        for _, event, _ in sent:
            at_work += 1 if event == "sent" else -1
            assert at_work <= 2  # one beside it at the end


async def test_a_rate() -> None:
    """So many begin in a time, whoever could take more."""
    async with crew("a", "b", choose=always(whole("x", 0.1))) as table:
        began = now()
        await table.racer.batch(["x"] * 100, rate="2/s", policy="one").finished()
        assert 48 <= now() - began <= 55
        sent = sorted([*table.sent("a"), *table.sent("b")])
        assert all(later - first >= 9.0 for first, later in zip(sent, sent[22:], strict=False))


# ---------------------------------------------------------------- lines of their own


async def test_a_line_may_name_its_lane() -> None:
    """By a model of its own, a provider, or both; one that nobody has is answered by anyone, and counted."""
    async with crew("a", "b") as table:
        lines: list[Any] = [{"prompt": "x", "model": "b/m"}, {"prompt": "x", "model": "b"}]
        found = await results(batch := table.racer.batch(lines * 5))
        assert {"b"} == {result.reply.provider for result in found if result.reply}
        assert {} == batch.unknown_models
        odd = [{"prompt": "x", "model": "gpt-99"}] * 3
        found = await results(batch := table.racer.batch(odd))
        assert all(result.ok for result in found)
        assert {"gpt-99": 3} == dict(batch.unknown_models)


async def test_a_line_cannot_widen_what_the_job_allows() -> None:
    """`only=` and `exclude=` of the job hold, whatever a line of a file asks for."""
    async with crew("a", "b") as table:
        lines = [{"prompt": "secret", "model": "b/m"}, {"prompt": "secret", "model": "b"}] * 3
        await results(table.racer.batch(lines, only="a"))
        await results(table.racer.batch(lines, exclude="b"))
        assert [] == table.sent("b")


async def test_what_a_line_says_goes_over_what_the_job_says() -> None:
    """Its length, its heat; fields of OpenAI's that are not known here are passed on."""
    import orjson

    async with crew("a") as table:
        body = {"messages": CHAT, "max_completion_tokens": 7, "temperature": 0.5, "logit_bias": {"1": 2}}
        lines: list[Any] = ["x", {"prompt": "y", "max_tokens": 9}, {"custom_id": "z", "body": body}]
        found = await results(table.racer.batch(lines, max_tokens=50, temperature=1.0, policy="one"))
        assert all(result.ok for result in found)
        sent = [orjson.loads(request.body) for request in table.transport.requests]
        assert {50, 9, 7} == {each.get("max_tokens", each.get("max_completion_tokens")) for each in sent}
        assert all(not each.get("stream") for each in sent)
        assert any(each.get("logit_bias") == {"1": 2} for each in sent)


# ---------------------------------------------------------------- cache


async def test_what_is_cached_is_not_asked_again() -> None:
    """A second batch of the same costs nothing."""
    async with crew("a") as table:
        lines = [f"p{number}" for number in range(30)]
        await results(table.racer.batch(lines, cache=3600))
        sent = table.asked
        await anyio.sleep(5.0)
        found = await results(table.racer.batch(lines, cache=3600))
        assert sent == table.asked
        assert all(result.reply is not None and result.reply.cached for result in found)
