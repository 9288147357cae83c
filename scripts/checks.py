"""Every check, its command, and in which order they run. scripts/check calls it: `check [NAME ...]`.

What only reads the tree runs two at a time. The tests run alone, since some of them measure.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON = sys.executable


@dataclass(frozen=True, slots=True)
class Check:
    """`closing`: the last line of its output is worth showing when it passes, too."""

    name: str
    command: tuple[str, ...]
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    check: Check
    passed: bool
    seconds: float
    output: str


READERS = (
    Check("package", (PYTHON, "scripts/package.py")),
    Check("pyright", (str(BIN / "pyright"),)),
    Check("mypy", (str(BIN / "mypy"),)),
    Check("imports", (str(BIN / "lint-imports"), "--no-cache", "--no-logo")),
    Check("lint", (str(BIN / "ruff"), "check", "--quiet", "--output-format=concise")),
    Check("format", (str(BIN / "ruff"), "format", "--check", "--quiet", "--output-format=concise")),
)
MEASURERS = (
    Check(
        "tests",
        (str(BIN / "pytest"), "-q", "-n2", "--dist=loadgroup", "--cov", "--cov-report="),
        closing=True,
    ),
    Check("coverage", (PYTHON, "scripts/coverage_gate.py"), closing=True),
)


def main(names: list[str]) -> int:
    unknown = set(names) - {check.name for check in READERS + MEASURERS}
    if unknown:
        print(f"no such check: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(run, wanted(READERS, names)))
    outcomes += [run(check) for check in wanted(MEASURERS, names)]
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        print(f"\n──── {outcome.check.name}\n{outcome.output.strip()}")
    seconds = time.monotonic() - began
    print(f"\nchecks: {len(outcomes) - len(failed)} passed, {len(failed)} failed")
    print(
        f"in {seconds:.0f} s"
        + (f"; failed: {', '.join(each.check.name for each in failed)}" if failed else "")
    )
    return 1 if failed else 0


def wanted(checks: tuple[Check, ...], names: list[str]) -> list[Check]:
    return [check for check in checks if not names or check.name in names]


def run(check: Check) -> Outcome:
    """Run one check and say at once how it went."""
    began = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    outcome = Outcome(check, done.returncode == 0, time.monotonic() - began, done.stdout)
    said = done.stdout.strip().splitlines()
    note = f"   {said[-1]}" if check.closing and said else ""
    print(f"{'ok  ' if outcome.passed else 'FAIL'} {check.name:<9}{outcome.seconds:6.1f} s{note}", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
