"""Which models do the servers offer that can tell us? Asked beside the races, never in their way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from racer_adapters.errors import WireError
from racer_adapters.types import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer.core.provider import Provider
    from racer.exchange import Transport
    from racer_adapters.dialect import Dialect, Listing
    from racer_adapters.types import Installed

PATIENCE = 3.0
FRESH_SECONDS = 30.0
AGAIN_SECONDS = 1.0
KEPT_LOADED = 300.0  # so long a server keeps a model in memory that nobody asks, unless it was told otherwise
LARGEST_LISTING = 1024 * 1024


class Discovery:
    """What each server with `discover` has installed. A server that does not answer has nothing (None)."""

    def __init__(
        self,
        providers: Sequence[Provider],
        dialects: Mapping[str, Dialect],
        transport: Transport,
        now: Callable[[], float],
    ) -> None:
        listings = [(each, dialects[each.dialect].listing) for each in providers if _is_asked(each)]
        self._asked = [(provider, listing) for provider, listing in listings if listing is not None]
        self._transport = transport
        self._now = now
        self._last: float | None = None
        self.running = False
        self.found: dict[str, tuple[Installed, ...] | None] = {}

    @property
    def is_stale(self) -> bool:
        """Time to look again: sooner while nothing was found at all."""
        if not self._asked or self.running:
            return False
        return self._age > (FRESH_SECONDS if any(self.found.values()) else AGAIN_SECONDS)

    @property
    def is_outdated(self) -> bool:
        """Whether what was found in memory may have left it since."""
        return self._age > KEPT_LOADED and any(self.found.values())

    @property
    def _age(self) -> float:
        return float("inf") if self._last is None else self._now() - self._last

    def warmed(self, provider: str, model: str) -> None:
        """`model` has been seen to be in memory."""
        found = self.found.get(provider) or ()
        self.found[provider] = tuple(
            replace(each, loaded=True) if each.name == model else each for each in found
        )

    async def look(self) -> None:
        """Ask every server at once. Never raises for one that is not there."""
        self.running = True
        try:
            async with anyio.create_task_group() as group:
                for provider, listing in self._asked:
                    group.start_soon(self._ask, provider, listing)
        finally:
            self.running = False
            self._last = self._now()

    async def _ask(self, provider: Provider, listing: Listing) -> None:
        try:
            with anyio.fail_after(PATIENCE):
                first = await self._get(provider, listing, listing.paths[0])
                others = [await self._get_if_there(provider, listing, path) for path in listing.paths[1:]]
            self.found[provider.name] = listing.read([first, *others])
        except (WireError, TimeoutError, ValueError):
            self.found[provider.name] = None

    async def _get_if_there(self, provider: Provider, listing: Listing, path: str) -> bytes:
        """Every path after the first only tells more of the models: a server that lacks it has them still."""
        try:
            return await self._get(provider, listing, path)
        except (WireError, ValueError):
            return b""

    async def _get(self, provider: Provider, listing: Listing, path: str) -> bytes:
        key = provider.accounts[0].key if provider.accounts else None
        request = listing.request(Target(provider.base_url, "", key, provider.headers), path)
        async with self._transport.send(request) as incoming:
            body = b""
            while data := await incoming.read():
                body += data
                if len(body) > LARGEST_LISTING:
                    raise ValueError("the list of models is too large to be one")
        if not 200 <= incoming.status < 300:
            raise ValueError(f"the list of models was refused: {incoming.status}")
        return body


def _is_asked(provider: Provider) -> bool:
    return provider.discover and provider.enabled and not provider.unusable and bool(provider.accounts)
