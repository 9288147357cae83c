"""Batches on files, on the true clock: what is in OUT, what goes on, and what comes through a pipe."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from racer import BadRequest, BatchStopped, JobError, NoLanes, Racer
from racer.testing import ScriptedTransport, config_of
from tests.racer.batch.crew import Choosing, results, said, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from racer.batch.batch import Batch
    from racer.testing import Script
    from racer_adapters.types import WireRequest

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]


def echo(_: str, request: WireRequest) -> Script:
    return whole(said(request), 0.005)


def racer(choose: Callable[[str, WireRequest], Script] = echo) -> tuple[Racer, ScriptedTransport]:
    """Its lanes have all the time: a machine that stands still for half a minute is no failure of theirs."""
    transport, config = Choosing(choose), config_of("a", "b")
    patient = tuple(replace(each, timeout=600.0) for each in config.providers)
    return Racer(replace(config, providers=patient), transport=transport), transport


def written(folder: Path, number: int = 200) -> Path:
    path = folder / "in.txt"
    path.write_text("".join(f"prompt {each}\n" for each in range(1, number + 1)))
    return path


async def stopped_at_once(batch: Batch) -> None:
    """With its first result."""
    async for _ in batch:
        batch.stop()


def rows(out: Path) -> list[dict[str, Any]]:
    data = out.read_bytes() if out.exists() else b""
    assert not data or data.endswith(b"\n")
    return [json.loads(row) for row in data.splitlines()]


def check(out: Path, number: int) -> None:
    """Each line once, with its own answer."""
    found = rows(out)
    assert list(range(1, number + 1)) == sorted(row["racer"]["line"] for row in found)
    for row in found:
        assert row["error"] is None
        assert row["custom_id"] == f"line-{row['racer']['line']}"
        body = row["response"]["body"]
        assert f"prompt {row['racer']['line']}" == body["choices"][0]["message"]["content"]
        assert "chat.completion" == body["object"]


async def test_a_file_to_a_file(tmp_path: Path) -> None:
    """Every row is one of OpenAI's batch output."""
    given, transport = racer()
    async with given:
        told = await given.batch(written(tmp_path), out=tmp_path / "out.jsonl").finished()
    assert (200, 0) == (told.done, told.failed)
    check(tmp_path / "out.jsonl", 200)
    assert len(transport.requests) <= 230


@pytest.mark.parametrize("most", [0, 1, 50, 199])
async def test_it_goes_on_where_it_was_left(tmp_path: Path, most: int) -> None:
    """No line is answered twice; what was paid for is asked again only where it was in flight."""
    source, out = written(tmp_path), tmp_path / "out.jsonl"
    given, transport = racer()
    async with given:
        async with given.batch(source, out=out) as batch:
            seen = 0
            async for _ in batch:
                seen += 1
                if seen > most:
                    break
        assert len(rows(out)) >= min(most, 200)
        async with given.batch(source, out=out) as batch:
            kept = {row["racer"]["line"] for row in rows(out)}
            assert batch.progress().earlier == len(kept)
            again = await results(batch)
        assert not {result.line for result in again} & kept
        check(out, 200)
        asked = Counter(said(request) for request in transport.requests if b"prompt" in request.body)
        assert 200 == len(asked)
        assert sum(asked.values()) <= 200 + 2 * 64
        done = await given.batch(source, out=out).finished()
        assert (200, 200, 0) == (done.done, done.earlier, done.attempts)


async def test_what_came_before_it_was_left_is_kept(tmp_path: Path) -> None:
    """Left by cancellation at eight instants, until it is done: whatever was answered is in OUT, once."""
    source, out = written(tmp_path), tmp_path / "out.jsonl"
    given, transport = racer()
    won = 0
    async with given:
        for part in range(1, 9):
            batch = given.batch(source, out=out, concurrency=16)
            reading = asyncio.create_task(results(batch))
            await asyncio.sleep(0.013 * part)
            answered = batch.progress().done
            reading.cancel()
            await asyncio.wait([reading])
            await asyncio.sleep(0.01)
            assert len(rows(out)) >= answered, "an answer was lost"
            won = len(rows(out))
        await given.batch(source, out=out).finished()
    assert won <= 200
    check(out, 200)
    assert len(transport.requests) <= 200 + 9 * 32


async def test_a_check_with_a_bug_loses_no_answer(tmp_path: Path) -> None:
    """What had come is in OUT; with the bug mended, it goes on."""
    source, out = written(tmp_path), tmp_path / "out.jsonl"
    passed = 0

    def buggy(_: object) -> bool:
        nonlocal passed
        passed += 1
        if passed == 60:
            raise ZeroDivisionError
        return True

    given, _ = racer()
    async with given:
        with pytest.raises(ZeroDivisionError):
            await given.batch(source, out=out, valid=buggy).finished()
        assert 59 <= len(rows(out)) < 130
        await given.batch(source, out=out).finished()
    check(out, 200)


async def test_stopped_and_then_resumed(tmp_path: Path) -> None:
    """`stop()` finishes what is in flight."""
    source, out = written(tmp_path), tmp_path / "out.jsonl"
    given, transport = racer()
    async with given:
        batch = given.batch(source, out=out, policy="one")
        with pytest.raises(BatchStopped) as stopped:
            await stopped_at_once(batch)
        assert stopped.value.done == len(rows(out)) == len(transport.requests)
        await given.batch(source, out=out).finished()
    check(out, 200)


async def test_prompts_of_a_program_have_a_job_as_well(tmp_path: Path) -> None:
    """A list is known again by what it says; another one is refused."""
    out = tmp_path / "out.jsonl"
    texts = [f"prompt {each}" for each in range(1, 101)]
    given, transport = racer()
    async with given:
        async with given.batch(texts, out=out) as batch:
            async for result in batch:
                if result.line > 20:
                    break
        await given.batch(texts, out=out).finished()
        check(out, 100)
        sent = len(transport.requests)
        with pytest.raises(JobError, match="10 lines that have a row"):
            await given.batch(texts[:90], out=out).finished()
        with pytest.raises(JobError) as told:
            await given.batch([text + "!" for text in texts], out=out).finished()
        assert "changed" == told.value.kind
        assert sent == len(transport.requests)


async def test_prompts_that_end_with_an_error(tmp_path: Path) -> None:
    """What was given before is answered, and then it is raised."""

    def prompts() -> Iterator[str]:
        yield from (f"prompt {each}" for each in range(1, 31))
        raise ZeroDivisionError

    given, _ = racer()
    async with given:
        with pytest.raises(ZeroDivisionError):
            await given.batch(prompts(), out=tmp_path / "out.jsonl").finished()
    check(tmp_path / "out.jsonl", 30)


def write_over(source: Path) -> None:
    source.write_bytes(source.read_bytes().replace(b"prompt", b"prom t"))


async def written_over(batch: Batch, source: Path) -> None:
    """With its first result."""
    async for _ in batch:
        write_over(source)


async def test_an_input_that_changes_meanwhile(tmp_path: Path) -> None:
    """What was read is finished; put back, the same call goes on with the rest."""
    source, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("".join(f"prompt {each} {'x' * 1000}\n" for each in range(2000)))
    as_it_was = source.read_bytes()
    given, transport = racer()
    async with given:
        batch = given.batch(source, out=out, concurrency=8)
        with pytest.raises(JobError, match="was changed while") as told:
            await written_over(batch, source)
        assert told.value.kind == "changed"
        found = len(rows(out))
        assert 0 < found < 1000
        assert not any(b"prom t" in request.body for request in transport.requests)
        source.write_bytes(as_it_was)
        async with given.batch(source, out=out) as batch:
            assert (batch.progress().earlier, batch.total) == (found, 2000)


async def test_errors_are_rows_and_asked_again(tmp_path: Path) -> None:
    """Bad lines, and ids that were there before; `errors_only` has them mended."""
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    good = [{"prompt": "prompt 1", "id": "x"}, {"prompt": "", "id": "y"}, {"prompt": "c", "id": "x"}]
    source.write_text("\n".join([*(json.dumps(each) for each in good), "{oops"]))
    given, _ = racer()
    async with given:
        told = await given.batch(source, out=out).finished()
        assert (1, 3) == (told.done, told.failed)
        found = {row["racer"]["line"]: row for row in rows(out)}
        assert {1, 2, 3, 4} == set(found)
        assert "duplicate_id" == found[3]["error"]["code"]
        good[1]["prompt"], good[2]["id"] = "now", "z"
        source.write_text("\n".join(json.dumps(each) for each in [*good, {"prompt": "d"}]))
        told = await given.batch(source, out=out, errors_only=True).finished()
        assert (4, 0) == (told.done, told.failed)
    assert ["line-4", "x", "y", "z"] == sorted(row["custom_id"] for row in rows(out))


async def test_errors_that_nobody_could_be_asked_for(tmp_path: Path) -> None:
    """With no lane to ask, nothing has changed; left in the middle, the same call goes on with the rest."""
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"prompt": ""}\n' * 40)
    given, _ = racer()
    async with given:
        assert 40 == (await given.batch(source, out=out).finished()).failed
    before = out.read_bytes()
    source.write_text("".join(f'{{"prompt": "prompt {each}"}}\n' for each in range(1, 41)))
    async with Racer(replace(config_of(), providers=()), transport=ScriptedTransport({})) as nobody:
        with pytest.raises(NoLanes):
            await nobody.batch(source, out=out, errors_only=True).finished()
    assert before == out.read_bytes()
    given, transport = racer()
    async with given:
        async with given.batch(source, out=out, errors_only=True, concurrency=2) as batch:
            async for _ in batch:
                break
        assert 0 < len(rows(out)) < 40
        told = await given.batch(source, out=out, errors_only=True).finished()
        assert (40, 0) == (told.done, told.failed)
    check(out, 40)
    assert len(transport.requests) <= 43


async def test_two_batches_on_one_out(tmp_path: Path) -> None:
    """The second is refused, the first goes on."""
    source, out = written(tmp_path), tmp_path / "out.jsonl"
    given, _ = racer()
    async with given, given.batch(source, out=out) as batch:
        with pytest.raises(JobError) as told:
            await given.batch(source, out=out).finished()
        assert "busy" == told.value.kind
        await batch.finished()
    check(out, 200)


async def test_files_that_cannot_be(tmp_path: Path) -> None:
    """Told before anything is asked, and nothing is written over."""
    source = written(tmp_path)
    given, transport = racer()
    async with given:
        for path in (tmp_path, tmp_path / "none.txt"):
            with pytest.raises(BadRequest):
                await given.batch(path).finished()
        with pytest.raises(BadRequest, match="is the input"):
            await given.batch(source, out=source).finished()
        other = tmp_path / "other.txt"
        other.write_text("mine\n")
        with pytest.raises(JobError):
            await given.batch(source, out=other).finished()
        assert "mine\n" == other.read_text()
        empty = tmp_path / "empty.txt"
        empty.touch()
        with pytest.raises(BadRequest):
            await given.batch(empty).finished()
        assert [] == transport.requests


async def test_a_packed_file(tmp_path: Path) -> None:
    """As if it were not."""
    path = tmp_path / "in.txt.gz"
    path.write_bytes(gzip.compress(b"".join(f"prompt {each}\n".encode() for each in range(1, 51))))
    given, _ = racer()
    async with given:
        await given.batch(path, out=tmp_path / "out.jsonl").finished()
    check(tmp_path / "out.jsonl", 50)


async def test_stdin(tmp_path: Path) -> None:
    """A path of "-" is read from what is `piped`."""
    from pathlib import Path as PathOf

    end, begin = os.pipe()
    os.write(begin, b"prompt 1\nprompt 2\n")
    os.close(begin)
    given, _ = racer()
    async with given:
        with os.fdopen(end, "rb") as piped:
            await given.batch(PathOf("-"), piped=piped, out=tmp_path / "out.jsonl").finished()
    check(tmp_path / "out.jsonl", 2)


@pytest.mark.parametrize("kept", [False, True])
async def test_a_pipe_that_waits_for_its_answers(tmp_path: Path, kept: bool) -> None:
    """Whoever writes the next prompt only after the answer gets it: also in OUT."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    answered, late = threading.Semaphore(0), list[int]()

    def write() -> None:
        with fifo.open("wb", buffering=0) as pipe:
            for number in range(3):
                pipe.write(f"prompt {number + 1}\n".encode())
                if not answered.acquire(timeout=3.0):
                    late.append(number + 1)

    writer = threading.Thread(target=write)
    writer.start()
    given, _ = racer()
    async with given:
        async for _ in given.batch(fifo, out=tmp_path / "out.jsonl" if kept else None):
            answered.release()
    writer.join()
    assert [] == late


@pytest.mark.parametrize("kept", [False, True])
async def test_a_pipe_that_gives_nothing_can_be_left(tmp_path: Path, kept: bool) -> None:
    """At once: nobody waits for its next line."""
    fifo, done = tmp_path / "fifo", threading.Event()
    os.mkfifo(fifo)

    def write() -> None:
        with fifo.open("wb", buffering=0) as pipe:
            pipe.write(b"prompt 1\n")
            done.wait(4.0)

    writer = threading.Thread(target=write)
    writer.start()
    given, _ = racer()
    async with given:
        async with given.batch(fifo, out=tmp_path / "out.jsonl" if kept else None) as batch:
            reading = asyncio.create_task(results(batch))
            await asyncio.sleep(0.3)
            began = time.monotonic()
            reading.cancel()
            await asyncio.wait([reading])
        took = time.monotonic() - began
    done.set()
    writer.join()
    assert took < 1.0
    if kept:
        check(tmp_path / "out.jsonl", 1)


async def test_half_a_character_in_an_answer_loses_no_row(tmp_path: Path) -> None:
    """Whatever a provider says, it is written."""
    body = (
        b'{"object":"chat.completion","choices":[{"message":{"content":"a\\ud800b"},"finish_reason":"stop"}]}'
    )

    def odd(_: str, __: WireRequest) -> Script:
        from dataclasses import replace

        from racer.testing import Step

        return replace(whole("x"), steps=(Step(0.0, body),))

    given, _ = racer(odd)
    async with given:
        told = await given.batch(["prompt 1", "half \ud800"], out=tmp_path / "out.jsonl").finished()
    assert 2 == told.done + told.failed
    assert 2 == len(rows(tmp_path / "out.jsonl"))
