"""The only part of the configuration that touches the disk and the process's environment."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from racer.config import dotenv
from racer.config.composition import compose
from racer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.config.record import Config

LARGEST = 1 << 20  # no configuration is longer; a wrong path may well be


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Config:
    """Read the configuration: the path given, RACER_CONFIG, ./racer.toml, or the one in XDG_CONFIG_HOME.

    None of the last two is needed; a path that is given must exist. `environ` and `cwd` default to the
    process's own. Raises ConfigError.
    """
    folder = Path() if cwd is None else Path(cwd)
    env = merged_env(folder, os.environ if environ is None else environ)
    found, text = _found(path, folder, env)
    tables = {} if found is None else toml(text, str(found))
    return compose(tables, catalogue(), env, path=found, text=text)


def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """The built-in rows by provider. They are checked by a test of ours, not at every start of yours."""
    from importlib.resources import files  # costs an import 2 ms or more

    text = files("racer_adapters").joinpath("providers.toml").read_text("utf-8")
    rows: Mapping[str, Mapping[str, Any]] = toml(text, "the built-in catalogue")["providers"]
    return rows


def merged_env(folder: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """`.env` in `folder`, with the environment over it. A folder of that name is a virtual environment."""
    path = folder / ".env"
    text = None if path.is_dir() else read_text(path)
    values, broken = dotenv.parse(text or "")
    if broken:
        raise ConfigError(
            *(
                f"{path}:{line}: found a line that is not NAME=VALUE; allowed: NAME=VALUE, a quoted value, "
                "or a comment that begins with #"
                for line in broken
            )
        )
    return {**values, **environ}


def _found(
    path: str | os.PathLike[str] | None, folder: Path, env: Mapping[str, str]
) -> tuple[Path | None, str]:
    """The first file of the search order, and its text."""
    named = os.fspath(path) if path is not None else env.get("RACER_CONFIG", "")
    if named:
        text = read_text(folder / named)
        if text is None:
            by = "the path given" if path is not None else "RACER_CONFIG"
            raise ConfigError(
                f"{folder / named}: found no such file; {by} must name a racer.toml that exists"
            )
        return folder / named, text
    for place in _usual_places(folder, env):
        text = read_text(place)
        if text is not None:
            return place, text
    return None, ""


def _usual_places(folder: Path, env: Mapping[str, str]) -> list[Path]:
    home = env.get("HOME", "")
    base = env.get("XDG_CONFIG_HOME", "") or (f"{home}/.config" if home else "")
    shared = [Path(base) / "racer" / "racer.toml"] if Path(base).is_absolute() else []
    return [folder / "racer.toml", *shared]


def read_text(path: Path) -> str | None:
    """The text of a file in UTF-8, with or without a byte order mark; None where there is no file."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        raise ConfigError(f"{path}: cannot be read ({why}); allowed: a text file in UTF-8") from None
    if len(data) > LARGEST:
        raise ConfigError(f"{path}: found more than 1 MiB; allowed: a text file of at most that")
    return _decoded(data, path)


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: found bytes that are not UTF-8; allowed: text saved as UTF-8"
        ) from None


def toml(text: str, file: str) -> dict[str, Any]:
    """Parse TOML; every way in which that fails is a ConfigError."""
    import tomllib  # costs an import 3 ms

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{file}:{line[1]}" if line else file
        raise ConfigError(f"{where}: found something that is not TOML: {error}") from None
    except ValueError:
        raise ConfigError(f"{file}: found a number that is too long; allowed: at most 64 bits") from None
    except RecursionError:
        raise ConfigError(
            f"{file}: found lists or tables nested too deep; allowed: what the documentation shows"
        ) from None
