"""Chance: what lanes do again, what is drawn, by which weights, and that luck is the same for all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from racer.bench.chance import NEVER, Chance, Fate
from racer.bench.trace import trace_of
from racer_adapters.errors import Kind, WireError
from tests.racer.bench.traces import BEGAN, places, race, seen, trace

if TYPE_CHECKING:
    from racer.bench.trace import Seen

BROKEN = WireError(Kind.SERVER, "broken", status=500)
LATE = WireError(Kind.TIMEOUT, "no token within 10 s")
DRAWS = 400


def drawn(past: list[list[Seen]], *, asked: Seen | None = None, draws: int = DRAWS) -> list[Fate]:
    """What a/m does in many races in which it was not seen, or just `asked`, after `past` races with it.

    All are at the same time.
    """
    races = [race(number, *each, at=BEGAN) for number, each in enumerate(past)]
    races += [race(len(past), *([asked] if asked else [seen("b/m")]), at=BEGAN)]
    races += [race(1000 + number, seen("b/m"), at=BEGAN) for number in range(5)]
    last = len(past)
    return [Chance(trace(races), seed).fate(last, "a/m", 0) for seed in range(draws)]


def share(fates: list[Fate], end: float) -> float:
    return sum(fate.end == pytest.approx(end) for fate in fates) / len(fates)


# ---------------------------------------------------------------- as it was


def test_what_ran_to_its_end_is_done_again() -> None:
    """To the instant, with its first token, its length and its failure; nothing of it is drawn."""
    races = [race(0, seen(took=2.5, first=0.5, tokens=40)), race(1, seen(took=0.25, error=BROKEN))]
    chance = Chance(trace([*races, *(race(number, seen()) for number in range(2, 9))]), 1)

    assert chance.fate(0, "a/m", 0) == Fate(0.5, 2.5, None, 40)
    assert chance.fate(1, "a/m", 0) == Fate(None, 0.25, BROKEN, 10)


def test_who_was_given_up_stays_silent() -> None:
    """How long a race waits for it is the matter of that race."""
    races = [race(0, seen(took=10, error=LATE)), race(1, seen(took=12, first=2.0, error=LATE))]
    chance = Chance(trace([*races, *(race(number, seen()) for number in range(2, 9))]), 1)

    assert chance.fate(0, "a/m", 0).end == chance.fate(1, "a/m", 0).end == NEVER
    assert chance.fate(1, "a/m", 0).first == 2.0
    assert chance.fate(0, "a/m", 0).error is None


def test_the_second_call_of_a_race_is_its_own() -> None:
    """A lane that failed at first and answered when it was asked again does so; a third time is drawn."""
    races = [race(number, seen(took=0.125, error=BROKEN), seen(took=3.0)) for number in range(6)]
    chance = Chance(trace(races), 1)

    assert chance.fate(0, "a/m", 0).error == BROKEN
    assert chance.fate(0, "a/m", 1).end == 3.0
    assert not chance.fate(0, "a/m", 1).drawn
    assert chance.fate(0, "a/m", 2).drawn


# ---------------------------------------------------------------- drawn


def test_where_a_lane_did_not_run_it_does_what_it_did_elsewhere() -> None:
    """Answers and failures, each as often as they were."""
    fates = drawn([[seen(took=1.0)]] * 15 + [[seen(took=0.25, error=BROKEN)]] * 5)

    assert share(fates, 0.25) == pytest.approx(0.25, abs=0.06)
    assert {fate.error for fate in fates if fate.end == 0.25} == {BROKEN}
    assert all(fate.drawn for fate in fates)


def test_what_a_lane_did_when_nobody_else_might_run_is_known_too() -> None:
    """Of races that are not replayed, as of the others, in the order of time."""
    races = [race(number, seen("b/m"), at=BEGAN) for number in range(6)]
    alone = [race(number, seen(took=4.0), at=BEGAN - number, lanes=("a/m",)) for number in range(9)]
    found = trace_of(races, places(["a/m", "b/m"]), {}, alone)

    fates = [Chance(found, seed).fate(0, "a/m", 0) for seed in range(20)]

    assert {(fate.end, fate.drawn) for fate in fates} == {(4.0, True)}


def test_those_that_were_stopped_count_as_longer() -> None:
    """As Kaplan and Meier have it: of ten that ended at 1 s and ten stopped at 2 s, the rest took 3 s."""
    past = [[seen(took=1.0)]] * 10 + [[seen(took=2.0, stopped=True)]] * 5 + [[seen(took=3.0)]] * 5

    fates = drawn(past)

    assert share(fates, 1.0) == pytest.approx(0.5, abs=0.07)
    assert share(fates, 3.0) == pytest.approx(0.5, abs=0.07)


def test_one_that_was_stopped_early_says_nothing_of_the_others() -> None:
    """Its weight goes to all that lasted longer."""
    past = [[seen(took=0.5, stopped=True)]] * 10 + [[seen(took=1.0)]] * 5 + [[seen(took=3.0)]] * 5

    fates = drawn(past)

    assert share(fates, 1.0) == pytest.approx(0.5, abs=0.07)
    assert share(fates, 3.0) == pytest.approx(0.5, abs=0.07)


def test_who_was_stopped_in_this_race_takes_longer_than_that() -> None:
    """Only attempts that did are drawn."""
    past = [[seen(took=1.0)]] * 9 + [[seen(took=3.0)]]

    fates = drawn(past, asked=seen(took=2.0, stopped=True))

    assert share(fates, 3.0) == 1.0


def test_where_nobody_took_longer_it_ends_when_it_was_stopped() -> None:
    """That is the least that it took, and nothing more is known."""
    fates = drawn([[seen(took=1.0)]] * 9, asked=seen(took=2.0, stopped=True), draws=3)

    assert {(fate.end, fate.error) for fate in fates} == {(2.0, None)}


def test_the_first_token_of_one_that_was_stopped_is_kept() -> None:
    """What follows it is drawn, and is longer than what was seen of it."""
    past = [[seen(took=1.25, first=0.25)]] * 9 + [[seen(took=5.25, first=0.25)]]

    fates = drawn(past, asked=seen(took=3.0, first=0.75, stopped=True), draws=20)

    assert {fate.first for fate in fates} == {0.75}
    assert {fate.end for fate in fates} == {5.75}


def test_where_nobody_wrote_longer_it_ends_when_it_was_stopped() -> None:
    """The same behind a first token."""
    past = [[seen(took=1.25, first=0.25)]] * 9

    fates = drawn(past, asked=seen(took=3.0, first=0.5, stopped=True), draws=3)

    assert {(fate.first, fate.end) for fate in fates} == {(0.5, 3.0)}


def test_replies_that_break_off_and_those_that_fall_silent_are_drawn_too() -> None:
    """Each with its first token, which had come."""
    past = [[seen(took=2.0, first=0.5, error=BROKEN)]] * 5 + [[seen(took=9.0, first=0.25, error=LATE)]] * 5

    fates = drawn(past)

    ends = Counter((fate.first, fate.end, fate.error) for fate in fates)
    assert set(ends) == {(0.5, 2.0, BROKEN), (0.25, NEVER, None)}


def test_silence_is_drawn_as_silence() -> None:
    """No token, no end, no failure."""
    fates = drawn([[seen(took=10.0, error=LATE)]] * 6, draws=3)

    assert {(fate.first, fate.end, fate.error) for fate in fates} == {(None, NEVER, None)}


def test_one_that_was_stopped_while_it_wrote_is_drawn_with_a_longer_rest() -> None:
    """Its first token is what it was."""
    past = [[seen(took=1.5, first=0.5, stopped=True)]] * 30 + [[seen(took=4.25, first=0.25)]] * 3

    fates = drawn(past, draws=50)

    assert {(fate.first, fate.end) for fate in fates} == {(0.5, 4.5), (0.25, 4.25)}


def test_what_is_near_in_time_counts_most() -> None:
    """A lane that was slow this morning is not slow tonight."""
    slow = [race(number, seen(took=9.0), at=BEGAN + number) for number in range(50)]
    fast = [race(100 + number, seen(took=1.0), at=BEGAN + 40_000 + number) for number in range(50)]
    asked = [race(200 + number, seen("b/m"), at=BEGAN + 40_000) for number in range(200)]
    races = [*slow, *fast, *asked]

    chance = Chance(trace(races), 1)
    ends = Counter(chance.fate(100 + number, "a/m", 0).end for number in range(200))

    assert ends[1.0] >= 199


def test_failures_of_the_question_are_not_drawn() -> None:
    """That another prompt was too long is not this one's trouble."""
    error = WireError(Kind.TOO_LONG, "too long", status=400)

    fates = drawn([[seen(took=0.25, error=error)]] * 15 + [[seen(took=1.0)]] * 5, draws=50)

    assert {fate.end for fate in fates} == {1.0}


# ---------------------------------------------------------------- lengths


def test_a_long_answer_takes_every_lane_longer() -> None:
    """Twice the usual tokens: the time of writing is doubled, that of the first token is not."""
    races = [race(number, seen("b/m"), seen(took=2.5, first=0.5, tokens=30)) for number in range(20)]
    races.append(race(20, seen("b/m", tokens=20)))
    chance = Chance(trace(races), 1)

    assert chance.fate(20, "a/m", 0) == Fate(0.5, 4.5, None, 60, drawn=True)


def test_few_answers_do_not_say_how_long_a_lane_s_are() -> None:
    """Two short ones won, for the long ones were others': what all lanes answer is the measure then."""
    races = [race(number, seen("b/m", tokens=40)) for number in range(20)]
    races += [race(20 + number, seen("a/m", 1.5, first=0.5, tokens=10)) for number in range(5)]
    chance = Chance(trace(races), 1)

    assert chance.fate(7, "a/m", 0) == Fate(0.5, 4.5, None, 40, drawn=True)


def test_a_lane_whose_answers_nobody_counted_has_usual_ones() -> None:
    """Tokens are not known of every provider."""
    races = [race(number, seen(took=2.0, first=1.0, tokens=0)) for number in range(9)]
    chance = Chance(trace([*races, *(race(number, seen("b/m")) for number in range(9, 18))]), 1)

    fate = chance.fate(12, "a/m", 0)

    assert (fate.first, fate.end, fate.tokens) == (1.0, 2.0, 50)


def test_first_tokens_that_nobody_saw_are_reckoned_from_lengths() -> None:
    """Half a second, and a tenth for each token: that is what short and long answers tell together."""
    lengths = (5, 10, 20, 40, 30, 15, 25, 35)
    races = [race(at, seen(took=0.5 + 0.1 * tokens, tokens=tokens)) for at, tokens in enumerate(lengths)]
    chance = Chance(trace(races), 1)

    assert [chance.fate(at, "a/m", 0).first for at in range(8)] == [pytest.approx(0.5)] * 8
    assert chance.fate(3, "a/m", 0).end == 4.5


def test_first_tokens_are_reckoned_from_those_that_were_seen() -> None:
    """Where a lane has streamed some of its answers, it writes the others as fast."""
    races = [race(at, seen(took=1.5, first=0.5, tokens=10)) for at in range(6)]
    races.append(race(6, seen(took=4.0, tokens=30)))
    chance = Chance(trace(races), 1)

    assert chance.fate(6, "a/m", 0).first == pytest.approx(1.0)


def test_a_first_token_is_never_reckoned_too_early() -> None:
    """A long answer that came fast has taken its first tenth, at least, to begin."""
    races = [race(at, seen(took=1.5, first=0.5, tokens=10)) for at in range(6)]
    races.append(race(6, seen(took=2.0, tokens=900)))
    chance = Chance(trace(races), 1)

    assert chance.fate(6, "a/m", 0).first == pytest.approx(0.2)


# ---------------------------------------------------------------- luck


def test_luck_is_the_same_whoever_asks_and_when() -> None:
    """It depends on the seed, the race, the lane and which time it is asked, and on nothing else."""
    past = [race(number, seen(took=1.0 + number)) for number in range(30)]
    found = trace([*past, *(race(number, seen("b/m")) for number in range(30, 60))])
    one, other, another = Chance(found, 1), Chance(found, 1), Chance(found, 2)
    forwards = [one.fate(number, "a/m", 0) for number in range(30, 60)]
    backwards = [other.fate(number, "a/m", 0) for number in reversed(range(30, 60))]

    assert forwards == backwards[::-1]
    assert forwards == [one.fate(number, "a/m", 0) for number in range(30, 60)]
    assert forwards != [another.fate(number, "a/m", 0) for number in range(30, 60)]
    assert forwards != [one.fate(number, "a/m", 1) for number in range(30, 60)]
