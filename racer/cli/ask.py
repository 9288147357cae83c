"""`racer ask`: race one prompt and print the answer."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

from racer.cli.command import Command
from racer.cli.document import put_out
from racer.cli.failure import DONE
from racer.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.cli.asking import Asking
    from racer.cli.shell import Shell
    from racer.config import Config
    from racer.core.options import Options
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

_SOME = "NAME[,NAME]"
_PASSED_ON = ("lanes", "policy", "deadline", "wait", "private", "task", "max_tokens", "temperature", "proof")
_NAMES = ("only", "exclude", "prefer")


class _NoKeys(argparse.Action):
    """Everybody on a machine can read the command lines of others, so a key on one is refused."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.error(
            "a key never goes on the command line, where other users can read it: "
            "put it into the environment or into .env, such as GROQ_API_KEY=…"
        )


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="the question; - or nothing: read stdin")
    parser.add_argument("--key", "--api-key", action=_NoKeys, nargs="?", help=argparse.SUPPRESS)
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
    group.add_argument(
        "--only", action="append", metavar=_SOME, help="these alone: provider, provider/model or tag"
    )
    group.add_argument("--exclude", action="append", metavar=_SOME, help="not these")
    group.add_argument(
        "--prefer", action="append", metavar=_SOME, help="these first, the others as a fallback"
    )
    group.add_argument("--task", metavar="chat|fast|deep|creative|code", help="models with this tag go first")
    group.add_argument(
        "--private",
        action="store_true",
        default=None,
        help="only local models and providers that do not train on data",
    )
    group.add_argument(
        "--proof", type=int, metavar="N", help="characters to show before the others are stopped (1)"
    )
    group.add_argument(
        "--resume", action="store_true", help="where the answer breaks off, another lane goes on from there"
    )
    group.add_argument("--config", metavar="FILE", help="instead of ./racer.toml")


def _describe_call(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the question")
    group.add_argument("--system", metavar="TEXT", help="what the model is told before the question")
    group.add_argument("--max-tokens", type=int, metavar="N", help="the longest answer")
    group.add_argument("--temperature", type=float, metavar="T", help="from 0 to 2")


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
        options_of(arguments),
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


def options_of(arguments: argparse.Namespace) -> Options:
    """What was said on the command line; what was not is left to racer.toml."""
    given: dict[str, Any] = {name: getattr(arguments, name) for name in _PASSED_ON}
    given |= {name: _names(getattr(arguments, name)) for name in _NAMES}
    return cast("Options", {name: value for name, value in given.items() if value is not None})


def _names(given: Sequence[str] | None) -> list[str] | None:
    """`--only a,b --only c` as a, b, c."""
    return None if given is None else [name.strip() for each in given for name in each.split(",")]


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
