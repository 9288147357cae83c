"""`python -m racer`."""

from __future__ import annotations

import subprocess
import sys


def test_the_package_runs_as_a_command() -> None:
    """The same command line as `racer`."""
    done = subprocess.run(
        [sys.executable, "-m", "racer", "--version"], capture_output=True, check=True, text=True
    )

    assert done.stdout.startswith("racer ")
    assert done.stderr == ""
