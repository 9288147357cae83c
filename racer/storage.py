"""What the ledger needs of a store, in five calls. racer/store has the one for a single machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.core.quota import Joined, Report, Tidings
    from racer.recorder import Note


class Store(Protocol):
    """Each call happens whole or not at all, and raises StoreError where the store cannot serve.

    It has not happened then; but where the kind is `other`, nobody knows.
    """

    async def open(self, wall: float, ticks: float, boot: str) -> Joined:
        """Join the processes that share the store; the clocks of this one say `wall` and `ticks`."""
        ...

    async def exchange(
        self, report: Report, notes: Sequence[Note], now: float, *, last: bool = False
    ) -> Tidings | None:
        """Tell and ask, at once; `last` also says goodbye.

        None: this process was taken for dead, and nothing of this was heard.
        """
        ...

    async def tidy(self, now: float) -> None:
        """Work that should be done now and then: a good moment, nobody waits."""
        ...

    async def move_anchor(self, wall: float, ticks: float) -> None:
        """All processes are to set their clocks so."""
        ...

    async def aclose(self) -> None: ...
