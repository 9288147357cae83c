"""A fact as a line: its name, its level, its fields, and nothing that does not belong in a log."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr
from dataclasses import fields, replace
from typing import Any, get_args

import orjson
import pytest

from racer.core.facts import (
    CacheHit,
    ClockJumped,
    CoolDownEnded,
    CoolDownStarted,
    Fact,
    FieldsDropped,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    QuotaAlert,
    QuotaExhausted,
    QuotaReset,
    RaceEnded,
    RaceStarted,
    StoreHealed,
    StoreTroubled,
)
from racer.core.heat import Ending, Outcome
from racer.core.provider import Account
from racer.core.reply import Attempt
from racer.core.tax import Tax
from racer.core.view import Why
from racer.errors import ConfigError
from racer.hearers import Hearers
from racer.logs import LEVELS, fields_of, level_of, lines, name_of, observer
from racer.recorder import KEPT
from racer_adapters.secret import Secret
from racer_adapters.types import Usage
from tests.core.lanes import lane

KEY = "test-key-" + "x" * 12
A = replace(lane("a/m"), account=Account("a:A_KEY", Secret(KEY)))


def attempt(outcome: Outcome, **more: Any) -> Attempt:
    return Attempt("a/m", "a", "m", 0.0, 1.23456, outcome, usage=Usage(3, 4), **more)


def ended(outcome: Outcome, **more: Any) -> LaneEnded:
    return LaneEnded("r", 0, A, attempt(outcome, **more))


START = RaceStarted("r", "all", 4, 60.0, (A,), (("b/m", "excluded"),))
COOLED = CoolDownStarted("r", "account a", 115.04, 15.04, "rate: slow down")

LINES: list[tuple[Fact, str, str, dict[str, Any]]] = [
    (START, "race.started", "debug", {"policy": "all", "width": 4, "lanes": ["a/m"]}),
    (
        LaneStarted("r", 0, A, 0.12345, 0.35678, Why.LATE),
        "lane.started",
        "debug",
        {"lane": "a/m", "offset": 0.1235, "price": 0.3568, "why": "late"},
    ),
    (FieldsDropped("r", A, ("seed",)), "lane.dropped", "warning", {"lane": "a/m", "fields": ["seed"]}),
    (LaneFirstToken("r", 0, A, 1.0, 0.98765), "lane.first_token", "debug", {"lane": "a/m", "after": 0.9877}),
    (ended(Outcome.WON), "lane.won", "info", {"lane": "a/m", "latency": 1.2346}),
    (ended(Outcome.LOST), "lane.lost", "debug", {"lane": "a/m", "latency": 1.2346}),
    (ended(Outcome.LATE), "lane.late", "debug", {"lane": "a/m", "latency": 1.2346}),
    (
        ended(Outcome.FAILED, reason="server 500: broken", status=500),
        "lane.failed",
        "info",
        {"lane": "a/m", "latency": 1.2346, "reason": "server 500: broken", "status": 500},
    ),
    (
        RaceEnded("r", Ending.WON, 1.23456, 3, A, tax=Tax(3, 2, 412, 0.5, 1.31234)),
        "race.won",
        "info",
        {
            "ending": "won",
            "latency": 1.2346,
            "attempts": 3,
            "winner": "a/m",
            "extra_requests": 2,
            "saved": 1.3123,
        },
    ),
    *(
        (
            RaceEnded("r", ending, 2.0, 1),
            "race.lost",
            "info",
            {
                "ending": ending.value,
                "latency": 2.0,
                "attempts": 1,
                "winner": None,
                "extra_requests": 0,
                "saved": 0.0,
            },
        )
        for ending in Ending
        if ending is not Ending.WON
    ),
    (
        COOLED,
        "cooldown.started",
        "warning",
        {"scope": "account a", "seconds": 15.0, "reason": "rate: slow down"},
    ),
    (
        replace(COOLED, until=float("inf"), seconds=float("inf")),
        "cooldown.started",
        "warning",
        {"scope": "account a", "seconds": None, "reason": "rate: slow down"},
    ),
    (CoolDownEnded("r", "account a"), "cooldown.ended", "info", {"scope": "account a"}),
    (
        CacheHit("r", "5f0c", 12.34567, shared=True),
        "cache.hit",
        "info",
        {"entry": "5f0c", "age": 12.346, "shared": True},
    ),
]
METER = "groq requests/day"
MIDNIGHT = 1_795_219_200.0
AROUND: list[tuple[Fact, str, str, dict[str, Any]]] = [
    (
        QuotaAlert(METER, 0.75, 750.00001, 1000.0, MIDNIGHT),
        "quota.alert",
        "warning",
        {"meter": METER, "limit": 1000.0, "share": 0.75, "used": 750.0, "resets_at": "2026-11-21T00:00:00Z"},
    ),
    (
        QuotaAlert(METER, 0.75, 750.0, 1000.0, None, brief=True),
        "quota.alert",
        "info",
        {"meter": METER, "limit": 1000.0, "share": 0.75, "used": 750.0, "resets_at": None},
    ),
    (
        QuotaExhausted(METER, 1000.0, None, foreseen=False),
        "quota.exhausted",
        "warning",
        {"meter": METER, "limit": 1000.0, "resets_at": None, "foreseen": False},
    ),
    (
        QuotaExhausted(METER, 5.0, float("inf"), foreseen=True),
        "quota.exhausted",
        "warning",
        {"meter": METER, "limit": 5.0, "resets_at": None, "foreseen": True},
    ),
    (QuotaReset(METER, 1000.0), "quota.reset", "info", {"meter": METER, "limit": 1000.0}),
    (StoreTroubled("disk full", 2), "store.troubled", "error", {"reason": "disk full", "lost": 2}),
    (StoreHealed(30.04), "store.healed", "info", {"after": 30.0}),
    (ClockJumped(-3600.04), "clock.jumped", "warning", {"seconds": -3600.0}),
]
NAMES = [f"{row[1]}-{number}" for number, row in enumerate(LINES)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class FullDisk(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(28, "no space left on device")


def logged(
    *facts: Fact, to: io.StringIO | None = None, style: str | None = None, level: str | None = None
) -> str:
    """What goes to stderr. None is a variable that is not set."""
    stream = to or io.StringIO()
    environ = {"RACER_LOG": style, "RACER_LOG_LEVEL": level}
    with redirect_stderr(stream):
        write = observer({name: value for name, value in environ.items() if value is not None})
        for fact in facts:
            if write is not None:
                write(fact)
    return stream.getvalue()


# ---------------------------------------------------------------- a fact as a line


@pytest.mark.parametrize(("fact", "name", "level", "more"), LINES, ids=NAMES)
def test_what_is_said_of_a_fact(fact: Fact, name: str, level: str, more: dict[str, Any]) -> None:
    """The contract's name, a level that fits, and the fields, the race's id first."""
    assert name_of(fact) == name
    assert level_of(fact) == LEVELS[level]
    assert fields_of(fact) == {"race": "r", **more}


@pytest.mark.parametrize(("fact", "name", "level", "more"), AROUND, ids=[row[1] for row in AROUND])
def test_what_is_said_of_limits_store_and_clock(
    fact: Fact, name: str, level: str, more: dict[str, Any]
) -> None:
    """They belong to no race. An instant is text in UTC, null where it never comes."""
    [line] = logged(fact, style="json", level="debug").splitlines()
    told = orjson.loads(line)

    assert told.pop("timestamp")
    assert told == {"event": name, "level": level, **more}
    assert level_of(fact) == LEVELS[level]


def test_every_fact_has_a_line() -> None:
    """None is missing in the tables above, so none lacks a name, a level or fields."""
    assert {type(fact) for fact, *_ in (*LINES, *AROUND)} == set(get_args(Fact))


def test_the_names_are_the_contracts() -> None:
    """Each event that the contract names, and four more: what a lane could not be told, store and clock."""
    assert {name_of(fact) for fact, *_ in (*LINES, *AROUND)} == {
        "lane.dropped",
        "race.started",
        "lane.started",
        "lane.first_token",
        "lane.won",
        "lane.lost",
        "lane.failed",
        "lane.late",
        "race.won",
        "race.lost",
        "cooldown.started",
        "cooldown.ended",
        "quota.alert",
        "quota.exhausted",
        "quota.reset",
        "cache.hit",
        "store.troubled",
        "store.healed",
        "clock.jumped",
    }


@pytest.mark.parametrize("fact", [row[0] for row in LINES], ids=NAMES)
def test_a_line_holds_no_key_and_nothing_said(fact: Fact) -> None:
    """Fields are names, numbers and reasons; a lane is its id, so its account's key is far away."""
    told = fields_of(fact)
    plain = all(value is None or isinstance(value, (str, int, float, list)) for value in told.values())

    assert plain
    assert KEY not in str(told)
    assert not {"prompt", "messages", "text", "reply", "key", "headers"} & set(told)


def test_no_record_of_an_attempt_holds_what_was_said() -> None:
    """An attempt counts tokens; it has no field for texts that could reach a log later."""
    assert {"text", "reasoning", "tool_calls", "messages"}.isdisjoint(each.name for each in fields(Attempt))


# ---------------------------------------------------------------- json


@pytest.mark.parametrize(("fact", "name", "level", "more"), LINES, ids=NAMES)
def test_a_line_of_json(fact: Fact, name: str, level: str, more: dict[str, Any]) -> None:
    """One object a line, which a strict reader takes: event, level, timestamp, and the fields."""
    [line] = logged(fact, level="debug").splitlines()
    told = orjson.loads(line)

    assert told.pop("timestamp").endswith("Z")
    assert told == {"event": name, "level": level, "race": "r", **more}


def test_a_server_cannot_forge_a_line() -> None:
    """A line break in a reason stays within its line."""
    forged = ended(Outcome.FAILED, reason='server: broken\n{"event": "race.won"}')
    [line] = logged(forged, level="info").splitlines()

    assert orjson.loads(line)["event"] == "lane.failed"


# ---------------------------------------------------------------- console


def test_a_line_for_people() -> None:
    """On a terminal: the name and the fields, in colour."""
    line = logged(COOLED, to=Terminal())

    assert "cooldown.started" in line
    assert "rate: slow down" in line
    assert "\x1b[" in line


@pytest.mark.parametrize(
    "fact",
    [
        ended(Outcome.FAILED, reason="server: broken\x1b[2J\r\nracer: all is well"),
        LaneStarted("r", 0, lane("a/m\x1b[2J"), 0.0),
        replace(START, lanes=(lane("a/m\x9b2J"),)),
    ],
    ids=["a reason", "a model's name", "names in a list"],
)
def test_a_server_cannot_steer_the_terminal(fact: Fact) -> None:
    """Names of models and reasons come from outside: control characters are shown, not sent."""
    [line] = logged(fact, style="console", level="debug").splitlines()

    assert line.isprintable()


# ---------------------------------------------------------------- the environment


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", ["lane.started", "lane.won", "cooldown.started"]),
        ("info", ["lane.won", "cooldown.started"]),
        ("INFO", ["lane.won", "cooldown.started"]),
        ("warning", ["cooldown.started"]),
        ("", ["cooldown.started"]),
        ("error", []),
    ],
)
def test_the_level_decides_what_is_written(level: str, events: list[str]) -> None:
    """RACER_LOG_LEVEL; unset or empty it is `warning`."""
    told = logged(LaneStarted("r", 0, A, 0.0), ended(Outcome.WON), COOLED, level=level)

    assert [orjson.loads(line)["event"] for line in told.splitlines()] == events


def test_the_level_is_warning_when_nothing_is_set() -> None:
    """Without any variable only what somebody should know of is written."""
    assert logged(ended(Outcome.WON)) == ""
    assert "cooldown.started" in logged(COOLED)


@pytest.mark.parametrize(
    ("style", "to", "is_json"),
    [
        ("json", Terminal(), True),
        ("JSON", Terminal(), True),
        ("console", io.StringIO(), False),
        ("", Terminal(), False),
        ("", io.StringIO(), True),
    ],
)
def test_the_style_is_asked_for_or_fits_the_reader(style: str, to: io.StringIO, is_json: bool) -> None:
    """RACER_LOG; unset or empty, people on a terminal get the console and programs get JSON."""
    assert logged(COOLED, to=to, style=style).startswith("{") is is_json


def test_the_console_has_no_colour_in_a_file() -> None:
    """Escape codes are for terminals alone."""
    assert "\x1b" not in logged(COOLED, style="console")


def test_off_is_no_observer() -> None:
    """Nothing to call is cheaper than something that writes nothing."""
    assert observer({"RACER_LOG": "off"}) is None


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"RACER_LOG": "xml"}, "RACER_LOG is 'xml': use json, console, off"),
        ({"RACER_LOG_LEVEL": "loud"}, "RACER_LOG_LEVEL is 'loud': use debug, info, warning, error"),
        ({"RACER_LOG": "off", "RACER_LOG_LEVEL": "loud"}, "RACER_LOG_LEVEL is 'loud'"),
    ],
)
def test_an_unknown_word_is_named(environ: dict[str, str], words: str) -> None:
    """A wrong variable is an error of configuration that says what may be written."""
    with pytest.raises(ConfigError) as caught:
        observer(environ)

    assert str(caught.value).startswith(words)


# ---------------------------------------------------------------- where it is written


def test_a_program_without_stderr_logs_nothing() -> None:
    """Under pythonw there is none, and a race is no worse for it."""
    with redirect_stderr(None):
        assert observer({}) is None


def test_a_full_disk_ends_no_race() -> None:
    """A line that cannot be written is lost; the fact goes on to the next observer."""
    assert logged(COOLED, COOLED, to=FullDisk()) == ""


def test_structlog_is_loaded_at_the_first_line() -> None:
    """A program that logs nothing does not pay for it."""
    program = """
import sys
from racer.core.facts import CoolDownEnded
from racer.logs import observer
write = observer({"RACER_LOG": "json", "RACER_LOG_LEVEL": "info"})
print("structlog" in sys.modules)
observer({"RACER_LOG": "json"})(CoolDownEnded("r", "account a"))
print("structlog" in sys.modules)
write(CoolDownEnded("r", "account a"))
print("structlog" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.split() == ["False", "False", "True"]
    assert "cooldown.ended" in ran.stderr


def test_what_a_lane_cannot_be_told_is_said_once() -> None:
    """Not at every call; but another lane, or other fields, are news."""
    first, other = FieldsDropped("r", A, ("seed",)), FieldsDropped("r", A, ("stop",))

    lines = logged(first, first, other, first, style="json").splitlines()

    assert [orjson.loads(line)["fields"] for line in lines] == [["seed"], ["stop"]]


def test_what_is_no_fact() -> None:
    """It is written in the same form, from the same level on, and nothing in it steers a terminal."""
    to = io.StringIO()
    with redirect_stderr(to):
        write = lines({"RACER_LOG": "json", "RACER_LOG_LEVEL": "info"})
        assert write is not None
        write("debug", "http.detail", {})
        write("info", "http.request", {"status": 200, "route": "/\x1b[2J"})
        write("error", "http.failed", {})

    request, failed = (orjson.loads(row) for row in to.getvalue().splitlines())
    assert (request["event"], request["level"], request["status"]) == ("http.request", "info", 200)
    assert request["route"] == r"'/\x1b[2J'"
    assert (failed["event"], failed["level"]) == ("http.failed", "error")


def test_no_lines() -> None:
    """Switched off there are none, and a full disk ends nothing."""
    assert lines({"RACER_LOG": "off"}) is None
    with redirect_stderr(FullDisk()):
        write = lines({"RACER_LOG": "json"})
        assert write is not None
        write("error", "http.failed", {})
    with pytest.raises(ConfigError, match="RACER_LOG_LEVEL is 'loud'"):
        lines({"RACER_LOG_LEVEL": "loud"})


@pytest.mark.parametrize(
    ("level", "unheard"),
    [
        ("debug", set[type[Fact]]()),
        ("info", {RaceStarted, LaneStarted, LaneFirstToken}),
        ("warning", KEPT),
        ("error", KEPT),
    ],
)
def test_what_is_never_written_is_not_heard(level: str, unheard: set[type[Fact]]) -> None:
    """Of what happens in every race; all else is, whatever the level."""
    log = observer({"RACER_LOG_LEVEL": level, "RACER_LOG": "json"})
    assert log is not None
    hearers = Hearers([log])
    assert unheard == {kind for kind in get_args(Fact) if not hearers[kind]}
