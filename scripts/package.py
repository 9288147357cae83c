"""Build what users get, install it where nothing else is, and try it: sdist, wheel, empty venv, racer."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP = ("-m", "pip", "--disable-pip-version-check")
# From here both packages, their types marker and every data file must be found.
TRIAL = """
import importlib.resources, racer, racer_adapters, sys
from racer.bench import page
from racer.pages import assets
from racer.server import pages
for package in (racer, racer_adapters):
    assert (importlib.resources.files(package) / "py.typed").is_file(), package
assert racer.__file__.startswith(sys.prefix), racer.__file__
assert assets.style() and all(assets.libraries())
assert all(assets.text("racer.bench", f"web/{name}") for name in page.FILES)
assert pages.library()
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder), at=ROOT)
        (sdist,) = folder.glob("*.tar.gz")
        wheel_options = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(folder))
        run(sys.executable, *PIP, "wheel", "-qq", *wheel_options, str(sdist), at=folder)
        (wheel,) = folder.glob("*.whl")
        run(sys.executable, "-m", "venv", str(folder / "venv"), at=folder)
        commands = folder / "venv" / "bin"
        run(str(commands / "python"), *PIP, "install", "-qq", str(wheel), at=folder)
        run(str(commands / "python"), "-c", TRIAL, at=folder)
        run(str(commands / "racer"), "--version", at=folder)
        run(str(commands / "racer"), "demo", "--help", at=folder)
    return 0


def run(*command: str, at: Path) -> None:
    print("+", *command, flush=True)
    unset = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    subprocess.run(command, cwd=at, env=environment, check=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as failed:
        sys.exit(f"exit code {failed.returncode}")
