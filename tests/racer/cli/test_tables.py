"""The tables at the end of a command, with room and without."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.cli.console import publish
from racer.cli.tables import comparison_table, lanes_table, seconds, usage_table
from racer.cli.tally import Tally
from racer.cli.track import Track
from tests.racer.cli.facts import WHOLE
from tests.racer.cli.shells import shell_of, text_of

if TYPE_CHECKING:
    from racer.cli.console import Paint

TRACK, TALLY = Track(), Tally()
for fact in WHOLE:
    TRACK.tell(fact)
    TALLY(fact)

LANES = {
    80: """\
lane  outcome   start   first     end
a/m   failed   0.00 s       -  0.25 s
b/m   lost     0.00 s       -  1.00 s
c/m   won      0.25 s  0.50 s  1.00 s

failed
  a/m: rate 429: slow down
""",
    40: """\
lane  outcome   first     end
a/m   failed        -  0.25 s
b/m   lost          -  1.00 s
c/m   won      0.50 s  1.00 s

failed
  a/m: rate 429: slow down
""",
}
USAGE = {
    80: """\
provider  requests  won  lost  failed  tokens  first token  answer
a                1    0     0       1     ~15            -       -
b                1    0     1       0     ~15            -       -
c                1    1     0       0      30       0.25 s  0.75 s

failed
  a: rate 429: slow down (1)
""",
    40: """\
provider  req  won  failed  answer
a           1    0       1       -
b           1    0       0       -
c           1    1       0  0.75 s

failed
  a: rate 429: slow down (1)
""",
}
COMPARISON = {
    80: """\
policy  median  slowest  requests  stopped  lost races
all     1.00 s   1.00 s         3        1           0
none         -        -         0        0           0
""",
    40: """\
policy  median  slowest  req
all     1.00 s   1.00 s    3
none         -        -    0
""",
}


def drawn(paint: Paint, columns: int) -> str:
    shell = shell_of(environ={"COLUMNS": str(columns)})
    publish(shell, paint)
    return "".join(f"{line.rstrip()}\n" for line in text_of(shell.stdout).splitlines())


@pytest.mark.parametrize("columns", [80, 40])
def test_the_lanes_of_a_race(columns: int) -> None:
    """A row for each lane, and the whole reason of each failure below."""
    assert drawn(lambda width: lanes_table(TRACK.bars, width=width), columns) == LANES[columns]


@pytest.mark.parametrize("columns", [80, 40])
def test_what_the_providers_did(columns: int) -> None:
    """A row for each provider; estimated tokens are marked, and nothing is made up where nothing is known."""
    assert drawn(lambda width: usage_table(TALLY.uses, width=width), columns) == USAGE[columns]


@pytest.mark.parametrize("columns", [80, 40])
def test_policies_side_by_side(columns: int) -> None:
    """A policy without a race won has no times."""
    both = {"all": TALLY, "none": Tally()}

    assert drawn(lambda width: comparison_table(both, width=width), columns) == COMPARISON[columns]


@pytest.mark.parametrize("columns", [1, 5, 20])
def test_a_line_of_few_cells_is_survived(columns: int) -> None:
    """Unreadable, perhaps, but no crash."""
    assert drawn(lambda width: usage_table(TALLY.uses, width=width), columns)


def test_a_race_without_failures_has_no_notes() -> None:
    """Nothing stands under the table then."""
    assert "failed" not in drawn(lambda width: lanes_table(TRACK.bars[1:], width=width), 80)


def test_who_went_on_for_another_is_told() -> None:
    """Those that only tried to are not."""
    resumed = [replace(bar, behind=1234) for bar in TRACK.bars[1:]]

    text = drawn(lambda width: lanes_table(resumed, width=width), 80)
    assert text.endswith("\nwent on where another broke off\n  c/m: behind 1,234 characters\n")


def test_seconds_have_two_places() -> None:
    """And nothing is a dash."""
    assert (seconds(1.005), seconds(None)) == ("1.00 s", "-")
