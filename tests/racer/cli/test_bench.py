"""`racer bench`: what it says before it sends, what it sends, writes and shows, and how it ends."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from racer.cli import bench
from racer.cli.main import main
from tests.racer.cli.shells import COMMAND, Gone, Terminal, clean_environ, shell_of, text_of
from tests.racer.cli.simulators import home_of, simulating
from tests.racer.cli.terminal import run_in_terminal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from racer.cli.shell import Shell
    from racer.sim import Simulator

PROFILE = """
length = 4
[providers.quick]
models = ["m"]
first_token = 0.02
[providers.slower]
models = ["m"]
first_token = 0.05
[providers.broken]
models = ["m"]
first_token = 0.01
faults = [{ kind = "500" }]
[providers.mute]
models = ["m"]
first_token = 60
"""
THREE = ["--only", "sim-quick,sim-slower", "--only", "sim-broken"]
KEY = "test-key-" + "x" * 12


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulating(PROFILE) as running:
        yield running


@pytest.fixture
def home(simulator: Simulator, tmp_path: Path) -> Path:
    """With a key, so that one could be seen in a report."""
    simulator.reset()
    home_of(simulator, tmp_path)
    rows = (tmp_path / "racer.toml").read_text()
    (tmp_path / "racer.toml").write_text(
        rows.replace("[providers.sim-quick]\n", '[providers.sim-quick]\nkeys = ["$QUICK_KEY"]\n')
    )
    return tmp_path


def shell_in(home: Path, **streams: Any) -> Shell:
    environ = {"RACER_DB": ":memory:", "QUICK_KEY": KEY, "COLUMNS": "80"}
    return shell_of(cwd=home, environ=environ, **{"stdin": io.StringIO(), **streams})


def started(simulator: Simulator) -> int:
    return sum(each.started for each in simulator.counters().providers.values())


# ---------------------------------------------------------------- what it sends, and shows


def test_it_sends_what_it_announced_and_writes_both_reports(home: Path, simulator: Simulator) -> None:
    """One lane fails always: that makes fewer answers, and `all` sends it nothing while it rests."""
    shell = shell_in(home)

    code = main(["bench", "--rounds", "3", "--seed", "1", "--out", "r", *THREE], shell)

    assert code == 0, text_of(shell.stderr)
    document = json.loads((home / "r" / "report.json").read_text())
    announced = 3 * 4 + 9 + 4 + 3
    assert f"sends {announced} requests: 12 to lanes alone, 16 in races" in text_of(shell.stderr)
    sent, most = document["sent"], document["announced"]
    rested = most["policies"]["all"] - sent["policies"]["all"]
    assert most["total"] == announced
    assert sent["total"] == started(simulator) == announced - rested
    assert (sent["lanes"], sent["policies"]["frugal"]) == (most["lanes"], most["policies"]["frugal"])
    assert document["complete"] is True
    assert document["rounds_done"] == 3
    shown = text_of(shell.stdout)
    assert all(name in shown for name in ("sim-quick/m", "sim-broken/m", "frugal", "r/report.html"))
    assert "sim-broken/m: server 3 (of 3)" in shown
    assert max(len(line) for line in shown.splitlines() if str(home) not in line) <= 80
    assert (home / "r" / "report.html").read_text().startswith("<!")


def test_a_key_is_in_no_report(home: Path) -> None:
    """Nor a prompt, nor an answer."""
    shell = shell_in(home)
    main(["bench", "--rounds", "1", "--out", "r", "--only", "sim-quick", "--json"], shell)

    everything = text_of(shell.stdout) + text_of(shell.stderr)
    everything += "".join(path.read_text() for path in (home / "r").iterdir())
    assert KEY not in everything
    assert "the sky blue" not in everything


def test_json_is_the_document_of_the_report(home: Path) -> None:
    """On stdout alone, in place of the table."""
    shell = shell_in(home)

    assert main(["bench", "--rounds", "1", "--out", "r", "--json", "--policies", "none", *THREE], shell) == 0
    assert json.loads(text_of(shell.stdout)) == json.loads((home / "r" / "report.json").read_text())
    assert json.loads(text_of(shell.stdout))["announced"]["policies"] == {}


def test_a_dry_run_sends_nothing(home: Path, simulator: Simulator) -> None:
    """And leaves no folder behind."""
    shell = shell_in(home)

    assert main(["bench", "--rounds", "3", "--dry-run", "--out", "r", *THREE], shell) == 0
    assert "would send 28 requests" in text_of(shell.stderr)
    assert started(simulator) == 0
    assert not (home / "r").exists()


def test_without_a_name_the_folder_has_the_time(home: Path) -> None:
    """In the folder where it was begun."""
    main(["bench", "--rounds", "1", "--policies", "none", "--only", "sim-quick"], shell_in(home))

    (folder,) = home.glob("bench-2*")
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]


def test_where_nobody_answers_the_exit_code_says_so(home: Path) -> None:
    """With the report of how they failed."""
    shell = shell_in(home)

    assert main(["bench", "--rounds", "1", "--out", "r", "--only", "sim-broken"], shell) == 1
    assert "server" in text_of(shell.stdout)


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_reports_that_cannot_be_written_lose_nothing(home: Path, how: list[str]) -> None:
    """What was measured is shown first; the exit code and a line say what is missing."""
    (home / "r" / "report.html").mkdir(parents=True)
    shell = shell_in(home)

    assert main(["bench", "--rounds", "1", "--out", "r", "--only", "sim-quick", *how], shell) == 1
    assert "report.html was not written: Is a directory; report.json was" in text_of(shell.stderr)
    assert "sim-quick/m" in text_of(shell.stdout)
    assert "report.html" not in text_of(shell.stdout)
    assert json.loads((home / "r" / "report.json").read_text())["complete"]


def test_a_reader_who_has_left_takes_no_report_away(home: Path) -> None:
    """As with `| head`: the table cannot be shown, and the reports are written."""
    shell = shell_in(home, stdout=Gone())

    assert main(["bench", "--rounds", "1", "--out", "r", "--only", "sim-quick"], shell) == 141
    assert json.loads((home / "r" / "report.json").read_text())["complete"]


def test_a_long_bench_is_told_at_once(home: Path) -> None:
    """However many rounds: nothing is tried one by one."""
    began = time.process_time()
    shell = shell_in(home)

    assert main(["bench", "--rounds", "100000", "--budget", "250000", "--dry-run", *THREE], shell) == 0
    assert time.process_time() - began < 2.0


def test_prompts_come_from_a_file_or_stdin(home: Path) -> None:
    """As many as there are take turns."""
    (home / "p.txt").write_text("one\ntwo\n")
    once = ["bench", "--rounds", "2", "--policies", "none", "--only", "sim-quick", "--json"]

    for given, stdin in (("p.txt", b""), ("-", b"one\ntwo\n")):
        shell = shell_in(home, stdin=io.TextIOWrapper(io.BytesIO(stdin)))
        assert main([*once, "--prompts", given], shell) == 0
        document = json.loads(text_of(shell.stdout))
        assert document["prompts"] == 2
        assert [each["prompt"] for each in document["samples"]] == [0, 0, 1]


# ---------------------------------------------------------------- before anything is sent


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--rounds", "0"], "--rounds is 0"),
        (["--only", "nobody"], "'nobody' is no lane that is known"),
        (["--only", "sim-quick", "--exclude", "sim-quick"], "no lane can run"),
        (["--prompts", "empty.txt"], "there is no prompt in it"),
        (["--prompts", "bad.jsonl"], "bad.jsonl: line 2:"),
        (["--out", "file/under"], "--out"),
        (["--max-tokens", "0"], "--max-tokens is 0"),
        (["--budget", "1"], "a budget of 1 requests is not enough"),
        (["--since", "7d"], "--since is about races that were recorded"),
    ],
)
def test_what_will_not_do_is_told_before_anything_is_sent(
    home: Path, simulator: Simulator, arguments: list[str], told: str
) -> None:
    """With exit code 2, and no folder."""
    (home / "empty.txt").write_text("")
    (home / "file").write_text("")
    (home / "bad.jsonl").write_text('{"prompt": "x"}\n{"prompt": 3}\n')
    shell = shell_in(home)

    assert main(["bench", *arguments], shell) == 2
    assert told in text_of(shell.stderr)
    assert started(simulator) == 0
    assert not list(home.glob("bench-*"))


def test_a_limit_that_may_be_used_up_is_told(home: Path, simulator: Simulator) -> None:
    """With what would fit; and that does."""
    rows = (home / "racer.toml").read_text()
    limit = '[providers.sim-slower]\nlimits = [{ requests = 30, per = "day" }]\n'
    (home / "racer.toml").write_text(rows.replace("[providers.sim-slower]\n", limit))
    shell = shell_in(home)

    assert main(["bench", *THREE], shell) == 2
    told = text_of(shell.stderr)
    assert "sim-slower: up to 86 requests, and 30 of 30 requests a day are left" in told
    assert started(simulator) == 0
    fitting = told.partition("--rounds ")[2].split()[0]
    assert main(["bench", *THREE, "--rounds", fitting, "--dry-run"], shell_in(home)) == 0


def test_no_lane_at_all_is_told_with_what_to_do(tmp_path: Path) -> None:
    """As elsewhere."""
    (tmp_path / "racer.toml").write_text("[providers.ollama]\nenabled = false\n")
    shell = shell_of(cwd=tmp_path, environ={"RACER_DB": ":memory:"})

    assert main(["bench"], shell) == 2
    assert "GROQ_API_KEY" in text_of(shell.stderr)


# ---------------------------------------------------------------- asking first


@pytest.mark.parametrize(
    ("typed", "sent"), [("\n", 2), ("y\n", 2), ("Yes\n", 2), ("n\n", 0), ("what\n", 0), ("", 0)]
)
def test_on_a_terminal_somebody_is_asked(home: Path, simulator: Simulator, typed: str, sent: int) -> None:
    """Whoever says no has nothing sent, and no folder."""
    shell = shell_in(home, stdin=Terminal(typed), stderr=Terminal())

    code = main(["bench", "--rounds", "1", "--policies", "none", "--only", "sim-quick", "--out", "r"], shell)

    assert code == 0
    assert "begin? [Y/n]" in text_of(shell.stderr)
    assert started(simulator) == sent
    assert (home / "r").exists() is bool(sent)


def test_yes_begins_at_once(home: Path, simulator: Simulator) -> None:
    """For scripts on a terminal."""
    shell = shell_in(home, stdin=Terminal(""), stderr=Terminal())

    main(["bench", "--rounds", "1", "--policies", "none", "--only", "sim-quick", "--yes"], shell)

    assert "begin?" not in text_of(shell.stderr)
    assert started(simulator) == 2


# ---------------------------------------------------------------- interrupted


def test_ctrl_c_leaves_a_report_that_says_that_it_is_partial(home: Path, simulator: Simulator) -> None:
    """On a terminal, in the midst of a round; all that was sent is in it."""
    env = clean_environ(home, RACER_DB=":memory:", QUICK_KEY=KEY)
    argv = [*COMMAND, "bench", "--yes", "--rounds", "500", "--out", "r", *THREE]

    shown = run_in_terminal(argv, env=env, cwd=home, interrupted_at=b"round 3 of 500")

    document = json.loads((home / "r" / "report.json").read_text())
    assert shown.code == 130, shown.text
    assert document["complete"] is False
    assert document["stopped"] == "interrupted"
    assert 2 <= document["rounds_done"] < 500
    assert document["sent"]["total"] >= sum(len(each["attempts"]) for each in document["samples"])
    assert started(simulator) <= document["sent"]["total"] < document["announced"]["total"]
    assert "partial: interrupted when" in shown.text
    assert "partial" in (home / "r" / "report.html").read_text()


def test_a_second_ctrl_c_ends_at_once(home: Path) -> None:
    """Before there was a report, or a folder for it; so does the first one before it has begun."""
    env = clean_environ(home, RACER_DB=":memory:", QUICK_KEY=KEY)
    argv = [*COMMAND, "bench", "--rounds", "5", "--out", "r", "--only", "sim-mute"]
    with subprocess.Popen(argv, cwd=home, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr is not None
        line = b""
        while b"asking sim-mute" not in line and process.poll() is None:
            line = process.stderr.readline()
        began = time.monotonic()
        assert not (home / "r").exists()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    assert process.returncode == 130
    assert time.monotonic() - began < 10


# ---------------------------------------------------------------- a replay


def test_a_replay_is_somebody_elses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the arguments as they are."""
    from racer.cli import bench_replay

    given: list[argparse.Namespace] = []

    def replayed(arguments: argparse.Namespace, shell: Shell) -> int:
        given.append(arguments)
        return 0

    monkeypatch.setattr(bench_replay, "run", replayed)

    assert main(["bench", "--replay", "--since", "7d", "--races", "50"], shell_in(home)) == 0
    assert (given[0].since, given[0].races, given[0].policies) == ("7d", 50, None)


def test_the_command_has_its_line() -> None:
    """In the list of commands."""
    assert bench.COMMAND.name == "bench"
