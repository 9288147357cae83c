"""`racer ask`: race one prompt and print the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from racer.cli import flags
from racer.cli.command import Command
from racer.cli.document import put_out
from racer.cli.failure import DONE
from racer.errors import BadRequest

if TYPE_CHECKING:
    import argparse

    from racer.cli.asking import Asking
    from racer.cli.shell import Shell
    from racer.config import Config
    from racer.core.reply import Reply

_DESCRIPTION = """\
Race one prompt: several models start at once, the answer of the first that
speaks is printed as it comes, the rest are stopped.

PROMPT is the question. Without it the question is read from stdin. With both,
stdin is put under the prompt after an empty line; where stdin belongs to
something else, as in a loop over the lines of a file, add </dev/null.

The answer goes to stdout, everything else to stderr. Where it breaks off, what
came stays, and the exit code is 1; with --resume another lane goes on from
there. --no-stream, --schema and --json wait for the first whole valid reply
instead: then a lane that breaks off has printed nothing, and another one wins.
ctrl-C stops all lanes at once."""

_EXAMPLES = """\
examples:
  racer ask "Why is the sky blue?"
  racer ask --watch --lanes 3 "Name three rivers"
  racer ask --resume "Tell me a long story" > story.txt
  git diff | racer ask "Write a commit message for this"
  racer ask --only groq,mistral --deadline 10 "Quick: what is 17 * 23?"
  racer ask --private "What does this contract say?" < contract.txt
  racer ask --schema recipe.json "A recipe for bread" | jq .steps
  racer ask --json "Say hi" | jq .provider

Nothing set up yet? Put a key into the environment or into .env, such as
GROQ_API_KEY=…, or start Ollama."""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="the question; - or nothing: read stdin")
    flags.refuse_keys(parser)
    _describe_race(parser)
    _describe_call(parser)
    _describe_output(parser)


def _describe_race(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the race")
    group.add_argument("--lanes", type=int, metavar="N", help="how many may run at once (4)")
    group.add_argument(
        "--policy",
        metavar="all|frugal|one",
        help="all: the best lanes start together; frugal: another only when the first is late; "
        "one: one after another (all)",
    )
    group.add_argument(
        "--deadline",
        type=float,
        metavar="SECONDS",
        help="for the whole race, or until the answer begins (60)",
    )
    group.add_argument(
        "--wait", type=float, metavar="SECONDS", help="to wait for a lane when all are cooling down (0)"
    )
    flags.describe_wishes(group)
    group.add_argument(
        "--proof", type=int, metavar="N", help="characters to show before the others are stopped (1)"
    )
    group.add_argument(
        "--resume", action="store_true", help="where the answer breaks off, another lane goes on from there"
    )
    flags.describe_config(group)


def _describe_call(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the question")
    flags.describe_call(group)


def _describe_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the output")
    group.add_argument("--no-stream", action="store_true", help="print the answer once it is whole")
    group.add_argument(
        "--schema", metavar="FILE", help="a JSON schema: the first answer that fits, as JSON alone"
    )
    group.add_argument("--json", action="store_true", help="one JSON document: the answer and every attempt")
    group.add_argument(
        "--watch",
        action="store_true",
        help="show the lanes on stderr as they run, and a table of them at the end; "
        "once the answer begins on the same terminal, they stand still",
    )


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer import config as configuration
    from racer.cli.asking import answered

    asking = _asking(arguments, shell)
    config = quiet(configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd))
    reply = answered(asking, config, shell)
    if not asking.streamed:
        _put_out(reply, asking, shell)
    if not asking.watched and not asking.as_json:
        shell.aside(credit(reply))
    return DONE


COMMAND = Command("ask", "race one prompt and print the answer", describe, run)


def _asking(arguments: argparse.Namespace, shell: Shell) -> Asking:
    from racer.cli.asking import Asking
    from racer.cli.schema_file import schema_in

    schema = None if arguments.schema is None else schema_in(arguments.schema, shell.cwd)
    return Asking(
        messages_of(prompt_of(arguments.prompt, shell), arguments.system),
        flags.options_of(arguments),
        arguments.resume,
        schema,
        streamed=not (arguments.no_stream or arguments.json or schema is not None),
        as_json=arguments.json,
        watched=arguments.watch,
    )


def prompt_of(argument: str | None, shell: Shell) -> str:
    """The argument, stdin, or both with an empty line between. Raises BadRequest where there is neither."""
    asked = "" if argument in (None, "-") else argument or ""
    try:
        piped = "" if shell.stdin.isatty() and argument != "-" else shell.stdin.read()
        prompt = "\n\n".join(part for part in (asked, piped) if part.strip())
        prompt.encode()  # what was not UTF-8 may have come as half characters, too
    except UnicodeError:
        raise BadRequest("the question is not text in UTF-8: convert it first") from None
    if not prompt:
        raise BadRequest('nothing to ask: type racer ask "Why is the sky blue?", or pipe a question in')
    return prompt


def messages_of(prompt: str, system: str | None) -> list[dict[str, str]]:
    before = [] if system is None else [{"role": "system", "content": system}]
    return [*before, {"role": "user", "content": prompt}]


def quiet(config: Config) -> Config:
    """Without log lines, which a person at a prompt does not want, unless the environment asks for them."""
    if config.env.get("RACER_LOG") or config.env.get("RACER_LOG_LEVEL"):
        return config
    return replace(config, env={**config.env, "RACER_LOG": "off"})


def _put_out(reply: Reply, asking: Asking, shell: Shell) -> None:
    if asking.as_json:
        put_out(shell, reply.to_dict())
    elif asking.schema is not None:
        put_out(shell, reply.parsed)
    else:
        shell.result(reply.text)


def credit(reply: Reply) -> str:
    """Who answered, in one line."""
    won = next((each for each in reply.attempts if str(each.outcome) == "won"), None)
    lane = f"{reply.provider}/{reply.model}" if won is None else won.lane
    count = len(reply.attempts)
    told = f"{lane} won in {reply.latency:.2f} s, of {count} lane{'' if count == 1 else 's'}"
    if won is None or won.resumed_at is None:
        return told
    return f"{told}: it went on where another broke off, behind {won.resumed_at:,} characters"
