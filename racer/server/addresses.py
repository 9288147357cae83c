"""Addresses that a client has sent: whether the whole world could read them. Pure.

Whoever fetches one later reads it by rules of his own: letters and dots of other scripts become plain ones,
numbers are read as octal or hexadecimal. What could be read in two ways is not public.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_BRACKETS = re.compile(r"\[([0-9a-fA-F:.]+)\](?::[0-9]*)?")
_OWN = frozenset({
    "localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa",
})  # fmt: skip
_GLOBAL = IPv6Network("2000::/3")
_TUNNELS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))  # they have an address of IPv4 in them


def is_public(url: str) -> bool:
    """Of an https: URL without a user. What its name resolves to is not looked up."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or "@" in parts.netloc:
        return False
    if "[" in parts.netloc:
        return _is_public_six(parts.netloc)
    return _is_public_name(_plain(host))


def _plain(host: str) -> str:
    """As the system for names sees it; empty where it is no name."""
    try:
        name = unicodedata.normalize("NFKC", host).casefold().encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    return name.lower().removesuffix(".")


def _is_public_name(name: str) -> bool:
    last = name.rpartition(".")[2]
    if _HOST.fullmatch(name) is None or last in _OWN:
        return False
    return _NUMBER.fullmatch(last) is None or _is_public_four(name)


def _is_public_four(text: str) -> bool:
    """In the usual form, of four decimal numbers, alone."""
    try:
        address = IPv4Address(text)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_public_six(netloc: str) -> bool:
    """None that stands for another one, of IPv4."""
    found = _BRACKETS.fullmatch(netloc)
    try:
        address = IPv6Address(found[1] if found else "")
    except ValueError:
        return False
    tunnels = any(address in network for network in _TUNNELS)
    return address in _GLOBAL and address.is_global and not tunnels
