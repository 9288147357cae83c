"""How much may be asked at once and in a minute."""

from __future__ import annotations

import pytest

from racer.core.heat import Outcome
from racer.server.audience import Trail, following
from racer.server.guard import LOCAL, Holder
from racer.server.question import Refused
from racer.server.visitors import Visitors
from racer_adapters.types import Usage
from tests.racer.server.rooms import ends, started


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def refused(visitors: Visitors, holder: Holder = LOCAL) -> Refused:
    with pytest.raises(Refused) as caught, visitors.admitted(holder):
        pass
    return caught.value


def test_all_together() -> None:
    """Beyond the cap clients come again in a moment; who leaves makes room."""
    visitors = Visitors(2, Watch())

    with visitors.admitted(LOCAL), visitors.admitted(Holder("a")):
        told = refused(visitors)
        assert visitors.in_flight == 2
    with visitors.admitted(LOCAL):
        assert visitors.in_flight == 1

    assert (told.status, told.retry_after, told.code) == (429, 1, "rate_limit_exceeded")
    assert visitors.in_flight == 0


def test_places_of_one_token() -> None:
    """One that is full leaves room for the others."""
    visitors, few = Visitors(10, Watch()), Holder("few", in_flight=1)

    with visitors.admitted(few), visitors.admitted(LOCAL):
        told = refused(visitors, few)

    assert told.status == 429
    assert "1 requests in flight" in told.message


def test_requests_of_a_minute() -> None:
    """Any sixty seconds, not those of a clock; what was refused does not count."""
    watch = Watch()
    visitors, holder = Visitors(10, watch), Holder("slow", requests_per_minute=2)
    for _ in range(2):
        with visitors.admitted(holder):
            watch.now += 10

    waits: list[int | None] = []
    for _ in range(2):
        waits.append(refused(visitors, holder).retry_after)
        watch.now += 19.5
    watch.now = 160
    with visitors.admitted(holder):
        pass

    assert waits == [40, 21]
    assert refused(visitors, holder).retry_after == 10


def test_what_was_used() -> None:
    """By token, since the server began."""
    visitors = Visitors(10, Watch())
    with visitors.admitted(Holder("a", in_flight=1)), following(Trail("a")):
        refused(visitors, Holder("a", in_flight=1))
        for fact in (started(), ends(usage=Usage(3, 4)), ends(Outcome.LOST, usage=Usage(1, 1))):
            visitors.observe(fact)
        visitors.observe(ends(Outcome.FAILED, usage=None))
        assert visitors.account("a").in_flight == 1
    visitors.observe(ends(usage=Usage(9, 9)))

    (told,) = visitors.accounts.values()
    assert (told.requests, told.refused, told.in_flight) == (1, 1, 0)
    assert (told.input_tokens, told.output_tokens) == (4, 5)


def test_a_visit_that_fails() -> None:
    """Its place is free again."""
    visitors = Visitors(1, Watch())

    with pytest.raises(ZeroDivisionError), visitors.admitted(LOCAL):
        _ = 1 / 0

    assert visitors.in_flight == visitors.account("local").in_flight == 0
