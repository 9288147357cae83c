"""Base URLs: what is refused, and what counts as this machine."""

from __future__ import annotations

import pytest

from racer.config import address


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "https://api.example.com:8443/v1/",
        "http://localhost:11434",
        "http://[::1]:8080/v1",
        "https://api.example.com/accounts/$ACCOUNT_ID/ai/v1",
        "https://$HOST_NAME/v1",
        "$MODAL_URL",
        "$MODAL_URL/v1",
    ],
)
def test_fits(url: str) -> None:
    """A plain address, with references to the environment or without, is right."""
    assert address.fault(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "begin with https"),
        ("api.example.com/v1", "begin with https"),
        ("ftp://example.com", "begin with https"),
        ("file:///etc/passwd", "begin with https"),
        ("https://", "no host"),
        ("https:///v1", "no host"),
        ("https://%31/v1", "no host"),
        ("https://user@example.com", "user name"),
        ("https://user:pass@example.com", "user name"),
        ("https://example.com@evil.test", "user name"),
        ("https://example.com/v1?key=1", "query"),
        ("https://example.com/v1#x", "query"),
        ("https://example.com/v1?", "query"),
        ("https://example.com/../v1", ".."),
        ("https://example.com//v1", "//"),
        ("https://example.com/v1 ", "characters"),
        ("https://exa mple.com", "characters"),
        ("https://example.com\\@evil.test", "characters"),
        ("https://exämple.com", "characters"),
        ("https://example.com/v1\n", "characters"),
        ("https://example.com:99999", "not an address"),
        ("https://example.com:x", "not an address"),
        ("https://[::1", "not an address"),
        ("https://example.com:0", "port 0"),
        ("https://example.com/v1/chat/completions", "leave out /chat/completions"),
        ("http://localhost:11434/api/chat/", "leave out /api/chat"),
        ("https://api.cohere.com/v2/chat", "leave out /v2/chat"),
        ("https://api.replicate.com/v1/predictions", "leave out /predictions"),
        ("https://example.com/$MY_API_KEY/v1", "a key has no place"),
        ("https://example.com/$my_token", "a key has no place"),
        ("https://example.com/$1", "characters"),
    ],
)
def test_refused(url: str, why: str) -> None:
    """Anything that could carry a key, or lead elsewhere than it seems, is refused with its reason."""
    assert why in (address.fault(url) or "")


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:1", True),
        ("http://LOCALHOST", True),
        ("http://ollama.localhost", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8", True),
        ("http://0.0.0.0", False),
        ("http://192.168.1.2", False),
        ("http://localhost.evil.test", False),
        ("http://127.0.0.1.evil.test", False),
        ("http://2130706433", False),
        ("", False),
    ],
)
def test_loopback(url: str, loopback: bool) -> None:
    """Only names and addresses that cannot leave the machine are loopback."""
    assert address.loopback(url) is loopback


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://example.com", True),
        ("HTTP://example.com", True),
        ("https://example.com", False),
        ("http://[::1]", False),
    ],
)
def test_plain(url: str, plain: bool) -> None:
    """Http is plain wherever it leaves the machine."""
    assert address.plain(url) is plain
