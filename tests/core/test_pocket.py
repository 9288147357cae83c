"""One meter in memory, alone: what it lacks, notes, wishes for, gives back and learns. Time is a number."""

from __future__ import annotations

from datetime import UTC

import pytest

from racer.core.pocket import CALLS_AHEAD, EDGE, FOREVER, IDLE_BRIEF, IDLE_LONG, RECHECK, Lack, Pocket
from racer.core.quota import Meter, Standing, Truth, Wish
from racer.core.span import DAY, Calendar, Once, Rolling, Slot
from tests.core.till import meter

NOW = 1_800_000_000.0

REQUESTS = meter("requests", 100.0, Rolling(60.0))
TOKENS = meter("tokens", 9_000.0, Rolling(60.0))
FLIGHT = meter("calls", 4.0, None, per="flight")


def stood(of: Meter, standing: Standing | None = None, held: float = 0.0) -> Pocket:
    """A pocket with so much in hand that has just heard how its meter stands: by default unused."""
    pocket = Pocket(of)
    pocket.standing = standing or Standing(of.amount, 0, held, None)
    pocket.held = held
    pocket.heard = pocket.got_at = NOW
    return pocket


def noted(pocket: Pocket) -> list[tuple[float, float]]:
    """What is to be told of each slot: used, and of that out of the lease."""
    return [(used, leased) for used, leased in pocket.spent.values()]


# ---------------------------------------------------------------- what is left, and where it is counted


def test_what_is_held_is_left() -> None:
    """A lease is used for the store, and not for who holds it; of what is not known all may be left."""
    assert Pocket(REQUESTS).left == FOREVER
    assert stood(REQUESTS, Standing(100, 40, 30, None), held=20.0).left == 50


def test_what_was_spent_is_left_no_more() -> None:
    """At once, while its report is on its way, and as much as it really was."""
    pocket = stood(TOKENS, Standing(9_000, 1_000, 3_000, None), held=3_000.0)
    taken = pocket.take(500.0, NOW)

    assert pocket.left == 7_500
    pocket.tell()
    assert pocket.left == 7_500
    pocket.settle(taken, 200.0)
    assert pocket.left == 7_800


def test_where_a_use_is_counted() -> None:
    """In the slot of that instant, whatever was asked before; calls in flight are counted in none."""
    day = Pocket(meter("requests", 100.0, Calendar("day", 0, 0, UTC), per="day"))
    midnight = NOW - NOW % DAY

    assert day.slot_now(NOW) == Slot(midnight, midnight + DAY)
    assert day.slot_now(NOW + 1) is day.slot
    assert day.slot_now(NOW + DAY) == Slot(midnight + DAY, midnight + 2 * DAY)
    assert day.slot_now(NOW) == Slot(midnight, midnight + DAY)
    assert Pocket(FLIGHT).slot_now(NOW) == Slot(0, 0)


# ---------------------------------------------------------------- why a call cannot start


def test_what_was_never_asked_for_has_to_be_asked_for() -> None:
    """Nothing is known of a meter at first: that is no reason to wait for anything but the answer."""
    pocket = Pocket(REQUESTS)

    assert pocket.lacks(1.0, NOW) == Lack(pocket, 1.0, None)


def test_what_is_held_is_not_lacking() -> None:
    """Whatever the store has said of the limit: a lease is a lease."""
    pocket = stood(REQUESTS, Standing(100, 95, 5, None), held=5.0)

    assert pocket.lacks(5.0, NOW) is None
    assert pocket.lacks(6.0, NOW) == Lack(pocket, 6.0, FOREVER)


LACKS: list[tuple[str, Standing, float, float | None]] = [
    ("room in the store", Standing(100, 40, 50, NOW + 9), 10.0, None),
    ("all used, back soon", Standing(100, 95, 0, NOW + 9), 10.0, NOW + 9),
    ("all used, back just now", Standing(100, 95, 0, NOW), 10.0, None),
    ("all used for good", Standing(100, 95, 0, None), 10.0, FOREVER),
    ("leased by others", Standing(100, 40, 55, NOW + 9), 10.0, NOW + RECHECK),
    ("too large", Standing(100, 0, 0, None), 101.0, FOREVER),
    ("a limit of nothing", Standing(0, 0, 0, None), 1.0, FOREVER),
]


@pytest.mark.parametrize(
    ("standing", "amount", "until"), [row[1:] for row in LACKS], ids=[r[0] for r in LACKS]
)
def test_until_when_a_call_cannot_start(standing: Standing, amount: float, until: float | None) -> None:
    """What the store has said holds for a second: then, or where there is room, it is asked again."""
    pocket = stood(REQUESTS, standing)

    assert pocket.lacks(amount, NOW) == Lack(pocket, amount, until)
    assert pocket.lacks(amount, NOW + RECHECK) == Lack(pocket, amount, None)


def test_what_the_store_does_not_know_yet_counts_too() -> None:
    """What was spent since it answered is used, and is leased no more: there is no room to ask for."""
    pocket = stood(REQUESTS, Standing(100, 50, 50, NOW + 9), held=50.0)
    pocket.take(50.0, NOW)

    assert pocket.lacks(1.0, NOW) == Lack(pocket, 1.0, NOW + 9)


def test_a_clock_that_is_set_back_makes_no_lane_wait_for_it() -> None:
    """What was heard at a later time than now says nothing of now."""
    pocket = stood(REQUESTS, Standing(100, 100, 0, NOW + 60))

    assert pocket.lacks(1.0, NOW - 3600) == Lack(pocket, 1.0, None)


# ---------------------------------------------------------------- spending


def test_what_was_used_beyond_the_guess_comes_out_of_what_is_held() -> None:
    """The truth is counted even where the lease cannot pay for it; what is held never becomes negative."""
    pocket = stood(TOKENS, held=700.0)
    pocket.settle(pocket.take(500.0, NOW), 900.0)

    assert noted(pocket) == [(900.0, 700.0)]
    assert pocket.held == 0.0


@pytest.mark.parametrize(("used", "told"), [(500.0, []), (120.0, [(-380.0, 0.0)]), (600.0, [(100.0, 100.0)])])
def test_only_what_differs_from_the_guess_is_told_again(used: float, told: list[tuple[float, float]]) -> None:
    """Nothing to put right is nothing to report; what was not used leaves the slot, and enters no lease."""
    pocket = stood(TOKENS, held=700.0)
    taken = pocket.take(500.0, NOW)
    pocket.spent = {}
    pocket.settle(taken, used)

    assert noted(pocket) == told
    assert set(pocket.spent) <= {taken.slot}


def test_calls_in_flight_come_back_when_they_end() -> None:
    """They leave no mark in any slot."""
    pocket = stood(FLIGHT, held=2.0)
    taken = pocket.take(1.0, NOW)

    assert (pocket.held, pocket.flying) == (1.0, 1.0)
    pocket.settle(taken, 1.0)
    assert (pocket.held, pocket.flying) == (2.0, 0.0)
    assert noted(pocket) == []


DAYS = meter("requests", 100.0, Calendar("day", 0, 0, UTC), per="day")
SECONDS = meter("requests", 600.0, Rolling(60.0))


@pytest.mark.parametrize(
    ("of", "second", "slots"),
    [(DAYS, 86_399.9, 1), (DAYS, 86_400.0, 2), (SECONDS, 0.9, 1), (SECONDS, 1.0, 2), (DAYS, -1.0, 2)],
)
def test_each_spend_is_noted_in_the_slot_of_its_instant(of: Meter, second: float, slots: int) -> None:
    """A new day, or a new sixtieth of a rolling span, or a clock set back, begins a new slot."""
    midnight = NOW - NOW % 86_400
    pocket = stood(of, held=10.0)
    pocket.take(1.0, midnight)
    pocket.take(1.0, midnight + second)

    assert len(noted(pocket)) == slots


def test_what_calls_in_flight_have_set_aside_is_not_used_yet() -> None:
    """They mostly use less than was thought: so it is no reason to wait for a day, but for a moment."""
    day = meter("tokens", 100.0, Calendar("day", 0, 0, UTC), per="day")
    pocket = stood(day, Standing(100, 0, 90, NOW + 40_000), held=90.0)
    taken = pocket.take(90.0, NOW)

    assert pocket.lacks(50.0, NOW) == Lack(pocket, 50.0, NOW + RECHECK, aloft=True)

    pocket.settle(taken, 80.0)
    assert pocket.lacks(50.0, NOW) == Lack(pocket, 50.0, NOW + 40_000)
    assert pocket.aloft == 0.0


def test_requests_are_what_they_are() -> None:
    """A request that was sent never counts for less."""
    pocket = stood(REQUESTS, Standing(100, 0, 100, NOW + 60), held=100.0)
    pocket.take(100.0, NOW)

    assert pocket.lacks(1.0, NOW) == Lack(pocket, 1.0, NOW + 60)


@pytest.mark.parametrize(
    ("before", "turning"), [(3600.0, False), (EDGE + 0.1, False), (EDGE, True), (0.1, True), (0.0, False)]
)
def test_nothing_starts_just_before_a_reset(before: float, turning: bool) -> None:
    """A call on its way then might be counted in either day, so it waits for the new one."""
    midnight = NOW - NOW % 86_400 + 86_400
    pocket = stood(DAYS, held=5.0)

    lack = pocket.lacks(1.0, midnight - before)

    assert lack == (Lack(pocket, 1.0, midnight, turning=True) if turning else None)
    assert pocket.calm_until == midnight - EDGE + (86_400 if before == 0.0 else 0.0)


def test_other_windows_have_no_such_edge() -> None:
    """Any stretch is one of theirs: it is looked at once."""
    pocket = stood(SECONDS, held=5.0)

    assert pocket.lacks(1.0, NOW) is None
    assert pocket.calm_until == FOREVER


# ---------------------------------------------------------------- wishes


def test_the_first_wish_is_for_some_calls_ahead() -> None:
    """Of the size that is expected; once only, as long as nobody calls."""
    pocket = Pocket(TOKENS)
    pocket.size = 300.0

    assert pocket.wish(NOW) == Wish(TOKENS, 0.0, 300.0, CALLS_AHEAD * 300.0)
    assert pocket.wish(NOW) is None


def test_a_busy_process_wishes_for_twice_what_it_used_of_late() -> None:
    """So that the next stretch is in hand before it comes; not before half of that is gone."""
    pocket = stood(REQUESTS, held=30.0)
    for _ in range(14):
        pocket.take(1.0, NOW)
    assert pocket.wish(NOW) is None
    for _ in range(12):
        pocket.take(1.0, NOW)

    assert pocket.wish(NOW) == Wish(REQUESTS, 0.0, 1.0, 20.0)


def test_nothing_is_wished_ahead_of_a_limit_that_is_used_up() -> None:
    """A wish that cannot be met is not repeated with each report; a call that waits is."""
    pocket = stood(REQUESTS, Standing(100, 100, 0, NOW + 60))
    pocket.spent_at = NOW

    assert pocket.wish(NOW) is None
    pocket.ask(1.0)
    assert pocket.wish(NOW) == Wish(REQUESTS, 1.0, 1.0, CALLS_AHEAD)


def test_what_is_in_hand_is_not_asked_for() -> None:
    """A call that waits for another of its limits needs no more of this one."""
    pocket = stood(REQUESTS, held=6.0)
    pocket.ask(1.0)

    assert pocket.wish(NOW) is None


@pytest.mark.parametrize(
    ("held", "waiting", "need", "size"),
    [
        (0, [5_000], 5_000, 5_000),
        (0, [3_000, 3_000, 8_000], 15_000, 3_000),
        (6_000, [8_000], 2_000, 8_000),
        (6_000, [7_000, 8_000, 8_500], 22_000, 7_000),
        (0, [8_000, 3_000], 12_000, 3_000),
    ],
)
def test_what_is_held_and_what_is_needed_are_whole_calls_together(
    held: float, waiting: list[float], need: float, size: float
) -> None:
    """So the store, which gives whole calls or none, never gives a part that lets nobody start."""
    pocket = stood(TOKENS, held=held)
    for amount in waiting:
        pocket.ask(amount)
    wish = pocket.wish(NOW)

    assert wish is not None
    assert (wish.need, wish.size) == (need, size)


# ---------------------------------------------------------------- giving back


@pytest.mark.parametrize(
    ("held", "left", "idle", "back"),
    [
        (10.0, 100.0, IDLE_BRIEF, 0.0),  # a quarter of what is left is no loss to anybody
        (10.0, 6.0, IDLE_BRIEF / 2, 0.0),
        (10.0, 6.0, IDLE_BRIEF, 6.0),
        (10.0, 0.0, IDLE_BRIEF, 8.0),
        (1.0, 0.0, IDLE_BRIEF, 1.0),
        (3.0, 0.0, IDLE_BRIEF, 3.0),
        (10.0, 90.0, IDLE_LONG, 10.0),
        (10.0, 0.0, -3600.0, 8.0),
        (0.0, 90.0, IDLE_LONG, 0.0),
    ],
)
def test_what_is_not_needed_goes_back(held: float, left: float, idle: float, back: float) -> None:
    """After a second what others may need more, in whole calls; after half a minute all of it."""
    pocket = stood(REQUESTS, Standing(100, 100 - held - left, held, None), held)

    assert pocket.surplus(NOW + idle) == back


def test_what_was_spent_of_late_is_not_idle() -> None:
    """Only a second without a call makes a lease spare."""
    pocket = stood(REQUESTS, Standing(100, 90, 10, None), held=10.0)
    pocket.take(1.0, NOW + IDLE_BRIEF)

    assert pocket.surplus(NOW + IDLE_BRIEF) == 0.0
    assert pocket.surplus(NOW + 2 * IDLE_BRIEF) == 7.0


def test_a_part_of_a_call_is_never_kept() -> None:
    """What is too little for one more call serves nobody here."""
    pocket = stood(TOKENS, held=1_000.0)
    pocket.size = 3_000.0

    assert pocket.surplus(NOW + IDLE_BRIEF) == 1_000.0


def test_calls_that_cost_nothing_keep_nothing() -> None:
    """A price of zero is no reason to divide by it."""
    pocket = stood(meter("usd", 5.0, Once()), held=1.0)
    pocket.ask(0.0)
    pocket.take(0.0, NOW)

    assert pocket.lacks(0.0, NOW) is None
    assert pocket.wish(NOW) is None
    assert pocket.surplus(NOW + IDLE_BRIEF) == 1.0


def test_what_is_needed_is_not_given_back() -> None:
    """A call waits for more: what is held already is a part of it."""
    pocket = stood(TOKENS, held=500.0)
    pocket.ask(900.0)

    assert pocket.surplus(NOW + IDLE_LONG) == 0.0


def test_a_lease_without_a_word_of_the_limit_is_kept_for_a_moment_only() -> None:
    """Of a meter whose standing nobody has told, nothing is fair to keep."""
    pocket = stood(REQUESTS, held=4.0)
    pocket.standing = None

    assert pocket.fair == 0.0
    assert pocket.overdraws
    assert pocket.surplus(NOW + IDLE_BRIEF / 2) == 0.0
    assert pocket.surplus(NOW + IDLE_BRIEF) == 4.0


@pytest.mark.parametrize(("processes", "fair"), [(0, 20.0), (1, 20.0), (2, 10.0), (8, 2.0), (100, 0.0)])
def test_what_is_fair_to_hold_is_a_part_of_each_process_s_share(processes: int, fair: float) -> None:
    """A quarter of what is left, divided by all, in whole calls. Less is no overdraft."""
    pocket = stood(REQUESTS, Standing(100, 20, 10, None, processes), held=10.0)

    assert pocket.fair == fair
    assert pocket.overdraws == (fair < 10.0)


# ---------------------------------------------------------------- what is known of the limit


def test_only_what_the_store_does_not_count_yet_is_news() -> None:
    """More used than is known, or another limit; the same limit is news only once."""
    pocket = Pocket(REQUESTS)
    assert pocket.learns(Truth(REQUESTS, "header", used=0.0, limit=100.0))
    pocket.standing = Standing(100, 10, 5, None)

    assert not pocket.learns(Truth(REQUESTS, "header", used=15.0, limit=100.0))
    assert pocket.learns(Truth(REQUESTS, "header", used=16.0))
    assert pocket.learns(Truth(REQUESTS, "header", used=0.0, limit=90.0))
    assert not pocket.learns(Truth(REQUESTS, "header", used=0.0, limit=90.0))


def test_a_closed_limit_makes_what_is_held_worthless() -> None:
    """The provider refuses whoever spends it: all of it is spare, and what was heard before is void."""
    pocket = stood(REQUESTS, Standing(100, 91, 9, NOW + 60), held=9.0)

    assert pocket.learns(Truth(REQUESTS, "error", until=NOW + 9, foreseen=False))
    assert (pocket.held, pocket.returning) == (0.0, 9.0)
    assert pocket.lacks(9.0, NOW) == Lack(pocket, 9.0, None)
    assert pocket.give_back(NOW) == 9.0
    assert pocket.give_back(NOW) == 0.0


@pytest.mark.parametrize(
    ("standing", "held", "share"),
    [
        (None, 0.0, 1.0),
        (Standing(100, 40, 10, None), 0.0, 0.5),
        (Standing(100, 40, 10, None), 10.0, 0.6),
        (Standing(100, 120, 10, None), 0.0, 0.0),
        (Standing(0, 0, 0, None), 0.0, 0.0),
        (Standing(4, 0, 0, None), -2.0, 1.0),
    ],
)
def test_how_much_of_a_limit_is_left(standing: Standing | None, held: float, share: float) -> None:
    """What is held here is left to us; a limit of nothing has nothing left."""
    pocket = Pocket(REQUESTS)
    pocket.standing, pocket.held = standing, held

    assert pocket.share_left == pytest.approx(share)


def test_who_was_used_up_and_has_room_again_says_so_once() -> None:
    """So that an event may be made of it."""
    pocket = Pocket(REQUESTS)

    def hears(used: float) -> bool:
        pocket.standing = Standing(100, used, 0, NOW)
        return pocket.reopened()

    assert [hears(used) for used in (50, 100, 100, 20, 20)] == [False, False, False, True, False]


def test_what_goes_back_is_not_held_any_more() -> None:
    """What lies idle, and at the end what flies as well: the store is told of each unit once."""
    idle, flying = stood(REQUESTS, held=9.0), stood(FLIGHT, held=3.0)
    flying.take(1.0, NOW)

    assert (idle.give_back(NOW + IDLE_LONG), idle.held) == (9.0, 0.0)
    assert (flying.give_back(NOW, last=True), flying.held) == (3.0, -1.0)


def test_what_is_told_is_on_its_way() -> None:
    """Until the store has answered, it counts as if it were noted still."""
    pocket = stood(REQUESTS, Standing(100, 90, 10, NOW + 60), held=10.0)
    pocket.take(10.0, NOW)

    assert [*pocket.tell().values()] == [[10.0, 10.0]]
    assert pocket.on_its_way == (10.0, 10.0)
    assert noted(pocket) == []
    assert pocket.lacks(1.0, NOW) == Lack(pocket, 1.0, NOW + 60)
