"""The door of the simulator for Python."""

from __future__ import annotations

import racer.sim


def test_the_door_is_a_list() -> None:
    """What others may import; all else is the simulator's own affair."""
    assert racer.sim.__all__ == [
        "Profile",
        "ProfileError",
        "Provider",
        "Simulator",
        "built_in",
        "load_profile",
        "parse_profile",
        "serve",
    ]
    assert all(hasattr(racer.sim, name) for name in racer.sim.__all__)
