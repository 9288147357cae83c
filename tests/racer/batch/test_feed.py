"""racer/batch/feed.py: lines from files, pipes and programs, each once, without those that are done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from racer.batch.feed import MOST, USUAL, FileFeed, PromptFeed, line_of
from racer.batch.line import Bad, Prompt
from racer.batch.source import Source, digest_of
from tests.racer.batch.jobs import begun

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator
    from pathlib import Path

    from racer.batch.feed import Fed, Feed

pytestmark = pytest.mark.anyio


@pytest.fixture
def threads() -> Iterator[tuple[ThreadPoolExecutor, ThreadPoolExecutor]]:
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as executor:
        yield reader, executor


async def all_of(feed: Feed) -> list[Fed]:
    found: list[Fed] = []
    while (more := await feed.more()) is not None:
        found += more
    assert await feed.more() is None
    return found


def numbers(found: list[Fed]) -> list[int]:
    return [line.line for line, _ in found]


@pytest.mark.real_time
async def test_a_file(tmp_path: Path, threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor]) -> None:
    """Every line of a file comes once, in order, bad ones too; blank ones do not."""
    path = tmp_path / "in.jsonl"
    path.write_text('{"prompt": "one"}\n\nnot JSON\n' + '{"prompt": "x"}\n' * (2 * MOST))
    source = Source.open(path)
    try:
        feed = FileFeed(source, source.census(), None, *threads)
        assert feed.total == 2 * MOST + 2
        assert 10 < feed.usual < 20
        found = await all_of(feed)
        await feed.aclose()
    finally:
        source.close()
    assert numbers(found) == [1, 3, *range(4, 2 * MOST + 4)]
    assert isinstance(found[0][0], Prompt)
    assert isinstance(found[1][0], Bad)
    assert {len(digest) for _, digest in found} == {8}


@pytest.mark.real_time
async def test_a_line_of_fifty_megabytes_is_bad(
    tmp_path: Path, threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor]
) -> None:
    """It comes as a bad line, known by what is wrong with it; without a census nobody knows how many come."""
    path = tmp_path / "in.txt"
    path.write_bytes(b"Hi\n" + b"x" * (11 * 2**20) + b"\nHo\n")
    source = Source.open(path)
    try:
        feed = FileFeed(source, None, None, *threads)
        assert (feed.total, feed.usual) == (None, USUAL)
        found = await all_of(feed)
    finally:
        source.close()
    assert numbers(found) == [1, 2, 3]
    bad, digest = found[1]
    assert isinstance(bad, Bad)
    assert digest == digest_of(bad.message.encode())


@pytest.mark.real_time
async def test_lines_that_are_done_are_left_out(
    tmp_path: Path, threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor]
) -> None:
    """A job knows which are done, and whose custom_id is another line's."""
    path = tmp_path / "in.jsonl"
    path.write_text("".join(f'{{"prompt": "p", "id": "{name}"}}\n' for name in ("a", "b", "a", "c")))
    source, job = Source.open(path), begun(tmp_path / "out.jsonl")
    try:
        found = await all_of(FileFeed(source, source.census(), job, *threads))
    finally:
        job.close()
        source.close()
    assert numbers(found) == [1, 2, 3, 4]
    bad = found[2][0]
    assert isinstance(bad, Bad)
    assert (bad.code, bad.id) == ("duplicate_id", "a")


async def test_prompts_of_a_program(tmp_path: Path) -> None:
    """A list of whatever a line may be; what is done already is left out the next time."""
    from tests.racer.batch.jobs import answer

    prompts: list[Any] = ["one", [{"role": "user", "content": "two"}], {"prompt": "three", "id": 3}, 4, {}]
    feed = PromptFeed(prompts, None)
    assert feed.total == 5
    assert 0 < feed.usual < 40
    found = await all_of(feed)
    assert [type(line) for line, _ in found] == [Prompt, Prompt, Prompt, Bad, Bad]
    assert [line.id for line, _ in found] == ["line-1", "line-2", 3, "line-4", "line-5"]
    job = begun(tmp_path / "out.jsonl")
    try:
        assert numbers(await all_of(PromptFeed(prompts, job))) == [1, 2, 3, 4, 5]
        row = answer(2)._replace(digest=found[1][1], id="line-2")
        job.write([row])
        assert numbers(await all_of(PromptFeed(prompts, job))) == [1, 3, 4, 5]
    finally:
        job.close()


async def test_the_same_prompt_is_known_again() -> None:
    """What a program gives has the same digest in the next process, also where it is no line at all."""
    strange: list[Any] = [object(), b"bytes", {"prompt": object()}, "\ud800", {1: 2}]
    first = await all_of(PromptFeed(strange, None))
    second = await all_of(PromptFeed([object(), b"bytes", {"prompt": object()}, "\ud800", {1: 2}], None))
    assert [digest for _, digest in first] == [digest for _, digest in second]


async def test_different_prompts_differ() -> None:
    """Two prompts have two digests, also where JSON has no form for them."""
    found = await all_of(PromptFeed(["one", "two", "\ud800 a", "\ud800 b", ["one"]], None))
    assert len({digest for _, digest in found}) == 5


async def test_an_endless_generator_is_read_as_it_is_needed() -> None:
    """No more than a few hundred are taken at a time; at the end it is closed."""
    closed: list[bool] = []

    def endless() -> Generator[str]:
        try:
            while True:
                yield "Hi"
        finally:
            closed.append(True)

    feed = PromptFeed(endless(), None)
    assert (feed.total, feed.usual) == (None, USUAL)
    first, second = await feed.more(), await feed.more()
    assert first is not None
    assert second is not None
    assert (len(first), second[0][0].line) == (MOST, MOST + 1)
    await feed.aclose()
    assert closed == [True]


async def test_an_async_generator_gives_what_it_has() -> None:
    """One at a time, for the next may be long in coming."""
    closed: list[bool] = []

    async def given() -> AsyncGenerator[str]:
        try:
            for name in ("a", "b", "c"):
                yield name
        finally:
            closed.append(True)

    feed = PromptFeed(given(), None)
    first = await feed.more()
    assert first is not None
    assert numbers(list(first)) == [1]
    await feed.aclose()
    assert closed == [True]
    assert await feed.more() is None
    assert numbers(await all_of(PromptFeed(given(), None))) == [1, 2, 3]


async def test_nothing_given() -> None:
    """An empty list has no lines, and an iterator nothing to close."""
    feed = PromptFeed([], None)
    assert (feed.total, feed.usual) == (0, USUAL)
    assert await feed.more() is None
    feed = PromptFeed(iter(["a"]), None)
    assert await feed.more() is not None
    await feed.aclose()


def test_line_of() -> None:
    """Bytes and numbers are no prompts; each is told what to use."""
    for given in (b"Hi", 5, None, object()):
        line = line_of(given, 7)
        assert isinstance(line, Bad)
        assert line.message.startswith("prompt 7 is a ")
    empty = line_of({}, 8)
    assert isinstance(empty, Bad)
    assert empty.message == "prompt 8 is empty"


@pytest.mark.real_time
async def test_what_is_done_is_passed_over_at_once(
    tmp_path: Path, threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor]
) -> None:
    """Of an input that is known to be the same, the first lines that come are open ones."""
    from tests.racer.batch.jobs import answers

    path, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    path.write_text("Hi\n" * (3 * MOST))
    job = begun(out)
    job.write(answers(range(1, 2 * MOST + 11)))
    job.close()
    source, job = Source.open(path), begun(out)
    try:
        assert job.is_sure
        feed = FileFeed(source, source.census(), job, *threads)
        first = await feed.more()
        assert first is not None
        assert numbers(list(first))[0] == 2 * MOST + 11
        assert len(first) + len(await all_of(feed)) == MOST - 10
    finally:
        job.close()
        source.close()
