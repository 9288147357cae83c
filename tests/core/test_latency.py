"""What lanes are known for: against known distributions, and by rules that hold for any history."""

from __future__ import annotations

import math
import random
import struct
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.latency import COLD_MARK, Ended, LaneStats, Latencies, Size, size_of, size_within
from racer.core.lengths import PRIOR

if TYPE_CHECKING:
    from collections.abc import Iterable

Attempt = tuple[float, float | None, float, Ended, int]

BIN = 2**0.25
DAY = 86_400.0
NOW = 1_800_000_000.0
TENTH = 1.2815515655446004  # standard deviations from the median to the p90
SHARES = (0.01, 0.25, 0.5, 0.9, 0.95, 0.99)
SIZES: tuple[Size | None, ...] = (None, "small", "medium", "large")

SECONDS = st.floats(0.0, 200.0)
INSTANTS = st.floats(NOW - 3 * DAY, NOW + 3 * DAY) | st.floats(-1e12, 1e12)
ATTEMPTS: st.SearchStrategy[list[Attempt]] = st.lists(
    st.tuples(
        st.floats(NOW, NOW + 3600.0),
        st.none() | SECONDS,
        SECONDS,
        st.sampled_from(["answered", "failed", "stopped"]),
        st.integers(0, 5000),
    ),
    max_size=40,
)


def taught(attempts: Iterable[Attempt]) -> LaneStats:
    stats = LaneStats()
    for at, first_token, total, ended, tokens in attempts:
        stats.observe(at=at, first_token=first_token, total=total, ended=ended, tokens=tokens)
    return stats


def answers(*totals: float, at: float = NOW, tokens: int = 0) -> list[Attempt]:
    return [(at, total / 2, total, "answered", tokens) for total in totals]


def alike(first: float | None, total: float, *, ended: Ended = "answered", tokens: int = 0) -> list[Attempt]:
    """A hundred of a kind."""
    return [(NOW, first, total, ended, tokens)] * 100


def failures(*totals: float, at: float = NOW) -> list[Attempt]:
    return [(at, None, total, "failed", 0) for total in totals]


def readings(stats: LaneStats) -> list[float]:
    """Everything that can be read of a lane."""
    return [
        *(stats.first(q) for q in SHARES),
        *(stats.total(q, size) for q in SHARES for size in SIZES),
        *(stats.lengths.high(q) for q in SHARES),
        *(stats.remaining(elapsed) for elapsed in (0.0, 1.0, 30.0)),
        *(stats.rest(elapsed) for elapsed in (0.0, 1.0, 30.0)),
        *(stats.expected(size) for size in SIZES),
        stats.success,
        stats.n,
    ]


def sound(stats: LaneStats) -> bool:
    """No reading is below nothing, none is without end, and none is no number."""
    ages = (-1e9, -1.0, 0.0, 0.5, 116.0, 1e9)
    left = [value for age in ages for value in (stats.remaining(age), stats.rest(age))]
    return all(math.isfinite(value) and value >= 0 for value in [*readings(stats), *left])


# ---------------------------------------------------------------- before anything is known


@pytest.mark.parametrize(
    ("local", "cold", "first", "total"),
    [(False, False, 0.4, 1.2), (True, False, 1.3, 4.0), (True, True, 6.0, 9.0), (False, True, 0.4, 1.2)],
)
def test_a_lane_never_seen_is_what_lanes_mostly_are(
    local: bool, cold: bool, first: float, total: float
) -> None:
    """Local ones start slower, and cold ones by much. One call in twenty fails."""
    stats = LaneStats(local=local, cold=cold)

    assert stats.n == 0
    assert first / BIN < stats.first(0.5) < first * BIN
    assert total / BIN < stats.total(0.5) < total * BIN
    assert stats.total(0.5, "small") == stats.total(0.5)
    assert stats.success == pytest.approx(0.95)
    assert {stats.expected(size) for size in SIZES} == {stats.expected()}
    assert stats.lengths.high() == PRIOR


# ---------------------------------------------------------------- against known distributions


@pytest.mark.parametrize("seed", range(8))
def test_percentiles_are_right_within_a_bin(seed: int) -> None:
    """Lognormal times, first token and whole answer, as the long memory has them."""
    chance = random.Random(seed)
    stats = LaneStats()
    for _ in range(3000):
        first, total = chance.lognormvariate(-1.0, 0.6), chance.lognormvariate(1.0, 0.9)
        stats.observe(at=NOW, first_token=first, total=total, ended="answered", tokens=0)
    stats.age(NOW + DAY)

    for deviations, q in ((0.0, 0.5), (TENTH, 0.9)):
        assert abs(math.log(stats.first(q)) - (-1.0 + deviations * 0.6)) < math.log(BIN)
        assert abs(math.log(stats.total(q)) - (1.0 + deviations * 0.9)) < math.log(BIN)


@pytest.mark.parametrize("seed", range(8))
def test_losers_belong_into_the_percentiles(seed: int) -> None:
    """A lane that is stopped when another answers: its p90 from wins alone is far too good."""
    chance = random.Random(seed)
    honest, naive = LaneStats(), LaneStats()
    for _ in range(4000):
        own, other = chance.lognormvariate(0.0, 0.7), chance.lognormvariate(0.0, 0.9)
        won = own <= other
        honest.observe(
            at=NOW,
            first_token=None,
            total=min(own, other),
            ended="answered" if won else "stopped",
            tokens=0,
        )
        if won:
            naive.observe(at=NOW, first_token=None, total=own, ended="answered", tokens=0)
    for stats in (honest, naive):
        stats.age(NOW + DAY)
    true = TENTH * 0.7

    assert abs(math.log(honest.total(0.9)) - true) < math.log(BIN)
    assert math.log(naive.total(0.9)) < true - 1.5 * math.log(BIN)


def test_expected_time_is_the_mean() -> None:
    """Of a lane that never fails: within the width of a bin."""
    chance = random.Random(1)
    stats = taught(answers(*(chance.lognormvariate(0.5, 0.5) for _ in range(3000))))
    stats.age(NOW + DAY)

    assert stats.expected() == pytest.approx(math.exp(0.5 + 0.5**2 / 2), rel=0.12)


# ---------------------------------------------------------------- rules for any history


@given(ATTEMPTS)
def test_percentiles_are_monotone(attempts: list[Attempt]) -> None:
    """A greater share takes at least as long, for the first token and for each size."""
    stats = taught(attempts)

    for size in SIZES:
        assert all(
            stats.total(low, size) <= stats.total(high, size) * (1 + 1e-12) for low, high in pairwise(SHARES)
        )
    assert all(stats.first(low) <= stats.first(high) * (1 + 1e-12) for low, high in pairwise(SHARES))
    assert 0 <= stats.success <= 1


@given(ATTEMPTS, SECONDS, st.sampled_from(["stopped", "failed"]), st.integers(0, 1000))
def test_no_answer_is_no_news_of_speed(
    attempts: list[Attempt], elapsed: float, ended: Ended, tokens: int
) -> None:
    """A stop, or a failure, only ever moves percentiles up."""
    stats = taught(attempts)
    stats.age(NOW + 3600.0)
    before = [stats.first(q) for q in SHARES], [stats.total(q, size) for q in SHARES for size in SIZES]

    stats.observe(at=NOW + 3600.0, first_token=None, total=elapsed, ended=ended, tokens=tokens)

    after = [stats.first(q) for q in SHARES], [stats.total(q, size) for q in SHARES for size in SIZES]
    for was, is_ in zip(before, after, strict=True):
        assert all(new >= old * (1 - 1e-9) for old, new in zip(was, is_, strict=True))


@given(ATTEMPTS, SECONDS)
def test_a_stop_makes_no_lane_overdue(attempts: list[Attempt], elapsed: float) -> None:
    """What is not overdue at some age is not so after one more stop either."""
    stats = taught(attempts)
    stats.age(NOW + 3600.0)
    before = [stats.overdue(age) for age in (2.0, 5.0, 20.0, 60.0)]

    stats.observe(at=NOW + 3600.0, first_token=None, total=elapsed, ended="stopped", tokens=0)

    after = [stats.overdue(age) for age in (2.0, 5.0, 20.0, 60.0)]
    assert all(was or not is_ for was, is_ in zip(before, after, strict=True))


@given(ATTEMPTS, ATTEMPTS)
def test_what_is_loaded_is_what_was_dumped(attempts: list[Attempt], later: list[Attempt]) -> None:
    """To the last bit, and it learns on as the other does. It always fits into 4 KiB."""
    stats = taught(attempts)
    data = stats.dump()
    loaded = LaneStats.load(data)

    assert len(data) < 4096
    assert loaded.dump() == data == stats.dump()
    assert readings(loaded) == readings(stats)
    for at, first_token, total, ended, tokens in later:
        for each in (stats, loaded):
            each.observe(at=at, first_token=first_token, total=total, ended=ended, tokens=tokens)
    assert readings(loaded) == readings(stats)
    assert loaded.dump() == stats.dump()


@given(ATTEMPTS)
def test_a_dump_changes_nothing_that_matters(attempts: list[Attempt]) -> None:
    """What is rounded is rounded by less than anybody can see."""
    stats, dumped = taught(attempts), taught(attempts)
    dumped.dump()

    assert readings(dumped) == pytest.approx(readings(stats), rel=1e-3)


@given(st.binary(max_size=5000))
def test_other_bytes_are_refused(data: bytes) -> None:
    """Whatever they are."""
    with pytest.raises(ValueError, match="learned of a lane"):
        LaneStats.load(data)


@pytest.mark.parametrize(
    ("offset", "written"),
    [
        (0, b"lat2"),
        (4, struct.pack("<d", -1.0)),
        (4, struct.pack("<d", math.nan)),
        (4, struct.pack("<d", math.inf)),
        (4, struct.pack("<d", 2.0**53 + 2)),
        (400, struct.pack("<f", -1.0)),
        (400, struct.pack("<f", math.nan)),
        (400, struct.pack("<f", 1e9)),
    ],
)
def test_a_dump_that_was_spoilt_is_refused(offset: int, written: bytes) -> None:
    """The right length is not enough: form, count and every number are looked at."""
    data = taught(answers(1.0)).dump()
    spoilt = data[:offset] + written + data[offset + len(written) :]

    with pytest.raises(ValueError, match="not what was learned"):
        LaneStats.load(spoilt)


def test_a_dump_after_years_is_taken_again() -> None:
    """Rounding to 4 bytes lets no number grow past what is believed."""
    stats = LaneStats()
    for count in range(12_000):
        stats.observe(at=NOW, first_token=30.0, total=100.0, ended="answered", tokens=64)
        if count % 500 == 0:
            stats = LaneStats.load(stats.dump())

    assert stats.n == 12_000
    assert stats.total(0.5) == pytest.approx(100.0, rel=0.2)


# ---------------------------------------------------------------- forgetting


def test_what_is_recent_counts_most() -> None:
    """A lane that has been fast a thousand times and slow for the last forty is slow."""
    stats = taught(answers(*[1.0] * 1000))
    fast = stats.total(0.5)

    for attempt in answers(*[8.0] * 40):
        stats.observe(at=attempt[0], first_token=4.0, total=8.0, ended="answered", tokens=0)

    assert fast < 1.2
    assert stats.total(0.5) > 5.0


def test_what_is_recent_fades_with_time() -> None:
    """After hours without a call a lane is again what it mostly was."""
    stats = taught(answers(*[1.0] * 1000) + answers(*[8.0] * 40))
    slow = stats.total(0.5)

    stats.age(NOW + 20 * 60)
    sooner = stats.total(0.5)
    stats.age(NOW + DAY)

    assert slow > sooner > stats.total(0.5)
    assert stats.total(0.5) < 1.3


def test_the_long_memory_forgets_too() -> None:
    """After some thousands of attempts nothing of the old ones is left."""
    stats = taught(answers(*[30.0] * 1000) + answers(*[1.0] * 6000))
    stats.age(NOW + DAY)

    assert stats.total(0.95) < 1.3


def test_short_stops_do_not_wipe_out_the_tail() -> None:
    """Only attempts that got as far teach anything of late bins, so these are not forgotten for others."""
    chance = random.Random(3)
    stats = taught(answers(*(chance.lognormvariate(0.0, 0.9) for _ in range(1000))))
    alone = stats.remaining(5.0)

    for _ in range(5000):
        stats.observe(at=NOW, first_token=None, total=0.1, ended="stopped", tokens=0)

    assert stats.remaining(5.0) == pytest.approx(alone)


def test_a_clock_that_goes_back_changes_nothing() -> None:
    """What was known stays known, and attempts are still counted."""
    stats = taught(answers(*[1.0] * 10))
    before = readings(stats)

    stats.age(NOW - DAY)

    assert readings(stats) == before
    stats.observe(at=NOW - DAY, first_token=0.5, total=1.0, ended="answered", tokens=0)
    assert stats.n == 11


def test_what_is_told_late_does_not_make_the_rest_older() -> None:
    """A batch that had waited half an hour for its store, between attempts of now."""
    stats, alike_ = taught(answers(*[8.0] * 40)), taught(answers(*[8.0] * 40))
    for each, at in ((stats, NOW - 1800), (alike_, NOW)):
        each.observe(at=at, first_token=4.0, total=8.0, ended="answered", tokens=0)
        each.age(NOW + 60)

    assert readings(stats) == readings(alike_)


@pytest.mark.parametrize("years", [1, 30, 1e9])
def test_a_date_in_the_future_is_not_waited_for(years: float) -> None:
    """A database from a machine whose clock was ahead: what is recent there fades from now on."""
    stats = taught(answers(*[1.0] * 1000) + answers(*[8.0] * 40))
    stats.age(NOW)
    slow = stats.total(0.5)
    ahead = bytearray(stats.dump())
    ahead[12:20] = struct.pack("<q", int((NOW + years * 365 * DAY) // 60))
    loaded = LaneStats.load(bytes(ahead))

    loaded.age(NOW)
    assert loaded.total(0.5) == pytest.approx(slow, rel=1e-3)
    loaded.age(NOW + DAY)

    assert loaded.total(0.5) < 1.3
    assert loaded.dump()[12:20] == struct.pack("<q", int((NOW + DAY) // 60))


@given(st.integers(-(2**63), 2**63 - 1), INSTANTS)
def test_any_date_can_be_loaded(step: int, at: float) -> None:
    """However far from now it is, to both sides."""
    data = bytearray(taught(answers(1.0, 2.0)).dump())
    data[12:20] = struct.pack("<q", step)
    stats = LaneStats.load(bytes(data))
    stats.observe(at=at, first_token=0.5, total=1.0, ended="answered", tokens=9)

    assert sound(stats)
    assert abs(struct.unpack("<q", stats.dump()[12:20])[0] - at // 60) <= 60


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            INSTANTS,
            st.none() | st.floats(-100.0, 300.0),
            st.floats(-100.0, 300.0),
            st.sampled_from(["answered", "failed", "stopped"]),
            st.integers(-5, 10**6),
        ),
        max_size=30,
    )
)
def test_clocks_may_do_what_they_like(
    history: list[tuple[bool, float, float | None, float, Ended, int]],
) -> None:
    """In whatever order instants come, also where an attempt seems to have ended before its start."""
    stats = LaneStats()
    for attempt, at, first_token, total, ended, tokens in history:
        if attempt:
            stats.observe(at=at, first_token=first_token, total=total, ended=ended, tokens=tokens)
        else:
            stats.age(at)
    data = stats.dump()
    loaded = LaneStats.load(data)

    assert sound(stats)
    assert stats.n == sum(attempt for attempt, *_ in history)
    assert loaded.dump() == data
    assert readings(loaded) == readings(stats)


# ---------------------------------------------------------------- what attempts teach


def test_an_answer_in_one_piece_had_its_first_token_at_its_end() -> None:
    """Nothing was to be seen before."""
    stats = taught(alike(None, 3.0))

    assert 3.0 / BIN < stats.first(0.5) < 3.0 * BIN


def test_a_first_token_counts_whatever_comes_after() -> None:
    """A lane that is stopped in the middle of its answer has shown how fast it begins."""
    stats = taught(alike(0.2, 3.0, ended="stopped"))

    assert stats.first(0.5) < 0.2 * BIN
    assert stats.total(0.5) > 3.0


def test_to_fail_fast_is_not_to_be_fast() -> None:
    """Percentiles are of answers; what counts failures says that this lane is bad."""
    good = taught(answers(*[0.5] * 100))
    bad = taught(answers(*[0.5] * 50) + failures(*[0.05] * 100))

    assert bad.total(0.5) >= good.total(0.5) * 0.99
    assert bad.success < 0.25 < 0.9 < good.success
    assert bad.expected() > good.expected()
    assert bad.expected(failover=0.0) < good.expected() < bad.expected(failover=60.0)


def test_success_is_the_share_of_answers() -> None:
    """Stopped ones aside, for nobody knows what would have become of them."""
    chance = random.Random(5)
    ended: list[Attempt] = []
    for _ in range(4000):
        total = chance.lognormvariate(0.0, 0.5)
        kind: Ended = "answered" if chance.random() < 0.7 else "failed"
        ended.append((NOW, None, min(total, 1.5), kind if total < 1.5 else "stopped", 0))
    stats = taught(ended)
    stats.age(NOW + DAY)

    assert stats.success == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize(
    ("tokens", "size"),
    [(0, "small"), (64, "small"), (65, "medium"), (512, "medium"), (513, "large")],
)
def test_sizes_of_answers(tokens: int, size: Size) -> None:
    """A line, a page, more."""
    assert size_of(tokens) == size


def test_long_answers_take_longer() -> None:
    """Each size has its own percentiles; one that was never seen has those of all."""
    stats = taught((answers(0.5, tokens=10) + answers(9.0, tokens=2000)) * 60)

    assert stats.total(0.5, "small") < 0.8
    assert stats.total(0.5, "large") > 7.0
    assert stats.total(0.5, "medium") == stats.total(0.5)


def test_what_is_expected_depends_on_the_size() -> None:
    """A size that was never seen is expected to take what all take, and failures cost the same in each."""
    stats = taught((answers(0.5, tokens=10) + answers(9.0, tokens=2000)) * 60)

    assert stats.expected("small") < 1.2 < 3.5 < stats.expected() < 6.0 < 7.0 < stats.expected("large")
    assert stats.expected("medium") == stats.expected()
    assert stats.expected("small", failover=0.0) < stats.expected("small") < stats.expected("small", 60.0)


def test_of_a_size_little_known_the_whole_speaks() -> None:
    """A single long answer moves what is expected of long ones, and not far."""
    stats = taught(answers(*[1.0] * 200))
    before = stats.expected("large")

    stats.observe(at=NOW, first_token=0.5, total=20.0, ended="answered", tokens=2000)

    assert before < stats.expected("large") < before + 3.0


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_a_slow_spell_of_one_size_fades_too(size: Size) -> None:
    """Else a lane that nobody asks any more would be slow for ever."""
    tokens = {"small": 10, "medium": 100, "large": 1000}[size]
    stats = taught(answers(*[1.0] * 1000) + answers(*[15.0] * 40, tokens=tokens))
    slow = stats.expected(size)

    stats.age(NOW + DAY)

    assert slow > 10.0
    assert stats.expected(size) == pytest.approx(stats.expected())
    assert stats.expected(size) < 3.0


@pytest.mark.parametrize(
    ("most", "size"),
    [(None, None), (0, "small"), (1, "small"), (64, "small"), (65, "medium"), (512, "medium"), (513, None)],
)
def test_a_cap_may_tell_the_size(most: int | None, size: Size | None) -> None:
    """Where much is allowed, nothing is known: most answers are far shorter than their cap."""
    assert size_within(most) == size


def test_a_loser_is_of_its_winners_size() -> None:
    """What is stopped late, where the winner's answer was long, makes long answers slower and no others."""
    stats = taught(answers(1.0, tokens=2000) * 20)
    large, small = stats.total(0.9, "large"), stats.total(0.9, "small")

    for _ in range(20):
        stats.observe(at=NOW, first_token=0.5, total=4.0, ended="stopped", tokens=2000)

    assert stats.total(0.9, "large") - large > stats.total(0.9, "small") - small > 0


def test_only_answers_say_how_long_answers_are() -> None:
    """What a loser is told of its winner is no answer of its model."""
    stats = taught(alike(None, 1.0, ended="stopped", tokens=5000))
    assert stats.lengths.high() == PRIOR

    taught_too = taught(answers(*[1.0] * 100, tokens=5000))
    assert taught_too.lengths.high() > 5000


# ---------------------------------------------------------------- late and overdue


def test_the_longer_nothing_comes_the_longer_it_will_take() -> None:
    """The tail is heavy: a lane with half its first tokens late is waited for in vain."""
    stats = taught([(NOW, first, first + 1, "answered", 0) for first in [0.3] * 95 + [20.0] * 5])

    assert stats.remaining(0.0) < 3.0
    assert stats.remaining(1.0) > 5.0
    assert stats.remaining(200.0) == 200.0


def test_what_is_left_of_an_attempt_falls_to_its_end_and_rises_behind() -> None:
    """Of the whole answer, not of its first token. At its start it is what is expected, failures aside."""
    stats = taught([(NOW, 0.2, total, "answered", 0) for total in [4.0] * 95 + [60.0] * 5])
    at_first = stats.rest(0.0)

    assert at_first == pytest.approx(stats.expected(failover=0.0))
    assert at_first - 1.1 < stats.rest(1.0) < at_first - 0.5
    assert stats.rest(3.0) > stats.remaining(0.0)
    assert stats.rest(6.0) > 2 * at_first
    assert stats.rest(200.0) == 200.0


def test_a_lane_that_nobody_asks_is_forgotten_after_some_hours() -> None:
    """One that never ran is; one that ran often is remembered for longer."""
    hour, once, often = 3600.0, taught(answers(1.0)), taught(answers(*[1.0] * 40))
    assert LaneStats().forgotten
    for after, forgotten in ((3 * hour, (False, False)), (5 * hour, (True, False)), (7 * hour, (True, True))):
        for stats in (once, often):
            stats.age(NOW + after)
        assert forgotten == (once.forgotten, often.forgotten)


def test_an_answer_that_was_not_streamed_says_nothing_of_its_first_token() -> None:
    """A lane that has nobody beside it is asked for all at once: its end is not when it began."""
    alone, streamed = LaneStats(), LaneStats()
    for stats, piecewise in ((alone, False), (streamed, True)):
        for _ in range(50):
            stats.observe(
                at=NOW, first_token=None, total=9.0, ended="answered", tokens=10, streamed=piecewise
            )

    assert alone.first(0.9) == LaneStats().first(0.9) < streamed.first(0.9)
    assert alone.total(0.5) == streamed.total(0.5)


def test_a_lane_that_fails_has_less_left() -> None:
    """A failure is an end, too: nobody pays for more of it."""
    stats = taught(answers(*[8.0] * 50) + failures(*[0.5] * 100))

    assert stats.rest(0.0) + 0.5 < stats.expected() < 4.0


@pytest.mark.parametrize(("elapsed", "overdue"), [(0.2, False), (0.24, False), (0.3, True), (200.0, True)])
def test_overdue_is_what_seldom_takes_so_long(elapsed: float, overdue: bool) -> None:
    """A lane of 0.1 s is not late before a quarter of a second has passed, however unusual that is."""
    stats = taught(alike(0.1, 0.2) * 5)

    assert stats.overdue(elapsed) is overdue


def test_a_lane_that_is_often_late_is_not_overdue_so_soon() -> None:
    """It is its own past that it is measured by."""
    stats = taught([(NOW, first, first, "answered", 0) for first in [0.5] * 80 + [15.0] * 20])

    assert not stats.overdue(10.0)
    assert LaneStats().overdue(10.0)


# ---------------------------------------------------------------- all lanes


def test_each_lane_has_its_own() -> None:
    """By key; what one has taught says nothing of another."""
    latencies = Latencies()
    for _ in range(50):
        latencies.of("a/m").observe(at=NOW, first_token=5.0, total=6.0, ended="answered", tokens=10)

    assert latencies.of("a/m").n == 50
    assert latencies.of("a/m").first(0.5) > 4.0
    assert readings(latencies.of("b/m")) == readings(LaneStats())


def test_local_providers_have_a_prior_of_their_own() -> None:
    """Also where what was learned is loaded."""
    latencies = Latencies(local={"ollama"})
    latencies.load({"ollama/b": LaneStats().dump()})

    for key in ("ollama/a", "ollama/b"):
        assert readings(latencies.of(key)) == readings(LaneStats(local=True))
    assert readings(latencies.of("groq/a")) == readings(LaneStats())


def test_cold_models_have_one_too() -> None:
    """By their key alone, whether loaded or not; a model elsewhere of such a name is not cold."""
    latencies = Latencies(local={"ollama"})
    latencies.load({f"ollama/b{COLD_MARK}": LaneStats().dump()})

    for model in "ab":
        assert readings(latencies.of(f"ollama/{model}{COLD_MARK}")) == readings(
            LaneStats(local=True, cold=True)
        )
    assert readings(latencies.of("ollama/a")) == readings(LaneStats(local=True))
    assert readings(latencies.of(f"groq/a{COLD_MARK}")) == readings(LaneStats())


def test_what_is_loaded_takes_the_place_of_what_was_there() -> None:
    """Lanes that are not loaded stay. A dump that cannot be read changes nothing, and is told."""
    latencies = Latencies()
    for key in ("a/m", "b/m", "c/m"):
        latencies.of(key).observe(at=NOW, first_token=5.0, total=6.0, ended="answered", tokens=10)

    known = taught(answers(1.0, 2.0)).dump()
    nonsense: dict[Any, Any] = {"b/m": b"nonsense", "c/m": "text", "d/m": 5, b"e/m": known}

    refused = latencies.load({"a/m": known} | nonsense)

    assert refused == tuple(nonsense)
    assert [latencies.of(key).n for key in ("a/m", "b/m", "c/m")] == [2, 1, 1]


def test_a_lane_that_is_looked_at_is_as_old_as_now() -> None:
    """Its recent trouble fades while nobody calls it."""
    latencies = Latencies()
    latencies.load({"a/m": taught(answers(*[1.0] * 1000) + answers(*[9.0] * 40)).dump()})
    slow = latencies.of("a/m").total(0.5)

    assert latencies.of("a/m", at=NOW + DAY).total(0.5) < slow / 2


def test_what_others_have_learned_is_taken_over() -> None:
    """Whole: it holds what this process has told them, too."""
    known, told = Latencies(), LaneStats()
    known.of("a/m")
    told.observe(at=0.0, first_token=0.1, total=0.2, ended="answered", tokens=3)

    known.know({"a/m": told})

    assert known.of("a/m") is told
