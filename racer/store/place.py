"""Where the database lies: what RACER_DB, the configuration and the home folder say, in this order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from racer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

ALLOWED = 'allowed: "sqlite:///PATH", or "sqlite:///:memory:" for none on disk'


def place_of(url: str | None, env: Mapping[str, str]) -> Path | None:
    """The file of the database, or None for one in memory that ends with the process.

    `url` is what `[store]` says. A relative path starts in the working folder. Raises ConfigError.
    """
    named = env.get("RACER_DB", "").strip()
    if named:
        return _place(named, "RACER_DB", f"{ALLOWED}, or just a path", env)
    if url:
        return _place(url, "store.url", ALLOWED, env)
    home = env.get("HOME", "")
    for state in (env.get("XDG_STATE_HOME", ""), f"{home}/.local/state" if home else ""):
        if Path(state).is_absolute():
            return Path(state) / "racer" / "racer.db"
    return None


def _place(text: str, source: str, allowed: str, env: Mapping[str, str]) -> Path | None:
    """No message repeats `text`: an address may hold a password."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _file(text, source, env)
    if scheme in ("redis", "rediss"):
        raise ConfigError(f"{source}: found the address of a shared store, which is not built yet; {allowed}")
    if scheme != "sqlite" or rest == "/" or (rest and not rest.startswith("/")):
        raise ConfigError(f"{source}: found no address of a database; {allowed}")
    return _file(rest[1:], source, env) if rest else None


def _file(text: str, source: str, env: Mapping[str, str]) -> Path | None:
    if text == ":memory:":
        return None
    if text != "~" and not text.startswith("~/"):
        return Path(text)
    if not env.get("HOME"):
        raise ConfigError(f"{source}: found a path from ~, but HOME is not set; allowed: a full path")
    return Path(env["HOME"] + text[1:])
