"""`racer batch` over a stand-in: what is told, where answers go, how it is stopped, and the exit code."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.cli.batch import COMMAND, Batch, performed, run, work
from racer.cli.batch_brake import SIGNALS
from racer.cli.command import Command
from racer.cli.shell import NotWritten, Shell
from racer.errors import BadRequest, BatchStopped, JobError, NoLanes
from tests.racer.cli import terminal
from tests.racer.cli.batches import HALF, ON_STDOUT, ORDER, StandIn, answered, failed
from tests.racer.cli.shells import Gone, Terminal, shell_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from racer.batch.line import Result
    from racer.cli.batch_order import Order

THREE = [answered(2), answered(1), failed(3)]
PLAN = "3 prompts: all of them today, free"
AGAIN = "racer: interrupted: run the same command again: it goes on where it stopped\n"


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As they were before."""
    kept = {each: signal.getsignal(each) for each in SIGNALS}
    yield
    for each, handler in kept.items():
        signal.signal(each, handler)


def told(batch: Batch, order: Order, now: float) -> list[str]:
    return [PLAN]


def perform(batch: StandIn, order: Order = ORDER, shell: Shell | None = None) -> tuple[int, str, str]:
    """The exit code, stdout and stderr."""
    shell = shell_of() if shell is None else shell
    code = performed(order, shell, batch.opened, told)
    assert batch.closed
    return code, text_of(shell.stdout), text_of(shell.stderr)


# ---------------------------------------------------------------- what is told


def test_it_tells_the_plan_and_the_end() -> None:
    """On stderr, for the answers are in OUT; exit code 0 where every line has one."""
    code, out, err = perform(StandIn(THREE[:2], notice="goes on with out.jsonl"))

    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "racer: goes on with out.jsonl",
        PLAN,
        "2 of 2 prompts answered, 0 failed, in 0.0 s",
    ]


def test_a_line_that_failed_is_told_and_counts() -> None:
    """With what to type; the exit code is 1, also for those of earlier runs."""
    code, _, err = perform(StandIn(THREE))
    assert code == 1
    assert "  1 failed (line 3): no lane could answer\n" in err
    assert err.endswith("  to try them again: racer batch --errors-only out.jsonl\n")

    code, _, err = perform(StandIn([], start=HALF))
    assert code == 1
    assert "  38 failed in earlier runs: OUT says why\n" in err


def test_lines_that_are_left_are_told() -> None:
    """A run for errors alone may end well and leave others: not everything is done then."""
    start = replace(HALF, done=5, failed=0, earlier=7)
    order = replace(ORDER, errors_only=True, as_json=True)

    code, out, err = perform(StandIn([answered(1)], start=start), order)

    assert (code, json.loads(out)["ending"], json.loads(out)["left"]) == (1, "stopped", 2)
    assert err.endswith("racer: 2 lines have no answer, and this run was not for them: racer batch IN OUT, "
                        "without --errors-only, asks the rest\n")  # fmt: skip
    code, _, err = perform(StandIn([answered(1)], start=start))
    assert (code, err.endswith("racer: run the same command again: it goes on where it stopped\n")) == (
        1,
        True,
    )


def test_quiet_is_quiet() -> None:
    """The exit code says the rest."""
    assert perform(StandIn(THREE), replace(ORDER, quiet=True)) == (1, "", "")


def test_json_is_one_document_on_stdout() -> None:
    """At the end."""
    code, out, _ = perform(StandIn(THREE), replace(ORDER, as_json=True))
    document = json.loads(out)

    assert code == 1
    assert out.count("\n") == 1
    assert (document["ending"], document["answered"], document["failed"]) == ("done", 2, 1)
    assert document["message"] is None


def test_a_plan_is_told_and_nobody_is_asked() -> None:
    """It is the result then, so it is on stdout."""
    batch = StandIn(THREE)
    assert perform(batch, replace(ORDER, plan=True)) == (0, f"{PLAN}\n", "")
    assert batch.given == []

    code, out, _ = perform(StandIn(THREE), replace(ORDER, plan=True, as_json=True))
    assert (code, json.loads(out)) == (0, {"plan": [PLAN]})


def test_models_that_nobody_has_are_told() -> None:
    """Their lines were answered by somebody else."""
    _, _, err = perform(StandIn(THREE, unknown_models={"gpt-9": 3}))
    assert "  nobody has gpt-9 (3 lines): any lane was asked\n" in err


def test_a_terminal_sees_how_it_goes() -> None:
    """A bar, and then the summary below it."""
    shell = shell_of(stderr=Terminal(), environ={"TERM": "xterm", "COLUMNS": "80"})
    _, _, err = perform(StandIn(THREE), shell=shell)
    lines = [line for line in terminal.screen(err) if line]
    assert lines[0] == PLAN
    assert lines[1].endswith("100 %  3 of 3")
    assert lines[3:] == [
        "2 of 3 prompts answered, 1 failed, in 0.0 s",
        "  1 failed (line 3): no lane could answer",
        "  to try them again: racer batch --errors-only out.jsonl",
    ]


def test_a_terminal_that_has_gone_costs_nothing() -> None:
    """Answers are in OUT, and the exit code is what it was."""
    shell = shell_of(stderr=Gone())
    assert performed(ORDER, shell, StandIn(THREE[:2]).opened, told) == 0


# ---------------------------------------------------------------- stdout


def test_stdout_gets_the_rows() -> None:
    """One a line, as OUT would have them; stderr says that no job is kept."""
    code, out, err = perform(StandIn(THREE), ON_STDOUT)
    rows = [json.loads(row) for row in out.splitlines()]

    assert code == 1
    assert [row["custom_id"] for row in rows] == ["line-2", "line-1", "line-3"]
    assert rows[0]["response"]["body"]["choices"][0]["message"]["content"] == "A river."
    assert rows[2]["error"] == {"code": "no_lane", "message": "no lane could answer"}
    assert err.startswith("racer: OUT is stdout: no job is kept, ")
    assert "--errors-only" not in err


@pytest.mark.parametrize("schema", [None, {"type": "object"}])
def test_a_row_has_a_value_where_a_schema_is_asked_for(schema: dict[str, str] | None) -> None:
    """And only there."""
    _, out, _ = perform(StandIn([answered(1)]), replace(ON_STDOUT, schema=schema))
    row = json.loads(out)
    assert ("parsed" in row["racer"]) is (schema is not None)


def test_one_screen_shows_rows_and_no_bar() -> None:
    """A bar among them would be drawn over them."""
    environ = {"TERM": "xterm", "COLUMNS": "80"}
    shell = shell_of(stdout=Terminal(), stderr=Terminal(), environ=environ)
    _, out, err = perform(StandIn([answered(1, "a\x1b[31m\x9b31mb")]), ON_STDOUT, shell)

    assert "\x1b" not in out + err
    assert "\x9b" not in out
    content = json.loads(out)["response"]["body"]["choices"][0]["message"]["content"]
    assert content == "a\x1b[31m\x9b31mb"


def test_an_old_encoding_gets_the_same_rows() -> None:
    """In ASCII."""
    raw = io.BytesIO()
    stdout = io.TextIOWrapper(raw, encoding="latin-1", errors="replace")
    shell = replace(shell_of(), stdout=stdout)

    assert performed(ON_STDOUT, shell, StandIn([answered(1, "fün ✓")]).opened, told) == 0
    row = json.loads(raw.getvalue())
    assert row["response"]["body"]["choices"][0]["message"]["content"] == "fün ✓"


def test_a_reader_that_leaves_ends_it() -> None:
    """Quietly: the program gives 141."""
    batch = StandIn(THREE)
    with pytest.raises(BrokenPipeError):
        perform(batch, ON_STDOUT, shell_of(stdout=Gone()))
    assert batch.closed
    assert len(batch.given) == 1


def test_a_stdout_that_takes_no_more_is_told() -> None:
    """A full disk behind it, say."""

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(NotWritten, match="No space left"):
        perform(StandIn(THREE), ON_STDOUT, shell_of(stdout=Full()))


# ---------------------------------------------------------------- stopped


def interrupting(*signals: signal.Signals, at: int = 2) -> StandIn:
    """A batch of a hundred lines; the signals come before the result of line `at`."""

    def before(result: Result) -> None:
        if result.line == at:
            for each in signals:
                os.kill(os.getpid(), each)

    return StandIn([answered(line) for line in range(1, 101)], before=before, pause=0.01)


def test_the_first_interrupt_finishes_what_is_in_flight() -> None:
    """Then it says how to go on; the exit code is 130."""
    batch = interrupting(signal.SIGINT)
    code, _, err = perform(batch)

    assert (code, batch.stopped) == (130, True)
    assert "racer: finishing 2 prompts in flight; ctrl-C again ends at once\n" in err
    assert "2 of 100 prompts answered, 0 failed, 98 left, in " in err
    assert err.endswith(AGAIN)


def test_the_second_interrupt_ends_at_once() -> None:
    """What has come is told all the same."""
    batch = interrupting(signal.SIGINT)
    batch.stop = lambda: os.kill(os.getpid(), signal.SIGINT)  # type: ignore[method-assign]
    code, _, err = perform(batch)

    assert code == 130
    assert batch.given[-1].line == 2
    assert err.endswith(AGAIN)


def test_who_is_told_to_end_says_for_how_long() -> None:
    """SIGTERM gives what is in flight five seconds."""
    code, _, err = perform(interrupting(signal.SIGTERM))
    assert code == 130
    assert "racer: finishing 2 prompts in flight, for 5 s at most\n" in err


def test_an_interrupt_that_comes_too_late_stops_nothing() -> None:
    """All is done, so it is no interruption."""
    code, _, err = perform(interrupting(signal.SIGINT, at=100))
    assert code == 0
    assert "100 of 100 prompts answered" in err
    assert AGAIN not in err


def test_an_interrupt_is_told_in_json_and_with_quiet() -> None:
    """How to go on is told in any case."""
    code, out, err = perform(interrupting(signal.SIGINT), replace(ORDER, as_json=True, quiet=True))
    assert (code, json.loads(out)["ending"]) == (130, "interrupted")
    assert err.endswith(AGAIN)


def test_an_interrupt_before_it_has_begun_is_one() -> None:
    """There is nothing to tell but that: the program does."""

    batch = StandIn([])

    def engine(order: Order, say: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return Waiting()

    class Waiting:
        async def __aenter__(self) -> Batch:
            await asyncio.sleep(60)
            return batch

        async def __aexit__(self, *_: object) -> None:
            raise AssertionError("it was never entered")

    with pytest.raises(KeyboardInterrupt):
        performed(ORDER, shell_of(), engine, told)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_somebody_else_who_cancels_it_is_obeyed() -> None:
    """A command that was made a task of somebody's program."""

    async def cancelled() -> None:
        batch = StandIn(THREE, pause=60)
        task = asyncio.create_task(work(ORDER, shell_of(), batch.opened, told))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert batch.closed

    asyncio.run(cancelled())


# ---------------------------------------------------------------- errors


def test_a_batch_that_stops_early_says_how_to_go_on() -> None:
    """Its reason, what is left, and the exit code 1."""
    code, out, err = perform(
        StandIn(THREE[:1], error=BatchStopped("stopped: its deadline has come")), replace(ORDER, as_json=True)
    )
    assert code == 1
    assert err.splitlines()[-2:] == [
        "racer: stopped: its deadline has come",
        "racer: run the same command again: it goes on where it stopped",
    ]
    assert json.loads(out)["ending"] == "stopped"
    assert json.loads(out)["message"] == "stopped: its deadline has come"


def test_a_disk_that_fills_up_is_told_after_what_was_done() -> None:
    """The message says what to do."""
    code, _, err = perform(StandIn(THREE[:1], error=JobError("there is no room", kind="full")))
    assert code == 1
    assert "1 of 1 prompt answered" in err
    assert err.endswith("racer: there is no room\n")


def test_a_disk_that_fills_up_while_it_is_stopped_is_told_too() -> None:
    """Both need to be known."""

    def before(result: Result) -> None:
        if result.line == 2:
            os.kill(os.getpid(), signal.SIGINT)
        if result.line == 4:
            raise JobError("there is no room", kind="full")

    batch = StandIn([answered(line) for line in range(1, 101)], before=before, pause=0.01)
    batch.stop = lambda: None  # type: ignore[method-assign]
    code, _, err = perform(batch)
    assert code == 130
    assert err.endswith(f"racer: there is no room\n{AGAIN}")


@pytest.mark.parametrize(("kind", "code"), [("busy", 2), ("changed", 2), ("full", 1), ("read_only", 1)])
def test_a_job_that_cannot_be_opened_is_told(kind: str, code: int) -> None:
    """The message alone, for nothing was done."""
    error = JobError("out.jsonl is in use", kind=kind)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    shell = shell_of()

    assert performed(ORDER, shell, _Broken(error), told) == code
    assert text_of(shell.stderr) == "racer: out.jsonl is in use\n"


def test_other_errors_are_the_programs() -> None:
    """It has words and codes for all."""
    with pytest.raises(NoLanes):
        performed(ORDER, shell_of(), _Broken(NoLanes("nobody")), told)


class _Broken:
    """An engine that cannot open anything."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __call__(self, *_: object) -> _Broken:
        return self

    async def __aenter__(self) -> Batch:
        raise self._error

    async def __aexit__(self, *_: object) -> None:
        """It was never entered."""


# ---------------------------------------------------------------- the command line


def parse(*argv: str) -> object:
    import argparse

    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)
    COMMAND.describe(parser)
    return parser.parse_args(argv)


def test_stdout_must_not_go_into_the_input(tmp_path: Path) -> None:
    """It would never end: each answer would be a question."""
    source = tmp_path / "in.txt"
    source.write_text("hi\n")
    arguments = parse("in.txt", "-")
    with source.open("a") as stdout:
        shell = replace(shell_of(cwd=tmp_path), stdout=stdout)
        with pytest.raises(BadRequest, match="the answers go into the file that is read"):
            run(arguments, shell)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_help_shows_formats_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """And fits into 80 columns where it was laid out by hand."""
    with pytest.raises(SystemExit):
        parse("--help")
    text = capsys.readouterr().out

    assert isinstance(COMMAND, Command)
    assert "racer batch --errors-only answers.jsonl" in text
    assert "--api-key" not in text
