"""A dialect: one wire format, as a record of pure functions.

    encode    a Call and its Target -> the bytes to send
    decoder   a fresh Decoder for one response (it tells whole from streamed by what it reads)
    classify  status, headers and body of a refusal -> WireError
    listing   where a server tells which models it has, and how to read that; None where it does not

Where a provider runs jobs, a decoder may end with a FollowUp in place of End (and say how to Undo).

A Decoder never raises: whatever bytes it is fed, it gives events, nothing yet, or a WireError as the
last event. After a WireError it gives nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from racer_adapters.types import WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer_adapters.errors import WireError
    from racer_adapters.types import (
        Call,
        End,
        Finish,
        FollowUp,
        Installed,
        Reasoning,
        Target,
        Text,
        ToolDelta,
        Undo,
        Usage,
    )

    Event = Text | Reasoning | ToolDelta | Usage | Finish | End | FollowUp | Undo | WireError


class Decoder(Protocol):
    def feed(self, data: bytes) -> Sequence[Event]:
        """Take the next bytes of the body, in pieces of any size."""
        ...

    def close(self) -> Sequence[Event]:
        """The body is over. A reply that was cut off ends in a WireError of kind TRUNCATED."""
        ...


@dataclass(frozen=True, slots=True)
class Listing:
    """GET each of `paths` below the base URL; `read` takes the bodies in that order."""

    paths: tuple[str, ...]
    read: Callable[[Sequence[bytes]], tuple[Installed, ...]]


def listing_request(target: Target, path: str) -> WireRequest:
    """What asks a server for one of a Listing's paths, with its key as a bearer token if it has one."""
    headers = dict(target.headers)
    if target.key is not None:
        headers["authorization"] = f"Bearer {target.key.reveal()}"
    return WireRequest("GET", target.base_url.rstrip("/") + path, headers, b"")


@dataclass(frozen=True, slots=True)
class Dialect:
    name: str
    encode: Callable[[Call, Target], WireRequest]
    decoder: Callable[[], Decoder]
    classify: Callable[[int, Mapping[str, str], bytes], WireError]
    listing: Listing | None = None
