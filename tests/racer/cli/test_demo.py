"""`racer demo`: it needs nothing, ends by itself, and shows what was measured."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from racer.cli.demo import POLICIES, PROMPTS, Show, every_policy, verdict
from racer.cli.live import watch
from racer.cli.main import main
from racer.cli.tally import Tally
from racer.sim import parse_profile
from tests.racer.cli.facts import WHOLE
from tests.racer.cli.shells import COMMAND, clean_environ, shell_of, text_of
from tests.racer.cli.terminal import run_in_terminal

if TYPE_CHECKING:
    from pathlib import Path

SHORT = ["demo", "--rounds", "1", "--lanes", "2"]


def test_a_short_demo_shows_everything(tmp_path: Path) -> None:
    """All policies, a line for what happened, tables, what to type next; and nothing of the user is used."""
    (tmp_path / "racer.toml").write_text("nonsense")
    environ = {"COLUMNS": "100", "RACER_CONFIG": "missing", "GROQ_API_KEY": "test-key-" + "x" * 12}
    shell = shell_of(environ=environ, cwd=tmp_path)

    assert main([*SHORT, "--seed", "3"], shell) == 0

    told, result = text_of(shell.stderr), text_of(shell.stdout)
    assert told.count(f"1/1 {PROMPTS[0]}") == len(POLICIES)
    assert told.count("  won\n") == len(POLICIES)
    assert "Policy all: 2 lanes" in told
    assert all(f"Policy {policy}:" in told and f"\n{policy} " in result for policy in POLICIES)
    assert "provider" in result
    assert "One lane at a time, the slowest answer took" in result
    assert 'racer ask "' in result
    assert "\x1b" not in told + result


BROKEN = """
[providers.a]
models = ["m"]
faults = [{ kind = "500" }]
[providers.b]
models = ["m"]
faults = [{ kind = "empty_200" }]
"""


@pytest.mark.anyio
async def test_a_lost_race_does_not_end_it() -> None:
    """Every lane's reason is told, and the next prompt has its turn."""
    shell, total = shell_of(), Tally()
    show = Show(parse_profile(BROKEN, "broken"), 2, 2, shell, watch(shell), total)

    tallies = await every_policy(show)

    assert [(tally.races, tally.lost) for tally in tallies.values()] == [([], 2)] * len(POLICIES)
    assert text_of(shell.stderr).count("racer: all 2 lanes failed.") >= 2
    assert "  sim-a/m: server 500: " in text_of(shell.stderr)
    assert len(total.uses) == 2


@pytest.mark.parametrize(
    "flags", [["--rounds", "0"], ["--rounds", "101"], ["--lanes", "0"], ["--lanes", "65"]]
)
def test_wrong_numbers_are_told(flags: list[str]) -> None:
    """Exit code 2, before anything starts."""
    shell = shell_of()

    assert main(["demo", *flags], shell) == 2
    assert text_of(shell.stderr).startswith(f"racer: {flags[0]} is {flags[1]}: use a whole number from 1 to ")


def test_the_verdict_is_what_was_measured() -> None:
    """The numbers of both tallies; nothing is claimed where a policy won no race."""
    tally = Tally()
    for fact in WHOLE:
        tally(fact)

    assert verdict(dict.fromkeys(POLICIES, tally)) == (
        "One lane at a time, the slowest answer took 1.00 s. Racing all took it to 1.00 s, for 3 requests "
        "instead of 3; frugal, which asks a second lane only when the first is late, to 1.00 s for 3."
    )
    for policy in POLICIES:
        assert verdict({**dict.fromkeys(POLICIES, tally), policy: Tally()}) == (
            "Not enough races were won to compare the policies."
        )


def test_a_process_on_a_pipe_prints_plain_lines(tmp_path: Path) -> None:
    """The tables on stdout, the races on stderr, no escape code, exit code 0."""
    done = subprocess.run(
        [*COMMAND, *SHORT],
        env=clean_environ(tmp_path, FORCE_COLOR="1"),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )

    assert done.returncode == 0
    assert "won" in done.stderr
    assert done.stdout.startswith("What each provider did")
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("columns", [80, 40])
def test_a_terminal_shows_bars(columns: int, tmp_path: Path) -> None:
    """The last frame of each race stays, no line of it is wider than the terminal, and the cursor is back."""
    done = run_in_terminal([*COMMAND, *SHORT], env=clean_environ(tmp_path), cwd=tmp_path, columns=columns)

    assert done.code == 0
    rows = [line for line in done.lines if line.startswith(("✓", "✗", "–"))]
    assert sum(row.startswith("✓") for row in rows) == len(POLICIES)
    assert all(len(row) < columns for row in rows)
    assert done.raw.count("\x1b[?25l") == done.raw.count("\x1b[?25h") == len(POLICIES)


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    """Exit code 130, without a traceback and without tables, with every port closed."""
    with subprocess.Popen(
        [*COMMAND, "demo"],
        env=clean_environ(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while not process.stderr.readline().endswith("started\n"):
            assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
