"""scripts/setup where it cannot do its work: it says what to type, and throws away nothing of yours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("sh", "cat", "cmp", "dirname", "mkdir", "rm")
OLD = '#!/bin/sh\ncase $2 in *importlib*) echo "3.9.6, without ensurepip" ;; *) exit 1 ;; esac\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the script, on a machine that has neither python3 nor uv."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def setup(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(checkout / "scripts" / "setup"), *arguments],
        cwd="/",
        env={"PATH": str(checkout / "bin"), **environment},
        capture_output=True,
        check=False,
        text=True,
    )


def test_no_python_at_all(checkout: Path) -> None:
    """Without python3 it names the packages to install, and leaves nothing half-made."""
    done = setup(checkout, "run")

    assert done.returncode == 1
    assert "python3 is not there" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("name", ["python3", "python3.12"])
def test_a_python_that_will_not_do(name: str, checkout: Path) -> None:
    """A Python that is too old, or has no ensurepip, is named with its version."""
    python = checkout / "bin" / name
    python.write_text(OLD)
    python.chmod(0o755)

    done = setup(checkout, "dev", PYTHON=str(python))

    assert done.returncode == 1
    assert f"{python} is 3.9.6, without ensurepip" in done.stderr


def test_a_venv_of_somebody_else_stays(checkout: Path) -> None:
    """A .venv that the script did not make is left alone, and said so."""
    python = checkout / "bin" / "python3"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "pyvenv.cfg").write_text("home = elsewhere\n")

    done = setup(checkout, "run")

    assert done.returncode == 1
    assert "move it out of the way" in done.stderr
    assert (checkout / ".venv" / "pyvenv.cfg").read_text() == "home = elsewhere\n"


def test_a_word_that_means_nothing(checkout: Path) -> None:
    """Anything but run and dev is a wrong use."""
    assert setup(checkout, "all").returncode == 2
