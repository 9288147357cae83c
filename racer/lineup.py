"""Who can run now: the field, kept up to date with what local servers have installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from racer.core.field import Field, field_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from racer.background import Background
    from racer.core.provider import Lane, Provider
    from racer.discovery import Discovery

FIRST_LOOK = 0.25
LONGEST_LOOK = 3.0


class Lineup:
    """Local servers are asked beside the races: only the first race waits for them, and not for long.

    So does one after a long pause, for it has to know whether a model is still in memory.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        discovery: Discovery,
        background: Background,
        now: Callable[[], float],
    ) -> None:
        self._providers = providers
        self._discovery = discovery
        self._background = background
        self._now = now
        self._looked = anyio.Event()
        self._since = now()
        self._looking = False
        self.field = Field((), ())
        self._draw_up()
        self._look_if_stale()

    async def known(self, within: float) -> Field:
        """The field. Waits `within` seconds at the most, and only while the first look is under way."""
        self._look_if_stale()
        if not self._looked.is_set():
            patience = FIRST_LOOK if self.field.lanes else LONGEST_LOOK
            with anyio.move_on_at(min(self._since + patience, self._now() + within)):
                await self._looked.wait()
        return self.field

    def warmed(self, lane: Lane) -> None:
        """A model that was not in memory has answered: now it is, whatever was seen before."""
        self._discovery.warmed(lane.provider.name, lane.model.name)
        self._draw_up()

    def may_appear(self, name: str) -> bool:
        """`name` is a model of a server that has not answered: it may be there once the server is."""
        asked = name.partition("/")[0]
        unheard = not self._discovery.found.get(asked)
        return unheard and any(each.name == asked and each.discover for each in self._providers)

    def _look_if_stale(self) -> None:
        if self._looking:
            return
        if not self._discovery.is_stale:
            self._looked.set()
            return
        if not self.field.lanes or self._discovery.is_outdated:
            self._looked = anyio.Event()
            self._since = self._now()
        self._looking = True
        self._background.start(self._look())

    async def _look(self) -> None:
        try:
            await self._discovery.look()
        finally:
            self._looking = False
        self._draw_up()
        self._looked.set()

    def _draw_up(self) -> None:
        self.field = field_of(self._providers, self._discovery.found)
