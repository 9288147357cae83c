"""Which test file belongs to which source file: tests/ mirrors the two packages."""

from __future__ import annotations

from pathlib import PurePosixPath

PURE_PACKAGES = ("adapters/racer_adapters", "racer/core")


def mirror_of(source: PurePosixPath) -> PurePosixPath:
    """racer/core/heat.py -> tests/core/test_heat.py; racer/sim/app.py -> tests/racer/sim/test_app.py."""
    folder = next((PurePosixPath(pure) for pure in PURE_PACKAGES if source.is_relative_to(pure)), None)
    if folder is None:
        place = source.parent
    else:
        place = PurePosixPath(folder.parts[0] if folder.parts[0] == "adapters" else folder.name)
        place /= source.relative_to(folder).parent
    return PurePosixPath("tests") / place / f"test_{source.name}"
