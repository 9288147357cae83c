"""The machine's clocks, as far as they can be tested: that they are the right ones."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from racer.timepiece import timepiece


def test_wall_time_is_unix_seconds() -> None:
    """What every other program on this machine takes for the time."""
    before = time.time()
    wall = timepiece().wall()

    assert before <= wall <= time.time()


def test_ticks_run_forward() -> None:
    """Whatever happens to the wall clock."""
    clock = timepiece()
    ticks = [clock.ticks() for _ in range(1000)]

    assert ticks == sorted(ticks)
    assert ticks[0] > 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such clock")
def test_ticks_also_run_while_the_machine_sleeps() -> None:
    """They are those of the clock that counts from the boot."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    ticks = timepiece().ticks()

    assert before <= ticks <= time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.mark.skipif(not Path("/proc/sys/kernel/random/boot_id").exists(), reason="the system does not tell")
def test_a_boot_has_a_name() -> None:
    """The same for all processes, so that their ticks can be compared; without a space or a line's end."""
    boot = timepiece().boot

    assert boot == timepiece().boot
    assert len(boot.split()) == 1
    assert boot == boot.strip()
