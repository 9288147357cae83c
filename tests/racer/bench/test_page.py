"""The page of a bench, as far as no browser is needed to see it; tests/browser looks at it in one."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from racer.bench.page import page
from racer.pages import assets
from tests.racer.bench.documents import POISONED, Lane, bench, replay

VOID = {"meta", "img", "br", "wbr", "circle", "path", "link", "input", "hr"}


class Reader(HTMLParser):
    """Reads a page as a browser would: which elements, which ids, which text; and whether all are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [value for name in ("id",) if (value := found.get(name))]
        self.links += [value for name in ("href", "src") if (value := found.get(name))]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> closes what is not open"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def data_of(html: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Reader(html).scripts[0])
    return found


@pytest.mark.parametrize("document", [bench(), bench(rounds=0), bench(policies=()), replay()])
def test_the_page_is_whole(document: dict[str, Any]) -> None:
    """Every element is closed, every id is there once, and every link on the page has its target."""
    read = Reader(page(document))

    assert read.open == []
    assert len(read.ids) == len(set(read.ids))
    assert {link.removeprefix("#") for link in read.links} <= set(read.ids)
    assert "img" not in read.tags


def test_figures_are_in_the_page_without_scripts() -> None:
    """A reader without scripts has the table, with all bounds, and what can be told apart."""
    document = bench(rounds=60)
    text = Reader(page(document)).text
    (row,) = [row for row in document["rows"] if row["name"] == "mistral/steady"]
    figure = row["latency"]["p50"]

    assert f"{figure['value']:.2f} s{figure['low']:.2f} to {figure['high']:.2f}" in text
    assert "groq/swift is faster than mistral/steady: its median is" in text


def test_what_has_no_bound_is_open() -> None:
    """Twenty answers do not tell how high the p95 is: no number stands in for what nobody knows."""
    document = bench(rounds=20)
    figure = document["rows"][1]["latency"]["p95"]

    assert figure["high"] is None
    assert f"{figure['value']:.2f} sat least {figure['low']:.2f}" in Reader(page(document)).text


def test_a_bench_that_was_stopped_says_so() -> None:
    """At the top, and why."""
    text = Reader(page(bench(rounds=3, stopped="interrupted"))).text

    assert "Partial: interrupted. 3 of 6 rounds were finished" in text
    assert "Partial" not in Reader(page(bench(rounds=3))).text


def test_names_and_reasons_are_text() -> None:
    """What a stranger called a model, or said of a failure, is shown as it is and does nothing."""
    lanes = (Lane(f"groq/{POISONED}", 0.4, 0.5), Lane("a/\u202eb", 0.5))
    html = page(bench(lanes))
    read = Reader(html)

    assert POISONED in read.text
    assert f"overloaded {POISONED}" in read.text
    assert "\u202e" not in html
    assert "img" not in read.tags
    assert [row["name"] for row in data_of(html)["rows"]][:2] == [lane.name for lane in lanes]


def test_a_replay_tells_what_would_have_been() -> None:
    """The sentences, the figures, the lanes and what is left out, with the method and its limits."""
    document = replay()
    text = Reader(page(document)).text

    for part in (*document["method"], *document["limits"], "as it was", "no more", "2 races: without an end"):
        assert part in text
    assert "With all your p95 would have been" in text
    assert POISONED in text


def test_nobody_answered() -> None:
    """No figure, no plot, and no failure to make the page."""
    document = bench((Lane("a/b", 1.0, 1.0),), policies=())
    text = Reader(page(document)).text

    assert "100 %" in text
    assert data_of(page(document))["answers"] == []


def test_prompts_and_keys_of_samples_stay_out() -> None:
    """The data in the page is what plots draw, not the whole document."""
    data = data_of(page(bench()))

    assert data.keys() == {"rows", "answers", "failures", "races"}


def test_the_scripts_are_those_of_the_files() -> None:
    """Nothing is built on the way: the page has the files as they are, and the libraries first."""
    html = page(bench())

    assert all(script in html for script in assets.libraries())
    assert assets.text("racer.bench", "web/report.js") in html
