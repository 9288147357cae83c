"""What lanes are known for: against known distributions, and by rules that hold for any history."""

from __future__ import annotations

import math
import random
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.core.latency import Ended, LaneStats, Latencies, Size, size_of
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
        stats.expected(),
        stats.success,
        stats.n,
    ]


# ---------------------------------------------------------------- before anything is known


@pytest.mark.parametrize(("local", "first", "total"), [(False, 0.8, 2.5), (True, 1.3, 4.0)])
def test_a_lane_never_seen_is_what_lanes_mostly_are(local: bool, first: float, total: float) -> None:
    """Local ones start slower. One call in twenty fails."""
    stats = LaneStats(local=local)

    assert stats.n == 0
    assert first / BIN < stats.first(0.5) < first * BIN
    assert total / BIN < stats.total(0.5) < total * BIN
    assert stats.total(0.5, "small") == stats.total(0.5)
    assert stats.success == pytest.approx(0.95)
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
    good = taught(answers(*[2.0] * 100))
    bad = taught(answers(*[2.0] * 50) + failures(*[0.05] * 100))

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


@pytest.mark.parametrize(("elapsed", "overdue"), [(0.3, False), (0.99, False), (1.01, True), (200.0, True)])
def test_overdue_is_what_nearly_never_takes_so_long(elapsed: float, overdue: bool) -> None:
    """A lane of 0.1 s has not failed before a second has passed, however unusual that is."""
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


def test_what_is_loaded_takes_the_place_of_what_was_there() -> None:
    """Lanes that are not loaded stay. A dump that cannot be read changes nothing, and is told."""
    latencies = Latencies()
    for key in ("a/m", "b/m", "c/m"):
        latencies.of(key).observe(at=NOW, first_token=5.0, total=6.0, ended="answered", tokens=10)

    refused = latencies.load({"a/m": taught(answers(1.0, 2.0)).dump(), "b/m": b"nonsense"})

    assert refused == ("b/m",)
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
