"""racer_adapters/ollama_server.py: an Ollama server's address and models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.ollama_server import host_url, read_installed, tagged
from racer_adapters.types import Installed


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("  ", "http://127.0.0.1:11434"),
        ("localhost", "http://localhost:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        ("1.2.3.4:56789", "http://1.2.3.4:56789"),
        (":56789", "http://127.0.0.1:56789"),
        ("1.2.3.4:", "http://1.2.3.4:11434"),
        (" '1.2.3.4' ", "http://1.2.3.4:11434"),
        ('"1.2.3.4"', "http://1.2.3.4:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("http://0.0.0.0:8080/", "http://127.0.0.1:8080"),
        ("http://1.2.3.4", "http://1.2.3.4:80"),
        ("HTTP://1.2.3.4:8080", "http://1.2.3.4:8080"),
        ("https://example.test", "https://example.test:443"),
        ("https://example.test:8443/", "https://example.test:8443"),
        ("http://", "http://127.0.0.1:80"),
        ("example.test/ollama/", "http://example.test:11434/ollama"),
        ("https://example.test/a/b//", "https://example.test:443/a/b"),
        ("::1", "http://[::1]:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("::", "http://[::1]:11434"),
        ("[::]:8080", "http://[::1]:8080"),
        ("[0001:002:003:0004::1]/path", "http://[1:2:3:4::1]:11434/path"),
        ("https://[fe80::1]", "https://[fe80::1]:443"),
    ],
)
def test_addresses(value: str, url: str) -> None:
    """Missing parts are filled in as Ollama does; an address to listen on becomes one to call."""
    assert host_url(value) == url


@pytest.mark.parametrize(
    "value",
    [
        "ftp://example.test",
        "unix:///run/ollama",
        "a b",
        "user:pw@example.test",
        "example.test:99999",
        "a:b:c",
        "[::1",
        "[zz]",
        "::zz",
        "[::1]x",
        "example.test?x=1",
        "example.test/#a",
        "[1.2.3.4]",
        "a\\b",
        "a%20b",
        "[]",
        "a\x00b",
    ],
)
def test_what_is_no_address_is_refused(value: str) -> None:
    """With the value and what to write instead."""
    with pytest.raises(
        ValueError, match=r"^OLLAMA_HOST is .*: write a host, host:port, or http://host:port$"
    ):
        host_url(value)


@given(st.text(max_size=30) | st.text("htps:/[].0a1", max_size=30))
def test_any_value_is_an_address_or_refused(value: str) -> None:
    """Never another exception; what comes out means itself."""
    try:
        url = host_url(value)
    except ValueError:
        return
    assert host_url(url) == url


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("llama3.2", "llama3.2:latest"),
        ("llama3.2:latest", "llama3.2:latest"),
        ("qwen3:8b", "qwen3:8b"),
        ("host:5000/lib/model", "host:5000/lib/model:latest"),
        ("host:5000/lib/model:1b", "host:5000/lib/model:1b"),
    ],
)
def test_a_name_without_a_tag_means_the_latest(name: str, full: str) -> None:
    """A port is no tag."""
    assert tagged(name) == full


def listed(*models: dict[str, Any]) -> bytes:
    return json.dumps({"models": models}).encode()


def model(name: str, *capabilities: str) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "size": 1,
        **({"capabilities": capabilities} if capabilities else {}),
    }


JSON = ("json", "schema")


def test_models_in_memory_come_first() -> None:
    """Otherwise in the server's order; a tag of `latest` may be missing on either side."""
    tags = listed(model("a:latest"), model("b:1b"), model("c:latest"), model("d"))
    ps = listed(model("d:latest"), model("c"))

    assert read_installed([tags, ps]) == (
        Installed("c:latest", loaded=True, can=JSON),
        Installed("d", loaded=True, can=JSON),
        Installed("a:latest", loaded=False, can=JSON),
        Installed("b:1b", loaded=False, can=JSON),
    )


def test_a_server_that_does_not_tell_what_is_in_memory() -> None:
    """An old one: none of its models is known to need a cold start."""
    assert read_installed([listed(model("a")), b""]) == (Installed("a", loaded=None, can=JSON),)


def test_capabilities() -> None:
    """Every model writes JSON; what cannot chat is left out, also when it is in memory."""
    tags = listed(
        model("a", "completion", "tools", "vision", "thinking"),
        model("embed", "embedding"),
        model("b", "completion"),
    )
    ps = listed(model("embed"))

    assert read_installed([tags, ps]) == (
        Installed("a", loaded=False, can=(*JSON, "tools", "vision")),
        Installed("b", loaded=False, can=JSON),
    )


def test_a_model_that_is_only_in_memory_counts() -> None:
    """The lists are read one after the other, and a cloud model may be in the second alone."""
    assert read_installed([listed(), listed(model("a"))]) == (Installed("a", loaded=True, can=JSON),)


@pytest.mark.parametrize(
    "bodies",
    [
        [],
        [b""],
        [b"", b""],
        [b"<html>", b"{"],
        [b"[]", b"7"],
        [b'{"models":7}', b'{"models":[7,{},{"name":7}]}'],
        [b'{"error":"no"}', b"\xff"],
        [b"", b"", b"more"],
    ],
)
def test_anything_else_is_no_model(bodies: list[bytes]) -> None:
    """Never an exception."""
    assert read_installed(bodies) == ()


def test_old_servers_and_half_answers() -> None:
    """`model` for `name`; one list without the other."""
    assert read_installed([listed({"model": "a"})]) == (Installed("a", can=JSON),)
    assert read_installed([listed({"model": "a"}), b"404 page not found"]) == (Installed("a", can=JSON),)
