"""Facts become rows: each attempt one, ended once, summed up when it ends; nothing hostile breaks a row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from racer.core.facts import (
    CoolDownEnded,
    Fact,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    RaceEnded,
    RaceStarted,
    StoreHealed,
)
from racer.core.heat import Ending, Outcome
from racer.core.reply import Attempt
from racer.core.view import Why
from racer.store.figures import MOST
from racer.store.records import give_up, write
from racer.store.text import LONGEST_NAME, LONGEST_REASON
from racer_adapters.types import Usage
from tests.core.lanes import lane
from tests.racer.store.tables import NOW, database, rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from racer.core.provider import Lane

A, B = lane("a/m"), lane("b/n", account="second")
SKIPPED = (("c/m", "no key: set C_API_KEY"), ("d/m", "excluded"))
DAYS = """day, provider, model, account, calls, won, lost, failed, late, input_tokens, output_tokens,
    answer_input, answer_output, usd FROM days ORDER BY day, provider"""
ATTEMPTS = (
    f"race, number, at - {NOW}, lane, outcome, latency, first_token FROM attempts ORDER BY race, number"
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = database()
    yield connection
    connection.close()


def started(race: str = "r") -> RaceStarted:
    return RaceStarted(race, "all", 4, 60.0, (A, B), SKIPPED)


def ended(
    number: int, who: Lane, outcome: Outcome, latency: float = 1.0, *, race: str = "r", **more: Any
) -> LaneEnded:
    names = who.id, who.provider.name, who.model.name
    return LaneEnded(race, number, who, Attempt(*names, 0.25 * number, latency, outcome, **more))


def told(connection: sqlite3.Connection, *facts: Fact, at: float = NOW, owner: int = 7) -> None:
    """One batch: each fact half a second after the one before."""
    write(connection, owner, [(at + 0.5 * place, fact) for place, fact in enumerate(facts)])


WHOLE: tuple[Fact, ...] = (
    started(),
    LaneStarted("r", 0, A, 0.0),
    LaneStarted("r", 1, B, 0.25),
    LaneFirstToken("r", 0, A, 0.5, 0.5),
    ended(0, A, Outcome.WON, 2.0, first_token=0.5, usage=Usage(30, 40, usd=0.5)),
    ended(1, B, Outcome.LOST, 1.75, usage=Usage(30, 7, estimated=True)),
    RaceEnded("r", Ending.WON, 2.0, 2, A),
)


def test_a_race_is_one_row_with_its_end(connection: sqlite3.Connection) -> None:
    """The lanes in their order, the policy, how it ended and who has won."""
    told(connection, *WHOLE)

    assert rows(connection, f"id, at - {NOW}, owner, policy, width, deadline, lanes FROM races") == (
        'r 0 7 all 4 60 ["a/m","b/n@second"]'
    )
    assert rows(connection, "ending, latency, attempts, winner FROM races") == "won 2 2 a/m"


def test_an_attempt_is_one_row_with_all_that_is_known_of_it(connection: sqlite3.Connection) -> None:
    """Who, when, how it ended, why, how fast, and what it used."""
    failed = ended(2, A, Outcome.FAILED, reason="rate 429: slow down", status=429)
    told(connection, *WHOLE, failed)

    assert rows(connection, ATTEMPTS) == (
        "r 0 0.5 a/m won 2 0.5\nr 1 1 b/n@second lost 1.75 None\nr 2 2.5 a/m failed 1 None"
    )
    assert rows(connection, "provider, model, account, owner, start FROM attempts WHERE number = 1") == (
        "b n second 7 0.25"
    )
    assert rows(connection, "reason, status, input_tokens, output_tokens, estimated, usd FROM attempts") == (
        "None None 30 40 0 0.5\nNone None 30 7 1 None\nrate 429: slow down 429 None None None None"
    )


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_where_a_batch_ends_makes_no_difference(connection: sqlite3.Connection, cut: int) -> None:
    """The rows are the same whether a race comes whole or in two pieces."""
    whole = database()
    told(whole, *WHOLE)
    told(connection, *WHOLE[:cut])
    told(connection, *WHOLE[cut:], at=NOW + 0.5 * cut)
    tables = [
        ATTEMPTS,
        DAYS,
        "* FROM races",
        "* FROM taxes",
        "lane, n, p50, success FROM learned ORDER BY lane",
    ]

    pieces = [rows(connection, table) for table in tables]

    assert pieces == [rows(whole, table) for table in tables]
    whole.close()


PLANNED: tuple[Fact, ...] = (
    started(),
    LaneStarted("r", 0, A, 0.0, 0.35),
    LaneStarted("r", 1, B, 0.25, 0.0, Why.LATE),
    ended(0, A, Outcome.WON),
    ended(1, B, Outcome.LOST),
)


@pytest.mark.parametrize("cut", range(len(PLANNED)))
def test_what_an_attempt_was_worth_and_why_it_started(connection: sqlite3.Connection, cut: int) -> None:
    """They come with the start of it, and no end takes them away."""
    told(connection, *PLANNED[:cut])
    told(connection, *PLANNED[cut:])

    assert rows(connection, "price, why FROM attempts ORDER BY number") == "0.35 first\n0 late"


def test_nobody_knows_why_an_attempt_started_of_which_the_end_alone_is_told(
    connection: sqlite3.Connection,
) -> None:
    """Its beginning may have been given up while the disk was full."""
    told(connection, ended(0, A, Outcome.WON))

    assert rows(connection, "price, why FROM attempts") == "None None"


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -1.0])
def test_a_price_that_is_none_is_nothing(connection: sqlite3.Connection, price: float) -> None:
    """A policy of anybody's may reckon as it likes."""
    told(connection, LaneStarted("r", 0, A, 0.0, price))

    assert rows(connection, "price FROM attempts") == "0"


def test_what_runs_is_there_and_not_summed_up(connection: sqlite3.Connection) -> None:
    """An attempt has a row from its start on; it counts when it has ended."""
    told(connection, *WHOLE[:4])

    assert rows(connection, ATTEMPTS) == ("r 0 0.5 a/m running None 0.5\nr 1 1 b/n@second running None None")
    assert rows(connection, DAYS) == ""
    assert rows(connection, "ending, winner FROM races") == "None None"


def test_an_attempt_ends_once(connection: sqlite3.Connection) -> None:
    """A second end of it changes nothing, neither the row, nor the sums, nor what is learned."""
    told(connection, *WHOLE)
    again = ended(0, A, Outcome.FAILED, 9.0, reason="again", usage=Usage(1, 1))
    before = [rows(connection, table) for table in (ATTEMPTS, DAYS, "lane, n FROM learned")]

    told(connection, LaneStarted("r", 0, A, 0.0), LaneFirstToken("r", 0, A, 3.0, 3.0), again)
    told(connection, started(), RaceEnded("r", Ending.EXPIRED, 60.0, 2))

    assert [rows(connection, table) for table in (ATTEMPTS, DAYS, "lane, n FROM learned")] == before
    assert rows(connection, "ending, winner FROM races") == "won a/m"


def test_of_two_ends_in_one_batch_the_first_counts(connection: sqlite3.Connection) -> None:
    """So that no sum counts an attempt twice."""
    told(connection, ended(0, A, Outcome.WON), ended(0, A, Outcome.LATE))

    assert rows(connection, "outcome FROM attempts") == "won"
    assert rows(connection, "calls, won, late FROM days") == "1 1 0"


def test_an_end_without_its_beginning_is_written(connection: sqlite3.Connection) -> None:
    """What began before it is told by how long it took."""
    told(connection, ended(0, A, Outcome.WON, 1.5))

    assert rows(connection, ATTEMPTS) == "r 0 -1.5 a/m won 1.5 None"


def test_days_are_sums(connection: sqlite3.Connection) -> None:
    """By day, model and account: outcomes, tokens, those of winners apart, and money."""
    told(connection, *WHOLE)
    told(connection, ended(0, A, Outcome.WON, race="s", usage=Usage(10, 20, usd=0.25)), at=NOW + 60)
    told(connection, ended(1, A, Outcome.LATE, race="s", usage=Usage(1, 2)), at=NOW + 60)
    told(connection, ended(2, A, Outcome.FAILED, race="s"), at=NOW + 60)
    told(connection, ended(3, A, Outcome.WON, race="s", usage=Usage(5, 5)), at=NOW + 86400)

    assert rows(connection, DAYS) == (
        "2027-01-15 a m a 4 2 0 1 1 41 62 40 60 0.75\n"
        "2027-01-15 b n second 1 0 1 0 0 30 7 0 0 0\n"
        "2027-01-16 a m a 1 1 0 0 0 5 5 5 5 0"
    )


def test_lists_of_skipped_lanes_are_shared(connection: sqlite3.Connection) -> None:
    """Races that have left out the same for the same reasons point to one row."""
    told(connection, started("r"), started("s"), replace(started("t"), skipped=()))
    told(connection, started("u"), replace(started("v"), skipped=SKIPPED[:1]))

    assert rows(connection, "id, skips FROM races ORDER BY id") == "r 1\ns 1\nt None\nu 1\nv 2"
    assert rows(connection, "lanes FROM skips WHERE id = 2") == '[["c/m","no key: set C_API_KEY"]]'


def test_other_facts_are_left_alone(connection: sqlite3.Connection) -> None:
    """Cool-downs and the rest have no table here."""
    told(connection, CoolDownEnded("r", "account a"), StoreHealed(1.0))
    told(connection)

    assert rows(connection, "COUNT(*) FROM attempts") == rows(connection, "COUNT(*) FROM races") == "0"


def test_who_was_kept_out_is_written_with_the_end(connection: sqlite3.Connection) -> None:
    """As a list in JSON; nothing where there was nobody, or while the race runs."""
    kept_out = (("a/m", "used up: 5 requests a day"), ("b/n@second", "rate: slow down"))
    told(connection, started("r"), started("s"), started("t"))
    told(connection, RaceEnded("r", Ending.EXHAUSTED, 0.1, 0, kept_out=kept_out))
    told(connection, RaceEnded("s", Ending.WON, 1.0, 1, A))

    assert rows(connection, "id, kept_out FROM races ORDER BY id") == (
        'r [["a/m","used up: 5 requests a day"],["b/n@second","rate: slow down"]]\ns None\nt None'
    )


# ---------------------------------------------------------------- hostile


def test_reasons_and_names_are_cut(connection: sqlite3.Connection) -> None:
    """Ten megabytes of reason do not go into the database."""
    long = lane("a/" + "m" * 10_000)
    told(connection, replace(started(), lanes=(long,), skipped=(("x" * 10_000, "y" * 10_000),)))
    told(connection, ended(0, long, Outcome.FAILED, reason="z" * 10_000_000))
    told(connection, RaceEnded("r", Ending.EXHAUSTED, 1.0, 1, kept_out=((long.id, "z" * 10_000_000),)))

    assert rows(connection, "LENGTH(reason), LENGTH(model), LENGTH(lane) FROM attempts") == (
        f"{LONGEST_REASON} {LONGEST_NAME} {LONGEST_NAME}"
    )
    assert rows(connection, "LENGTH(lanes) < 1000 FROM races") == "1"
    assert rows(connection, "LENGTH(lanes) < 3000 FROM skips") == "1"
    assert rows(connection, "LENGTH(kept_out) FROM races") == str(2 * LONGEST_NAME + len('[["",""]]'))


@pytest.mark.parametrize(
    ("hostile", "kept"),
    [
        ("'; DROP TABLE attempts; --", "'; DROP TABLE attempts; --"),
        ("half \ud83d of it", "half ? of it"),
        ("a\0b", "a\ufffdb"),
        ("größer 🏁", "größer 🏁"),
    ],
)
def test_no_text_breaks_a_row(connection: sqlite3.Connection, hostile: str, kept: str) -> None:
    """Names and reasons come from servers, in whatever state."""
    who = lane(f"a/{hostile}")
    told(connection, replace(started(), lanes=(who,), skipped=((hostile, hostile),)))
    told(connection, LaneStarted("r", 0, who, 0.0))
    told(
        connection,
        ended(0, who, Outcome.FAILED, reason=hostile),
        RaceEnded("r", Ending.WON, 1.0, 1, who, ((hostile, hostile),)),
    )

    assert rows(connection, "model, reason FROM attempts") == f"{kept} {kept}"
    assert rows(connection, "model, calls FROM days") == f"{kept} 1"
    assert rows(connection, "lane FROM learned") == rows(connection, "winner FROM races") == f"a/{kept}"
    assert rows(connection, "kept_out FROM races") == f'[["{kept}","{kept}"]]'


@pytest.mark.parametrize(
    ("usage", "kept"),
    [
        (Usage(10**30, -5, usd=float("nan")), f"{MOST} 0 0"),
        (Usage(1, 2, usd=float("inf")), "1 2 0"),
        (Usage(1, 2, usd=-1.0), "1 2 0"),
    ],
)
def test_no_number_breaks_a_sum(connection: sqlite3.Connection, usage: Usage, kept: str) -> None:
    """A dialect of anybody's may count as it likes."""
    told(connection, ended(0, A, Outcome.WON, usage=usage))

    assert rows(connection, "input_tokens, output_tokens, usd FROM days") == kept
    assert rows(connection, "input_tokens, output_tokens, usd FROM attempts") == kept


# ---------------------------------------------------------------- a process that has died


def test_what_ran_in_a_dead_process_is_lost_and_counts(connection: sqlite3.Connection) -> None:
    """It was sent. What had ended stays as it is, and so does what runs elsewhere."""
    told(connection, *WHOLE)
    told(connection, started("s"), LaneStarted("s", 0, A, 0.0), LaneStarted("s", 1, A, 0.0))
    told(connection, started("t"), LaneStarted("t", 0, A, 0.0), owner=8)

    give_up(connection, 7)

    assert rows(connection, "race, number, outcome, reason FROM attempts ORDER BY race, number") == (
        "r 0 won None\nr 1 lost None\n"
        "s 0 lost its process ended\ns 1 lost its process ended\nt 0 running None"
    )
    assert rows(connection, "id, ending FROM races ORDER BY id") == "r won\ns aborted\nt None"
    assert rows(connection, "provider, calls, won, lost FROM days ORDER BY provider") == "a 3 1 2\nb 1 0 1"


RUNS: tuple[Fact, ...] = (started(), LaneStarted("r", 0, A, 0.0), LaneStarted("r", 1, B, 0.25))
ENDS: tuple[Fact, ...] = (*WHOLE[4:6], RaceEnded("r", Ending.WON, 2.0, 2, A))
ROWS = """race, number, at, lane, start, outcome, reason, latency, first_token, input_tokens, output_tokens,
    estimated, usd FROM attempts ORDER BY number"""
EVERYTHING = (ROWS, DAYS, "* FROM races", "* FROM taxes", "lane, n, p50, success FROM learned ORDER BY lane")


def test_who_was_given_up_and_lives_tells_the_real_end(connection: sqlite3.Connection) -> None:
    """Rows, sums and lessons are those of a process that was never taken for dead."""
    whole = database()
    told(whole, *RUNS)
    told(connection, *RUNS)
    give_up(connection, 7)
    lost = rows(connection, "outcome, reason FROM attempts"), rows(connection, "calls, lost FROM days")

    told(whole, *ENDS, at=NOW + 60)
    told(connection, *ENDS, at=NOW + 60, owner=8)

    assert lost == ("lost its process ended\nlost its process ended", "1 1\n1 1")
    for table in EVERYTHING:
        assert rows(connection, table) == rows(whole, table)
    whole.close()


def test_a_late_end_counts_on_the_day_that_has_the_call(connection: sqlite3.Connection) -> None:
    """However late: the sum of another day knows nothing of it."""
    told(connection, *RUNS)
    give_up(connection, 7)
    told(connection, *ENDS, at=NOW + 86400, owner=8)

    assert rows(connection, DAYS) == (
        "2027-01-15 a m a 1 1 0 0 0 30 40 30 40 0.5\n2027-01-15 b n second 1 0 1 0 0 30 7 0 0 0"
    )


def test_a_late_end_is_the_last(connection: sqlite3.Connection) -> None:
    """What came in place of a burial's end is an end like any other."""
    told(connection, *RUNS)
    give_up(connection, 7)
    told(connection, *ENDS)
    before = [rows(connection, table) for table in EVERYTHING]

    told(connection, ended(0, A, Outcome.FAILED, 9.0), ended(1, B, Outcome.LATE, 9.0))
    told(connection, RaceEnded("r", Ending.EXPIRED, 60.0, 2))
    give_up(connection, 7)

    assert [rows(connection, table) for table in EVERYTHING] == before


def test_an_end_that_was_told_is_no_burial(connection: sqlite3.Connection) -> None:
    """A race that was aborted by its caller stays aborted, and a lane that has lost has lost."""
    told(connection, *RUNS, ended(0, A, Outcome.LOST), RaceEnded("r", Ending.ABORTED, 1.0, 1))

    told(connection, ended(0, A, Outcome.WON), RaceEnded("r", Ending.WON, 2.0, 2, A))

    assert rows(connection, "outcome FROM attempts WHERE number = 0") == "lost"
    assert rows(connection, "ending, latency FROM races") == "aborted 1"
