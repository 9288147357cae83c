"""The tables of the page: what they hold, and how they are told to who does not see them."""

from __future__ import annotations

from racer.bench.page_tables import LONG, failures_part, figures_table, folded, reasons, spending_part
from tests.racer.bench.documents import LANES, bench


def test_lanes_and_policies_are_told_apart() -> None:
    """Each kind in a body of its own, each row with a head, in a box that can be reached by keyboard."""
    html = figures_table(bench()["rows"])

    assert html.count("<tbody>") == 2
    assert html.count('<th scope="row">') == 6
    assert html.count('<tr class="policy">') == 3
    assert 'role="region" tabindex="0" aria-label="Figures of each lane and policy"' in html


def test_what_failed_and_why() -> None:
    """By contender: how often, of which kind, and what was said most."""
    document = bench(rounds=60)
    html = failures_part(document["rows"], document["samples"])

    assert html.count("<tr class") == 1
    assert "server" in html
    assert "overloaded &lt;/script&gt;" not in html  # names may be broken at slashes
    assert "overloaded &lt;/<wbr>script&gt;" in html


def test_nothing_failed() -> None:
    """Then there is no table of it."""
    document = bench(LANES[1:])

    assert failures_part(document["rows"], document["samples"]) == ""


def test_long_reasons_are_cut() -> None:
    """A server may answer with a page."""
    sample = {"kind": "lane", "contender": "a", "outcome": "server", "reason": "x" * 10_000}

    assert [len(said) for said in reasons([sample])["lane", "a"]] == [160]


def test_what_was_not_sent_is_marked() -> None:
    """A row whose two numbers differ, and the total."""
    announced = {"total": 30, "lanes": {"a": 10, "b": 10}, "policies": {"all": 10}}
    sent = {"total": 27, "lanes": {"a": 7, "b": 10}, "policies": {"all": 10}}

    assert spending_part(announced, sent).count('class="differs"') == 2
    assert "27 requests went out, 30 were announced" in spending_part(announced, sent)
    assert "exactly what was announced" in spending_part(announced, announced)


def test_calls_that_were_kept_back_stand_beside_the_answers() -> None:
    """They are no failures."""
    document = bench(LANES[:1], policies=())
    document["rows"][0]["kept_out"] = 2

    assert "2 not sent" in figures_table(document["rows"])


def test_long_tables_are_folded() -> None:
    """Few look for them."""
    assert folded("15 lanes", LONG + 1, "…") == "<details><summary>15 lanes</summary>\n…\n</details>"
    assert folded("14 lanes", LONG, "…") == "…"
