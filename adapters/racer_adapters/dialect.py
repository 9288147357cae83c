"""A dialect: one wire format, as a record of pure functions.

    encode    a Call and its Target -> the bytes to send
    decoder   a fresh Decoder for one response (it tells whole from streamed by what it reads)
    classify  status, headers and body of a refusal -> WireError
    listing   where a server tells which models it has, and how to read that; None where it does not
    jobs      the first request makes a job, which goes on when its connection is closed. Its decoder may end
              with a FollowUp in place of End, and says how to Undo
    limits    headers (names in lower case), epoch seconds of now -> what they say of the provider's limits

A Decoder never raises: whatever bytes it is fed, it gives events, nothing yet, or a WireError as the
last event. After a WireError it gives nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from racer_adapters.limits import no_limits
from racer_adapters.request import AUTHORIZATION, headers_of
from racer_adapters.types import WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from racer_adapters.errors import WireError
    from racer_adapters.limits import Reader
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
    key_header: str = AUTHORIZATION

    def request(self, target: Target, path: str) -> WireRequest:
        """What asks a server for one of the paths, with its key if it has one."""
        url = target.base_url.rstrip("/") + path
        return WireRequest("GET", url, headers_of(target, self.key_header), b"")


@dataclass(frozen=True, slots=True)
class Dialect:
    name: str
    encode: Callable[[Call, Target], WireRequest]
    decoder: Callable[[], Decoder]
    classify: Callable[[int, Mapping[str, str], bytes], WireError]
    listing: Listing | None = None
    jobs: bool = False
    limits: Reader = no_limits


class Dialects(Mapping[str, Dialect]):
    """The table by name. A codec is loaded when it is first asked for: who uses two does not pay for nine."""

    def __init__(self, *names: str) -> None:
        self._loaded: dict[str, Dialect | None] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> Dialect:
        dialect = self._loaded[name]
        if dialect is None:
            dialect = self._loaded[name] = getattr(import_module(f"racer_adapters.{name}"), name.upper())
        return dialect

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)
