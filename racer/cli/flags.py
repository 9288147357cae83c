"""Flags that several commands share: they read and mean the same in each of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.options import Options

_SOME = "NAME[,NAME]"
_PASSED_ON = ("lanes", "policy", "deadline", "wait", "private", "task", "max_tokens", "temperature", "proof")
_NAMES = ("only", "exclude", "prefer")


class Flags(Protocol):
    """A parser, or a group of one."""

    def add_argument(self, *names: str, **what: Any) -> argparse.Action: ...


class _NoKeys(argparse.Action):
    """Everybody on a machine can read the command lines of others, so a key on one is refused."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.error(
            "a key never goes on the command line, where other users can read it: "
            "put it into the environment or into .env, such as GROQ_API_KEY=…"
        )


def refuse_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", "--api-key", action=_NoKeys, nargs="?", help=argparse.SUPPRESS)


def describe_config(parser: Flags) -> None:
    parser.add_argument("--config", metavar="FILE", help="instead of ./racer.toml")


def describe_lanes(group: Flags) -> None:
    """Which lanes there are to be."""
    group.add_argument(
        "--only", action="append", metavar=_SOME, help="these alone: provider, provider/model or tag"
    )
    group.add_argument("--exclude", action="append", metavar=_SOME, help="not these")


def describe_wishes(group: Flags) -> None:
    """Which lanes there are to be, and which of them first."""
    describe_lanes(group)
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


def describe_call(group: Flags) -> None:
    """What goes with every question."""
    group.add_argument("--system", metavar="TEXT", help="what the model is told before the question")
    group.add_argument("--max-tokens", type=int, metavar="N", help="the longest answer")
    group.add_argument("--temperature", type=float, metavar="T", help="from 0 to 2")


def options_of(arguments: argparse.Namespace) -> Options:
    """What was said on the command line; what was not is left to racer.toml."""
    given: dict[str, Any] = {name: getattr(arguments, name, None) for name in _PASSED_ON}
    given |= {name: names(getattr(arguments, name)) for name in _NAMES}
    return cast("Options", {name: value for name, value in given.items() if value is not None})


def names(given: Sequence[str] | None) -> list[str] | None:
    """`--only a,b --only c` as a, b, c."""
    return None if given is None else [name.strip() for each in given for name in each.split(",")]
