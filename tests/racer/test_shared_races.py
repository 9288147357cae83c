"""Equal calls at the same time: who shares, who is disturbed by whom, and what is left. Virtual time."""

from __future__ import annotations

import asyncio
import gc
import sys
import traceback
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer.core.facts import CacheHit
from racer.errors import DeadlineExceeded, RaceLost, RacerError
from tests.racer.houses import REPLY, House, Track, ask, call, open_house

if TYPE_CHECKING:
    from racer.core.reply import Reply

pytestmark = pytest.mark.anyio


async def started(*calls: asyncio.Task[Reply]) -> None:
    """Until every call waits."""
    assert calls
    await anyio.sleep(0.25)


# ---------------------------------------------------------------- calls at the same time


async def test_equal_calls_share_a_race() -> None:
    """A hundred callers: one look-up, one race, a hundred replies, each an object of its own."""
    track = Track(1.0)
    async with open_house() as house:
        replies = await asyncio.gather(*(call(house, track) for _ in range(100)))

    assert (track.begun, house.shelf.looked, len(house.shelf.rows)) == (1, 1, 1)
    assert anyio.current_time() == 1.0
    assert replies == [replace(REPLY, race_id="race 1")] * 100
    assert len({id(reply) for reply in replies}) == 100
    hits = [fact for fact in house.facts if isinstance(fact, CacheHit)]
    assert [(hit.race, hit.age, hit.shared) for hit in hits] == [("race 1", 0.0, True)] * 99


async def test_equal_calls_share_a_kept_reply() -> None:
    """One look-up; each has an id of its own, and the time that it took."""
    async with open_house() as house:
        await house.fill()
        house.shelf.delay = 0.25
        early = call(house, Track())
        await anyio.sleep(0.125)
        late = call(house, Track())
        replies = [await early, await late]

    assert house.shelf.looked == 2  # the first was when the shelf was filled
    assert [(reply.race_id, reply.latency) for reply in replies] == [("hit 1", 0.25), ("hit 2", 0.125)]
    assert [(hit.race, hit.age, hit.shared) for hit in house.facts if isinstance(hit, CacheHit)] == [
        ("hit 1", 0.0, False),
        ("hit 2", 0.0, False),
    ]


async def test_a_later_call_joins_the_race() -> None:
    """And has its reply when the first has it; the one after that finds it on the shelf."""
    track = Track(1.0)
    async with open_house() as house:
        first = call(house, track)
        await anyio.sleep(0.75)
        second = call(house, track)
        assert (await second).race_id == (await first).race_id == "race 1"
        assert anyio.current_time() == 1.0
        assert (await call(house, track)).cached


def polite(reply: Reply) -> bool:
    return bool(reply.text)


def brief(reply: Reply) -> bool:
    return len(reply.text) < 10


class Polite:
    def __call__(self, reply: Reply) -> bool:
        return polite(reply)

    def __eq__(self, other: object) -> bool:
        return True  # what makes a check another one is that it is another object

    __hash__ = None  # type: ignore[assignment]  # nobody promises that a check can be hashed


OTHERWISE: list[dict[str, Any]] = [
    {"deadline": 5},
    {"wait": 3},
    {"lanes": 2},
    {"policy": "one"},
    {"cache": 61},
    {"valid": polite},
    {"valid": brief},
    {"valid": [polite, brief]},
    {"valid": [brief, polite]},
    {"valid": Polite()},
    {"valid": Polite()},
]


async def test_calls_that_want_it_otherwise_have_their_own_race() -> None:
    """A shared race must be what each of its callers would have run: rules and checks alike."""
    track = Track(1.0)
    async with open_house() as house:
        await asyncio.gather(call(house, track), *(call(house, track, **options) for options in OTHERWISE))
    assert track.begun == 1 + len(OTHERWISE)

    again = Track(1.0)
    async with open_house() as house:
        await asyncio.gather(*(call(house, again, **options) for options in OTHERWISE * 2))
    assert again.begun == len(OTHERWISE)


# ---------------------------------------------------------------- cancelled callers


@pytest.mark.parametrize("gone", [[0], [1], [2], [0, 1], [2, 1], [0, 2]])
async def test_a_cancelled_caller_does_not_disturb_the_others(gone: list[int]) -> None:
    """Whoever it is, and be it the first, who brought the race."""
    track = Track(1.0)
    async with open_house() as house:
        calls = [call(house, track) for _ in range(3)]
        await started(*calls)
        for number in gone:
            calls[number].cancel()
        left = [each for number, each in enumerate(calls) if number not in gone]
        assert [reply.race_id for reply in await asyncio.gather(*left)] == ["race 1"] * len(left)
        assert [each.cancelled() for each in calls] == [number in gone for number in range(3)]

    assert (track.begun, track.cancelled) == (1, 0)


async def test_when_all_are_cancelled_so_is_the_race() -> None:
    """Nothing of it is left when the last of them has ended, and nothing is kept."""
    track = Track(10.0, tidying=2.0)
    async with open_house() as house:
        calls = [call(house, track) for _ in range(3)]
        await started(*calls)
        for each in calls:
            each.cancel()
        await asyncio.wait(calls)

        assert all(each.cancelled() for each in calls)
        assert (track.cancelled, track.running, anyio.current_time()) == (1, 0, 2.25)
        assert house.shelf.rows == {}


async def test_the_last_of_them_waits_for_the_end() -> None:
    """The others are gone at once."""
    track = Track(10.0, tidying=2.0)
    ends: list[float] = []

    async def ask_and_note(house: House) -> None:
        try:
            await house.cache.reply(ask(), track.race)
        finally:
            ends.append(anyio.current_time())

    async with open_house() as house, anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask_and_note, house)
        await anyio.sleep(1.0)
        group.cancel_scope.cancel()

    assert ends == [1.0, 1.0, 3.0]


async def test_being_cancelled_twice_leaves_nothing_either() -> None:
    """Also while the race is still cleaning up: the caller ends when it has, as cancelled."""
    track = Track(10.0, tidying=2.0)
    async with open_house() as house:
        only = call(house, track)
        await started(only)
        only.cancel()
        await asyncio.sleep(0)
        only.cancel()
        await anyio.sleep(1.0)
        assert not only.done()
        only.cancel()
        await asyncio.wait([only])

        assert only.cancelled()
        assert (track.cancelled, track.running, anyio.current_time()) == (1, 0, 2.25)


async def test_who_asks_while_a_race_is_being_stopped_has_a_new_one() -> None:
    """Nobody is put on a race that is lost to him; and the new one can be joined after the old has ended."""
    track = Track(10.0, tidying=5.0)
    async with open_house() as house:
        first = call(house, track)
        await started(first)
        first.cancel()
        await asyncio.sleep(0)
        others = [call(house, track), call(house, track)]
        await asyncio.wait([first])
        assert anyio.current_time() == 5.25
        others.append(call(house, track))
        assert [(await each).race_id for each in others] == ["race 2"] * 3
        assert anyio.current_time() == 10.25

    assert (track.begun, track.cancelled) == (2, 1)


async def cancelled_already(house: House, track: Track) -> Reply:
    """Asks as a task that was cancelled and has not waited since."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    return await house.cache.reply(ask(), track.race)


async def test_a_caller_that_is_cancelled_before_it_begins() -> None:
    """It waits for nothing, and nothing is left."""
    track = Track()
    async with open_house() as house:
        never = call(house, track)
        never.cancel()
        itself = asyncio.create_task(cancelled_already(house, track))
        await asyncio.wait([never, itself])
        assert never.cancelled()
        assert itself.cancelled()

    assert (track.begun, track.cancelled, track.running) == (1, 1, 0)


async def test_cancelled_in_the_tick_of_the_reply() -> None:
    """The caller is cancelled; the race has ended by then, and what it found is kept."""
    async with open_house() as house:

        async def finds_and_cancels() -> Reply:
            await anyio.sleep(1.0)
            only.cancel()
            return REPLY

        only = asyncio.create_task(house.cache.reply(ask(), finds_and_cancels))
        await asyncio.wait([only])

        assert only.cancelled()
        assert (await house.cache.reply(ask(), Track().race)).cached


async def test_a_time_limit_of_the_caller() -> None:
    """It is a TimeoutError of his own, not our error, and the race has ended by then."""
    track = Track(10.0, tidying=1.0)
    async with open_house() as house:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(2.0):
                await house.cache.reply(ask(), track.race)

        assert not isinstance(caught.value, RacerError)
        assert (track.cancelled, track.running, anyio.current_time()) == (1, 0, 3.0)


async def test_a_cancel_storm_leaves_nothing() -> None:
    """Two hundred callers of ten questions, each cancelled at another instant, some twice."""
    tracks = [Track(5.0, tidying=0.01) for _ in range(10)]
    async with open_house() as house:
        calls = [call(house, tracks[number % 10], f"question {number % 10}") for number in range(200)]
        await started(*calls)
        for number, each in enumerate(calls):
            each.cancel()
            if number % 3 == 0:
                await asyncio.sleep(0)
                each.cancel()
        await asyncio.wait(calls)

        assert all(each.cancelled() for each in calls)
        assert [(track.begun, track.cancelled, track.running) for track in tracks] == [(1, 1, 0)] * 10


async def test_a_bug_while_the_race_is_stopped_is_heard_of() -> None:
    """Nobody waits for it any more, so the owner has it when he closes."""
    house = House()

    async def breaks() -> Reply:
        try:
            await anyio.sleep(10.0)
        finally:
            raise KeyError("a bug")

    only = asyncio.create_task(house.cache.reply(ask(), breaks))
    await started(only)
    only.cancel()
    await asyncio.wait([only])

    assert only.cancelled()
    with pytest.raises(KeyError, match="a bug"):
        await house.background.aclose()


async def test_a_race_that_is_lost_while_it_is_stopped_is_no_bug() -> None:
    """Its last caller is cancelled all the same."""

    async def loses() -> Reply:
        try:
            await anyio.sleep(10.0)
        finally:
            raise RaceLost("all failed")

    async with open_house() as house:
        only = asyncio.create_task(house.cache.reply(ask(), loses))
        await started(only)
        only.cancel()
        await asyncio.wait([only])
        assert only.cancelled()


# ---------------------------------------------------------------- errors


def frames(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


async def give_up(gone: asyncio.Task[Reply]) -> None:
    await started(gone)
    gone.cancel()
    await asyncio.wait([gone])


async def errors_of(*calls: asyncio.Task[Reply]) -> list[BaseException]:
    results = await asyncio.gather(*calls, return_exceptions=True)
    return [result for result in results if isinstance(result, BaseException)]


async def test_a_lost_race_is_lost_for_all_and_nothing_is_kept() -> None:
    """Each caller has an error of its own, with everything in it; the next call runs anew."""
    cause = ExceptionGroup("why", [ValueError("a"), ValueError("b")])
    lost = RaceLost("all 2 lanes failed", attempts=REPLY.attempts)
    lost.__cause__ = cause
    track = Track(1.0, lost)
    async with open_house() as house:
        errors = await errors_of(*(call(house, track) for _ in range(3)))
        assert house.shelf.rows == {}
        await errors_of(call(house, track))

    assert track.begun == 2
    assert len({id(error) for error in errors}) == 3
    for error in errors:
        assert isinstance(error, RaceLost)
        assert (str(error), error.attempts, error.__cause__) == (str(lost), lost.attempts, cause)
        assert frames(error)[-1] == "race"


async def test_an_error_holds_the_frames_of_its_own_task_alone() -> None:
    """One object raised by many would grow with each, also where it is not copied."""

    async def frames_of(house: House, track: Track) -> list[str]:
        try:
            await house.cache.reply(ask(), track.race)
        except (RaceLost, KeyError) as error:
            return frames(error)
        return []

    async with open_house() as house:
        for raised in (RaceLost("lost"), KeyError("a bug of valid=")):
            track = Track(1.0, raised)
            one, other = await asyncio.gather(*(frames_of(house, track) for _ in range(2)))
            assert one == other
            assert (one[0], one.count("reply"), one[-1]) == ("frames_of", 1, "race")


async def test_what_valid_raises_reaches_everybody_as_it_is() -> None:
    """Nobody knows how to copy the exception of a stranger."""

    class Strange(Exception):
        def __init__(self, *, code: int) -> None:
            super().__init__(f"code {code}")
            self.code = code

    strange = Strange(code=7)
    async with open_house() as house:
        track = Track(1.0, strange)
        assert await errors_of(*(call(house, track) for _ in range(3))) == [strange] * 3


# ---------------------------------------------------------------- deadlines


async def run_out(seconds: float, track: Track) -> Reply:
    """A race that finds nothing until its deadline."""
    track.begun += 1
    await anyio.sleep(seconds)
    raise DeadlineExceeded("no valid reply in time")


async def test_who_came_later_is_not_robbed_of_its_time() -> None:
    """The deadline of a shared race is that of the first; the others go on together until their own."""
    track = Track()
    ends: dict[str, float] = {}

    async def patient(house: House, name: str) -> None:
        until = anyio.current_time() + 60.0
        with pytest.raises(DeadlineExceeded):
            await house.cache.reply(ask(), lambda: run_out(until - anyio.current_time(), track))
        ends[name] = anyio.current_time()

    async with open_house() as house, anyio.create_task_group() as group:
        for name in "abc":
            group.start_soon(patient, house, name)
            await anyio.sleep(10.0)

    assert ends == {"a": 60.0, "b": 70.0, "c": 80.0}
    assert track.begun == 3


async def test_who_came_later_may_still_have_a_reply() -> None:
    """From the race that goes on for those whose time has not come."""
    slow = Track()
    async with open_house() as house:
        first = asyncio.create_task(house.cache.reply(ask(), lambda: run_out(60.0, slow)))
        await anyio.sleep(30.0)
        track = Track(5.0)
        others = [call(house, track) for _ in range(10)]
        with pytest.raises(DeadlineExceeded):
            await first
        assert [reply.race_id for reply in await asyncio.gather(*others)] == ["race 1"] * 10

    assert (track.begun, anyio.current_time()) == (1, 65.0)


async def test_nobody_joins_a_race_that_ends_after_his_own_deadline() -> None:
    """One who goes on may find a newcomer's race, which has more time than he has."""
    track = Track()
    over = anyio.Event()
    ends: dict[str, float] = {}

    async def until_told() -> Reply:
        await over.wait()
        raise DeadlineExceeded("no valid reply in time")

    async def patient(house: House, name: str) -> None:
        until = anyio.current_time() + 60.0
        with pytest.raises(DeadlineExceeded):
            await house.cache.reply(ask(), lambda: run_out(until - anyio.current_time(), track))
        ends[name] = anyio.current_time()

    async with open_house() as house, anyio.create_task_group() as group:
        first = asyncio.create_task(house.cache.reply(ask(), until_told))
        await anyio.sleep(10.0)
        group.start_soon(patient, house, "early")
        await anyio.sleep(10.0)
        over.set()
        group.start_soon(patient, house, "newcomer")
        await asyncio.wait([first])
        assert isinstance(first.exception(), DeadlineExceeded)

    assert ends == {"early": 70.0, "newcomer": 80.0}
    assert track.begun == 2


# ---------------------------------------------------------------- the owner


async def test_a_racer_that_closes_leaves_nobody_waiting() -> None:
    """Callers are told; the race is stopped."""
    track = Track(100.0)
    house = House()
    calls = [call(house, track) for _ in range(3)]
    await started(*calls)
    await house.background.aclose()

    errors = await errors_of(*calls)
    assert [str(error) for error in errors] == ["this Racer was closed before there was a reply"] * 3
    assert (track.cancelled, track.running) == (1, 0)


async def test_a_racer_that_is_closed_begins_nothing() -> None:
    """A call that comes after the end is told, too."""
    house = House()
    await house.background.aclose()

    for _ in range(2):
        with pytest.raises(RacerError, match="this Racer was closed"):
            await house.cache.reply(ask(), Track().race)
    cancelled = asyncio.create_task(cancelled_already(house, Track()))
    await asyncio.wait([cancelled])
    assert cancelled.cancelled()


async def test_nothing_is_remembered_of_calls_that_are_over() -> None:
    """However they ended: memory does not grow with the number of questions."""
    tracks: list[weakref.ref[Track]] = []

    def track(*given: Any) -> Track:
        made = Track(*given)
        tracks.append(weakref.ref(made))
        return made

    async with open_house() as house:
        for number in range(10):
            await house.cache.reply(ask(f"good {number}"), track(0.0).race)
            await errors_of(call(house, track(0.0, KeyError("bug")), f"bad {number}"))
            await give_up(call(house, track(), f"gone {number}"))
        gc.collect()

        assert [each() for each in tracks] == [None] * 30


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks begin at once from Python 3.12 on")
async def test_tasks_may_begin_at_once() -> None:
    """The same on loops with eager tasks: hits, shared races, errors, cancelled callers."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]  # not in 3.11
    try:
        track = Track(1.0)
        async with open_house() as house:
            replies = await asyncio.gather(*(call(house, track) for _ in range(10)))
            assert [reply.race_id for reply in replies] == ["race 1"] * 10
            assert (await house.cache.reply(ask(), track.race)).cached
            at_once = Track(0.0, KeyError("bug"))
            assert len(await errors_of(*(call(house, at_once, "ho") for _ in range(2)))) == 2
            stopped = Track(10.0, tidying=1.0)
            gone = call(house, stopped, "hm")
            gone.cancel()
            await asyncio.wait([gone])
            assert (stopped.cancelled, stopped.running) == (1, 0)
    finally:
        loop.set_task_factory(None)
