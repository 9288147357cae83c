"""A store that fails: nothing is overrun, no attempt is lost, who has no limits runs on, and all is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from racer import NoLanes
from racer.core.facts import LaneStarted, StoreHealed, StoreTroubled
from racer.core.provider import Limit
from racer.errors import StoreError
from racer.recorder import KEPT
from racer.testing import answers, says
from tests.racer.counting import DAILY, Kept, counting, crowd, limited, table, tried

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.core.quota import Joined, Report, Tidings
    from racer.errors import StoreTrouble
    from racer.recorder import Note

pytestmark = pytest.mark.anyio

TROUBLES: tuple[StoreTrouble, ...] = (
    "locked", "full", "read_only", "corrupt", "newer", "foreign", "gone", "unopened", "other",
)  # fmt: skip
CALLS = 20  # that the play makes at most


class Failing:
    """Delegates to `kept`, but for the calls from number `first` on, `times` of them.

    `late`: these are heard, only their answer is lost.
    """

    def __init__(
        self, kept: Kept, kind: StoreTrouble, first: int, times: int = 1, *, late: bool = False
    ) -> None:
        self._kept = kept
        self._kind: StoreTrouble = kind
        self._fails = range(first, first + times)
        self._late = late
        self.calls = 0

    def _fault(self, *, late: bool) -> None:
        if late is self._late and self.calls in self._fails:
            raise StoreError("the store has failed", kind=self._kind)

    async def open(self, wall: float, ticks: float, boot: str) -> Joined:
        self.calls += 1
        self._fault(late=False)
        return await self._kept.open(wall, ticks, boot)

    async def exchange(
        self, report: Report, notes: Sequence[Note], now: float, *, last: bool = False
    ) -> Tidings | None:
        self.calls += 1
        self._fault(late=False)
        tidings = await self._kept.exchange(report, notes, now, last=last)
        self._fault(late=True)
        return tidings

    async def tidy(self, now: float) -> None:
        await self._kept.tidy(now)

    async def move_anchor(self, wall: float, ticks: float) -> None:
        await self._kept.move_anchor(wall, ticks)

    async def get(self, key: str, now: float) -> tuple[bytes, float] | None:
        return await self._kept.get(key, now)

    async def put(self, key: str, reply: bytes, at: float, until: float) -> None:
        await self._kept.put(key, reply, at, until)

    async def aclose(self) -> None:
        await self._kept.aclose()


class Cut(Failing):
    """Fails from one instant to another."""

    def __init__(self, kept: Kept, since: float, until: float) -> None:
        super().__init__(kept, "locked", 0)
        self._span = since, until

    def _fault(self, *, late: bool) -> None:
        if not late and self._span[0] <= anyio.current_time() < self._span[1]:
            raise StoreError("the store has failed", kind="locked")


class Stuck(Failing):
    """Takes what it is told and never answers."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept, "locked", 0)

    async def exchange(
        self, report: Report, notes: Sequence[Note], now: float, *, last: bool = False
    ) -> Tidings | None:
        if notes:
            await anyio.sleep_forever()
        return await super().exchange(report, notes, now, last=last)


def failing(
    kind: StoreTrouble, first: int, times: int = 1, *, late: bool = False
) -> Callable[[Kept], Failing]:
    return lambda kept: Failing(kept, kind, first, times, late=late)


async def play(within: Callable[[Kept], Failing]) -> bool:
    """Bursts of races on limits of five, with a lane that fails and one without limits. Was it troubled?"""
    scripts = {"a": says("hi", after=0.2), "b": answers(500, b"oops", after=0.1), "c": says("hi", after=0.3)}
    metered = limited("a", DAILY), limited("b", DAILY)
    async with table(*metered, limited("c"), scripts=scripts, within=within) as all_:
        for _ in range(6):
            await crowd(all_.racer, 4, lanes=2)
            await anyio.sleep(0.4)
        before = anyio.current_time()
        await all_.racer.__aexit__()
        took = anyio.current_time() - before
        await anyio.sleep(60)

        assert took < 11
        assert max(len(all_.sent("a")), len(all_.sent("b"))) <= 5
        assert not [fact for fact in all_.of(StoreTroubled) if fact.lost]
        started = Counter(fact.lane.provider.name for fact in all_.of(LaneStarted))
        ended = "provider, COUNT(*) FROM attempts WHERE outcome <> 'running' GROUP BY 1"
        assert started == dict(await all_.rows(ended))
        assert started == dict(await all_.rows("provider, SUM(calls) FROM days GROUP BY 1"))
        used = dict(await all_.rows("provider, SUM(used) FROM slots JOIN meters ON id = meter GROUP BY 1"))
        assert all(used[name] >= len(all_.sent(name)) for name in ("a", "b") if all_.sent(name))
        assert len(all_.of(StoreTroubled)) == len(all_.of(StoreHealed)) <= 1
        return len(all_.of(StoreTroubled)) > 0


@pytest.mark.parametrize("kind", ["locked", "other"])
@pytest.mark.parametrize("n", range(1, CALLS + 1))
async def test_the_nth_call_fails(kind: StoreTrouble, n: int) -> None:
    """Whichever call it is: no overrun, every attempt written once, and it is told once that it is over."""
    await play(failing(kind, n))


@pytest.mark.parametrize("kind", TROUBLES)
@pytest.mark.parametrize("n", [1, 2, 7, CALLS])
async def test_a_call_fails_in_whatever_way(kind: StoreTrouble, n: int) -> None:
    """It is the same for every kind of trouble."""
    await play(failing(kind, n))


@pytest.mark.parametrize("n", range(2, CALLS + 1))
async def test_the_nth_answer_is_lost(n: int) -> None:
    """What the store has heard and we do not know of: told again, it is not counted twice to our favour."""
    await play(failing("other", n, late=True))


async def test_these_were_all_calls() -> None:
    """One more would not be made."""
    assert not await play(failing("locked", CALLS + 1))


@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("n", range(2, 14))
async def test_a_lost_answer_gives_no_tokens_back_twice(n: int, times: int) -> None:
    """Corrections downwards are not told again where they may have been heard."""
    limit = Limit("tokens", 2000, "day", reset="00:00 UTC")
    script = {"a": counting("hi", (5, 150), after=0.2)}
    within = failing("other", n, times, late=True)
    async with table(limited("a", limit, parallel=3), scripts=script, within=within) as all_:
        for _ in range(40):
            await crowd(all_.racer, 4, max_tokens=400)
            await anyio.sleep(1)

        assert 155 * len(all_.sent()) <= 2000
        assert 3 <= len(all_.sent())


@pytest.mark.parametrize("kind", TROUBLES)
async def test_while_it_lasts(kind: StoreTrouble) -> None:
    """Who has no limits races on; who has is refused with the reason; closing ends and tells what is lost."""
    within = failing(kind, 1, 10**9)
    async with table(limited("a", DAILY), limited("c"), within=within) as all_:
        assert {"Reply": 10} == await crowd(all_.racer, 10)
        await anyio.sleep(100)
        assert {"Reply": 10} == await crowd(all_.racer, 10)
        with pytest.raises(NoLanes, match="the store has failed") as caught:
            await all_.racer.race("hi", only="a")
        before = anyio.current_time()
        await all_.racer.__aexit__()

        assert [] == all_.sent("a")
        assert (caught.value.until is None) is (kind != "locked")  # others let go of it soon
        assert anyio.current_time() - before <= 11
        told = all_.of(StoreTroubled)
        assert ["the store has failed"] * 2 == [fact.reason for fact in told]
        assert [0, sum(type(fact) in KEPT for fact in all_.facts)] == [fact.lost for fact in told]


async def test_what_is_held_may_be_spent_meanwhile() -> None:
    """Leases were counted before the trouble: calls go out of them, for as long as the store waits for us."""
    within = failing("locked", 4, 10**9)
    async with table(limited("a", replace(DAILY, amount=100)), within=within) as all_:
        await crowd(all_.racer, 4)
        await anyio.sleep(1)
        ends = [type(await tried(all_.racer)).__name__ for _ in range(10)]
        await anyio.sleep(30)
        late = await crowd(all_.racer, 3)

        assert ends == ["Reply"] * ends.count("Reply") + ["NoLanes"] * ends.count("NoLanes")
        assert 4 <= ends.count("Reply") < 10
        assert {"NoLanes": 3} == late


@pytest.mark.parametrize("cut", [0.1, 3.0, 30.0])
async def test_what_was_written_late_is_written_whole(cut: float) -> None:
    """When the store comes back everything is told, also what happened meanwhile."""
    async with table(limited("a"), within=lambda kept: Cut(kept, 5.0, 5.0 + cut)) as all_:
        for _ in range(50):
            await all_.racer.race("hi")
            await anyio.sleep(1)

        await all_.racer.__aexit__()
        assert [(50,)] == await all_.rows("COUNT(*) FROM attempts WHERE outcome = 'won'")


async def test_an_exchange_that_never_ends() -> None:
    """Closing waits for some seconds; what may not have been written is told as lost."""
    async with table(limited("c"), within=Stuck) as all_:
        await all_.racer.race("hi")
        await anyio.sleep(1)
        before = anyio.current_time()
        await all_.racer.__aexit__()

        assert anyio.current_time() - before <= 11
        assert [4] == [fact.lost for fact in all_.of(StoreTroubled)]


async def test_who_cannot_be_counted() -> None:
    """While the store is away, what has limits and holds nothing; what has none may run all the same."""
    metered, free = limited("a", DAILY), limited("b")
    scripts = {"a": says("hi"), "b": says("hi")}
    async with table(metered, free, scripts=scripts, within=failing("foreign", 1, times=1)) as all_:
        ledger = all_.racer.ledger
        await ledger.settled()
        lanes = all_.racer.field.lanes
        assert ledger.fault
        assert [ledger.uncounted(lane) for lane in lanes] == [True, False]
        await anyio.sleep(10)
        assert not ledger.fault
        assert [ledger.uncounted(lane) for lane in lanes] == [False, False]
