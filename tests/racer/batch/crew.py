"""What tests of running batches stand on: lanes that answer in one piece, and a Racer that is looked into."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import anyio
import orjson

from racer import Racer
from racer.core.facts import LaneEnded, LaneStarted, RaceEnded, RaceStarted
from racer.testing import Script, ScriptedTransport, Step, config_of, provider_of
from tests.racer.counting import Kept, Moved, rows

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from racer.batch.batch import Batch
    from racer.batch.line import Result
    from racer.core.facts import Fact
    from racer.core.provider import Provider
    from racer_adapters.types import WireRequest

JSON = {"content-type": "application/json"}
SETTLED = {"won", "lost", "failed"}


def whole(text: str, after: float = 0.0, *, tokens: tuple[int, int] = (3, 4)) -> Script:
    """An answer in one piece, `after` seconds."""
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}
    return Script((Step(after, orjson.dumps(body)),), headers=JSON)


def said(request: WireRequest) -> str:
    """The last message of a request."""
    return str(orjson.loads(request.body)["messages"][-1]["content"])


def always(script: Script) -> Callable[[str, WireRequest], Script]:
    """Whoever is asked, and for whatever."""

    def choose(_: str, __: WireRequest) -> Script:
        return script

    return choose


class Choosing(ScriptedTransport):
    """Each server's script for a request is what `choose` says."""

    def __init__(self, choose: Callable[[str, WireRequest], Script]) -> None:
        super().__init__({})
        self._choose = choose

    def send(self, request: WireRequest) -> Any:
        server = request.url.partition("//")[2].partition(".")[0]
        self._scripts[server] = [self._choose(server, request)]
        return super().send(request)


@dataclass
class Crew:
    """A Racer with all that a test wants to see of it."""

    racer: Racer
    transport: ScriptedTransport
    store: Kept
    facts: list[Fact] = field(default_factory=list["Fact"])

    def of(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def sent(self, server: str = "a") -> list[float]:
        return [at for name, event, at in self.transport.log if (name, event) == (server, "sent")]

    @property
    def asked(self) -> int:
        """Requests to all servers."""
        return sum(event == "sent" for _, event, _ in self.transport.log)

    async def check(self) -> None:
        """Every request is over, and was written down once: to its race, and each race has its end."""
        assert 0 == self.transport.open
        started, ended = self.of(LaneStarted), self.of(LaneEnded)
        begun, over = self.of(RaceStarted), self.of(RaceEnded)
        assert len(started) == len(ended)
        assert len({(fact.race, fact.attempt) for fact in ended}) == len(ended)
        assert sorted(fact.race for fact in begun) == sorted(fact.race for fact in over)

    async def check_rows(self) -> None:
        """The same of the rows of the store, once it is at rest."""
        ended = self.of(LaneEnded)
        outcomes = await rows(self.store, "outcome FROM v_attempts")
        assert {str(one) for (one,) in outcomes} <= SETTLED, set(outcomes)
        assert len(outcomes) == len(ended)
        endings = await rows(self.store, "ending FROM v_races")
        assert all(ending is not None for (ending,) in endings), set(endings)


@asynccontextmanager
async def crew(
    *providers: str | Provider,
    scripts: Mapping[str, Script | Sequence[Script]] | None = None,
    choose: Callable[[str, WireRequest], Script] | None = None,
    **changes: Any,
) -> AsyncGenerator[Crew]:
    """Everybody says "hi" after a second, but for `scripts`. Left in peace, what it did is checked."""
    given = tuple(each if not isinstance(each, str) else provider_of(each) for each in providers)
    known = {each.name: whole("hi", 1.0) for each in given} | dict(scripts or {})
    transport = ScriptedTransport(known) if choose is None else Choosing(choose)
    store = Kept()
    config = replace(config_of(), providers=given, **changes)
    facts: list[Fact] = []
    racer = Racer(
        config, transport=transport, observers=[facts.append], store=store, timepiece=Moved().timepiece()
    )
    table = Crew(racer, transport, store, facts)
    try:
        async with racer:
            yield table
            await table.check()
        await table.check_rows()
    finally:
        await store.end()


async def results(batch: Batch) -> list[Result]:
    return [result async for result in batch]


async def read(batch: Batch, given: list[Result], *, stop_after: int | None = None) -> None:
    """Into `given`, of which something is left where it raises."""
    async for result in batch:
        given.append(result)
        if len(given) == stop_after:
            batch.stop()


def now() -> float:
    return anyio.current_time()
