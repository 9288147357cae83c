"""What was asked of a batch, as a record."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from racer.batch.case import Terms

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import BinaryIO

    from racer.batch.asks import Asks
    from racer.batch.formats import Form
    from racer.batch.keep import Sink
    from racer.core.into import Into
    from racer.core.options import Options

Prompts = Path | Iterable[Any] | AsyncIterable[Any]
FOREVER = float("inf")

# These say what the answers are; the others only when and by whom they are made.
_OF_THE_ANSWERS = (
    "private", "only", "exclude", "prefer", "task", "max_tokens", "temperature", "top_p", "stop", "seed",
    "tools", "tool_choice", "response_format", "extra",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for, by the names of `Racer.batch`. `piped`: what a path of "-" is read from."""

    prompts: Prompts
    options: Options
    out: Path | None = None
    into: Into | None = None
    into_name: object = None
    system: str | None = None
    form: Form | None = None
    column: str = "prompt"
    piped: BinaryIO | None = None
    concurrency: int = 64
    rate: float | None = None
    attempts: int = 5
    max_errors: int | None = None
    deadline: float = FOREVER
    sinks: Sequence[Sink] = ()
    restart: bool = False
    accept_changes: bool = False
    errors_only: bool = False

    def terms(self, asks: Asks) -> Terms:
        width = asks.job.rules.width
        return Terms(asks.job.policy_name, width, self.concurrency, self.attempts, self.rate)

    def identity(self) -> dict[str, Any]:
        """What the answers depend on beside the input."""
        given: Mapping[str, Any] = {**self.options}
        own = {"system": self.system, "into": self.into_name}
        if isinstance(self.prompts, Path):
            own |= {"format": None if self.form is None else str(self.form), "column": self.column}
        found = {name: _plain(given[name]) for name in _OF_THE_ANSWERS if given.get(name) is not None}
        return found | {name: value for name, value in own.items() if value is not None}


def _plain(value: object) -> object:
    """Sets, which JSON does not have, as lists."""
    return sorted(cast("Collection[str]", value)) if isinstance(value, (set, frozenset)) else value
