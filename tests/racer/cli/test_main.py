"""The command `racer` as a process begins it: what it loads, its exit code, and ctrl-C at any moment."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.racer.cli.shells import COMMAND, clean_environ

if TYPE_CHECKING:
    from pathlib import Path

# Does what `racer ask hi` does, and something else just before it loads the module that is named first.
PROGRAM = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            sys.meta_path.remove(self)
            exec(sys.argv[2], {"os": os, "signal": signal, "sys": sys})

class Pressed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

sys.Pressed = Pressed
sys.meta_path.insert(0, Finder())
from racer.cli.main import main
sys.exit(main(["ask", "hi"]))
"""


def run(program: str, *argv: str, home: Path) -> subprocess.CompletedProcess[str]:
    """As `python -m` runs it: with -c, Python forgets what it has noted of an interrupt."""
    (home / "racer.toml").write_text("[providers.ollama]\nenabled = false\n")
    (home / "program.py").write_text(program)
    return subprocess.run(
        [sys.executable, "-m", "program", *argv],
        env=clean_environ(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )


def test_help_needs_little(tmp_path: Path) -> None:
    """What only a command's work needs is not loaded to explain it."""
    program = (
        "import sys; from racer.cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    done = run(program, home=tmp_path)

    assert "racer.cli.ask" in done.stderr.split()
    assert {"rich", "racer.sim", "aiohttp.web", "structlog"}.isdisjoint(done.stderr.split())


def test_the_process_has_the_exit_code(tmp_path: Path) -> None:
    """`python -m racer` hands on what main says."""
    done = subprocess.run(
        [*COMMAND, "fly"], env=clean_environ(tmp_path), cwd=tmp_path, capture_output=True, check=False
    )

    assert done.returncode == 2


def test_the_entry_itself_loads_next_to_nothing(tmp_path: Path) -> None:
    """ctrl-C cannot be caught before it is loaded."""
    program = (
        "import sys; import racer; known = {*sys.modules}; import racer.cli.main; "
        "print(*{*sys.modules} - known)"
    )

    assert set(run(program, home=tmp_path).stdout.split()) == {"racer.cli", "racer.cli.main"}


INTERRUPTS = {
    "in code from a string, of which Python keeps a note": "signal.raise_signal(signal.SIGINT)",
    "where nothing can be raised": "sys.Pressed()",
    "twice": "sys.Pressed(); signal.raise_signal(signal.SIGINT)",
}


@pytest.mark.parametrize("module", ["racer.cli.program", "racer.cli.ask", "racer.config", "racer.api"])
@pytest.mark.parametrize("how", INTERRUPTS)
def test_ctrl_c_while_it_is_being_loaded(module: str, how: str, tmp_path: Path) -> None:
    """Ends it with 130 and without a word, wherever it comes."""
    done = run(PROGRAM, module, INTERRUPTS[how], home=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_other_errors_that_cannot_be_raised_are_told(tmp_path: Path) -> None:
    """As Python tells them; they end nothing."""
    happens = "type('Odd', (), {'__del__': lambda self: 1 / 0})()"
    done = run(PROGRAM, "racer.cli.ask", happens, home=tmp_path)

    assert "ZeroDivisionError" in done.stderr
    assert done.returncode == 2
