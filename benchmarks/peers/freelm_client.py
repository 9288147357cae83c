"""freelm: one lane, a second when the first is slow (adaptive, never sooner than 1.5 s streamed, 4 s whole).

Each lane is a provider of its own with an address of ours; the strategy is its own default, `smart`. Its
limits a minute are lifted, for no lane here has any.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.child import serve

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Lane

freelm: Any = import_module("freelm")
NO_LIMIT = 1_000_000.0


class Freelm:
    def __init__(self, lanes: tuple[Lane, ...], mode: str) -> None:
        self._stream = mode == "stream"
        self._client = freelm.AsyncFreeLLM([_provider(lane) for lane in lanes])

    async def race(self, prompt: str) -> str:
        if not self._stream:
            return str(await self._client.text(prompt))
        return "".join([piece async for piece in self._client.astream(prompt)])

    async def close(self) -> None:
        await self._client.aclose()


def _provider(lane: Lane) -> Any:
    model = freelm.ModelSpec("m", ("chat",))
    return freelm.Provider(
        "k", name=lane.name, base_url=lane.url, models=[model], rpm=NO_LIMIT, rpd=lane.limit
    )


if __name__ == "__main__":
    serve(Freelm, "freelm", "httpx")
