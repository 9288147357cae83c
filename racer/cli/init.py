"""`racer init`: write a racer.toml and a .env.example to begin with, and tell which keys are worth having."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.cli.command import Command
from racer.cli.failure import DONE
from racer.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from racer.cli.shell import Shell
    from racer.core.provider import Provider

MODE = 0o644  # neither file holds a secret

_DESCRIPTION = """\
Write racer.toml, with every setting explained, and .env.example, with every
variable that may hold a key, into this folder; then tell which keys are
missing and where to get each, those with the most free use first.

A file that is there already is kept, unless --force says otherwise. No key is
ever written: .env.example names variables with nothing in them."""

_EXAMPLES = """\
examples:
  racer init
  racer init --force                      write both anew
  racer init --print                      racer.toml to stdout, no file
  racer init --print .env.example > .env  the variables, to be filled in"""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument("--force", action="store_true", help="write over files that are there already")
    parser.add_argument(
        "--print",
        nargs="?",
        const="racer.toml",
        choices=("racer.toml", ".env.example"),
        metavar="FILE",
        help="write this file to stdout and nothing else: racer.toml, or .env.example",
    )


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer.cli.starter import ENVIRONMENT, wanting
    from racer.config import compose
    from racer.config.files import catalogue, merged_env

    texts = file_texts()
    if arguments.print is not None:
        shell.lay_out(texts[arguments.print])
        return DONE
    env = merged_env(shell.cwd, shell.environ)
    present = compose({}, catalogue(), env).providers
    written = [name for name, text in texts.items() if wrote(shell.cwd / name, text, force=arguments.force)]
    _tell_files(texts, written, shell)
    _publish_wanting(wanting(present, env), shell)
    if ENVIRONMENT in written:
        _tell_next(shell)
    return DONE


COMMAND = Command(
    "init", "write a racer.toml to begin with; tell which keys to get, and where", describe, run
)


def file_texts() -> dict[str, str]:
    """Both files by name: they say the same on every machine, whatever is set there."""
    from racer.cli.starter import CONFIG, ENVIRONMENT, config_text, environment_text
    from racer.config import compose
    from racer.config.files import catalogue

    providers = compose({}, catalogue(), {}).providers
    return {CONFIG: config_text(providers), ENVIRONMENT: environment_text(providers)}


def wrote(path: Path, text: str, *, force: bool) -> bool:
    """False where a file is there and may not be replaced. Raises ConfigError where it cannot be written."""
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
        path.chmod(MODE)
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); allowed: a folder of yours"
        ) from None
    return True


def _tell_files(texts: dict[str, str], written: Sequence[str], shell: Shell) -> None:
    for name in texts:
        if name in written:
            shell.say(f"wrote {name}")
        else:
            shell.say(f"kept {name}, which was there already: racer init --force writes it anew")


def _tell_next(shell: Shell) -> None:
    from racer.cli.starter import ignores_env

    shell.say("next: cp .env.example .env && chmod 600 .env, put your keys into .env, then: racer doctor")
    if not ignores_env(_gitignore(shell.cwd / ".gitignore")):
        shell.say("keep .env out of the repository: echo .env >> .gitignore")


def _gitignore(path: Path) -> str:
    """Its text; one that cannot be read counts as empty."""
    from racer.config.files import read_text

    try:
        return read_text(path) or ""
    except ConfigError:
        return ""


# ---------------------------------------------------------------- which keys


def _publish_wanting(wanting: Sequence[tuple[Provider, tuple[str, ...]]], shell: Shell) -> None:
    from racer.cli.console import publish

    if wanting:
        publish(shell, lambda width: _wanting_page(wanting, width))


def _wanting_page(wanting: Sequence[tuple[Provider, tuple[str, ...]]], width: int) -> RenderableType:
    """A table where it has room, otherwise two lines for each."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from racer.cli.tables import NARROW

    head = Text("keys that are missing, those with the most free use first\n", "bold")
    if width < NARROW:
        lines = [f"{each.name}: {' and '.join(names)}\n  {_page(each)}" for each, names in wanting]
        return Group(head, *(Text(line, overflow="fold") for line in lines))
    table = Table("provider", "set", "get it at", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for each, names in wanting:
        table.add_row(Text(each.name), Text("\n".join(names)), Text(_page(each), overflow="fold"))
    return Group(head, table)


def _page(provider: Provider) -> str:
    return provider.console or "(the address of a server of yours)"
