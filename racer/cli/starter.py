"""What `racer init` writes: a racer.toml and a .env.example, made from the built-in rows. Pure.

In both, a line that begins with `#` and a space is for people; `#` without a space is a setting that is
switched off. Everything that is switched off may be switched on together.
"""

from __future__ import annotations

import textwrap
from dataclasses import fields
from typing import TYPE_CHECKING

from racer.accounts.card import missing
from racer.cli import allowance
from racer.core.options import Defaults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.provider import Provider

CONFIG, ENVIRONMENT = "racer.toml", ".env.example"
_WIDTH = 100

_MEANINGS = {
    "lanes": "how many may run at once",
    "policy": "all: the best at once; frugal: more only when it pays; one: one by one",
    "extra": "frugal: extra requests that it may send, as a share of answers",
    "max_tax": "every policy: extra requests for each answer, at the most",
    "spare_last": "all: leave the last tenth of a limit alone that is behind its pace",
    "deadline": "seconds for the whole race",
    "wait": "seconds to wait for a lane when all are cooling down or used up",
    "per_provider": "lanes of one provider in one race, until no other provider is left",
    "local_lanes": "lanes on one local host: two models on one GPU slow each other down",
}
_EXAMPLES = {"max_tax": "1"}  # of what has no value unless one is written

_HEAD = """\
# How races go here. Written by `racer init`; racer works without this file, too.
#
# What begins with `#` and no space is a setting: take the `#` away to change it, and from the line in
# brackets above it, too.
# Keys never stand here. They belong into the environment, or into .env: see .env.example.
# `racer providers` shows what comes of it, `racer doctor` tries it out.

[race]"""

_OWN = """\
# A server of your own that speaks a known dialect: llama.cpp, vLLM, LM Studio, an office gateway.

#[providers.workstation]
#dialect = "openai"
#base_url = "http://127.0.0.1:8080/v1"
#local = true                             # on hardware of yours: may answer with --private
#keys = ["$WORKSTATION_API_KEY"]          # leave it out where the server asks for none
#models = [{ name = "local", tags = ["chat", "code"], can = ["tools", "json"] }]
#limits = [{ requests = 500, per = "day", reset = "00:00 UTC" }]
"""

_BUILT_IN = """\
# The built-in providers, those that give most for nothing first. Each runs as soon as its key is set; a
# section changes its row. `priority`: lower goes first. `enabled = false` takes one out."""

_ENV_HEAD = """\
# Keys for racer. Copy this file to .env, fill in what you have, and keep .env to yourself:
#   cp .env.example .env && chmod 600 .env
#   and a line `.env` in .gitignore
# One key is enough to begin with, and with Ollama none is needed. More keys of one provider go into
# GROQ_API_KEY_1, GROQ_API_KEY_2, and so on.
# Those that give most for nothing come first."""


def by_free_use(providers: Sequence[Provider]) -> list[Provider]:
    """The built-in rows say by their priority how much each gives for nothing; retired ones give nothing."""
    return sorted((each for each in providers if each.status == "alive"), key=lambda each: each.priority)


def config_text(providers: Sequence[Provider]) -> str:
    """`providers` are the built-in rows, with an empty environment."""
    parts = [
        "\n".join([_HEAD, *_race_lines()]),
        _OWN.rstrip(),
        _BUILT_IN,
        *(_section(each) for each in by_free_use(providers)),
    ]
    return "\n\n".join(parts) + "\n"


def _race_lines() -> list[str]:
    defaults = Defaults()
    known = {each.name: getattr(defaults, each.name) for each in fields(defaults)}
    settings = {name: _setting(name, known[name]) for name in _MEANINGS}
    longest = max(map(len, settings.values()))
    return [f"{setting:{longest}}  # {_MEANINGS[name]}" for name, setting in settings.items()]


def _setting(name: str, value: object) -> str:
    return f"#{name} = {_EXAMPLES[name]}" if value is None else f"{name} = {_toml(value)}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return (
        f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
    )


def _section(provider: Provider) -> str:
    wanted = " and ".join(missing(provider, {}))
    said = [
        f"{provider.name}: {_use(provider)}",
        f"{wanted or 'no key'}; {provider.console}" if provider.console else wanted,
        provider.note,
    ]
    return "\n".join(
        [
            *(_comment(each) for each in said if each),
            f"#[providers.{provider.name}]",
            f"#priority = {provider.priority}",
            "#enabled = true",
        ]
    )


def _use(provider: Provider) -> str:
    words = allowance.of(provider)
    return "your own hardware" if provider.local and words == allowance.UNKNOWN else words


def _comment(text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def environment_text(providers: Sequence[Provider]) -> str:
    """Every variable with nothing in it. `providers` as for `config_text`."""
    wanted = ((each, missing(each, {})) for each in by_free_use(providers))
    return "\n\n".join([_ENV_HEAD, *(_variables(each, names) for each, names in wanted if names)]) + "\n"


def _variables(provider: Provider, names: Sequence[str]) -> str:
    said = f"{provider.name}: {_use(provider)}"
    about = provider.console or provider.note
    page = [_comment(about)] if about else []
    return "\n".join([_comment(said), *page, *(f"{name}=" for name in names)])


def wanting(providers: Sequence[Provider], env: Mapping[str, str]) -> list[tuple[Provider, tuple[str, ...]]]:
    """Who lacks which variables, the most free use first. `providers` with the environment `env`."""
    found = ((each, missing(each, env)) for each in by_free_use(providers))
    return [(each, names) for each, names in found if names]


def ignores_env(gitignore: str) -> bool:
    """Does a .gitignore with this text keep .env out of the repository? Only what says so plainly counts."""
    return any(
        line.strip() in {".env", "/.env", ".env*", "*.env", "**/.env"} for line in gitignore.splitlines()
    )
