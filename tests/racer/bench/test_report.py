"""Reports: rates that nobody can divide by nothing, and the document report.json."""

from __future__ import annotations

import json

from racer.bench.report import Comparison, Estimate, Report, Row, Spending
from racer.bench.sample import Kind
from tests.racer.bench.samples import asked

ROW = Row(Kind.LANE, "p/a", asked=10, answered=6, sent=9, kept_out=2, wins=1, entered=4)
NEVER = Row(Kind.LANE, "p/b", asked=2, answered=0, sent=0, kept_out=2)
SPENDING = Spending({"p/a": 3}, {"all": 8}, {"p": 11})


def report(stopped: str | None = None) -> Report:
    return Report(
        began=1_800_000_000.0004,
        ended=1_800_000_060.5,
        seed=7,
        rounds=10,
        rounds_done=4,
        warm_up=True,
        prompts=5,
        width=3,
        confidence=0.95,
        announced=SPENDING,
        sent=Spending(),
        rows=[ROW],
        comparisons=[Comparison("p/a", "p/b", "p50", Estimate(0.1, None, None), False, 40)],
        samples=[asked("p/a", 0, 0.2)],
        machine={"python": "3.11"},
        stopped=stopped,
        notes=("announced 11, sent 0",),
    )


def test_rates_of_a_row() -> None:
    """Errors of what ran, wins of what it entered, requests of what was answered."""
    assert (ROW.error_rate, ROW.win_rate, ROW.requests_per_answer) == (0.25, 0.25, 1.5)


def test_no_rates_of_nothing() -> None:
    """Who was always kept out has no error rate, entered no race, and answered nothing."""
    assert (NEVER.error_rate, NEVER.win_rate, NEVER.requests_per_answer) == (None, None, None)


def test_a_row_as_plain_values() -> None:
    """Estimates rounded, with null where there is no bound."""
    row = Row(
        Kind.POLICY, "all", 1, 1, 2,
        failures={"server": 0},
        latency={"p50": Estimate(0.12345678, 0.1, None)},
        first_token={"p50": Estimate(0.05, None, None)},
        tokens_per_second=Estimate(60.0, 50.0, 70.0),
        limits=("30 a minute",),
    )  # fmt: skip

    plain = row.to_dict()

    assert plain["latency"] == {"p50": {"value": 0.123457, "low": 0.1, "high": None}}
    assert plain["first_token"] == {"p50": {"value": 0.05, "low": None, "high": None}}
    assert plain["tokens_per_second"] == {"value": 60.0, "low": 50.0, "high": 70.0}
    assert (plain["kind"], plain["limits"], plain["requests_per_answer"]) == ("policy", ["30 a minute"], 2.0)
    assert NEVER.to_dict()["tokens_per_second"] is None


def test_spending_adds_up() -> None:
    """Lanes and policies; providers count the same requests again."""
    assert SPENDING.total == 11
    assert SPENDING.to_dict() == {
        "total": 11,
        "lanes": {"p/a": 3},
        "policies": {"all": 8},
        "providers": {"p": 11},
    }


def test_the_document() -> None:
    """Everything that there is, as JSON takes it."""
    plain = json.loads(json.dumps(report().to_dict()))

    assert (plain["racer_bench"], plain["complete"], plain["stopped"]) == (1, True, None)
    assert (plain["began"], plain["ended"], plain["rounds_done"]) == (1_800_000_000.0, 1_800_000_060.5, 4)
    assert plain["rows"] == [ROW.to_dict()]
    assert plain["comparisons"] == [
        {
            "a": "p/a",
            "b": "p/b",
            "share": "p50",
            "difference": {"value": 0.1, "low": None, "high": None},
            "told_apart": False,
            "rounds_needed": 40,
        }
    ]
    assert plain["samples"] == [asked("p/a", 0, 0.2).to_dict()]
    assert (plain["announced"]["total"], plain["sent"]["total"]) == (11, 0)
    assert plain["notes"] == ["announced 11, sent 0"]


def test_a_report_that_was_stopped_says_so() -> None:
    """It is not complete, and has the reason."""
    stopped = report("ctrl-C")

    assert not stopped.complete
    assert (stopped.to_dict()["complete"], stopped.to_dict()["stopped"]) == (False, "ctrl-C")
