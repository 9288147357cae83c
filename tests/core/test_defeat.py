"""A race without a winner: which error, one friendly sentence first, every lane with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from racer.core.defeat import advice, broken, defeat, nobody
from racer.core.field import Skipped
from racer.core.heat import Ending, Outcome
from racer.core.provider import Account, Provider
from racer.core.reply import Attempt
from racer.errors import BadRequest, DeadlineExceeded, RaceLost, RacerError
from racer_adapters.errors import Kind, WireError

RATE = WireError(Kind.RATE, "slow down", status=429, retry_after=7.0)
BROKEN = WireError(Kind.SERVER, "broken", status=500)
REFUSED = WireError(Kind.BAD_REQUEST, "no such field", status=400)
INFINITY = float("inf")


def failed(lane: str, why: WireError) -> Attempt:
    provider, _, model = lane.partition("/")
    return Attempt(lane, provider, model, 0.0, 1.0, Outcome.FAILED, str(why), why.status)


def running(lane: str) -> Attempt:
    provider, _, model = lane.partition("/")
    return Attempt(lane, provider, model, 0.0, 1.0, Outcome.LOST)


def lost(*failures: tuple[str, WireError], ending: Ending = Ending.EXHAUSTED, left: str = "") -> RacerError:
    attempts = [failed(lane, why) for lane, why in failures] + [running(lane) for lane in left.split()]
    return defeat(ending, attempts, failures, 20.0)


# ---------------------------------------------------------------- the endings


def test_every_lane_failed() -> None:
    """One friendly sentence, then each lane that ran with its reason."""
    error = lost(("a/m", RATE), ("b/m", BROKEN))

    assert type(error) is RaceLost
    first, *lanes = str(error).splitlines()
    assert first.startswith("all 2 lanes failed. Everything is used up for now: pass wait=")
    assert lanes == [
        "  a/m: rate 429: slow down",
        "  b/m: server 500: broken",
    ]
    assert [attempt.lane for attempt in error.attempts] == ["a/m", "b/m"]


def test_a_lone_lane_failed() -> None:
    """One lane is not called all; one that ran twice is one."""
    for failures in ([("a/m", BROKEN)], [("a/m", RATE), ("a/m", BROKEN)]):
        assert str(lost(*failures)).startswith("the only lane that could run failed. ")


def test_the_deadline_came_first() -> None:
    """What had failed by then has its reason; the rest was still running."""
    error = lost(("a/m", BROKEN), ending=Ending.EXPIRED, left="b/m c/m")

    assert isinstance(error, DeadlineExceeded)
    assert isinstance(error, TimeoutError)
    assert str(error).splitlines() == [
        "no valid reply within 20 s. Raise deadline=, or let faster lanes run.",
        "  a/m: server 500: broken",
        "  b/m: still running",
        "  c/m: still running",
    ]
    assert len(error.attempts) == 3


def test_two_providers_call_the_request_wrong() -> None:
    """The caller's fault, in the words of the last who said so; no other reason is mistaken for theirs."""
    another = WireError(Kind.BAD_REQUEST, "unknown field x", status=422)
    error = lost(("a/m", REFUSED), ("b/m", another), ("c/m", BROKEN), ending=Ending.REFUSED, left="d/m")

    assert isinstance(error, BadRequest)
    assert str(error).splitlines() == [
        "two providers agree that the request is wrong: unknown field x",
        "  a/m: bad_request 400: no such field",
        "  b/m: bad_request 422: unknown field x",
        "  c/m: server 500: broken",
        "  d/m: still running",
    ]
    assert len(error.attempts) == 4


@pytest.mark.parametrize("ending", [Ending.EXHAUSTED, Ending.EXPIRED, Ending.REFUSED])
def test_the_cause_is_a_group_with_a_member_for_each_failure(ending: Ending) -> None:
    """In the order of the failures; each says its lane and keeps its kind, status and wait."""
    cause = cast("ExceptionGroup[WireError]", lost(("a/m", RATE), ("b/m", REFUSED), ending=ending).__cause__)

    assert type(cause) is ExceptionGroup
    assert list(cause.exceptions) == [
        WireError(Kind.RATE, "a/m: slow down", status=429, retry_after=7.0),
        WireError(Kind.BAD_REQUEST, "b/m: no such field", status=400),
    ]


def test_without_a_failure_there_is_no_cause() -> None:
    """A group must not be empty: the deadline came before anybody had failed."""
    assert lost(ending=Ending.EXPIRED, left="a/m").__cause__ is None


# ---------------------------------------------------------------- the advice


ADVICE: list[tuple[list[Kind], str]] = [
    ([Kind.AUTH, Kind.AUTH], "Every key was refused"),
    ([Kind.CREDIT], "No account has money left"),
    ([Kind.RATE], "Everything is used up for now"),
    ([Kind.CREDIT, Kind.QUOTA, Kind.RATE], "Everything is used up for now"),
    ([Kind.DNS, Kind.CONNECT, Kind.TLS, Kind.REDIRECT], "Nothing could be reached"),
    ([Kind.INVALID], "Every lane answered, but no reply passed the checks"),
    ([Kind.NO_MODEL, Kind.DENIED], "These models are not to be had"),
    ([Kind.TOO_LONG], "The prompt is too long for each"),
    ([Kind.BLOCKED], "Every provider withheld its reply"),
    ([Kind.BAD_REQUEST], "The provider calls the request wrong"),
    ([Kind.TIMEOUT], "All were too slow"),
    ([Kind.LOCAL], "This machine is at fault"),
    ([Kind.RATE, Kind.RATE, Kind.TIMEOUT], "Everything is used up for now"),
    ([Kind.QUOTA, Kind.SERVER], "Everything is used up for now"),
    ([Kind.SERVER, Kind.SERVER, Kind.RATE], "Try again"),
    ([Kind.SERVER], "Try again"),
    ([Kind.AUTH, Kind.TIMEOUT], "Try again"),
    ([], "Try again"),
]


@pytest.mark.parametrize(("kinds", "words"), ADVICE)
def test_what_to_do(kinds: list[Kind], words: str) -> None:
    """Where the lanes agree, or most are used up, the advice is for that; else it is to try again."""
    assert advice(kinds).startswith(words)


@pytest.mark.parametrize("kind", sorted(Kind))
def test_the_advice_is_one_sentence(kind: Kind) -> None:
    """For people: one line, with a stop at its end."""
    text = advice([kind])

    assert text.isprintable()
    assert text[-1] in ".?"
    assert ". " not in text


# ---------------------------------------------------------------- nobody could start


OLLAMA = Provider("ollama", "ollama", "http://localhost:11434", accounts=(Account("ollama"),))
CATALOGUE = [OLLAMA, *(Provider(f"p{number}", "openai", "https://p.test") for number in range(20))]
KEYLESS = [Skipped(f"p{number}", f"no key: set P{number}_API_KEY") for number in range(20)]
NO_OLLAMA = Skipped("ollama", "nothing answers at http://localhost:11434")


def test_a_newcomer_with_nothing() -> None:
    """Twenty providers without a key are one line; the help says how to begin; `skipped` has them all."""
    error = nobody(CATALOGUE, [NO_OLLAMA, *KEYLESS], None, 0.0)

    first, *left_out = str(error).splitlines()
    assert first.startswith(
        "no lane can run. Set a key, such as GROQ_API_KEY, in the environment or in .env; or"
    )
    assert first.endswith("start Ollama (`ollama serve`); or see a race without either: `racer demo`.")
    assert left_out == [
        "  ollama: nothing answers at http://localhost:11434",
        "  p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11 and 8 more: no key",
    ]
    assert error.until is None
    assert error.help in str(error)
    assert len(error.skipped) == 21
    assert error.skipped[1] == ("p0", "no key: set P0_API_KEY")


def test_a_few_without_a_key_are_told_what_to_write() -> None:
    """With few of them there is room for the name of each variable."""
    error = nobody(CATALOGUE[:3], [NO_OLLAMA, *KEYLESS[:2]], None, 0.0)

    assert str(error).splitlines()[1:] == [
        "  ollama: nothing answers at http://localhost:11434",
        "  p0: no key: set P0_API_KEY",
        "  p1: no key: set P1_API_KEY",
    ]


def test_nothing_at_all() -> None:
    """A configuration without a single provider."""
    assert str(nobody([], [], None, 0.0)).startswith("no lane can run. Set a key, such as GROQ_API_KEY")


def test_of_a_whole_catalogue_the_usual_reasons_are_short() -> None:
    """Not enabled and retired, too: their notes would fill the page; what is unusual is told in full."""
    many = [
        Skipped("old", "retired: closed in 2025"),
        Skipped("older", "retired: closed in 2024"),
        Skipped("off", "not enabled"),
        Skipped("half", "the address needs ACCOUNT_ID"),
        *KEYLESS[:3],
    ]

    assert str(nobody(CATALOGUE, many, None, 0.0)).splitlines()[1:] == [
        "  old, older: retired",
        "  off: not enabled",
        "  half: the address needs ACCOUNT_ID",
        "  p0, p1, p2: no key",
    ]


def test_lanes_that_were_not_wanted() -> None:
    """Lanes are there, and what was asked leaves none of them: change that."""
    skipped = [Skipped("ollama/a", "not in only"), Skipped("ollama/b", "cannot do vision")]
    error = nobody([OLLAMA], skipped, None, 0.0)

    first, *left_out = str(error).splitlines()
    assert first.startswith(
        "no lane can run. Change what only, exclude, private or the request itself demands"
    )
    assert left_out == [
        "  ollama/a: not in only",
        "  ollama/b: cannot do vision",
    ]


def test_a_key_that_was_refused() -> None:
    """It does not come back by waiting, and no wish stands in the way."""
    skipped = [Skipped("a/m", "auth: bad key", INFINITY), Skipped("b/m", "not in only")]
    error = nobody(CATALOGUE, skipped, None, 0.0)

    assert str(error).startswith("no lane can run. A key was refused: put the right one in its place")
    assert "  a/m: auth: bad key" in str(error)


UNTIL: list[tuple[float, str, str]] = [
    (-3.0, "1 s from now", "Pass wait=1 to wait for it, or add the key of another provider."),
    (0.2, "1 s from now", "Pass wait=1 to wait for it"),
    (5.0, "5 s from now", "Pass wait=5 to wait for it"),
    (14.2, "14 s from now", "Pass wait=15 to wait for it"),
    (59.5, "60 s from now", "Pass wait=60 and a deadline= beyond that to wait for it"),
    (600.0, "10 min from now", "Pass wait=600 and a deadline= beyond that to wait for it"),
    (3600.0, "60 min from now", "Pass wait=3600 and a deadline= beyond that to wait for it"),
    (10_800.0, "3 h from now", "Ask again then, or add the key of another provider."),
    (2_678_400.0, "31 days from now", "Ask again then"),
]


@pytest.mark.parametrize(("seconds", "when", "what"), UNTIL)
def test_until_when_and_what_would_help(seconds: float, when: str, what: str) -> None:
    """How long, in words; a wait that would really bring the lane back; no wait where that is too long."""
    now = 1_800_000_000.0
    error = nobody([OLLAMA], [Skipped("ollama/a", "rate: slow down", 5.0)], now + seconds, now)

    first, second = str(error).splitlines()
    assert first.startswith(f"no lane can run before {when}. {what}")
    assert second == "  ollama/a: rate: slow down"
    assert error.until == now + seconds


def test_lanes_that_rested_are_named_after_those_that_failed() -> None:
    """Who could not even start is a part of the story: each with what keeps it out."""
    error = WireError(Kind.SERVER, "broken", status=500)
    attempts, reasons = [failed("b/m", error)], [("b/m", error)]

    lost = defeat(Ending.EXHAUSTED, attempts, reasons, 60.0, [Skipped("a/m", "auth: bad key")])

    assert isinstance(lost, RaceLost)
    assert str(lost).splitlines()[1:] == ["  b/m: server 500: broken", "  a/m: not tried: auth: bad key"]


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("the database racer.db has no room left (disk is full)", "counted before it is sent"),
        ("too large: about 9,000 tokens, and its limit is 5,000 tokens a minute", "Make the prompt shorter"),
    ],
)
def test_what_keeps_every_lane_out_for_good_has_its_own_advice(reason: str, advice: str) -> None:
    """A key is not always to blame."""
    error = nobody((), [Skipped("a/m", reason, float("inf"))], None, 0.0)

    assert advice in str(error)


# ---------------------------------------------------------------- streams


@pytest.mark.parametrize(
    ("resume", "mends", "kind", "words"),
    [
        (False, True, Kind.RESET, "broke off after 1,234 characters. Pass resume=True to have another lane"),
        (True, True, Kind.RESET, "broke off after 1,234 characters. No other lane could go on from there."),
        (True, True, Kind.INVALID, "broke off after 1,234 characters. No other lane could go on from there."),
        (True, False, Kind.RESET, "broke off after 1,234 characters. Nobody could go on from there."),
        (False, False, Kind.LOCAL, "broke off after 1,234 characters. Nobody could go on from there."),
        (False, False, Kind.INVALID, "the reply was turned down when 1,234 characters of it had been read."),
    ],
)
def test_a_stream_that_broke_off(resume: bool, mends: bool, kind: Kind, words: str) -> None:
    """How much there is of it, what to do about it, and each failure; those that were halted have none."""
    why = WireError(kind, "gone")
    attempts = [failed("a/m", why), running("b/m"), replace(running("d/m"), resumed_at=1234)]
    rested = [Skipped("c/m", "used up")]

    error = broken("x" * 1234, attempts, [("a/m", why)], rested, resume=resume, mends=mends)

    assert words in str(error)
    assert f"\n  a/m: {kind}: gone" in str(error)
    assert ("\n  d/m: had not gone on yet\n  c/m: not tried: used up" in str(error)) is (resume and mends)
    assert "x" * 1234 == error.text
    assert isinstance(error.__cause__, ExceptionGroup)


def test_a_stream_that_was_stopped_without_a_failure_has_no_cause() -> None:
    """Nothing to group."""
    assert broken("x", [], [], resume=True, mends=False).__cause__ is None
