"""The flags of `racer batch`, and the order that they make."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from racer.cli.batch_order import Order, describe, duration, moment, order_of
from racer.errors import BadRequest
from tests.racer.cli.shells import shell_of

if TYPE_CHECKING:
    from collections.abc import Iterator

BOTH = ["in.jsonl", "out.jsonl"]


def ordered(*argv: str, cwd: Path | None = None, now: float = 1e9) -> Order:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    describe(parser)
    return order_of(parser.parse_args(argv), shell_of(cwd=cwd), now)


def test_two_names_are_enough() -> None:
    """Everything else is left to the batch and to racer.toml."""
    assert ordered(*BOTH, cwd=Path("/x")) == Order(Path("/x/in.jsonl"), Path("/x/out.jsonl"), "out.jsonl")


def test_a_dash_is_a_stream() -> None:
    """stdin, stdout, or both."""
    both = ordered("-", "-")
    assert (both.source, both.out, both.on_stdout) == ("-", None, True)
    assert not ordered("-", "out.jsonl").on_stdout


def test_a_plan_needs_no_place_for_answers() -> None:
    """And stdout is its own then."""
    assert ordered("--plan", "in.jsonl") == Order(Path("in.jsonl"), None, "", plan=True)
    assert not ordered("--plan", "in.jsonl", "-").on_stdout


def test_the_lines_that_failed_need_their_out_alone() -> None:
    """A single name is OUT; the input can be named where it lies elsewhere now."""
    alone, both = ordered("--errors-only", "out.jsonl"), ordered("--errors-only", *BOTH)
    assert alone == Order(None, Path("out.jsonl"), "out.jsonl", errors_only=True)
    assert both.source == Path("in.jsonl")


OPTIONS: list[tuple[list[str], dict[str, Any]]] = [
    ([], {}),
    (["--resume"], {}),
    (["--policy", "one", "--lanes", "2"], {"policy": "one", "lanes": 2}),
    (["--concurrency", "8", "--rate", "10/s"], {"concurrency": 8, "rate": "10/s"}),
    (["--attempts", "2", "--max-errors", "0"], {"attempts": 2, "max_errors": 0}),
    (["--deadline", "8h"], {"deadline": 28_800.0}),
    (["--deadline", "90"], {"deadline": 90.0}),
    (["--only", "a,b", "--only", "c", "--private"], {"only": ["a", "b", "c"], "private": True}),
    (
        ["--exclude", "a", "--prefer", "b", "--task", "fast"],
        {"exclude": ["a"], "prefer": ["b"], "task": "fast"},
    ),
    (["--max-tokens", "9", "--temperature", "0"], {"max_tokens": 9, "temperature": 0.0}),
    (["--cache", "24h"], {"cache": "24h"}),
    (["--cache", "off"], {"cache": False}),
]


@pytest.mark.parametrize(("flags", "options"), OPTIONS)
def test_flags_become_options(flags: list[str], options: dict[str, Any]) -> None:
    """Those that were given; a zero is given, too."""
    assert ordered(*BOTH, *flags).options == options


def test_the_rest_has_names_of_its_own(tmp_path: Path) -> None:
    """What is no option of a race."""
    (tmp_path / "s.json").write_text(json.dumps({"type": "object"}))
    flags = ["--format", "table", "--column", "q", "--system", "Be brief.", "--schema", "s.json"]
    more = ["--restart", "--accept-changes", "--json", "--quiet", "--by", "+1h"]
    found = ordered(*BOTH, *flags, *more, cwd=tmp_path)

    assert (found.form, found.column, found.system) == ("table", "q", "Be brief.")
    assert found.schema == {"type": "object"}
    assert (found.restart, found.accept_changes, found.as_json, found.quiet) == (True, True, True, True)
    assert found.by == 1e9 + 3600


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "nothing to ask: type racer batch IN OUT"),
        (["in.jsonl"], "no place for the answers: type racer batch in.jsonl OUT; - is stdout"),
        (["--errors-only"], "--errors-only: say which OUT"),
        (["--errors-only", "-"], "--errors-only: say which OUT"),
        (["--plan", "-", "out.jsonl"], "--plan: nobody knows how much will come from stdin"),
        (["--plan", "--errors-only", "out.jsonl"], "--plan is about all lines that are left"),
        (["in.jsonl", "-", "--json"], "--json: OUT is stdout"),
        (["in.jsonl", "-", "--restart"], "--restart: OUT is stdout"),
        (["in.jsonl", "-", "--accept-changes"], "--accept-changes: OUT is stdout"),
        ([*BOTH, "--deadline", "soon"], "--deadline: found 'soon'"),
        ([*BOTH, "--by", "soon"], "--by: found 'soon'"),
        ([*BOTH, "--schema", "none.json"], "--schema none.json: cannot be read"),
    ],
)
def test_what_cannot_be_is_told_at_once(argv: list[str], says: str) -> None:
    """With what to type instead."""
    with pytest.raises(BadRequest) as caught:
        ordered(*argv)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "argv", [[*BOTH, "--key", "secret"], [*BOTH, "--resume", "--restart"], ["a", "b", "c"]]
)
def test_what_does_not_go_together_is_a_mistake_of_usage(argv: list[str]) -> None:
    """A key is refused without being repeated."""
    told = io.StringIO()
    with pytest.raises(SystemExit), contextlib.redirect_stderr(told):
        ordered(*argv)
    assert "secret" not in told.getvalue()


@pytest.mark.parametrize(
    ("text", "seconds"), [("8h", 28_800.0), ("1h30m", 5400.0), ("90s", 90.0), ("90", 90.0), ("0.5", 0.5)]
)
def test_a_time_is_written_as_people_do(text: str, seconds: float) -> None:
    """A bare number is seconds."""
    assert duration(text, "--deadline") == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "inf", "nan", "8 hours", "1e3", "9999d", "٣h"])
def test_what_is_no_time_is_told(text: str) -> None:
    """With examples of what is."""
    with pytest.raises(BadRequest, match=r"--deadline: found .*; allowed: a time"):
        duration(text, "--deadline")


# ---------------------------------------------------------------- the clock on the wall


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/Los_Angeles"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's zone, for a while."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("18:00", "2026-11-25 18:00"),
        ("11:59", "2026-11-26 11:59"),
        ("12:00", "2026-11-26 12:00"),
        ("9:05", "2026-11-26 09:05"),
        ("Wed 18:00", "2026-11-25 18:00"),
        ("wed 11:00", "2026-12-02 11:00"),
        ("Tue 03:10", "2026-12-01 03:10"),
        ("thursday 00:00", "2026-11-26 00:00"),
        ("today 12:01", "2026-11-25 12:01"),
        ("tomorrow 08:00", "2026-11-26 08:00"),
        ("2026-12-24 03:10", "2026-12-24 03:10"),
        (" 2026-12-24T03:10 ", "2026-12-24 03:10"),
        ("2027-04-01 03:10", "2027-04-01 03:10"),
    ],
)
def test_an_instant_is_the_next_of_its_kind(text: str, at: str) -> None:
    """By the clock on the wall, also where the clocks are put forward in between. It is Wednesday noon."""
    noon = datetime(2026, 11, 25, 12).timestamp()
    assert moment(text, noon) == datetime.fromisoformat(at).timestamp()


def test_an_instant_can_be_told_from_now() -> None:
    """ "+8h"."""
    assert moment("+1h30m", 1e9) == 1e9 + 5400


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a time such as"),
        ("soon", "a time such as"),
        ("25:00", "a time such as"),
        ("12:60", "a time such as"),
        ("Xyz 12:00", "a time such as"),
        ("2026-02-30 12:00", "a time such as"),
        ("2026-11-24", "a time such as"),
        ("today 11:00", "a time that is to come"),
        ("2026-11-24 03:10", "a time that is to come"),
        ("2031-11-24 03:10", "a time that is to come"),
        ("+", "a time up to a year"),
        ("+soon", "a time up to a year"),
    ],
)
def test_what_is_no_instant_is_told(text: str, says: str) -> None:
    """Neither is one that was."""
    with pytest.raises(BadRequest, match=f"--by: found .*; allowed: {says}"):
        moment(text, datetime(2026, 11, 25, 12).timestamp())
