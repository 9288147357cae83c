"""Cards on paper, with room and without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from racer.accounts.card import Card, cards_of, with_left
from racer.accounts.gauge import Gauge
from racer.cli.card_table import cards_page, details_page
from racer.cli.console import publish
from racer.core.field import field_of
from racer.core.span import Once
from racer_adapters.types import Installed
from tests.racer.accounts.ledgers import usage
from tests.racer.accounts.rows import LONG_KEY, card_of, config_of_rows, row
from tests.racer.cli.shells import shell_of, text_of

if TYPE_CHECKING:
    from rich.console import RenderableType

LIMITS = [
    {"requests": 30, "per": "minute", "scope": "model", "source": "the docs", "seen": "2026-07-18"},
    {"usd": 5, "per": "once"},
]
ROWS: dict[str, dict[str, Any]] = {
    "here": row("here", base_url="http://127.0.0.1:1/v1", key_names=[], priority=0, local=True),
    "there": row("there", limits=LIMITS),
    "half": row("half", base_url="https://half.test/$HALF_ID"),
    "none": row("none"),
    "more": row("more", base_url="https://more.test/$MORE_ID"),
    "off": row("off", enabled=False),
    "past": row("past", status="retired", note="ended in May"),
}
NOTE = "Where it comes from."
CREDIT = Gauge(
    usage("usd", 5, per="once", provider="there", account="there:THERE_KEY", used=3.75), Once(), None
)
ENV = {"THERE_KEY": LONG_KEY + "ab12", "HALF_KEY": LONG_KEY, "RACER_LOG": "off"}

COMPACT = {
    80: """\
provider  keys         models  priority  left today
here      none needed       1         0  no limit known
there     1 (…ab12)         1        50  1.25 of 5 USD once

half: the address needs HALF_ID, which the environment does not have
off: not enabled
not set up: none (NONE_KEY), more (MORE_KEY and MORE_ID)

Where it comes from.
""",
    40: """\
provider  keys  left today
here      -     no limit known
there     1     1.25 of 5 USD once

half: the address needs HALF_ID, which
the environment does not have
off: not enabled
not set up: none (NONE_KEY), more
(MORE_KEY and MORE_ID)

Where it comes from.
""",
}
EVERYBODY = """\
provider  keys         models  priority  left today, or why not
here      none needed       1         0  no limit known
there     1 (…ab12)         1        50  1.25 of 5 USD once
half      1 (…xxxx)         1        50  the address needs HALF_ID, which the
                                         environment does not have
none      -                 1        50  set NONE_KEY
more      -                 1        50  set MORE_KEY and MORE_ID
off       -                 1        50  not enabled
past      -                 1        50  retired: ended in May

Where it comes from.
"""


def cards() -> tuple[Card, ...]:
    config = config_of_rows(ENV, **ROWS)
    return with_left(cards_of(config, field_of(config.providers, {})), [CREDIT])


def detailed(*cards: Card) -> RenderableType:
    return details_page(cards, note=NOTE)


def drawn(page: RenderableType, columns: int = 80) -> str:
    shell = shell_of(environ={"COLUMNS": str(columns)})
    publish(shell, lambda _: page)
    return "".join(f"{line.rstrip()}\n" for line in text_of(shell.stdout).splitlines())


@pytest.mark.parametrize("columns", COMPACT)
def test_the_ready_ones_stand_in_a_table(columns: int) -> None:
    """The others below it, with what keeps them out; retired ones are left out."""
    assert drawn(cards_page(cards(), width=columns, everybody=False, note=NOTE), columns) == COMPACT[columns]


def test_everybody_has_a_row_if_one_wants() -> None:
    """With limits, or why it cannot run."""
    assert drawn(cards_page(cards(), width=80, everybody=True, note=NOTE)) == EVERYBODY


def test_without_anybody_ready_there_is_no_table() -> None:
    """But what to do."""
    text = drawn(cards_page([card_of(row())], width=80, everybody=False, note=NOTE))

    assert text.startswith("No provider is ready: ")
    assert "not set up: a (A_KEY)\n" in text
    assert NOTE not in text


def test_the_note_stands_once() -> None:
    """Not with every number."""
    for page in (cards_page(cards(), width=80, everybody=False, note=NOTE), detailed(*cards())):
        assert drawn(page).count(NOTE) == 1


def test_all_there_is_to_say_of_one() -> None:
    """Each account, model and limit on a line of its own, with where the limit was read."""
    own = [{"requests": 5, "per": "day", "seen": "2026-08-01"}]
    models = [{"name": "m1", "tags": ["fast", "chat"], "can": ["json"]}, {"name": "m2", "limits": own}]
    keys = {"A_KEY": LONG_KEY + "ab12", "A_KEY_2": LONG_KEY + "cd34"}
    card = card_of(row(models=models, limits=LIMITS, note="A note."), keys)
    accounts = ("a:A_KEY", "a:A_KEY_2")
    left = [Gauge(usage("usd", 5, per="once", account=name), Once(), None) for name in accounts]
    text = drawn(detailed(*with_left([card], left)))

    assert (
        text
        == """\
a  ready
  keys      a:A_KEY …ab12, a:A_KEY_2 …cd34
  priority  50
  models    m1  chat, fast; can json
            m2
              5 requests a day (2026-08-01)
  limits    for each model: 30 requests a minute (the docs, 2026-07-18)
            5 USD once
  left      A_KEY: all of 5 USD once
            A_KEY_2: all of 5 USD once
  private   no: nobody knows whether it trains on what it is sent
  console   https://a.test/keys
  note      A note.

Where it comes from.
"""
    )


DETAILS: list[tuple[dict[str, Any], dict[str, str], tuple[str, ...]]] = [
    (
        row(),
        {},
        ("reason    no key: set A_KEY", "keys      -", "to set    A_KEY", "limits    no limit known"),
    ),
    (row(status="retired", note="ended"), {}, ("a  retired", "reason    retired: ended")),
    (row(key_names=[], local=True), {}, ("keys      none needed", "private   yes: local")),
    (row(trains_on_data=True), {}, ("private   no: trains",)),
    (row(trains_on_data=False), {}, ("private   yes: does not train",)),
    (
        row(keys=[{"pool": "org", "use": ["$A_1", "$A_2"]}]),
        {"A_1": LONG_KEY + "ab12"},
        ("a:A_1 …ab12 (pool org)",),
    ),
]


@pytest.mark.parametrize(("given", "env", "lines"), DETAILS)
def test_what_is_told_depends_on_the_provider(
    given: dict[str, Any], env: dict[str, str], lines: tuple[str, ...]
) -> None:
    """Why it cannot run, what it needs, and who reads along."""
    text = drawn(detailed(card_of(given, env)))

    assert all(line in text for line in lines)


def test_a_note_of_a_retired_one_is_told_once() -> None:
    """As the reason, or as what is known of one that was revived."""
    retired = row(status="retired", note="ended")
    revived = {**retired, "enabled": True}

    assert drawn(detailed(card_of(retired))).count("ended") == 1
    assert "status    retired: ended\n" in drawn(detailed(card_of(revived, {"A_KEY": LONG_KEY})))


def test_models_that_are_loaded_are_marked() -> None:
    """They answer without a cold start; a name from a server does nothing to a terminal."""
    server = row(base_url="http://127.0.0.1:1", dialect="ollama", key_names=[], discover=True, local=True)
    installed = (Installed("small", loaded=True), Installed("odd\x1b[2Jname"))

    text = drawn(detailed(card_of(server, {}, installed)))

    assert "small  loaded, chat; can json, schema\n" in text
    assert "oddname  chat" in text
