"""The machine's clocks: wall time, and ticks that also run while it sleeps."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
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
    return Timepiece(time.time, _boot_time, _boot_id())


def _boot_time() -> float:
    """Linux stops its monotonic clock while the machine sleeps; this one runs on."""
    return time.clock_gettime(_CLOCK)


_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _boot_id() -> str:
    """Empty where the system does not tell: then no two processes take each other's clock for theirs."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""
