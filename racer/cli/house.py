"""What `racer doctor` says of the house: files, keys that are not used, versions, local servers. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from racer.config.address import loopback, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

WAL_RESET_FIXED = (3, 51, 3)
OLLAMA_SAFE = (0, 17, 1)
OTHERS_MAY = 0o077

# An address to listen on for everybody, as OLLAMA_HOST may give it to the server.
_EVERYWHERE = re.compile(r"(?:https?://)?(?:0\.0\.0\.0|\[?::\]?)?(?::\d+)?/?")


class Level(StrEnum):
    """`PROBLEM`: a key that was set does not count. A warning is advice, a note is neither."""

    FINE = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Note:
    level: Level
    text: str
    step: str = ""

    def to_dict(self) -> dict[str, str | None]:
        return {"level": str(self.level), "text": self.text, "step": self.step or None}


@dataclass(frozen=True, slots=True)
class Server:
    """A local Ollama that answers, and the version that it says it has."""

    name: str
    base_url: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class House:
    """`config`: the file in use, empty for none. `env_mode`: who may read `.env`; None where nobody knows."""

    config: str
    python: str
    sqlite: str
    env_mode: int | None = None
    refused: tuple[str, ...] = ()
    ollama_host: str = ""
    servers: tuple[Server, ...] = ()


def notes_on(house: House) -> list[Note]:
    return [
        Note(Level.FINE, f"configuration: {house.config or 'no racer.toml, the built-in providers'}"),
        *_env_notes(house),
        *(Note(Level.PROBLEM, each, "put a valid key there, or take it out") for each in house.refused),
        Note(Level.FINE, f"Python {house.python}"),
        _sqlite_note(house.sqlite),
        *_host_notes(house.ollama_host),
        *(note for server in house.servers for note in _server_notes(server)),
    ]


def _env_notes(house: House) -> Iterator[Note]:
    if house.env_mode is None:
        return
    if house.env_mode & OTHERS_MAY:
        yield Note(Level.WARNING, f".env can be read by others (mode {house.env_mode:04o})", "chmod 600 .env")
    else:
        yield Note(Level.FINE, f".env (mode {house.env_mode:04o})")


def _sqlite_note(version: str) -> Note:
    if numbers(version) >= WAL_RESET_FIXED:
        return Note(Level.FINE, f"SQLite {version}")
    fixed = ".".join(map(str, WAL_RESET_FIXED))
    return Note(
        Level.NOTE,
        f"SQLite {version} is older than {fixed}: several processes that write to one database may damage it",
        "use a Python with a newer SQLite for that",
    )


def _host_notes(value: str) -> Iterator[Note]:
    value = value.strip()
    if value and _EVERYWHERE.fullmatch(value):
        yield Note(
            Level.WARNING,
            "OLLAMA_HOST has Ollama listen to the whole network, and Ollama asks nobody for a key",
            "OLLAMA_HOST=127.0.0.1 for the server, unless the network is to use it",
        )


def _server_notes(server: Server) -> Iterator[Note]:
    if not loopback(server.base_url):
        reads_along = ", and prompts cross the network unencrypted" if plain(server.base_url) else ""
        yield Note(
            Level.WARNING,
            f"{server.name}: {server.base_url} is another machine; Ollama asks nobody for a key{reads_along}",
            "reach it through a tunnel, or through a proxy of yours that asks for one",
        )
    found = numbers(server.version)
    if any(found) and found < OLLAMA_SAFE:  # 0.0.0 is what Ollama's developers build
        safe = ".".join(map(str, OLLAMA_SAFE))
        yield Note(
            Level.WARNING,
            f"{server.name}: Ollama {server.version} has holes that {safe} has closed",
            "update Ollama",
        )
    elif server.version:
        yield Note(Level.FINE, f"{server.name}: Ollama {server.version}")


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, for comparing: 0.17.1-rc2 as 0.17.1. Empty where there is none."""
    found = re.match(r"v?(\d{1,9}(?:\.\d{1,9})*)", version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()
