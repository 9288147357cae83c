"""`racer ask`: race one prompt and print the answer."""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

from racer.cli.command import Command
from racer.cli.failure import DONE
from racer.cli.plain import one_line
from racer.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.cli.shell import Shell
    from racer.config import Config
    from racer.core.facts import Fact, Observer
    from racer.core.options import Messages, Options
    from racer.core.reply import Reply

_DESCRIPTION = """\
Race one prompt: several models start at once, the first valid reply is
printed, the rest are stopped.

PROMPT is the question. Without it the question is read from stdin. With both,
stdin is put under the prompt after an empty line; where stdin belongs to
something else, as in a loop over the lines of a file, add </dev/null.

The answer goes to stdout, everything else to stderr. It is printed once it is
whole: printing it word by word comes with a later version, and --no-stream is
there so that scripts written now keep their meaning."""

_EXAMPLES = """\
examples:
  racer ask "Why is the sky blue?"
  racer ask --watch --lanes 3 "Name three rivers"
  git diff | racer ask "Write a commit message for this"
  racer ask --only groq,mistral --deadline 10 "Quick: what is 17 * 23?"
  racer ask --private "What does this contract say?" < contract.txt
  racer ask --json "Say hi" | jq .provider

Nothing set up yet? Put a key into the environment or into .env, such as
GROQ_API_KEY=…, or start Ollama."""

_SOME = "NAME[,NAME]"
_PASSED_ON = ("lanes", "policy", "deadline", "wait", "private", "task", "max_tokens", "temperature")
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
        "--policy", metavar="all|one", help="all: the best lanes start together; one: one after another (all)"
    )
    group.add_argument("--deadline", type=float, metavar="SECONDS", help="for the whole race (60)")
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
    group.add_argument("--config", metavar="FILE", help="instead of ./racer.toml")


def _describe_call(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the question")
    group.add_argument("--system", metavar="TEXT", help="what the model is told before the question")
    group.add_argument("--max-tokens", type=int, metavar="N", help="the longest answer")
    group.add_argument("--temperature", type=float, metavar="T", help="from 0 to 2")


def _describe_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the output")
    group.add_argument("--json", action="store_true", help="one JSON document: the answer and every attempt")
    group.add_argument("--watch", action="store_true", help="show the lanes on stderr as they run")
    group.add_argument(
        "--no-stream", action="store_true", help="print the answer once it is whole (always so today)"
    )


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer import config as configuration

    messages = messages_of(prompt_of(arguments.prompt, shell), arguments.system)
    config = quiet(configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd))
    options = options_of(arguments)
    if arguments.watch:
        reply = _watched(config, messages, options, shell)
    else:
        reply = asyncio.run(_race(config, messages, options, Troubles(shell.say)))
    shell.result(_json(reply, shell) if arguments.json else reply.text)
    if not arguments.json and not arguments.watch:
        shell.aside(credit(reply))
    return DONE


COMMAND = Command("ask", "race one prompt and print the answer", describe, run)


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


class Troubles:
    """Tells what the database cannot do, each reason once: an answer alone would say that all is well."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told: set[str] = set()

    def __call__(self, fact: Fact) -> None:
        from racer.core.facts import StoreTroubled

        if not isinstance(fact, StoreTroubled):
            return
        lost = f"{fact.lost} record{'' if fact.lost == 1 else 's'} lost" if fact.lost else ""
        reason = "" if fact.reason in self._told else one_line(fact.reason)
        self._told.add(fact.reason)
        if text := "; ".join(filter(None, (reason, lost))):
            with suppress(OSError):  # nobody reads it: no reason to lose the answer
                self._say(f"racer: {text}")


async def _race(config: Config, messages: Messages, options: Options, *observers: Observer) -> Reply:
    from racer.api import Racer
    from racer.transport import Transport

    # One race and then the end: connections kept warm for a next race would be opened for nobody.
    async with (
        Transport(spares=False) as transport,
        Racer(config, transport=transport, observers=observers) as racer,
    ):
        return await racer.race(messages, **options)


def _watched(config: Config, messages: Messages, options: Options, shell: Shell) -> Reply:
    """The same race with its lanes on stderr, and a table of them at its end, however it ends."""
    from rich.console import Group

    from racer.cli import live
    from racer.cli.console import show
    from racer.cli.tables import lanes_table

    watch = live.watch(shell)
    try:
        return asyncio.run(_race(config, messages, options, watch, Troubles(watch.say)))
    finally:
        watch.close()
        if watch.track.is_over:
            show(shell, lambda width: Group("", lanes_table(watch.track.bars, width=width), ""))


def credit(reply: Reply) -> str:
    """Who answered, in one line."""
    lane = next(
        (each.lane for each in reply.attempts if str(each.outcome) == "won"),
        f"{reply.provider}/{reply.model}",
    )
    count = len(reply.attempts)
    return f"{lane} won in {reply.latency:.2f} s, of {count} lane{'' if count == 1 else 's'}"


def _json(reply: Reply, shell: Shell) -> str:
    return json.dumps(reply.to_dict(), ensure_ascii=False, indent=2 if shell.stdout.isatty() else None)
