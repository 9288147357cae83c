"""Base URLs: which are refused and why, and which go over plain http to another machine."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from racer.config.forms import hides_a_secret, stand_in
from racer.core.loopback import is_loopback

_ADDED_BY_DIALECT = (
    "/chat/completions", "/completions", "/responses", "/messages", "/api/chat", "/api/generate",
    "/v2/chat", "/predictions", "/runsync",
)  # fmt: skip


def fault(text: str) -> str | None:
    """What is wrong with a base URL in the file, which may name variables as `$NAME`."""
    # Every address is printed, logged and stored; a key in one would be too.
    if hides_a_secret(text):
        return "a key has no place in an address: name it in keys or in headers"
    if text.startswith("$") and "://" not in text:
        return None  # all of it comes from the environment, and is checked once it is known
    return resolved_fault(stand_in(text))


def resolved_fault(text: str) -> str | None:
    """What is wrong with an address that holds no more names of variables."""
    if not text.isascii() or not text.isprintable() or any(char in text for char in ' \\<>"{}|^`$'):
        return "holds characters that no address has"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "not an address"
    if parts.scheme not in {"http", "https"}:
        return "does not begin with https:// or http://"
    return _authority_fault(parts, port) or _rest_fault(text, parts)


def _authority_fault(parts: SplitResult, port: int | None) -> str | None:
    if "@" in parts.netloc:
        return "holds a user name or a password"
    if not parts.hostname or "%" in parts.netloc:
        return "names no host"
    return "port 0 is no port" if port == 0 else None


def _rest_fault(text: str, parts: SplitResult) -> str | None:
    if "?" in text or "#" in text:
        return "holds a query or a fragment"
    if ".." in parts.path.split("/") or "//" in parts.path:
        return "its path holds .. or //"
    for ending in _ADDED_BY_DIALECT:
        if parts.path.rstrip("/").endswith(ending):
            return f"leave out {ending}: the dialect adds its own path"
    return None


def plain(url: str) -> bool:
    """Would what is sent to `url` cross a network unencrypted?"""
    return urlsplit(url).scheme == "http" and not loopback(url)


def loopback(url: str) -> bool:
    """Does the address stay on this machine?"""
    return is_loopback(urlsplit(url).hostname or "")
