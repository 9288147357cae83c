"""Which models a local server holds in memory: the ones used of late. Time is an argument."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.profile import Provider


class Loaded:
    def __init__(self, provider: Provider) -> None:
        self._keep_alive = provider.keep_alive
        self._until = {full_name(model): math.inf for model in provider.loaded}

    def models(self, now: float) -> Mapping[str, float]:
        """Full names with the instant at which each leaves; infinity for those loaded from the start."""
        return {name: until for name, until in self._until.items() if until > now}

    def use(self, model: str, now: float) -> bool:
        """Load `model` or keep it; true when it was cold."""
        name = full_name(model)
        cold = self._until.get(name, -math.inf) <= now
        if cold or not math.isinf(self._until[name]):
            self._until[name] = now + self._keep_alive
        return cold


def full_name(model: str) -> str:
    """A name without a tag means the tag `latest`."""
    return model if ":" in model else f"{model}:latest"
