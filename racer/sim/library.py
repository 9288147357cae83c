"""Where profiles come from: those inside the package, by name, or a file, by path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from racer.sim.profile import Profile, ProfileError
from racer.sim.profile_toml import parse_profile

FOLDER = resources.files("racer.sim") / "profiles"


def built_in() -> list[str]:
    return sorted(
        entry.name.removesuffix(".toml") for entry in FOLDER.iterdir() if entry.name.endswith(".toml")
    )


def load_profile(name: str | Path) -> Profile:
    """A built-in profile's name, or the path of a TOML file. Raises ProfileError."""
    if str(name) in built_in():
        return parse_profile((FOLDER / f"{name}.toml").read_text("utf-8"), str(name))
    path = Path(name)
    try:
        return parse_profile(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: {error}; built-in profiles: {', '.join(built_in())}") from None
