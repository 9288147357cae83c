"""A report on paper, with room and without."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from racer.accounts.diagnosis import Diagnosis, Verdict
from racer.cli.checkup import Finding
from racer.cli.console import publish
from racer.cli.house import Level, Note
from racer.cli.report import Report
from racer.cli.report_table import report_page, span, when
from racer.core.provider import Account, Provider
from racer_adapters.secret import Secret
from tests.racer.accounts.rows import LONG_KEY
from tests.racer.cli.shells import shell_of, text_of

if TYPE_CHECKING:
    from rich.console import RenderableType

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
GROQ = Provider("groq", "openai", "https://groq.test", console="https://groq.test/keys")
KEY = Account("groq:GROQ_API_KEY", Secret(LONG_KEY + "ab12"))
LOCAL = Provider("box", "openai", "http://127.0.0.1:1")
WORKS = Finding(LOCAL, Diagnosis(Verdict.WORKS), Account("box"), "a-model-with-a-long-name", 0.4)
WRONG = Finding(GROQ, Diagnosis(Verdict.WRONG_KEY, "auth 401: no\nway", "put in another"), KEY, "m", 0.2)
LIMIT = Finding(GROQ, Diagnosis(Verdict.LIMIT, "rate 429", "wait", 720.0), KEY, "m", 0.2)
UNSET = Finding(Provider("a", "", ""), Diagnosis(Verdict.NO_KEY, "no key", "set"), missing=("A_KEY", "A_ID"))
AWAY = Finding(Provider("ollama", "", ""), Diagnosis(Verdict.AWAY, "nothing answers", "ollama serve"))
PAST = Finding(Provider("past", "", ""), Diagnosis(Verdict.RETIRED, "ended", "-"), missing=("PAST_KEY",))
HOUSE = (Note(Level.FINE, "Python 3"), Note(Level.WARNING, "open", "close it"))

PAGES = {
    80: """\
account                  model                     result       time
box                      a-model-with-a-long-name  works      0.40 s
groq:GROQ_API_KEY …ab12  m                         wrong key  0.20 s

groq:GROQ_API_KEY …ab12  wrong key
  why   auth 401: no way
  do    put in another
  page  https://groq.test/keys

ollama: nothing answers (ollama serve)
not set up: a (A_KEY and A_ID)

ok       Python 3
warning  open; close it

1 of 2 accounts works. What is not in order stands above, with what to do.
""",
    40: """\
account                result       time
box                    works      0.40 s
groq:GROQ_API_KEY      wrong key  0.20 s
…ab12

groq:GROQ_API_KEY …ab12  wrong key
  why   auth 401: no way
  do    put in another
  page  https://groq.test/keys

ollama: nothing answers (ollama serve)
not set up: a (A_KEY and A_ID)

ok       Python 3
warning  open; close it

1 of 2 accounts works. What is not in
order stands above, with what to do.
""",
}


def drawn(page: RenderableType, columns: int) -> str:
    shell = shell_of(environ={"COLUMNS": str(columns)})
    publish(shell, lambda _: page)
    return "".join(f"{line.rstrip()}\n" for line in text_of(shell.stdout).splitlines())


@pytest.mark.parametrize("columns", PAGES)
def test_a_page(columns: int) -> None:
    """Rows, troubles with their way out, what is not set up, the house, a sentence."""
    report = Report((WORKS, WRONG), (UNSET, AWAY, PAST), HOUSE)

    assert drawn(report_page(report, width=columns, now=NOW), columns) == PAGES[columns]


def test_what_passes_says_when() -> None:
    """And needs no page to be opened."""
    text = drawn(report_page(Report((LIMIT,), (), ()), width=80, now=NOW), 80)

    assert "  until  14:32 (in 12 min)\n" in text
    assert "page" not in text


def test_text_from_outside_does_nothing_to_a_terminal() -> None:
    """A model's name, a provider's message."""
    odd = Finding(LOCAL, Diagnosis(Verdict.FAULTY, "\x1b[2Jgone\r\n"), Account("box"), "m\x1b]0;t\x07", 1.0)

    text = drawn(report_page(Report((odd,), (), ()), width=80, now=NOW), 80)

    assert "\x1b" not in text
    assert "why  gone\n" in text


SUMMARIES = [
    (Report((), (UNSET,), ()), "No account is set up: `racer init` tells which keys are worth having"),
    (Report((WORKS,), (), ()), "1 of 1 account works.\n"),
    (Report((WORKS, WORKS, LIMIT), (), ()), "2 of 3 accounts work.\n"),
    (Report((LIMIT,), (), ()), "0 of 1 account works. What is not in order"),
    (
        Report((Finding(LOCAL, Diagnosis(Verdict.NOT_CALLED), Account("box"), "m"),), (), ()),
        "1 account would be called. Nobody was.\n",
    ),
]


@pytest.mark.parametrize(("report", "says"), SUMMARIES)
def test_the_last_line_sums_up(report: Report, says: str) -> None:
    """How many work, or that nobody was called, or what to begin with."""
    assert says in drawn(report_page(report, width=80, now=NOW), 80)


def test_who_was_not_called_took_no_time() -> None:
    """A dash, not zero seconds."""
    dry = Report((Finding(LOCAL, Diagnosis(Verdict.NOT_CALLED), Account("box"), "m"),), (), ())

    assert "box      m      not called     -\n" in drawn(report_page(dry, width=80, now=NOW), 80)


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (0.4, "14:20:00 (in 1 s)"),
        (59.0, "14:20:59 (in 59 s)"),
        (120.0, "14:22 (in 2 min)"),
        (7200.0, "16:20 (in 2 h)"),
        (36000.0, "2026-11-21 00:20 (in 10 h)"),
        (31 * 86400.0, "2026-12-21 14:20 (in 31 days)"),
    ],
)
def test_an_instant_is_told_as_people_do(wait: float, text: str) -> None:
    """By the clock, with the day where it is another one, and how long it is until then."""
    assert when(wait, NOW) == text


def test_a_span_has_one_unit() -> None:
    """The largest that it has at least twice."""
    assert [span(length) for length in (0, 119, 120, 7199, 7200, 172800)] == [
        "1 s",
        "119 s",
        "2 min",
        "120 min",
        "2 h",
        "2 days",
    ]
