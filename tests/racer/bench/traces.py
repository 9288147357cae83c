"""Traces for tests, and databases that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.bench.trace import Place, Recorded, Seen, trace_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from racer.bench.trace import Trace

BEGAN = 1_800_000_000.0
GAP = 20.0


def seen(lane: str = "a/m", took: float = 1.0, **more: object) -> Seen:
    """It answered after a second with ten tokens, and was not streamed, unless it is said otherwise."""
    usual: dict[str, object] = {"at": BEGAN, "start": 0.0, "tokens": 10}
    return Seen(lane, took=took, **{**usual, **more})  # type: ignore[arg-type]


def race(number: int, *ran: Seen, at: float | None = None, **more: object) -> Recorded:
    """Race `number`, `GAP` seconds behind the one before; the first that has answered has won it.

    Where one lane ran, another might have, of which nothing is known.
    """
    when = BEGAN + number * GAP if at is None else at
    attempts = tuple(_moved(each, when) for each in ran)
    winner = next((each for each in attempts if each.answered), None)
    lanes = tuple(dict.fromkeys(each.lane for each in ran))
    usual: dict[str, object] = {
        "policy": "one",
        "width": 4,
        "deadline": 30.0,
        "ending": "exhausted" if winner is None else "won",
        "latency": max((each.took for each in ran), default=0.0) if winner is None else winner.took,
        "lanes": lanes if len(lanes) != 1 else (*lanes, "z/m"),
        "winner": winner and winner.lane,
        "prompt": 25,
    }
    return Recorded(f"r{number:04}", when, seen=attempts, **{**usual, **more})  # type: ignore[arg-type]


def _moved(each: Seen, at: float) -> Seen:
    return Seen(each.lane, at, each.start, each.took, each.first, each.error, each.stopped, each.tokens)


def trace(races: Sequence[Recorded]) -> Trace:
    """Of the lanes that are in it."""
    return trace_of(races, places(each.lane for race in races for each in race.seen))


def places(lanes: Iterable[str]) -> dict[str, Place]:
    parts = {lane: lane.split("/") for lane in lanes}
    return {lane: Place(provider, model, provider) for lane, (provider, model) in parts.items()}


def put(connection: sqlite3.Connection, races: Iterable[Recorded]) -> None:
    """As racer writes them down."""
    for each in races:
        lanes = "[" + ", ".join(f'"{lane}"' for lane in each.lanes) + "]"
        known = (each.id, each.at, each.policy, each.width, each.deadline, lanes)
        ended = (each.ending or None, each.latency, len(each.seen), each.winner)
        connection.execute(
            "INSERT INTO races"
            " (id, at, owner, policy, width, deadline, lanes, ending, latency, attempts, winner)"
            " VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*known, *ended),
        )
        for number, ran in enumerate(each.seen):
            put_attempt(connection, each, number, ran)


def put_attempt(connection: sqlite3.Connection, race: Recorded, number: int, ran: Seen) -> None:
    provider, model = ran.lane.split("/")
    outcome = "won" if ran.answered else "lost" if ran.stopped else "failed"
    status = None if ran.error is None else ran.error.status
    reason = None if ran.error is None else str(ran.error)
    names = (ran.lane, provider, model, provider)
    what = (outcome, reason, status, ran.took, ran.first, race.prompt, ran.tokens)
    connection.execute(
        "INSERT INTO attempts"
        " (race, number, at, owner, lane, provider, model, account, start, outcome, reason, status,"
        " latency, first_token, input_tokens, output_tokens)"
        " VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (race.id, number, race.at + ran.start, *names, ran.start, *what),
    )
