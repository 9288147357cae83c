"""An environment for each peer, under a folder that git ignores: kept while its list is the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".peers"

# litellm's newest release now and then asks for a package that is younger than the index at hand; pip then
# takes the release before. What was measured stands beside each figure.
WANTED: Mapping[str, tuple[str, ...]] = {
    "openai": ("openai==3.52.0",),
    "litellm": ("litellm<=1.109.1",),
    "litellm-proxy": ("litellm[proxy]<=1.109.1",),
    "freelm": ("freelm==0.5.2",),
    "freellmpool": ("freellmpool==0.13.0",),
    "schemathesis": ("schemathesis>=4.32,<5",),
}


def python_of(name: str) -> Path:
    """The interpreter of a peer's environment."""
    return FOLDER / name / "bin" / "python"


def prepare(names: Iterable[str]) -> dict[str, str]:
    """Make what is not there yet. By name, why one could not be made."""
    with ThreadPoolExecutor(2) as pool:
        told = {name: pool.submit(_make, name) for name in sorted({*names} & {*WANTED})}
    return {name: why for name, future in told.items() if (why := future.result())}


def _make(name: str) -> str:
    """Empty, or why not."""
    folder, wanted = FOLDER / name, WANTED[name]
    ready = folder / "ready"
    if ready.is_file() and ready.read_text() == _stamp(wanted):
        return ""
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    command = [str(python_of(name)), "-m", "pip", "--disable-pip-version-check", "install", "-qq", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        return lines[-1].removeprefix("ERROR: ")
    ready.write_text(_stamp(wanted))
    return ""


def _stamp(wanted: tuple[str, ...]) -> str:
    return "\n".join((sys.version, *wanted))


def size(name: str) -> float:
    """Megabytes that the environment of a peer takes, pip and its own tools left out."""
    without = ("pip", "setuptools")
    packages = next((FOLDER / name / "lib").glob("python*/site-packages"))
    files = (file for file in packages.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    kept = (file for file in files if not file.relative_to(packages).parts[0].startswith(without))
    return sum(file.stat().st_size for file in kept) / 1e6
