"""A report as a whole: is everything well, and what is worth telling?"""

from __future__ import annotations

import pytest

from racer.accounts.diagnosis import Diagnosis, Verdict
from racer.cli.checkup import Finding
from racer.cli.house import Level, Note
from racer.cli.report import Report
from racer.core.provider import Account, Provider
from racer_adapters.secret import Secret
from tests.racer.accounts.rows import LONG_KEY


def finding(name: str, verdict: Verdict, *, keyed: bool = False) -> Finding:
    account = Account(f"{name}:KEY", Secret(LONG_KEY) if keyed else None)
    provider = Provider(name, "openai", "https://a.test", accounts=(account,))
    return Finding(provider, Diagnosis(verdict), account)


WORKS = finding("works", Verdict.WORKS)
LIMIT = finding("limit", Verdict.LIMIT)
WRONG = finding("wrong", Verdict.WRONG_KEY)
UNSET = finding("unset", Verdict.NO_KEY)
HALF = finding("half", Verdict.UNUSABLE)
RETIRED = finding("retired", Verdict.RETIRED)
KEPT = finding("kept", Verdict.RETIRED, keyed=True)
REFUSED, WARNED = Note(Level.PROBLEM, "p"), Note(Level.WARNING, "w")

HEALTH = [
    (Report((WORKS,), (), ()), True),
    (Report((WORKS, LIMIT), (UNSET, RETIRED, KEPT), (WARNED,)), True),
    (Report((), (UNSET,), ()), False),
    (Report((LIMIT,), (), ()), False),
    (Report((WORKS, WRONG), (), ()), False),
    (Report((WORKS,), (HALF,), ()), False),
    (Report((WORKS,), (), (REFUSED,)), False),
    (Report((finding("dry", Verdict.NOT_CALLED),), (), ()), True),
]


@pytest.mark.parametrize(("report", "healthy"), HEALTH)
def test_health(report: Report, *, healthy: bool) -> None:
    """Somebody works, and nothing that was set up is broken; what passes by itself is not."""
    assert report.healthy is healthy


def test_what_is_told_at_length() -> None:
    """What is not in order; what is absent takes no more than a line."""
    report = Report((WORKS, LIMIT, WRONG), (UNSET, HALF, RETIRED, KEPT), ())

    assert [each.provider.name for each in report.troubles()] == ["limit", "wrong", "half"]
    assert [each.provider.name for each in report.usual()] == ["unset", "retired", "kept"]


def test_who_was_named_is_told_at_length() -> None:
    """Whoever asks about a provider wants to know how to set it up."""
    report = Report((WORKS,), (UNSET, RETIRED), (), named=True)

    assert [each.provider.name for each in report.troubles()] == ["unset", "retired"]
    assert report.usual() == []


def test_a_report_as_json() -> None:
    """Counts, every account, the house."""
    document = Report((WORKS, WRONG), (UNSET,), (WARNED,)).to_dict(0.0)

    assert (document["healthy"], document["working"], document["called"]) == (False, 1, 2)
    assert [each["provider"] for each in document["accounts"]] == ["works", "wrong", "unset"]
    assert document["house"] == [{"level": "warning", "text": "w", "step": None}]


def test_a_dry_run_has_called_nobody() -> None:
    """Who would be called is counted among the accounts."""
    document = Report((finding("a", Verdict.NOT_CALLED),), (), ()).to_dict(0.0)

    assert (document["called"], len(document["accounts"])) == (0, 1)
