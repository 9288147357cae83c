"""How fit lanes are: by what was learned and what is left, and not reckoned more often than it changes."""

from __future__ import annotations

from racer.core.fitness import KEPT, Fitness
from racer.core.latency import Latencies
from racer.core.lessons import key_of
from racer.core.purse import Purse
from racer.core.quota import Standing, Tidings
from racer.core.span import Rolling
from tests.core.lanes import lane
from tests.core.till import meter

NOW = 1_800_000_000.0
A, B = lane("a/m"), lane("b/m")
MINUTE = meter("requests", 10.0, Rolling(60.0))


def fitness(latencies: Latencies, purse: Purse) -> Fitness:
    """`a` has a limit of ten a minute, `b` has none."""
    return Fitness(latencies, purse, lambda each: (MINUTE,) if each is A else ())


def taught(latencies: Latencies, seconds: float) -> None:
    for _ in range(100):
        latencies.of(key_of(A)).observe(at=NOW, first_token=0.1, total=seconds, ended="answered", tokens=10)


def test_slow_lanes_and_used_limits_are_worse() -> None:
    """Where nothing is known of a limit, nothing of it is used."""
    latencies, purse = Latencies(), Purse()
    fit = fitness(latencies, purse)
    slow, used = fit.forms([A, B], NOW)[A.id]
    assert (slow, 0) == fit.forms([A, B], NOW)[B.id]
    assert used == 0

    taught(latencies, 0.2)
    purse.pocket(MINUTE)
    purse.receive(Tidings({}, {MINUTE.name: Standing(10.0, 7.0, 0.0, NOW + 60)}), NOW)
    faster, used = fit.forms([A, B], NOW + KEPT)[A.id]
    assert faster < slow
    assert used == 0.7


def test_it_is_reckoned_once_a_second() -> None:
    """And anew when the clock was set back: lengths, too."""
    latencies = Latencies()
    fit = fitness(latencies, Purse())
    before, long = fit.forms([A], NOW), fit.length(A)
    taught(latencies, 0.2)

    assert fit.forms([A], NOW + KEPT / 2) is before
    assert fit.length(A) == long
    assert fit.forms([A], NOW - 1)[A.id] < before[A.id]
    assert fit.length(A) < long
