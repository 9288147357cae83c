"""Simulated providers on loopback: `async with Simulator("zero") as sim: ...`."""

from __future__ import annotations

from racer.sim.app import Simulator, serve
from racer.sim.library import built_in, load_profile
from racer.sim.profile import Profile, ProfileError, Provider
from racer.sim.profile_toml import parse_profile

__all__ = [
    "Profile",
    "ProfileError",
    "Provider",
    "Simulator",
    "built_in",
    "load_profile",
    "parse_profile",
    "serve",
]
