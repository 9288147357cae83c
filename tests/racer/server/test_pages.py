"""The files of the dashboard: who may have them, and what is said with them."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from racer.pages import assets
from racer.server import pages
from racer.server.app import Server
from tests.racer.server.houses import TOKEN, Room, line, room, status_of, token

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
WEB = files("racer.server").joinpath("web")


async def had(place: Room, path: str, **headers: str) -> tuple[int, bytes, Mapping[str, str]]:
    async with place.client.get(place.server.url + path, headers=headers) as page:
        return page.status, await page.read(), page.headers


async def test_the_page() -> None:
    """It may run its own files and ask its own server; nobody keeps it, and no frame has it."""
    async with room() as place:
        status, body, headers = await had(place, "/")

    assert status == 200
    assert body.startswith(b"<!doctype html>")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]


async def test_every_file() -> None:
    """As it lies in the package, with its type."""
    async with room() as place:
        for name in (*pages.HOUSE, *pages.OWN):
            package, folder = ("racer.pages", "") if name in pages.HOUSE else ("racer.server", "web/")
            status, body, headers = await had(place, f"/assets/{name.rpartition('/')[2]}")
            assert (status, body.decode()) == (200, assets.text(package, folder + name))
            assert headers["content-type"].partition(";")[0] == pages.TYPES[name.rpartition(".")[2]]
            assert headers["x-content-type-options"] == "nosniff"


async def test_what_is_kept_is_asked_after() -> None:
    """Who has the same bytes already is sent none; who has others is."""
    async with room() as place:
        _, body, headers = await had(place, "/assets/main.js")
        tag = headers["etag"]
        again, nothing, kept = await had(place, "/assets/main.js", **{"if-none-match": f'"other", W/{tag}'})
        other, whole, _ = await had(place, "/assets/main.js", **{"if-none-match": '"other"'})

    assert (again, nothing, kept["etag"]) == (304, b"", tag)
    assert (other, whole) == (200, body)
    assert headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../app.py",
        "..%2fapp.py",
        "%2e%2e/pages.py",
        "web/main.js",
        "vendor/d3.min.js",
        "main.js/",
        "MAIN.JS",
    ],
)
async def test_no_other_file(name: str) -> None:
    """A name is one of the list, letter for letter, or nothing."""
    async with room() as place, line(place.server) as raw:
        await raw.say(f"GET /assets/{name} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        answer = await raw.hear()

    assert status_of(answer) == 404


async def test_without_a_token() -> None:
    """The page is there to ask for it; figures are not."""
    async with room(tokens=(token(),)) as place:
        page, body, _ = await had(place, "/")
        script, _, _ = await had(place, "/assets/main.js")
        figures, _, _ = await had(place, "/api/usage")

    assert (page, script, figures) == (200, 200, 401)
    assert TOKEN.encode() not in body


async def test_it_can_be_come_to() -> None:
    """By a link that stands elsewhere, and not by a frame; its files by their page alone."""
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    async with room() as place:
        followed, _, _ = await had(place, "/", **link)
        framed, _, _ = await had(place, "/", **(link | {"sec-fetch-dest": "iframe"}))
        taken, _, _ = await had(place, "/assets/main.js", **{"sec-fetch-site": "cross-site"})

    assert (followed, framed, taken) == (200, 403, 403)


def test_every_file_is_named() -> None:
    """What lies beside the page is in the list, and what the page or a script asks for is, too."""
    there = {each.name for each in WEB.iterdir()}
    asked = {
        name
        for each in WEB.iterdir()
        for name in re.findall(r'(?:/assets/|from "\./)([\w.]+)', each.read_text(encoding="utf-8"))
    }

    assert there == {*pages.OWN, "index.html"}
    assert asked <= set(pages.library())
    assert set(pages.library()) - asked == {"main.js"} - asked


def test_nothing_within_the_page_runs() -> None:
    """No script and no style of its own, which the policy would refuse; no way from text to markup."""
    page = WEB.joinpath("index.html").read_text(encoding="utf-8")
    scripts = "".join(
        WEB.joinpath(name).read_text(encoding="utf-8") for name in pages.OWN if name.endswith(".js")
    )

    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page) == []
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", scripts)
        == []
    )
    assert re.findall(r"https?://", page + scripts) == []


def test_scripts_are_short() -> None:
    """As the code in Python is: files of at most 250 lines, functions of at most 40, lines of at most 140."""
    for name in pages.OWN:
        lines = WEB.joinpath(name).read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 250, name
        if name.endswith(".js"):
            assert max(map(len, lines)) <= 140, name
            assert max(lengths(lines), default=0) <= 40, name


def lengths(lines: list[str]) -> list[int]:
    """Of functions and methods: from the line that opens one to the one that closes it, as far indented."""
    found: list[int] = []
    for start, text in enumerate(lines):
        if re.match(r"\s*(export )?(async )?(function|\w+\(.*\) \{$)", text) and text.endswith("{"):
            indent = len(text) - len(text.lstrip())
            ends = (i for i, each in enumerate(lines[start + 1 :], 2) if each.startswith(" " * indent + "}"))
            found.append(next(ends))
    return found


def test_a_server_has_it() -> None:
    """It is among the routes that are served without being asked for."""
    assert Server.__init__.__kwdefaults__ is not None
    assert {"/", "/assets/*"} <= {route.path for route in Server.__init__.__kwdefaults__["routes"]}
