"""Work aside: it ends with its owner, is waited for, and no exception of it is lost. Virtual time."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from racer.background import Background

pytestmark = pytest.mark.anyio


class Diary:
    """What the work did, and when."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, float]] = []

    def note(self, word: str) -> None:
        self.lines.append((word, anyio.current_time()))

    async def sleep(self, seconds: float) -> None:
        """Work that says how it ended."""
        try:
            await anyio.sleep(seconds)
        except asyncio.CancelledError:
            self.note("cancelled")
            raise
        self.note("done")

    async def sleep_and_tidy(self, seconds: float, tidying: float) -> None:
        """Work that needs time to clean up after itself."""
        try:
            await anyio.sleep(seconds)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(tidying)
            self.note("tidy")


async def breaks(why: str, after: float = 0.0) -> None:
    await anyio.sleep(after)
    raise RuntimeError(why)


async def test_work_runs_aside() -> None:
    """Starting it takes no time; its owner goes on."""
    diary, background = Diary(), Background()
    background.start(diary.sleep(1.0))
    background.start(diary.sleep(2.0))
    assert anyio.current_time() == 0.0

    await anyio.sleep(3.0)
    assert diary.lines == [("done", 1.0), ("done", 2.0)]
    await background.aclose()


async def test_closing_cancels_what_still_runs() -> None:
    """At once, unless patience is asked for; and what was done stays done."""
    diary, background = Diary(), Background()
    background.start(diary.sleep(1.0))
    background.start(diary.sleep(60.0))
    await anyio.sleep(2.0)
    await background.aclose()

    assert diary.lines == [("done", 1.0), ("cancelled", 2.0)]


async def test_closing_waits_for_what_it_cancels() -> None:
    """Work cleans up after itself before its owner is gone."""
    diary, background = Diary(), Background()
    background.start(diary.sleep_and_tidy(60.0, 3.0))
    await anyio.sleep(1.0)
    await background.aclose()

    assert diary.lines == [("tidy", 4.0)]
    assert anyio.current_time() == 4.0


async def test_patience_lets_work_end_by_itself() -> None:
    """What is done in time is not cancelled; nothing takes longer than the patience, or than the work."""
    diary, background = Diary(), Background()
    background.start(diary.sleep(1.0))
    background.start(diary.sleep(9.0))
    await background.aclose(patience=5.0)
    assert diary.lines == [("done", 1.0), ("cancelled", 5.0)]

    short = Background()
    short.start(diary.sleep(1.0))
    await short.aclose(patience=5.0)
    assert diary.lines[2:] == [("done", 6.0)]


async def test_with_nothing_to_wait_for_closing_takes_no_time() -> None:
    """Whatever the patience, and however often it is closed."""
    background = Background()
    await background.aclose(patience=5.0)
    await background.aclose()

    assert anyio.current_time() == 0.0


async def test_after_closing_work_is_dropped() -> None:
    """It never starts, and nobody is warned of a coroutine that was not awaited."""
    diary, background = Diary(), Background()
    await background.aclose()
    background.start(diary.sleep(0.0))
    await anyio.sleep(1.0)

    assert diary.lines == []


async def test_an_exception_surfaces_at_closing() -> None:
    """Also one of work that had ended long before."""
    background = Background()
    background.start(breaks("a bug"))
    await anyio.sleep(1.0)

    with pytest.raises(RuntimeError, match="a bug"):
        await background.aclose()
    await background.aclose()


async def test_an_exception_while_closing_surfaces_too() -> None:
    """Work that breaks while it is waited for."""
    background = Background()
    background.start(breaks("a bug", after=1.0))

    with pytest.raises(RuntimeError, match="a bug"):
        await background.aclose(patience=5.0)


async def test_several_exceptions_surface_together() -> None:
    """None is lost for another, and work that was fine is still waited for."""
    diary, background = Diary(), Background()
    background.start(breaks("one"))
    background.start(breaks("two"))
    background.start(diary.sleep(60.0))
    await anyio.sleep(1.0)

    with pytest.raises(ExceptionGroup) as caught:
        await background.aclose()
    assert [str(each) for each in caught.value.exceptions] == ["one", "two"]
    assert diary.lines == [("cancelled", 1.0)]


async def test_an_owner_that_is_cancelled_leaves_nothing_behind() -> None:
    """It has no patience any more, but what it cancels is still waited for."""
    diary, background = Diary(), Background()
    background.start(diary.sleep_and_tidy(60.0, 3.0))
    with anyio.move_on_after(1.0) as scope:
        await background.aclose(patience=30.0)

    assert scope.cancelled_caught
    assert diary.lines == [("tidy", 4.0)]


async def test_work_may_end_in_another_task_than_it_was_started_in() -> None:
    """Web frameworks enter and leave what they hold in tasks of their own."""
    diary, background = Diary(), Background()

    async def enter() -> None:
        background.start(diary.sleep(60.0))

    await asyncio.create_task(enter())
    await asyncio.create_task(background.aclose())

    assert diary.lines == [("cancelled", 0.0)]
