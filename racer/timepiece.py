"""The machine's clocks: wall time, and ticks that also run while it sleeps."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Timepiece:
    """`wall` gives unix seconds, `ticks` seconds since some instant of this boot, which `boot` names."""

    wall: Callable[[], float]
    ticks: Callable[[], float]
    boot: str


def timepiece() -> Timepiece:
    # Linux stops its monotonic clock while the machine sleeps; that of the boot runs on.
    clock: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Timepiece(time.time, partial(time.clock_gettime, clock), _boot_id())


def _boot_id() -> str:
    """Empty where the system does not tell: then no two processes take each other's clock for theirs."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""
