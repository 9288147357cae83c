"""One question put to a race, with what a person sees of it meanwhile: the answer, the lanes, troubles."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from racer.cli.answer import Page
from racer.cli.reader import read_along
from racer.core.facts import StoreTroubled
from racer.core.printable import one_line
from racer.recorder import KEPT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence
    from typing import TextIO

    from racer.api import Racer
    from racer.cli.live import Watch
    from racer.cli.shell import Shell
    from racer.config import Config
    from racer.core.facts import Fact, Observer
    from racer.core.options import Messages, Options, StreamOptions
    from racer.core.reply import Reply

    Work = Callable[[Racer], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked, and how it is told. `streamed`: as it comes; otherwise once it is whole."""

    messages: Messages
    options: Options
    resume: bool
    schema: dict[str, Any] | None
    streamed: bool
    as_json: bool
    watched: bool


def answered(asking: Asking, config: Config, shell: Shell) -> Reply:
    """The reply; one that is streamed is on stdout by then. Raises RacerError."""
    with ExitStack() as exits:
        watch = exits.enter_context(_watching(asking, shell)) if asking.watched else None
        page = Page(shell, watch)
        told = partial(_told, asking, page) if asking.streamed else partial(_whole, asking)
        work = partial(told, shell.stdout)
        observers: list[Observer] = [Troubles(page.say)]
        if watch is not None:
            observers.append(watch)
        return asyncio.run(_race(config, observers, work))


@contextmanager
def _watching(asking: Asking, shell: Shell) -> Generator[Watch]:
    """The lanes on stderr, and a table of them when the race is over, however it ends."""
    from rich.console import Group

    from racer.cli import live
    from racer.cli.console import show
    from racer.cli.tables import lanes_table

    watch, more = live.watch(shell), [""]
    try:
        yield watch
        if asking.streamed:
            more = []
    finally:
        watch.close()
        if watch.track.is_over:
            show(shell, lambda width: Group("", lanes_table(watch.track.bars, width=width), *more))


async def _race(config: Config, observers: Sequence[Observer], work: Work) -> Reply:
    from racer.api import Racer
    from racer.transport import Transport

    # One race and then the end: connections kept warm for a next race would be opened for nobody.
    async with (
        Transport(spares=False) as transport,
        Racer(config, transport=transport, observers=observers) as racer,
    ):
        return await work(racer)


async def _whole(asking: Asking, stdout: TextIO, racer: Racer) -> Reply:
    with read_along(stdout):
        return await racer.race(asking.messages, into=asking.schema, **asking.options)


async def _told(asking: Asking, page: Page, stdout: TextIO, racer: Racer) -> Reply:
    options = cast("StreamOptions", {**asking.options, "resume": asking.resume})
    async with racer.stream(asking.messages, **options) as stream, page:
        with read_along(stdout):
            async for piece in stream:
                await page.add(piece.text)
        return stream.reply


class Troubles:
    """Tells what the database cannot do, each reason once: an answer alone would say that all is well."""

    ignores = KEPT  # there are thousands of them, and it has no use for any

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told: set[str] = set()

    def __call__(self, fact: Fact) -> None:
        if not isinstance(fact, StoreTroubled):
            return
        lost = f"{fact.lost} record{'' if fact.lost == 1 else 's'} lost" if fact.lost else ""
        reason = "" if fact.reason in self._told else one_line(fact.reason)
        self._told.add(fact.reason)
        if text := "; ".join(filter(None, (reason, lost))):
            with suppress(OSError):  # nobody reads it: no reason to lose the answer
                self._say(f"racer: {text}")
