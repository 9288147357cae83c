"""Who watches the races of a server: for the pages that show them, and for those who count."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from racer import telemetry
from racer.acquaintance import Acquaintance
from racer.server.condition import Condition
from racer.server.lately import Lately
from racer.server.live import Live
from racer.server.tally import Tally
from racer_adapters import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer.core.facts import Fact
    from racer.core.provider import Lane
    from racer.core.quota import Meter


class Watch:
    """An observer of facts, to be joined to the audience. `now` is in unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.live = Live(os.urandom(4).hex())
        self.lately = Lately()
        self.condition = Condition()
        self.tally = Tally()
        self.spans = telemetry.observer()
        self._known = Acquaintance(DIALECTS)
        self._now = now

    def __call__(self, fact: Fact) -> None:
        at = self._now()
        self.live.observe(fact, at)
        self.lately.observe(fact, at)
        self.condition.observe(fact, at)
        self.tally.observe(fact)
        if self.spans is not None:
            self.spans(fact)

    def came(self, headers: Mapping[str, str]) -> None:
        """A request has come, in a task of its own: what it starts is of the trace that its headers name."""
        if self.spans is not None:
            telemetry.continue_trace(headers)

    def meters(self, lane: Lane) -> Sequence[Meter]:
        """Every counter that a call on `lane` is counted in."""
        return self._known(lane).meters
