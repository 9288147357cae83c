"""The table of a bench: every figure in its place, at any width, and nothing that is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from racer.bench.report import Comparison, Estimate, Report, Row, Spending
from racer.bench.sample import Kind
from racer.cli.bench_table import bounds, failures, limits, percent, table
from racer.cli.console import publish
from tests.racer.cli.shells import shell_of, text_of

FAST = {"p50": Estimate(0.42, 0.4, 0.45), "p95": Estimate(0.9, 0.7, None), "p99": Estimate(1.2, None, None)}
SLOW = {
    "p50": Estimate(12.5, 12.0, 13.0),
    "p95": Estimate(20.0, 19.0, 30.0),
    "p99": Estimate(31.0, None, None),
}
LANE = Row(
    Kind.LANE, "groq/openai/gpt-oss-20b", 21, 20, 21, failures={"rate": 1}, latency=FAST,
    first_token={"p50": Estimate(0.123, 0.1, 0.2)}, tokens_per_second=Estimate(311.4, 300, 320),
    wins=3, entered=20, limits=("1,000 requests a day, 988 left",),
)  # fmt: skip
DEAD = Row(Kind.LANE, "dead/m", 20, 0, 1, kept_out=19, failures={"auth": 1})
LATE = Row(Kind.LANE, "mistral/m", 20, 20, 20, latency=SLOW)
ALL = Row(Kind.POLICY, "all", 20, 20, 60, latency=FAST)
TOLD = Comparison("all", "groq/openai/gpt-oss-20b", "p50", Estimate(0.3, 0.2, 0.4), told_apart=True)


def report(*rows: Row, **more: object) -> Report:
    plain = Report(
        began=0.0, ended=1.0, seed=1, rounds=20, rounds_done=20, warm_up=True, prompts=8, width=3,
        confidence=0.95, announced=Spending(), sent=Spending(), rows=rows, comparisons=(TOLD,), samples=(),
        machine={},
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type] # as a test names them


def shown(made: Report, columns: int = 80) -> list[str]:
    shell = shell_of(environ={"COLUMNS": str(columns)})
    publish(shell, lambda width: table(made, width=width))
    return text_of(shell.stdout).splitlines()


def test_every_figure_is_in_the_table() -> None:
    """Latency with its bounds, the fastest first; then what else was seen; then what that says."""
    lines = shown(report(LATE, LANE, DEAD, ALL, notes=("announced were 9 requests, and 8 were sent",)))

    assert lines[0].split() == ["lanes", "alone", "p50", "s", "p95", "s", "p99", "s"]
    assert [line.split()[0] for line in lines[1:4]] == ["groq/openai/gpt-oss-20b", "mistral/m", "dead/m"]
    assert lines[1].split()[1:] == ["0.42", "0.40–0.45", "0.90", "0.70–?", "1.20"]
    assert lines[2].split()[1:] == ["12.5", "12.0–13.0", "20.0", "19.0–30.0", "31.0"]
    assert lines[3].split()[1:] == ["-", "-", "-"]
    text = "\n".join(lines)
    assert "groq/openai/gpt-oss-20b       0.12 s       311     5 %  15 %        1.05" in text
    assert "groq/openai/gpt-oss-20b: rate 1 (of 21)" in text
    assert "dead/m: auth 1 (of 1)" in text
    assert "1,000 requests a day, 988 left" in text
    assert "announced were 9 requests" in text
    assert "all answers half of its races 0.30 s (0.20–0.40) sooner" in text


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_it_fits_any_terminal(columns: int) -> None:
    """Without colours on a pipe."""
    lines = shown(report(LATE, LANE, DEAD, ALL), columns)

    assert max(map(len, lines)) <= columns
    assert "\x1b" not in "".join(lines)


def test_a_partial_bench_says_so_first() -> None:
    """And when."""
    lines = shown(report(LANE, ALL, stopped="interrupted", rounds_done=7))

    assert lines[0] == "partial: interrupted when 7 of 20 rounds were done"


def test_without_races_there_is_no_table_of_them() -> None:
    """Nor a section that has nothing in it."""
    text = "\n".join(shown(report(LATE, comparisons=())))

    assert "races  " not in text
    assert "failures" not in text
    assert "notes" not in text


def test_what_is_not_bounded_is_told_as_unknown() -> None:
    """One end, or both."""
    assert bounds(Estimate(0.42, 0.05, None)) == "0.050–?"
    assert bounds(Estimate(0.42, None, None)) == "?"


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "-"), (0.0, "0 %"), (0.001, "<1 %"), (0.333, "33 %"), (0.999, ">99 %"), (1.0, "100 %")],
)
def test_a_share_is_never_all_or_nothing_by_rounding(share: float | None, text: str) -> None:
    """Who failed once in a thousand has failed."""
    assert percent(share) == text


def test_failures_and_limits_are_told_where_there_are_any() -> None:
    """By class, the most frequent first."""
    often = replace(LANE, failures={"rate": 1, "server_error": 3})

    assert failures([often, LATE]) == ["groq/openai/gpt-oss-20b: server error 3, rate 1 (of 21)"]
    assert limits([LATE, LANE]) == ["groq/openai/gpt-oss-20b: 1,000 requests a day, 988 left"]
