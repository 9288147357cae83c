"""The faults a provider can show: their names, the options each takes, and which one strikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

STATUSES = frozenset(
    {"400", "401", "402", "403", "404", "413", "429", "500", "502", "503", "504", "529", "insufficient_quota"}
)

# kind -> the options that it takes beside kind, share, every and delay
KINDS: dict[str, frozenset[str]] = {
    **{status: frozenset({"retry_after"}) for status in STATUSES},
    "429": frozenset({"retry_after", "unit", "per"}),
    "reset_before": frozenset(),
    "reset_mid": frozenset(),
    "hang": frozenset(),
    "hang_after_headers": frozenset(),
    "keepalive_only": frozenset({"gap"}),
    "slow_drip": frozenset({"gap"}),
    "empty_200": frozenset(),
    "empty_content": frozenset(),
    "done_only": frozenset(),
    "error_200": frozenset(),
    "error_frame": frozenset({"tokens"}),
    "html_200": frozenset(),
    "half_json": frozenset(),
    "wrong_type": frozenset({"content_type"}),
    "role_then_silence": frozenset(),
    "truncated": frozenset(),
    "cut": frozenset({"bytes", "tokens", "how"}),
    "bad_arguments": frozenset(),
    "unknown_tool": frozenset(),
    "whitespace": frozenset(),
    "reasoning_only": frozenset(),
    "redirect": frozenset({"location"}),
    "too_large": frozenset(),
    "gzip_bomb": frozenset({"size"}),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """`every`: each n-th request of the provider, counted from its first; else a `share` of them.

    delay         seconds before it shows; None: when the first token would have come
    retry_after   seconds, or the text of the header as it is; None: no header
    unit, per     which limit a 429 says is used up
    gap           seconds between two signs of life
    tokens        tokens that come before the fault
    bytes         bytes of the body that come before it; None: as many as `tokens` says
    how           what a cut is: a clean end, an RST, or silence
    size          bytes after decompression
    """

    kind: str
    share: float = 1.0
    every: int | None = None
    delay: float | None = None
    retry_after: float | str | None = None
    unit: Literal["requests", "tokens"] = "requests"
    per: str = "minute"
    gap: float = 1.0
    tokens: int = 0
    bytes: int | None = None
    how: Literal["end", "reset", "hang"] = "end"
    content_type: str = "text/plain; charset=utf-8"
    location: str = "http://redirected.invalid"
    size: int = 256 * 1024 * 1024


def choose(faults: Sequence[Fault], ordinal: int, drawn: float) -> Fault | None:
    """The fault that strikes request number `ordinal` (from 1), if any. `drawn` is uniform in [0, 1).

    Faults with `every` go first. The shares of the others lie side by side, so each is exact.
    """
    for fault in faults:
        if fault.every is not None and ordinal % fault.every == 0:
            return fault
    edge = 0.0
    for fault in faults:
        if fault.every is None:
            edge += fault.share
            if drawn < edge:
                return fault
    return None
