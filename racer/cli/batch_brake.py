"""ctrl-C and its like while a batch runs: what is in flight is finished, and the second one ends at once."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 5.0  # seconds that a process may take which is told to end
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Brake:
    """A block: signals that come meanwhile stop the task that entered it, gently or at once.

    The first one calls what `eases` was given; a SIGTERM, or the end of the terminal, waits no longer than
    PATIENCE for the rest. Another one cancels the task, as does the first one while there is nothing to
    ease. Signals that the process was started to ignore, as under nohup, are ignored.
    """

    def __init__(self) -> None:
        self.pulled = False
        self.cancelled = False
        self._ease: Callable[[float | None], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._heard: list[signal.Signals] = []

    def eases(self, ease: Callable[[float | None], None]) -> None:
        """From now on there is something to stop gently. `ease` gets the seconds that it may take, if any."""
        self._ease = ease

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for each in SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:
                with suppress(ValueError, RuntimeError):  # signals belong to the main thread
                    loop.add_signal_handler(each, self.pull, each)
                    self._heard.append(each)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for each in self._heard:
            loop.remove_signal_handler(each)
        if self._timer is not None:
            self._timer.cancel()

    def pull(self, by: signal.Signals) -> None:
        if self.pulled or self._ease is None:
            self._cancel()
            return
        self.pulled = True
        patience = None if by is signal.SIGINT else PATIENCE
        if patience is not None:
            self._timer = asyncio.get_running_loop().call_later(patience, self._cancel)
        self._ease(patience)

    def _cancel(self) -> None:
        self.pulled = self.cancelled = True
        if self._task is not None:
            self._task.cancel()
