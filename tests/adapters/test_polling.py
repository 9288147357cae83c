"""racer_adapters/polling.py: soon at first, then seldom."""

from __future__ import annotations

from racer_adapters.polling import LONGEST, SHORTEST, pause


def test_pauses_grow_and_stay_bounded() -> None:
    """However often a job was looked at."""
    pauses = [pause(looks) for looks in range(50)]

    assert pauses[0] == SHORTEST
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST
    assert pause(10**6) == LONGEST


def test_a_job_of_two_seconds_is_looked_at_a_few_times() -> None:
    """Few enough for a provider's limits, and the last pause is no large part of the wait."""
    looks, waited = 0, 0.0
    while waited < 2.0:
        waited += pause(looks)
        looks += 1

    assert looks == 6
    assert waited < 2.1
