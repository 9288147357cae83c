"""Counts before and after, in words."""

from __future__ import annotations

import pytest

from racer.accounts.gauge import Gauge
from racer.cli.console import publish
from racer.cli.quota_words import Change, lines, page, refusal
from tests.racer.accounts.ledgers import usage
from tests.racer.cli.shells import shell_of, text_of

BEFORE = Gauge(usage(used=60.0, outside=21.5), None, None)
AFTER = Gauge(usage(), None, None)

CHANGES = [
    (AFTER, ["100 requests a day: 81.5 used before, 0 now, 100 left"]),
    (None, ["100 requests a day: 81.5 used before, forgotten now"]),
    (
        Gauge(usage(leased=7.0), None, None),
        [
            "100 requests a day: 81.5 used before, 0 now, 93 left",
            "7 held by running processes, which may still use them",
        ],
    ),
    (
        Gauge(usage(limit=2000.0), None, None),
        [
            "2,000 requests a day: 81.5 used before, 0 now, 2,000 left",
            "the limit was 100 before, as the provider had told",
        ],
    ),
]


@pytest.mark.parametrize(("after", "expected"), CHANGES)
def test_a_change_is_told(after: Gauge | None, expected: list[str]) -> None:
    """What was, what is, what is left; who holds some of it, and a limit that is another one now."""
    assert lines(Change(BEFORE, after)) == expected


def test_only_what_has_changed_is_shown() -> None:
    """Under its account and model, without control characters, on any width."""
    shell = shell_of(environ={"COLUMNS": "40"})
    model = Gauge(usage("tokens", used=5.0, model="m\x1b[2J"), None, None)
    changes = [
        Change(BEFORE, AFTER),
        Change(AFTER, AFTER),
        Change(model, Gauge(usage("tokens", leased=1.0), None, None)),
    ]

    publish(shell, lambda _: page(changes, "a"))

    text = "".join(f"{line.rstrip()}\n" for line in text_of(shell.stdout).splitlines())
    assert (
        text
        == """\
a:KEY
  100 requests a day: 81.5 used before,
  0 now, 100 left
a:KEY m
  100 tokens a day: 5 used before, 0
  now, 99 left
    1 held by running processes, which
    may still use them
"""
    )


@pytest.mark.parametrize("changes", [[], [Change(AFTER, AFTER)]])
def test_that_nothing_has_changed_is_said(changes: list[Change]) -> None:
    """Nothing was used, or it was so before."""
    shell = shell_of()

    publish(shell, lambda _: page(changes, "a"))

    assert text_of(shell.stdout).rstrip() == "nothing to change: it is so already for a"


def test_a_refusal_names_the_value_and_what_is_allowed() -> None:
    """Or that the limit is over."""
    million = Gauge(usage(limit=1_000_000.0, model="m"), None, None)

    assert refusal(million, 1_000_001) == (
        "USED: found 1000001; allowed for a:KEY m, 1,000,000 requests a day: 0 to 1,000,000"
    )
    assert refusal(million._replace(expired=True), 1).endswith("it has expired, so nothing of it can be used")
