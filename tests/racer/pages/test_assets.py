"""The files of pages: they are there, and those of others are as they were published."""

from __future__ import annotations

import re
from hashlib import sha256
from importlib.resources import files

import pytest

from racer.bench.page import DRAWING, FILES, PAGES
from racer.pages import assets

TABLE = re.compile(r"^\| `([\w.]+)` \| \S+ \| [\d.]+ \| `([0-9a-f]{64})` \| ISC \|$", re.MULTILINE)
OURS = [
    ("racer.pages", "figure.js"),
    *(("racer.bench", f"web/{name}.js") for name in (*DRAWING, *PAGES)),
]
FUNCTION = re.compile(r"^function (\w+)\(.*?^}$", re.MULTILINE | re.DOTALL)


def test_libraries_are_as_they_were_published() -> None:
    """Their sums stand in vendor/README.md, with the versions and the licences."""
    written = dict(TABLE.findall(assets.text("racer.pages", "vendor/README.md")))
    found = {
        name: sha256(files("racer.pages").joinpath(f"vendor/{name}").read_bytes()).hexdigest()
        for name in assets.LIBRARIES
    }

    assert written == found


def test_a_page_gets_them_in_the_order_of_their_needs() -> None:
    """d3, Plot, and then what draws with them."""
    heads = [script[:40] for script in assets.libraries()]

    assert "d3js.org" in heads[0]
    assert "@observablehq/plot" in heads[1]
    assert "use strict" in heads[2]


def test_no_script_ends_its_element() -> None:
    """They stand within a page: none may hold what a browser takes for their end."""
    scripts = [*assets.libraries(), *(assets.text(*place) for place in OURS)]

    assert [script for script in scripts if re.search(r"</script|<!--|\r", script, re.IGNORECASE)] == []


@pytest.mark.parametrize("place", OURS, ids=lambda place: place[1])
def test_our_scripts_are_short(place: tuple[str, str]) -> None:
    """As files of ours are: at most 200 lines, none of 120 characters, and functions of at most 40."""
    script = assets.text(*place)
    lines = script.splitlines()
    long = [found[1] for found in FUNCTION.finditer(script) if found[0].count("\n") >= 40]

    assert len(lines) <= 200
    assert max(map(len, lines)) < 120
    assert long == []


def test_every_file_of_the_page_is_named() -> None:
    """scripts/package.py looks for those that are, in what users get."""
    assert {each.name for each in files("racer.bench").joinpath("web").iterdir()} == set(FILES)


def test_styles_ask_for_nothing() -> None:
    """No address, no font of others: a page that needs the network is none of ours."""
    found = assets.style() + assets.text("racer.bench", "web/report.css")

    assert not re.search(r"url\(|@import|https?:", found)
    assert "prefers-color-scheme: dark" in found
