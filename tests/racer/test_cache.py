"""Replies given again: when, to whom, and what comes of a store that cannot serve. Virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from racer.cache import PATIENCE
from racer.core.facts import CacheHit
from racer.errors import DeadlineExceeded, InvalidReply
from tests.racer.houses import REPLY, Track, ask, open_house

if TYPE_CHECKING:
    from racer.core.reply import Reply

pytestmark = pytest.mark.anyio


# ---------------------------------------------------------------- kept replies


async def test_without_the_option_nothing_is_kept() -> None:
    """Off unless asked: each call runs its race, and neither looks nor leaves anything."""
    track = Track(0.0)
    async with open_house() as house:
        for _ in range(2):
            assert await house.cache.reply(ask(cache=False), track.race) == replace(
                REPLY, race_id=f"race {track.begun}"
            )

    assert (track.begun, house.shelf.looked, house.shelf.rows, house.facts) == (2, 0, {}, [])


async def test_the_same_question_has_the_same_reply() -> None:
    """What was said comes from the shelf at once, as one that was: its own id, no attempts, no race."""
    track = Track(1.0)
    async with open_house() as house:
        first = await house.cache.reply(ask(), track.race)
        await anyio.sleep(9.0)
        second = await house.cache.reply(ask(), track.race)

    assert first == replace(REPLY, race_id="race 1")
    assert second == replace(REPLY, race_id="hit 1", latency=0.0, first_token=None, attempts=(), cached=True)
    assert (track.begun, anyio.current_time()) == (1, 10.0)
    [fact] = house.facts
    assert isinstance(fact, CacheHit)
    assert (fact.race, fact.age, fact.shared, [fact.key]) == ("hit 1", 9.0, False, list(house.shelf.rows))


async def test_the_next_call_already_finds_it() -> None:
    """A reply is on its way to the shelf before its caller has it: nobody need wait to ask again."""
    track = Track(0.0)
    async with open_house() as house:
        replies = [await house.cache.reply(ask(), track.race) for _ in range(3)]

    assert [reply.cached for reply in replies] == [False, True, True]


async def test_another_question_has_its_own() -> None:
    """Or the same one to other lanes."""
    track = Track(0.0)
    async with open_house() as house:
        for asked in (ask(), ask("ho"), ask(temperature=0.5), ask(only="groq")):
            assert not (await house.cache.reply(asked, track.race)).cached

    assert (track.begun, len(house.shelf.rows)) == (4, 4)


async def test_rules_of_the_race_do_not_change_the_question() -> None:
    """A kept reply is good for other deadlines, policies and widths."""
    async with open_house() as house:
        await house.fill()
        for options in ({"deadline": 5}, {"policy": "one"}, {"lanes": 1}, {"wait": 3}):
            assert (await house.cache.reply(ask(**options), Track().race)).cached


@pytest.mark.parametrize(("kept_for", "wanted", "age", "cached"), [
    (60, 60, 59.0, True),
    (60, 60, 60.0, False),
    (60, 3600, 60.0, False),
    (3600, 60, 59.0, True),
    (3600, 60, 60.0, False),
])  # fmt: skip
async def test_a_reply_grows_old(kept_for: float, wanted: float, age: float, cached: bool) -> None:
    """It must be fresh enough for the one whose race it was and for the one who asks."""
    track = Track(0.0)
    async with open_house() as house:
        await house.cache.reply(ask(cache=kept_for), track.race)
        await anyio.sleep(age)
        assert (await house.cache.reply(ask(cache=wanted), track.race)).cached is cached

    assert track.begun == (1 if cached else 2)


async def test_damage_is_a_miss() -> None:
    """The race runs, and its reply takes the place of what was damaged."""
    async with open_house() as house:
        await house.fill()
        [(key, (reply, at, until))] = house.shelf.rows.items()
        house.shelf.rows[key] = (reply[:-1], at, until)
        assert not (await house.cache.reply(ask(), Track(0.0).race)).cached
        assert (await house.cache.reply(ask(), Track(0.0).race)).cached


# ---------------------------------------------------------------- valid=


async def test_a_kept_reply_is_checked_again() -> None:
    """By all checks, each of which sees it as it will be given."""
    seen: list[Reply] = []

    def look(reply: Reply) -> bool:
        seen.append(reply)
        return True

    async def look_later(reply: Reply) -> bool:
        return look(reply)

    async with open_house() as house:
        await house.fill()
        reply = await house.cache.reply(ask(valid=[look, look_later]), Track().race)

    assert seen == [reply, reply]
    assert reply.cached


async def test_a_kept_reply_that_is_turned_down_makes_a_race() -> None:
    """Whose reply is kept in its place."""

    def is_new(reply: Reply) -> bool:
        return not reply.cached

    def is_new_or_says_so(reply: Reply) -> None:
        if reply.cached:
            raise InvalidReply("seen before")

    track = Track(1.0)
    async with open_house() as house:
        await house.fill()
        for check in (is_new, is_new_or_says_so):
            await anyio.sleep(30.0)
            assert not (await house.cache.reply(ask(valid=check), track.race)).cached
        await anyio.sleep(59.0)
        assert (await house.cache.reply(ask(), track.race)).cached

    assert track.begun == 2
    assert len(house.facts) == 1


async def test_what_a_check_raises_reaches_its_caller() -> None:
    """As it would from a race."""

    def broken(reply: Reply) -> bool:
        raise KeyError(reply.text)

    async with open_house() as house:
        await house.fill()
        with pytest.raises(KeyError, match="hello"):
            await house.cache.reply(ask(valid=broken), Track().race)


async def test_a_check_that_takes_too_long_meets_the_deadline() -> None:
    """The call ends when it must, without a race that nobody could wait for."""

    async def ponders(reply: Reply) -> bool:
        await anyio.sleep(100.0)
        return True

    track = Track()
    async with open_house() as house:
        await house.fill()
        with pytest.raises(DeadlineExceeded, match=r"no valid reply within 5 s: valid= was still looking"):
            await house.cache.reply(ask(valid=ponders, deadline=5), track.race)

    assert (track.begun, anyio.current_time()) == (0, 5.0)


async def test_a_check_that_is_cancelled_from_within_says_no() -> None:
    """What it waited for was cancelled, and not the call."""

    async def waits_for_what_is_cancelled(reply: Reply) -> bool:
        sleep = asyncio.ensure_future(asyncio.sleep(1.0))
        sleep.cancel()
        await sleep
        return True

    async with open_house() as house:
        await house.fill()
        reply = await house.cache.reply(ask(valid=waits_for_what_is_cancelled), Track(0.0).race)

    assert not reply.cached


async def test_a_caller_may_be_cancelled_while_a_check_looks() -> None:
    """The check is, too."""
    track = Track()

    async def ponders(reply: Reply) -> bool:
        try:
            await anyio.sleep(100.0)
        except asyncio.CancelledError:
            track.cancelled += 1
            raise
        return True

    async with open_house() as house:
        await house.fill()
        with anyio.move_on_after(1.0):
            await house.cache.reply(ask(valid=ponders), track.race)

    assert (track.begun, track.cancelled) == (0, 1)


# ---------------------------------------------------------------- the store


async def test_a_store_that_is_down_costs_no_reply() -> None:
    """Neither when it is asked nor when it is to keep something; when it is well again, so is the cache."""
    track = Track(0.0)
    async with open_house() as house:
        house.shelf.down = True
        for _ in range(2):
            assert not (await house.cache.reply(ask(), track.race)).cached
        assert anyio.current_time() == 0.0
        house.shelf.down = False
        assert not (await house.cache.reply(ask(), track.race)).cached
        assert (await house.cache.reply(ask(), track.race)).cached


@pytest.mark.parametrize(("deadline", "patience"), [(60, PATIENCE), (1, 0.1)])
async def test_a_store_that_hangs_is_not_waited_for(deadline: float, patience: float) -> None:
    """But for a moment, and not for long beside the deadline; keeping a reply holds nobody up."""
    track = Track(1.0)
    async with open_house() as house:
        house.shelf.delay = 1000.0
        reply = await house.cache.reply(ask(deadline=deadline), track.race)

        assert not reply.cached
        assert anyio.current_time() == 1.0 + patience


async def test_the_last_reply_of_a_program_is_kept() -> None:
    """It is put away while the Racer closes, if that does not take long."""
    async with open_house() as house:
        house.shelf.delay = 0.2
        await house.fill()
        assert house.shelf.rows == {}

    assert len(house.shelf.rows) == 1
