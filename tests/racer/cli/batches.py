"""A batch for tests of the command: it gives the results that it was given, and can be stopped."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from racer.batch.line import Failure, Result
from racer.batch.progress import LaneProgress, Progress
from racer.cli.batch_order import Order
from racer.core.reply import Reply
from racer.errors import BatchStopped
from racer_adapters.types import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

NOON = 1_795_608_000.0  # 2026-11-25 12:00 UTC, a Wednesday
FRESH = Progress(5000, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0)
HALF = replace(
    FRESH,
    done=3062,
    failed=38,
    earlier=3000,
    in_flight=12,
    input_tokens=1_204_331,
    output_tokens=802_113,
    rate=14.23,
    elapsed=29_520.0,
    attempts=5120,
    lanes=(
        LaneProgress("groq/llama", 8, 8, 60, 0),
        LaneProgress("mistral/small", 4, 4, 2, 3, "requests a day are used up", NOON + 5 * 3600),
        LaneProgress("idle/m", 0, 4, 0, 0),
    ),
    ends=(NOON + 600, NOON + 720, NOON + 900),
)
ORDER = Order(Path("in.jsonl"), Path("out.jsonl"), "out.jsonl")
ON_STDOUT = Order(Path("in.jsonl"), None, "-")


def answered(line: int, text: str = "A river.") -> Result:
    return Result(line, f"line-{line}", Reply(text, "groq", "llama", Usage(9, 3), 0.5, f"race{line}"))


def failed(line: int, code: str = "no_lane", message: str = "no lane could answer") -> Result:
    return Result(line, f"line-{line}", failure=Failure(code, message))


@dataclass
class StandIn:
    """`before` is called with each result before it is given. `error` comes at the end."""

    results: Sequence[Result]
    before: Callable[[Result], object] = lambda _: None
    error: Exception | None = None
    start: Progress = FRESH
    pause: float = 0.0
    notice: str = ""
    unknown_models: Mapping[str, int] = field(default_factory=dict[str, int])
    given: list[Result] = field(default_factory=list[Result])
    stopped: bool = False
    closed: bool = False

    async def __aiter__(self) -> AsyncIterator[Result]:
        for result in self.results:
            await anyio.sleep(self.pause)
            if self.stopped:
                raise BatchStopped("stopped: as was asked for")
            self.before(result)
            self.given.append(result)
            yield result
        if self.error is not None:
            raise self.error

    def progress(self) -> Progress:
        won = sum(result.ok for result in self.given)
        lost = len(self.given) - won
        left = len(self.results) - len(self.given)
        begin = self.start
        return replace(
            begin,
            total=begin.earlier + len(self.results),
            done=begin.done + won,
            failed=begin.failed + lost,
            in_flight=min(left, 2),
            stopping=self.stopped,
        )

    def forecast(self) -> Any:
        return "a forecast"

    def shortfall(self, by: float) -> Any:
        return None

    def stop(self) -> None:
        self.stopped = True

    @asynccontextmanager
    async def opened(self, order: Order, say: Callable[[str], None]) -> AsyncGenerator[StandIn]:
        """As an engine does."""
        try:
            yield self
        finally:
            self.closed = True
