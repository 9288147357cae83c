"""What the simulator has drawn for its last requests, drawn here a second time: a seed repeats everything."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim import load_profile
from racer.sim.answer import compose
from racer.sim.exchange import Ask, Moment, Request
from racer.sim.profile import draw_pace
from racer.sim.wire import WIRES

if TYPE_CHECKING:
    from benchmarks.simulated import Simulated

LOOK_AGAIN = 0.005
MOST_LOOKS = 1000


@dataclass(frozen=True)
class Drawn:
    """One request: seconds to its first token and between two, tokens of the whole answer.

    `lived`: seconds until its answer was whole, or its client gone.
    """

    provider: str
    first: float
    gap: float
    tokens: int
    lived: float
    whole: bool

    @property
    def generated(self) -> int:
        """Tokens that the provider had made by then."""
        if self.whole:
            return self.tokens
        if self.lived < self.first:
            return 0
        return min(self.tokens, int((self.lived - self.first) / self.gap) + 1)


class Draws:
    """Of a simulator that plays the profile at `path`, whose providers let every request in."""

    def __init__(self, sim: Simulated, path: str) -> None:
        self._sim = sim
        self._profile = load_profile(path)
        self._providers = {provider.name: provider for provider in self._profile.providers}

    async def last(self, count: int) -> list[Drawn]:
        """Of the last `count` requests, once each is over."""
        for _ in range(MOST_LOOKS):
            records: Any = await asyncio.to_thread(self._sim.get, f"/sim/requests?limit={count}")
            if len(records) == count and all(record["outcome"] for record in records):
                return [self._drawn(record) for record in records]
            await asyncio.sleep(LOOK_AGAIN)
        raise RuntimeError(f"the last {count} requests do not come to an end")

    def _drawn(self, record: dict[str, Any]) -> Drawn:
        name, serial = record["provider"], record["serial"]
        chance = Random(f"{self._profile.seed}/{name}/{serial}").random
        chance()  # whether a fault strikes is drawn first
        pace = draw_pace(self._providers[name], chance, cold=False)
        return Drawn(
            provider=name,
            first=pace.first,
            gap=pace.gap,
            tokens=self._tokens(record),
            lived=record["ended_at"] - record["started_at"],
            whole=record["outcome"] == "completed",
        )

    def _tokens(self, record: dict[str, Any]) -> int:
        provider = self._providers[record["provider"]]
        wire, *_ = WIRES[provider.dialect]
        request = Request(record["method"], record["path"], record["headers"], orjson.dumps(record["body"]))
        ask = wire.read(request, Moment(provider, record["serial"], 0.0))
        assert isinstance(ask, Ask)
        return compose(ask, provider, self._profile).output_tokens
