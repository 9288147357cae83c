"""`racer sim`: simulated providers on loopback, for demos, for tests, and for your own programs."""

from __future__ import annotations

import asyncio
import json
import shlex
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING

from racer.cli.command import Command
from racer.cli.failure import DONE
from racer.cli.shell import NotWritten
from racer.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from racer.cli.shell import Shell
    from racer.sim import Profile, Simulator

PORT = 8191
HOST = "127.0.0.1"
_CHAT = {"openai": "/chat/completions", "ollama": "/api/chat"}

_DESCRIPTION = """\
Simulated providers on one loopback port: they speak the real wire formats, at
the pace and with the faults and the limits of a profile. Nothing leaves this
machine; any key will do, unless the profile names its own.

The first line on stdout says that it listens; then come each provider's base
URL, rows for racer.toml and a curl line. It runs until ctrl-C, which ends it
with exit code 130."""

_EXAMPLES = """\
examples:
  racer sim                           nine providers, as on a working day
  racer sim --profile zero --port 0   no delays, on any free port
  racer sim --profile mine.toml       your own: docs/simulator.md
  racer sim --list                    built-in profiles, and possible faults
  curl http://127.0.0.1:8191/sim/counters   what each provider has seen"""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument(
        "--profile", default="default", metavar="NAME|FILE", help="what to simulate (default)"
    )
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"where to listen; 0: any free port ({PORT})"
    )
    parser.add_argument("--host", default=HOST, metavar="ADDRESS", help=f"a loopback address ({HOST})")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed gives the same texts, paces and faults"
    )
    parser.add_argument("--list", action="store_true", help="show profiles and faults, and end")


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer.sim import serve

    if arguments.list:
        shell.lay_out(listing())
        return DONE
    check_address(arguments.host, arguments.port)
    profile = profile_of(arguments.profile, arguments.seed, shell)

    def ready(simulator: Simulator) -> None:
        shell.lay_out(welcome(simulator))

    try:
        asyncio.run(serve(profile, host=arguments.host, port=arguments.port, ready=ready))
    except (BrokenPipeError, NotWritten):
        raise
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {arguments.host}:{arguments.port} ({error.strerror}): "
            "choose another port with --port, or any free one with --port 0"
        ) from None
    return DONE


COMMAND = Command("sim", "simulated providers on this machine, to try and to test with", describe, run)


def check_address(host: str, port: int) -> None:
    """Raises ConfigError: whoever can reach the simulator can fill this machine's memory."""
    try:
        inside = IPv4Address(host).is_loopback
    except AddressValueError:
        inside = False
    if not inside:
        raise ConfigError(f"--host is {host}: the simulator listens on loopback alone, such as {HOST}")
    if not 0 <= port <= 65535:
        raise ConfigError(f"--port is {port}: use a number from 0 to 65535")


def profile_of(name: str, seed: int | None, shell: Shell) -> Profile:
    """A built-in profile, or a file as seen from the shell's folder. Raises ConfigError."""
    from racer.sim import ProfileError, built_in, load_profile

    try:
        profile = load_profile(name if name in built_in() else shell.cwd / name)
    except ProfileError as error:
        raise ConfigError(str(error)) from None
    return profile if seed is None else replace(profile, seed=seed)


def welcome(simulator: Simulator) -> str:
    """The line that scripts wait for, then what a person needs to use it."""
    from racer.cli.simulated import TAG, name_of, racer_toml

    providers = simulator.profile.providers
    longest = max(len(each.name) for each in providers)
    return "\n".join(
        [
            f"racer sim: listening on {simulator.url} (profile {simulator.profile.name}, ctrl-C ends it)",
            "",
            *(f"  {each.name:{longest}}  {simulator.base_url(each.name)}" for each in providers),
            "",
            "# rows for racer.toml",
            racer_toml(simulator),
            "",
            "# to try it",
            f'racer ask --only {TAG} "Why is the sky blue?"',
            f"racer ask --only {name_of(providers[0])} --watch hello",
            *_curl(simulator),
        ]
    )


def _curl(simulator: Simulator) -> list[str]:
    """A command line for a provider whose requests are short enough for one, OpenAI's dialect first."""
    known = (each for each in simulator.profile.providers if each.dialect in _CHAT)
    provider = min(known, key=lambda each: each.dialect != "openai", default=None)
    if provider is None:
        return []
    body = {"model": provider.models[0], "messages": [{"role": "user", "content": "hello"}], "stream": True}
    words = [f"{simulator.base_url(provider.name)}{_CHAT[provider.dialect]}", "-d", json.dumps(body)]
    return [f"curl -N -H 'content-type: application/json' {shlex.join(words)}"]


def listing() -> str:
    from racer.sim import built_in, load_profile
    from racer.sim.fault import KINDS

    profiles = {name: load_profile(name).providers for name in built_in()}
    lines = ["profiles"]
    lines += [f"  {name:8}  {len(providers)} providers" for name, providers in profiles.items()]
    lines += ["", "faults, with the options that each takes beside kind, share, every and delay"]
    lines += [
        f"  {kind:20}  {', '.join(sorted(options))}".rstrip() for kind, options in sorted(KINDS.items())
    ]
    return "\n".join(lines)
