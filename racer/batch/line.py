"""A line of a batch: what it asks, what is wrong with it, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from racer_adapters.quick import quick

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.reply import Attempt, Reply

Id = str | int


@quick
@dataclass(frozen=True, slots=True)
class Prompt:
    """A line that asks something. `line` is its number in the input, from 1; `id` its custom_id.

    `options` are what it says itself, over the options of the job, by their names in Python. `model`: whom it
    asks for, as it was written.
    """

    line: int
    id: Id
    messages: str | Sequence[Mapping[str, Any]]
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that cannot be asked, and why. `id` is its custom_id, where one could be read."""

    line: int
    id: Id
    message: str
    code: str = "bad_line"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a line has no answer, in a word for programs and a sentence for people."""

    code: str
    message: str


@quick
@dataclass(frozen=True, slots=True)
class Result:
    """What became of a line: a reply, or a failure. `attempts` are all requests that were made for it."""

    line: int
    id: Id
    reply: Reply[Any] | None = None
    failure: Failure | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def ok(self) -> bool:
        return self.reply is not None


def id_of(line: int) -> str:
    """The custom_id of a line that brings none."""
    return f"line-{line}"
