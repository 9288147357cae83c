"""Requests after the first, where a provider runs jobs: they carry its key, so they stay in its house.

A house is one host and port, or the domains that the dialect calls the same provider's. What a server says
never adds to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from racer_adapters.errors import Kind, WireError
from racer_adapters.types import WireRequest

if TYPE_CHECKING:
    from collections.abc import Collection
    from urllib.parse import SplitResult

    from racer_adapters.types import FollowUp, Undo


def followed(first: WireRequest, follow: FollowUp) -> WireRequest:
    """What `follow` asks for. Raises WireError where its address leaves the house of the first request."""
    url = _within(first.url, follow.url, follow.kin)
    headers = {**_headers(first, follow.body), **follow.headers}
    return WireRequest(follow.method, url, headers, follow.body)


def undone(first: WireRequest, undo: Undo) -> WireRequest | None:
    """The request that stops the job; None where its address leaves the house of the first request."""
    try:
        return WireRequest(undo.method, _within(first.url, undo.url), _headers(first, b""), b"")
    except WireError:
        return None


def mislaid(error: WireError) -> WireError:
    """What a refusal means that came to a later request: a job not found says nothing of its model."""
    if error.kind is not Kind.NO_MODEL:
        return error
    return WireError(Kind.SERVER, error.message, status=error.status, retry_after=error.retry_after)


def _headers(first: WireRequest, body: bytes) -> dict[str, str]:
    """Those of the first request; nothing has no content type."""
    return {name: value for name, value in first.headers.items() if body or name.lower() != "content-type"}


def _within(base: str, url: str, kin: Collection[str] = ()) -> str:
    """`url`, relative or not, if our key may go there."""
    try:
        joined = urljoin(base, url)
        ours, theirs = urlsplit(base), urlsplit(joined)
        fine = theirs.scheme == ours.scheme and theirs.username is None and _one_house(ours, theirs, kin)
    except ValueError:
        joined, fine = "", False
    if not fine:
        raise WireError(Kind.REDIRECT, "the provider points to another host: not followed")
    return joined


def _one_house(ours: SplitResult, theirs: SplitResult, kin: Collection[str]) -> bool:
    if (ours.hostname, ours.port) == (theirs.hostname, theirs.port):
        return True
    return ours.port == theirs.port and _is_of(ours, kin) and _is_of(theirs, kin)


def _is_of(address: SplitResult, kin: Collection[str]) -> bool:
    host = f".{address.hostname}"
    return any(host.endswith(f".{domain}") for domain in kin)
