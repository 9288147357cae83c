"""One command line: parse, run its command, turn what went wrong into words and an exit code.

Exit codes: 0 done, 1 the race was lost or `racer doctor` found something broken, 2 usage or configuration,
130 interrupted, 141 nobody reads stdout.
"""

from __future__ import annotations

import argparse
import io
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import metadata
from typing import TYPE_CHECKING

from racer.cli import ask, batch, bench, demo, doctor, init, providers, quota, serve, sim, usage, why
from racer.cli.failure import BROKEN_PIPE, INTERRUPTED, LOST, USAGE, code_of, words_of
from racer.cli.shell import Shell
from racer.errors import RacerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.cli.command import Command

COMMANDS: tuple[Command, ...] = (
    ask.COMMAND,
    batch.COMMAND,
    bench.COMMAND,
    demo.COMMAND,
    init.COMMAND,
    providers.COMMAND,
    doctor.COMMAND,
    usage.COMMAND,
    why.COMMAND,
    quota.COMMAND,
    serve.COMMAND,
    sim.COMMAND,
)

_DESCRIPTION = """\
Race language models: the best lanes start at once, the first valid reply wins,
the rest are stopped."""

_EXAMPLES = """\
start here:
  racer demo                            a race; needs no key and no network
  racer ask "Why is the sky blue?"      asks the models that you have
  racer ask --watch "Tell me a joke"    the same, with the lanes as live bars
  racer batch in.txt out.jsonl          many prompts, each answered exactly once
  racer bench                           which model answers how fast
  racer ask --help                      all its options, with examples
  racer init                            a racer.toml, and which keys to get
  racer doctor                          tries every key that you have
  racer usage                           what is used and left of every limit
  racer why                             how the last race went, lane by lane
  racer serve                           the same for any program that speaks OpenAI

Keys come from the environment or from .env (GROQ_API_KEY, MISTRAL_API_KEY, …),
everything else from racer.toml; neither is needed where Ollama runs.

Exit codes: 0 done, 1 the race was lost or an account is broken, 2 usage or
configuration, 130 interrupted."""


def perform(argv: Sequence[str] | None, shell: Shell | None) -> int:
    """Run one command line and give its exit code. `argv` and `shell` default to the process's own."""
    shell = Shell.of_process() if shell is None else shell
    try:
        return _run(sys.argv[1:] if argv is None else argv, shell)
    except KeyboardInterrupt:
        with suppress(OSError):
            shell.aside("\nracer: interrupted")  # the ^C stands on the line where the cursor was
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except OSError as error:  # NotWritten, most likely
        with suppress(OSError):  # stderr may be on the same full disk
            shell.say(f"racer: {error.strerror or error}")
        return LOST
    finally:
        shell.hang_up()


def _run(argv: Sequence[str], shell: Shell) -> int:
    try:
        arguments = _parsed(argv, shell)
        command: Command = arguments.command
        return command.run(arguments, shell)
    except SystemExit as leaving:  # argparse's way to say that the help is shown, or the usage wrong
        return leaving.code if isinstance(leaving.code, int) else USAGE
    except RacerError as error:
        shell.say(words_of(error))
        return code_of(error)


def _parsed(argv: Sequence[str], shell: Shell) -> argparse.Namespace:
    """Raises SystemExit, as argparse does, once it has written to the streams of `shell`."""
    told = io.StringIO()  # a later argparse than ours passes over what it cannot write
    try:
        with redirect_stdout(told), redirect_stderr(shell.stderr):
            return parser().parse_args(argv)
    finally:
        if text := told.getvalue():
            shell.lay_out(text)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="racer",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"racer {_version()}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        added = commands.add_parser(
            command.name,
            help=command.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.describe(added)
        added.set_defaults(command=command)
    return top


def _version() -> str:
    try:
        return metadata.version("llm-racer")
    except metadata.PackageNotFoundError:
        return "(not installed: run from its sources)"
