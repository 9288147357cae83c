"""`racer serve`: what speaks OpenAI, Ollama or Anthropic races by changing one address."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from racer.cli.command import Command
from racer.cli.failure import DONE, INTERRUPTED
from racer.cli.shell import NotWritten
from racer.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from signal import Signals

    from racer.cli.shell import Shell
    from racer.config import Config, ServerSettings, TokenSettings
    from racer.server.app import Server

LEAST_TOKEN = 16
FROM_ENVIRONMENT = "RACER_TOKEN"

_DESCRIPTION = """\
An HTTP server that speaks OpenAI's chat completions, Ollama's chat and
Anthropic's messages: a program for one of them races by changing its base URL.
It answers this machine alone, unless --host says otherwise, which needs a token.

The first line on stdout says that it listens. It runs until ctrl-C or SIGTERM:
then it takes nobody more in, lets those who wait have their answers, and ends.
A second ctrl-C ends it at once. Exit codes: 0 ended by SIGTERM, 130 by ctrl-C,
2 usage or configuration."""

_EXAMPLES = """\
examples:
  racer serve                                on 127.0.0.1:8190
  racer serve --port 0                       on any free port
  RACER_TOKEN=… racer serve --host 0.0.0.0   for other machines, too
  OPENAI_BASE_URL=http://127.0.0.1:8190/v1 OPENAI_API_KEY=any python app.py
  OLLAMA_HOST=127.0.0.1:8190 python app.py
  ANTHROPIC_BASE_URL=http://127.0.0.1:8190 ANTHROPIC_API_KEY=any python app.py

Clients write `auto` as model, or what GET /v1/models lists."""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument("--host", metavar="ADDRESS", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="N", help="the port; 0: any free one (8190)")
    parser.add_argument(
        "--token",
        metavar="TOKEN",
        help=f"what clients must send; better in {FROM_ENVIRONMENT}, which no list shows",
    )
    parser.add_argument(
        "--grace", type=float, metavar="SECONDS", help="for requests under way at the end (20)"
    )
    parser.add_argument(
        "--max-in-flight", type=int, metavar="N", help="requests at once, beyond which clients get 429 (1000)"
    )
    parser.add_argument(
        "--config", metavar="FILE", help="a racer.toml; docs/configuration.md says which else"
    )


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer import config as configuration

    config = configuration.load(arguments.config, environ=shell.environ, cwd=shell.cwd)
    settings = settings_of(arguments, config)
    if arguments.token is not None:
        shell.say(
            f"racer: others on this machine can read --token in its list of programs: set {FROM_ENVIRONMENT}"
        )
    try:
        ending = asyncio.run(_serve(config, settings, shell))
    except (BrokenPipeError, NotWritten):
        raise
    except OSError as error:
        raise ConfigError(no_address(settings, error)) from None
    return INTERRUPTED if ending.name == "SIGINT" else DONE


async def _serve(config: Config, settings: ServerSettings, shell: Shell) -> Signals:
    from racer.server.serving import serve

    def ready(server: Server) -> None:
        shell.lay_out(welcome(server))
        if not server.house.lanes:
            shell.say(no_lanes(config))

    def leaving(ending: Signals) -> None:
        shell.aside(f"\nracer: ending; {ending.name} again ends it at once")

    return await serve(config, settings, ready, leaving=leaving)


COMMAND = Command("serve", "a server that programs for OpenAI, Ollama and Anthropic can use", describe, run)


def settings_of(arguments: argparse.Namespace, config: Config) -> ServerSettings:
    """`[server]` of the configuration, with the flags over it. Raises ConfigError where that cannot be."""
    changes: dict[str, Any] = {}
    for name, least, most in (("port", 0, 65535), ("grace", 0, 3600), ("max_in_flight", 1, 100_000)):
        value = getattr(arguments, name)
        if value is None:
            continue
        if not least <= value <= most:
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag} is {value:g}: use a number from {least} to {most}")
        changes[name] = value
    host = config.server.host if arguments.host is None else arguments.host
    settings = replace(config.server, **changes, host=_bare(host))
    tokens = tokens_of(arguments.token, config)
    if not tokens:
        _check_alone(settings.host)
    return replace(settings, tokens=tokens)


def _bare(text: str) -> str:
    from racer.config import forms

    if forms.host_name(text) is not None:
        raise ConfigError("--host is no address: use one of this machine's, such as 127.0.0.1 or 0.0.0.0")
    return text.strip("[]")


def _check_alone(host: str) -> None:
    from racer.core.loopback import is_loopback

    if not is_loopback(host):
        raise ConfigError(
            f"listening on {host} lets other machines in, and there is no token: set {FROM_ENVIRONMENT} to "
            f"at least {LEAST_TOKEN} characters, or listen on 127.0.0.1"
        )


def tokens_of(given: str | None, config: Config) -> tuple[TokenSettings, ...]:
    """Those of the configuration, and `default`: --token or the environment's. Raises ConfigError."""
    from racer.config import TokenSettings
    from racer_adapters.secret import Secret

    tokens = list(config.server.tokens)
    source = "--token" if given is not None else FROM_ENVIRONMENT
    value = given if given is not None else config.env.get(FROM_ENVIRONMENT)
    if value is not None:
        tokens.append(TokenSettings("default", source, Secret(value.strip())))
    owners: dict[Secret, str] = {}
    for token in tokens:
        where = source if token.name == "default" else f"${token.variable}, the token of {token.name},"
        if (fault := token_fault(token)) is not None:
            raise ConfigError(f"{where} {fault}")
        if token.secret is not None and owners.setdefault(token.secret, token.name) != token.name:
            raise ConfigError(f"{where} is also that of {owners[token.secret]}: give each its own")
    return tuple(tokens)


def token_fault(token: TokenSettings) -> str | None:
    """Why a token is none, in words that follow its name."""
    from racer.config.keys import key_fault

    value = "" if token.secret is None else token.secret.reveal()
    if not value:
        return "is not set: give it a value, or take the name out"
    if (fault := key_fault(value)) is not None:
        return fault
    if len(value) < LEAST_TOKEN:
        make = 'python -c "import secrets; print(secrets.token_urlsafe(24))"'
        return (
            f"is too short ({len(value)} characters): use at least {LEAST_TOKEN}, such as what {make} prints"
        )
    return None


def no_address(settings: ServerSettings, error: OSError) -> str:
    """Why the server could not listen, and what to do."""
    where = f"cannot listen on {settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: another program does. Choose another port with --port, or 0 for any free one"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{where}: that is no address of this machine. Use --host 127.0.0.1, or one that it has"
    return f"{where} ({error.strerror or error}): choose another with --host or --port"


def no_lanes(config: Config) -> str:
    """Local servers are asked what they have while this one begins: nobody knows yet what they will say."""
    asked = [each.name for each in config.providers if each.discover and each.enabled and not each.unusable]
    if not asked:
        return "racer: no lane can run yet: `racer providers` says what is missing"
    return (
        f"racer: no lane is known so far: {', '.join(asked)} may yet answer; `racer providers` says what "
        "else is missing"
    )


def welcome(server: Server) -> str:
    """The line that scripts wait for, then what a person needs to use it."""
    body = '{"model": "auto", "messages": [{"role": "user", "content": "hello"}]}'
    guarded = bool(server.house.settings.tokens)
    token = ' -H "authorization: Bearer $RACER_TOKEN"' if guarded else ""
    return "\n".join(
        [
            f"racer serve: listening on {server.url} (ctrl-C ends it)",
            "",
            f"  base URL  {server.url}/v1",
            f"  API key   {'the token' if guarded else 'any'}",
            "  model     auto, or what GET /v1/models lists",
            "",
            f"curl {server.url}/v1/chat/completions -H 'content-type: application/json'{token} -d '{body}'",
        ]
    )
