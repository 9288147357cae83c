"""Facts kept for a while, and told to whoever looks on."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from racer.core.facts import ClockJumped
from racer.logs import fields_of, name_of
from racer.server.live import Live, Reader
from tests.racer.server.rooms import WON, over, started


def nobody() -> None:
    """Nobody waits."""


def told(data: bytes) -> list[dict[str, str]]:
    """The fields of each event."""
    blocks = data.decode().split("\n\n")
    assert blocks.pop() == ""
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]


def numbers(data: bytes) -> list[int]:
    return [int(each["id"].split("-")[1]) for each in told(data)]


def test_names_and_fields_of_the_log() -> None:
    """And when it was."""
    live, reader = Live("life"), Reader(None, nobody)
    live.join(reader)
    for fact in WON:
        live.observe(fact, 1000.12345)

    events = told(live.take(reader))

    assert [each["event"] for each in events] == [name_of(fact) for fact in WON]
    assert [each["id"] for each in events] == [f"life-{number}" for number in range(1, 6)]
    assert [orjson.loads(each["data"]) for each in events] == [
        {"event": name_of(fact), "at": 1000.1235, **fields_of(fact)} for fact in WON
    ]
    assert live.take(reader) == b""


def test_one_race_alone() -> None:
    """What was before is told first: somebody has asked, and looks on a moment later."""
    live = Live("life")
    for fact in (started("x"), started("y"), ClockJumped(1.0)):
        live.observe(fact, 1.0)
    of_one, of_all = Reader("x", nobody), Reader(None, nobody)
    live.join(of_one)
    live.join(of_all)
    live.observe(over(race="x"), 2.0)
    live.observe(over(race="y"), 2.0)

    assert numbers(live.take(of_one)) == [1, 4]
    assert numbers(live.take(of_all)) == [4, 5]


def test_a_slow_reader_loses_the_oldest() -> None:
    """It is told how many, and is woken for each."""
    woken: list[int] = []
    live, reader = Live("life"), Reader(None, lambda: woken.append(1), most=3)
    live.join(reader)
    for _ in range(10):
        live.observe(ClockJumped(1.0), 1.0)

    first, *others = told(live.take(reader))

    assert (first["event"], orjson.loads(first["data"])) == ("lost", {"event": "lost", "count": 7})
    assert "id" not in first
    assert [each["id"] for each in others] == ["life-8", "life-9", "life-10"]
    assert (live.lost, len(woken)) == (7, 10)


@given(st.integers(0, 30), st.integers(1, 8), st.integers(0, 40))
def test_going_on_where_it_was(count: int, kept: int, seen: int) -> None:
    """Whatever it has seen: each event once, in order, and what is not kept any more is counted."""
    live, reader = Live("life", kept=kept), Reader(None, nobody)
    for _ in range(count):
        live.observe(ClockJumped(1.0), 1.0)
    live.join(reader, f"life-{seen}")
    lost = reader.lost

    assert numbers(live.take(reader) if not lost else live.take(reader).split(b"\n\n", 1)[1]) == list(
        range(max(seen, count - kept) + 1, count + 1)
    )
    assert lost == max(0, count - kept - seen)


def test_ids_that_are_none_of_ours() -> None:
    """Of a server that ran before, all that is kept is news; and so it is where nobody can read the id."""
    live = Live("life")
    live.observe(ClockJumped(1.0), 1.0)
    for last in ("other-7", "life-", "life-x", "life-²", "x" * 99, "life-" + "9" * 5000):
        reader = Reader(None, nobody)
        live.join(reader, last)
        assert numbers(live.take(reader)) == ([] if last.endswith("9") else [1]), last


def test_leaving() -> None:
    """Nobody is told who is gone."""
    live, reader = Live("life"), Reader(None, nobody)
    live.join(reader)
    assert live.readers == 1
    live.leave(reader)
    live.observe(ClockJumped(1.0), 1.0)

    assert (live.readers, live.take(reader)) == (0, b"")
