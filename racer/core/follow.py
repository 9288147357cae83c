"""Requests after the first, where a provider runs jobs: they carry its key, so they stay in its house."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from racer_adapters.errors import Kind, WireError
from racer_adapters.types import WireRequest

if TYPE_CHECKING:
    from racer_adapters.types import FollowUp, Undo


def followed(request: WireRequest, follow: FollowUp) -> WireRequest:
    """What `follow` asks for. Raises WireError where its address leaves the provider's own domain."""
    headers = {**request.headers, **follow.headers}
    return WireRequest(follow.method, _within(request.url, follow.url), headers, follow.body)


def undone(request: WireRequest, undo: Undo) -> WireRequest | None:
    """The request that stops the job; None where its address leaves the provider's own domain."""
    try:
        return WireRequest(undo.method, _within(request.url, undo.url), request.headers, b"")
    except WireError:
        return None


def _within(base: str, url: str) -> str:
    """`url`, relative or not, if our key may go there: a server's own words must not send it elsewhere."""
    joined = urljoin(base, url)
    ours, theirs = urlsplit(base), urlsplit(joined)
    same_house = _house(ours.hostname or "") == _house(theirs.hostname or "")
    if ours.scheme != theirs.scheme or not same_house or theirs.username is not None:
        raise WireError(Kind.REDIRECT, "the provider points to another domain: not followed")
    return joined


def _house(host: str) -> str:
    """`stream.example.com` and `api.example.com` are one house; addresses are houses of their own."""
    labels = host.split(".")
    return host if labels[-1].isdigit() or ":" in host else ".".join(labels[-2:])
