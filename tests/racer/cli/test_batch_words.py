"""What is said while a batch runs, and when it is stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

import pytest
from rich.cells import cell_len

from racer.batch.progress import LaneProgress
from racer.cli import bars
from racer.cli import batch_words as words
from racer.errors import BadRequest, BatchStopped, ConfigError, JobError, JobTrouble, NoLanes
from tests.racer.cli.batches import FRESH, HALF, NOON, ON_STDOUT, ORDER

if TYPE_CHECKING:
    from racer.batch.progress import Progress
    from racer.cli.bars import Glyphs
    from racer.cli.batch_order import Order
    from racer.errors import RacerError

NOW = datetime.fromtimestamp(NOON, UTC)
ASLEEP = replace(
    HALF,
    in_flight=0,
    rate=0.0,
    ends=None,
    asleep_until=NOON + 15 * 3600,
    why_asleep="groq/llama: 1,000 requests a day\nare \x1b[31mused up",
)
PIPED = replace(FRESH, total=None, done=7, usd=1.5)


@pytest.mark.parametrize(("number", "text"), [(0, "0 lines"), (1, "1 line"), (1200, "1,200 lines")])
def test_a_number_agrees_with_its_noun(number: int, text: str) -> None:
    """And has its thousands apart."""
    assert words.count(number, "line") == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (1234.0, "1,234/s"),
        (14.23, "14.2/s"),
        (1.0, "1.0/s"),
        (0.5, "30.0/min"),
        (0.01, "36.0/h"),
        (0.0001, ""),
        (0.0, ""),
    ],
)
def test_a_speed_is_of_the_time_in_which_something_happens(rate: float, text: str) -> None:
    """A slow batch is not told as 0.0 a second; what is next to nothing is not told."""
    assert words.speed(rate) == text


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (-1, "12:00"),
        (1, "13:00"),
        (15, "Thu 03:00"),
        (5 * 24, "Mon 12:00"),
        (6 * 24, "2026-12-01 12:00"),
        (1e6, "in years"),
        (float("inf"), "in years"),
    ],
)
def test_an_instant_is_as_exact_as_it_has_to_be(hours: float, text: str) -> None:
    """Time of day, weekday, date; what is past is now."""
    assert words.when(NOON + hours * 3600, NOW) == text


def test_a_line_says_how_it_stands() -> None:
    """In a pipe: how far, what failed, how fast, when it will be done, and who waits for what."""
    assert words.line(HALF, NOW) == (
        "3,100 of 5,000 (62 %): 38 failed, 12 in flight, 14.2/s, 2,006,444 tokens, 12 min left, "
        "done at 12:12 (80 %: 12:10 to 12:15); "
        "mistral/small waits until 17:00 (in 5 h): requests a day are used up"
    )


def test_a_line_of_a_pipe_knows_no_end() -> None:
    """Nobody knows how much will come; what is paid is told."""
    assert words.line(PIPED, NOW) == "7 so far: 0 failed, 0 in flight, 1.50 USD"


def test_all_is_told_as_all_only_when_it_is() -> None:
    """Percents are rounded down."""
    assert "(99 %)" in words.line(replace(FRESH, done=4999), NOW)
    assert "(100 %)" in words.line(replace(FRESH, done=4999, failed=1), NOW)
    assert words.line(replace(FRESH, total=0), NOW).startswith("0 of 0: ")


def test_while_all_sleep_it_says_until_when() -> None:
    """And why, on one line without control characters; single lanes are no news then."""
    asleep = "asleep until Thu 03:00 (in 15 h)"
    assert words.waits(ASLEEP, NOW) == [f"{asleep}: groq/llama: 1,000 requests a day are used up"]
    assert words.waits(replace(ASLEEP, why_asleep=""), NOW) == [asleep]


def test_of_many_that_wait_the_soonest_are_told() -> None:
    """Those without an instant come last, and the rest is a number."""
    lanes = [
        LaneProgress("never/m", 0, 1, 0, 0, "the key is refused"),
        *(LaneProgress(f"p{n}/m", 0, 1, 0, 0, "", NOON + n * 60) for n in (9, 5, 7)),
    ]
    told = words.waits(replace(FRESH, lanes=tuple(lanes)), NOW)

    assert told == [
        "p5/m waits until 12:05 (in 5 min)",
        "p7/m waits until 12:07 (in 7 min)",
        "p9/m waits until 12:09 (in 9 min)",
        "1 more lane waits",
    ]
    more = replace(FRESH, lanes=(*lanes, LaneProgress("late/m", 0, 1, 0, 0, "")))
    assert words.waits(more, NOW)[-1] == "2 more lanes wait"
    assert words.waits(replace(FRESH, lanes=tuple(lanes[:1])), NOW) == ["never/m waits: the key is refused"]


# ---------------------------------------------------------------- the picture


def picture(progress: Progress, width: int, glyphs: Glyphs = bars.RICH) -> list[str]:
    rows = words.frame(progress, NOW, width, glyphs)
    return ["".join(piece.text for piece in row) for row in rows]


def test_the_picture_has_a_meter_and_the_facts() -> None:
    """Thick is done, thin is left; then the figures, then who waits."""
    assert picture(HALF, 60) == [
        "━━━━━━━━━━━━━━━━━━━━━━───────────────   62 %  3,100 of 5,000",
        "38 failed, 12 in flight, 14.2/s, 2,006,444 tokens",
        "12 min left, done at 12:12",
        "mistral/small waits until 17:00 (in 5 h): requests a day ar…",
    ]


def test_a_terminal_without_utf_8_gets_ascii() -> None:
    """Nothing of the picture is lost."""
    assert all(row.isascii() for row in picture(HALF, 60, bars.ASCII))
    assert "======" in picture(HALF, 60, bars.ASCII)[0]


@pytest.mark.parametrize("progress", [FRESH, HALF, ASLEEP, PIPED, replace(HALF, stopping=True)])
@pytest.mark.parametrize("glyphs", [bars.RICH, bars.ASCII])
@pytest.mark.parametrize("width", [1, 2, 10, 39, 80, 199])
def test_no_row_is_wider_than_the_terminal(progress: Progress, glyphs: Glyphs, width: int) -> None:
    """One that wrapped would leave its remains behind; and a narrow terminal is not filled with rows."""
    rows = picture(progress, width, glyphs)

    assert all(cell_len(row) <= width for row in rows)
    assert len(rows) <= 9


def test_a_pipe_has_no_meter() -> None:
    """It says how many there were."""
    assert picture(PIPED, 80)[0] == "7 so far"


def test_where_there_is_no_room_for_a_meter_the_figures_stay() -> None:
    """Without blanks before them."""
    assert picture(FRESH, 20)[0] == "0 %  0 of 5,000"


def test_the_picture_says_that_it_stops() -> None:
    """In its last row, as long as something is in flight."""
    assert picture(replace(HALF, stopping=True), 80)[-1] == (
        "finishing 12 prompts in flight; ctrl-C again ends at once"
    )


# ---------------------------------------------------------------- the end before the end


@pytest.mark.parametrize(
    ("progress", "patience", "text"),
    [
        (None, None, "stopping"),
        (FRESH, 5.0, "stopping"),
        (HALF, None, "finishing 12 prompts in flight; ctrl-C again ends at once"),
        (replace(HALF, in_flight=1), 5.0, "finishing 1 prompt in flight, for 5 s at most"),
    ],
)
def test_who_stops_it_is_told_what_is_waited_for(
    progress: Progress | None, patience: float | None, text: str
) -> None:
    """And how not to wait."""
    assert words.stopping(progress, patience=patience) == text


AGAIN = "run the same command again"


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (ORDER, f"{AGAIN}: it goes on where it stopped"),
        (replace(ORDER, restart=True), f"{AGAIN} without --restart: it goes on where it stopped"),
        (replace(ORDER, source="-"), f"{AGAIN}, with the same input: it goes on where it stopped"),
        (
            ON_STDOUT,
            "what is on stdout stays; no job is kept, so the same command begins from the first line",
        ),
    ],
)
def test_how_to_go_on_is_what_will_work(order: Order, text: str) -> None:
    """--restart would begin anew once more, and stdout keeps no job."""
    assert words.going_on(order) == text


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BatchStopped("too many errors"), 1),
        (NoLanes("", until=3.0), 1),
        (BadRequest("no"), 2),
        (ConfigError("no"), 2),
    ],
)
def test_the_exit_code_says_whose_turn_it_is(error: RacerError, code: int) -> None:
    """2 where somebody has to change something first."""
    assert words.code_of(error) == code


@pytest.mark.parametrize("kind", get_args(JobTrouble))
def test_the_files_of_a_job_have_codes_of_both_kinds(kind: JobTrouble) -> None:
    """What time or room will heal is 1."""
    assert words.code_of(JobError("", kind=kind)) == (1 if kind in ("full", "read_only", "other") else 2)


# ---------------------------------------------------------------- rows


def test_a_row_for_a_pipe_is_as_it_was_made() -> None:
    """With its line end."""
    assert words.row_text('{"a":"\u00fc\x7f"}'.encode(), on_terminal=False) == '{"a":"\u00fc\x7f"}\n'


def test_a_row_for_a_terminal_controls_nothing() -> None:
    """Controls are escaped as JSON does it, so that it says the same."""
    row = '{"a":"\u00fc\x9b31m\u202e"}'.encode()
    assert words.row_text(row, on_terminal=True) == '{"a":"\u00fc\\u009b31m\\u202e"}\n'


def test_a_row_for_an_old_encoding_is_ascii() -> None:
    """And the same JSON."""
    row = '{"a":"\u00fc"}'.encode()
    assert words.row_text(row, on_terminal=False, ascii_only=True) == '{"a":"\\u00fc"}\n'
