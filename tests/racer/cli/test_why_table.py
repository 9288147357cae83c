"""A race on paper, on a terminal and in a pipe, with room and without."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from racer.accounts.timeline import Timeline, timeline_of
from racer.cli.bars import ASCII, RICH, Glyphs
from racer.cli.console import publish
from racer.cli.track import Bar, Stage
from racer.cli.why_table import Paper, bar_of, ended, terms, told, why_page
from racer.store.readings import Planned
from tests.racer.accounts.ledgers import NOW
from tests.racer.accounts.races import lane, race, story
from tests.racer.cli.shells import shell_of, text_of

if TYPE_CHECKING:
    from racer.store.readings import Lane, Race

LOCAL = datetime.fromtimestamp(NOW, UTC)
LONG = "c/a-rather-long-name-of-a-model"
SKIPPED = (("d/m", "cannot do tools"), ("e", "no key: set E_KEY"))
ATTEMPTS = (
    lane("a/m", "failed", reason="rate 429: slow\x1b[2Jdown", first_token=None, input_tokens=None),
    lane("b/m", start=0.5, input_tokens=1000),
    lane(LONG, "lost", start=0.5, first_token=None, output_tokens=0, estimated=True),
    lane("g/m", "lost", latency=None, reason="its process ended"),
)
KEPT_OUT = (("f/m", "used up: 100 requests a day"),)
WHOLE = story(
    race(lanes=("a/m", "b/m", LONG, "f/m", "g/m"), winner="b/m", kept_out=KEPT_OUT),
    *ATTEMPTS,
    skipped=SKIPPED,
)

PIPE = """\
race ab12, 11:59: won by b/m after 1.00 s
policy all, up to 4 at once, deadline 20 s; 5 could run, 4 did

lane                             outcome     start   first     end     in  out
a/m                              failed     0.00 s       -  0.75 s      -   20
b/m                              won        0.50 s  0.75 s  1.25 s  1,000   20
c/a-rather-long-name-of-a-model  cancelled  0.50 s       -  1.25 s    ~10   ~0
g/m                              gone       0.00 s  0.25 s       -     10   20

failed
  a/m: rate 429: slowdown

lost sight of
  g/m: its process ended

never started
  f/m: used up: 100 requests a day

left out
  d/m: cannot do tools
  1 provider without a lane: `racer providers` tells why

counted, although it won nothing
  2 requests and about 40 tokens of lanes that were cancelled or came late
"""
BARS = """\
✗ a/m                         ──────────            0.75 s  failed: rate 429: …
✓ b/m                               ────━━━━━━      1.25 s  won
– c/a-rather-long-name-of-a…        ──────────      1.25 s  lost: cancelled
– g/m                         ───                   0.25 s  lost: its process …
"""
NARROW = """\
x a/m           --     0.75 s failed: ~
* b/m            -==   1.25 s won
- c/a-rather-l~  ---   1.25 s lost: ca~
- g/m           -      0.25 s lost: it~

a/m
  failed: started at 0.00 s, ended at
  0.75 s
b/m
  won: started at 0.50 s, first token at
  0.75 s, ended at 1.25 s, 1,000 tokens
  in, 20 out
c/a-rather-long-name-of-a-model
  cancelled: started at 0.50 s, ended at
  1.25 s, ~10 tokens in, ~0 out
"""


PLANNED = story(
    race(
        policy="frugal",
        lanes=("groq/x", "b/m", "ollama/llama3.2", "c/m", "d/m"),
        winner="c/m",
        due=(Planned("d/m", 1.84, 0.4, "late"),),
        sent=3,
        extra_requests=2,
        extra_tokens=412,
        extra_usd=0.0,
        saved=1.3,
    ),
    lane("ollama/llama3.2", "lost", first_token=None, why="ahead", price=0.0),
    lane("groq/x", "failed", reason="server 500", first_token=None, latency=0.25, why="first", price=0.35),
    lane("b/m", "lost", start=0.25, first_token=None, latency=2.0, why="replaces", price=0.0),
    lane("c/m", start=1.45, why="late", price=0.004),
)
PLAN = """
Extra: 2 requests, 412 tokens beside the one that was needed; they saved about
1.3 s.

the plan
  ollama/llama3.2: loaded here, costs nothing
  groq/x: together with the first, worth 0.35 s
  b/m: groq/x had failed
  c/m: 1.20 s without a token from b/m
  d/m: was to start at 1.84 s, worth 0.40 s

failed
"""
NARROW_PLAN = """
Extra: 2 requests, 412 tokens beside the
one that was needed; they saved about
1.3 s.

the plan
  ollama/llama3.2: loaded here, costs
  nothing
  groq/x: together with the first, worth
  0.35 s
  b/m: groq/x had failed
  c/m: 1.20 s without a token from b/m
  d/m: was to start at 1.84 s, worth
  0.40 s

failed
"""


def timeline(
    race_: Race | None = None, *, skipped: tuple[tuple[str, str], ...] = (), ran: bool = True
) -> Timeline:
    told_ = WHOLE if race_ is None else story(race_, *(ATTEMPTS if ran else ()), skipped=skipped)
    return timeline_of(told_, (), NOW)


def drawn(found: Timeline, width: int = 80, glyphs: Glyphs | None = None) -> str:
    shell = shell_of(environ={"COLUMNS": str(width)})
    publish(shell, lambda _: why_page(found, Paper(width, glyphs, LOCAL)))
    return text_of(shell.stdout)


def test_in_a_pipe_there_are_no_bars() -> None:
    """What each lane did is a row; then the reasons, and what was lost by it. No control character."""
    assert drawn(timeline()) == PIPE


def test_the_seam_of_a_resumed_answer_is_told() -> None:
    """As `racer ask --resume --watch` tells it."""
    rows = (
        lane("a/m", "failed", reason="network: reset, behind 1,234 characters"),
        lane("b/m", start=0.75),
        lane("c/m", "lost", start=0.75),
    )
    found = timeline_of(story(race(winner="b/m"), *rows), (), NOW)

    assert "\nwent on where another broke off\n  b/m: behind 1,234 characters\n\n" in drawn(found)


def test_on_a_terminal_there_are_bars() -> None:
    """All on one axis, above the same rows."""
    text = drawn(timeline(), glyphs=RICH)

    assert BARS in text
    assert text.replace(f"{BARS}\n", "") == PIPE


def test_with_little_room_a_lane_takes_some_lines() -> None:
    """Its numbers in words; nothing is wider than the terminal."""
    text = drawn(timeline(), 40, ASCII)

    assert NARROW in text
    assert max(map(cell_len, text.splitlines())) <= 40


@pytest.mark.parametrize(("width", "page"), [(80, PLAN), (40, NARROW_PLAN)])
def test_the_plan_is_told_and_what_was_extra(width: int, page: str) -> None:
    """Under the table; nothing is wider than the terminal."""
    text = drawn(timeline_of(PLANNED, (), NOW), width)

    assert page in text
    assert max(map(cell_len, text.splitlines())) <= width


def test_a_lost_race_tells_of_everybody() -> None:
    """What would have helped, then each lane and provider with its reason."""
    lost = race("exhausted", lanes=("f/m",), kept_out=KEPT_OUT)
    text = drawn(timeline(lost, skipped=SKIPPED, ran=False))

    assert (
        text
        == """\
race ab12, 11:59: lost after 1.00 s, no lane could run
policy all, up to 4 at once, deadline 20 s; 1 could run, 0 did

what would have helped
  Everything is used up for now: pass wait= to wait for the first to come back,
  or add a key.
  The key of one more provider: set E_KEY. `racer init` tells where to get it.

never started
  f/m: used up: 100 requests a day

left out
  d/m: cannot do tools
  e: no key: set E_KEY
"""
    )


ENDS = [
    (race("exhausted"), "lost after 1.00 s, every lane failed"),
    (race("expired"), "lost after 1.00 s, the deadline came"),
    (race("refused"), "lost after 1.00 s, two providers call the request wrong"),
    (race("broken"), "lost after 1.00 s, the reply broke off while it was read"),
    (race("aborted"), "stopped by its caller after 1.00 s"),
    (race("aborted", latency=None), "stopped, its process ended"),
    (race(None, latency=None, deadline=60.0), "still running, 60.00 s by now"),
    (race(None, latency=None, at=NOW - 600), "no end was written, its process has died most likely"),
]


@pytest.mark.parametrize(("race_", "words"), ENDS)
def test_how_a_race_ended(race_: Race, words: str) -> None:
    """In the first line."""
    assert ended(timeline(race_)) == words


def test_a_reply_that_broke_off_was_not_lost_for_want_of_a_key() -> None:
    """Who has none takes a line; who could have run is told of."""
    text = drawn(timeline(race("broken"), skipped=SKIPPED))

    assert "1 provider without a lane" in text
    assert "E_KEY" not in text


def test_one_at_a_time_is_said() -> None:
    """A width means nothing then."""
    assert terms(timeline(race(policy="one"))).startswith("policy one, one at a time, ")


@pytest.mark.parametrize(
    ("race_", "line"),
    [
        (race(), "ab12, 11:59: won by a/m"),
        (race("expired", at=NOW - 86400), "ab12, 2027-01-14 12:00: expired"),
        (race(None), "ab12, 11:59: no end yet"),
    ],
)
def test_a_race_among_others(race_: Race, line: str) -> None:
    """Which, when, and how it ended."""
    assert told(race_, LOCAL) == line


# ---------------------------------------------------------------- bars

OPEN = race(None, latency=None, deadline=60.0)
OLD = race(None, latency=None, at=NOW - 120)
DRAWN: dict[str, tuple[Race, Lane, Bar]] = {
    "won": (race(), lane(), Bar("a/m", 0.0, Stage.WON, 0.25, 0.75)),
    "stopped": (
        race(),
        lane(outcome="lost", first_token=None),
        Bar("a/m", 0.0, Stage.LOST, None, 0.75, "cancelled"),
    ),
    "failed": (
        race(),
        lane(outcome="failed", start=0.5, reason="rate 429:\x1b[31m slow\ndown"),
        Bar("a/m", 0.5, Stage.FAILED, 0.75, 1.25, "rate 429: slow down"),
    ),
    "late": (race(), lane(outcome="late"), Bar("a/m", 0.0, Stage.LATE, 0.25, 0.75)),
    "answering": (
        OPEN,
        lane(outcome="running", latency=None),
        Bar("a/m", 0.0, Stage.ANSWERING, 0.25, None),
    ),
    "waiting": (
        OPEN,
        lane(outcome="running", latency=None, first_token=None),
        Bar("a/m", 0.0, Stage.WAITING, None, None),
    ),
    "its process was buried": (
        race("aborted", latency=None),
        lane(outcome="lost", latency=None, reason="its process ended"),
        Bar("a/m", 0.0, Stage.LOST, 0.25, 0.25, "its process ended"),
    ),
    "its process died unseen": (
        OLD,
        lane(outcome="running", latency=None, first_token=None, start=0.5),
        Bar("a/m", 0.5, Stage.LOST, None, 0.5),
    ),
}


@pytest.mark.parametrize(("race_", "row", "bar"), DRAWN.values(), ids=DRAWN)
def test_how_a_lane_is_drawn(race_: Race, row: Lane, bar: Bar) -> None:
    """What nobody saw the end of ends with its last sign of life."""
    (run,) = timeline_of(story(race_, row), (), NOW).runs

    assert bar_of(run) == bar
