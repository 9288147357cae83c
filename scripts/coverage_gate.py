"""Fails where too little is covered, after the tests have left .coverage behind.

Each file under a path of [tool.racer.coverage] must reach that path's percentage of lines and branches by
its own test file alone: what is covered by accident does not count. `total` is for all files and all tests.
"""

from __future__ import annotations

import io
import re
import sys
import tomllib
from pathlib import Path, PurePosixPath
from typing import cast

import coverage

from scripts.mirror import mirror_of

ROOT = Path(__file__).resolve().parent.parent
AT_IMPORT = "^$"


def main() -> int:
    gates = read_gates()
    total = gates.pop("total")
    data = coverage.Coverage(data_file=ROOT / ".coverage", config_file=str(ROOT / "pyproject.toml"))
    data.load()
    short = [line for path, least in gates.items() for line in short_of(data, path, least)]
    reached = data.report(file=io.StringIO())
    if reached < total:
        short.append(f"all files: {reached:.1f} %, wanted {total:g} %")
    for line in short:
        print(line)
    wanted = ", ".join(f"{path} {least:g}" for path, least in gates.items())
    print(f"{reached:.1f} % of all; by their own tests {wanted}: {len(short)} too low")
    return 1 if short else 0


def read_gates() -> dict[str, float]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return cast("dict[str, float]", tomllib.load(file)["tool"]["racer"]["coverage"])


def short_of(data: coverage.Coverage, path: str, least: float) -> list[str]:
    """A line for each file under `path` that is covered less than `least`."""
    found: list[str] = []
    for file in sorted((ROOT / path).rglob("*.py")):
        source = file.relative_to(ROOT).as_posix()
        percent, missing = own_coverage(data, source)
        if percent < least:
            found.append(f"{source}: {percent:.1f} %, wanted {least:g} %; missing {missing}")
    return found


def own_coverage(data: coverage.Coverage, source: str) -> tuple[float, str]:
    """Percentage and missing lines of `source`, by its own test; by all where it has none."""
    own = mirror_of(PurePosixPath(source))
    contexts = [AT_IMPORT, f"^{re.escape(str(own))}::"] if (ROOT / own).is_file() else None
    table = io.StringIO()
    percent = data.report(include=[str(ROOT / source)], contexts=contexts, show_missing=True, file=table)
    row = next((line for line in table.getvalue().splitlines() if line.startswith(source)), "")
    return percent, row.partition("%")[2].strip()


if __name__ == "__main__":
    sys.exit(main())
