"""Every error that racer raises, as one tree. The bottom layer: it imports nothing of racer.

    RacerError
    ├── ConfigError       (ValueError)    the configuration is wrong: `.problems`, one line each
    ├── BadRequest        (ValueError)    the caller's fault; `.attempts` where providers agreed on it
    ├── NoLanes                           nobody can run: `.until`, `.skipped`, `.help`
    ├── RaceLost                          every lane failed: `.attempts`, an ExceptionGroup as its cause
    ├── DeadlineExceeded  (TimeoutError)  the deadline came first: `.attempts`
    ├── InvalidReply                      for validators to raise: `InvalidReply(why)`
    ├── StreamBroken                      the winner died in mid-stream: `.text` so far
    ├── JobError                          a batch cannot begin, or go on: `.kind` says why
    ├── BatchStopped                      it ended before all was answered: `.done`, `.failed`, `.left`
    └── StoreError                        the database cannot be used: `.kind` says in which way

The message is the first argument, so each of them can be pickled and copied. None ever holds a key:
who raises one passes scrubbed texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from racer.core.reply import Attempt

StoreTrouble: TypeAlias = Literal[
    "locked",  # another program holds it: worth another try
    "full",  # no room on its disk
    "read_only",  # it, or its folder, may not be written
    "corrupt",  # damaged: set aside when it is opened next
    "newer",  # written by a newer racer
    "foreign",  # somebody else's file
    "gone",  # deleted or replaced while it was open
    "unopened",  # not open, not to be opened, or opened by another process
    "other",
]

JobTrouble: TypeAlias = Literal[
    "changed",  # the input or the options are not those of the job
    "exists",  # OUT is there, and no batch has written it
    "busy",  # another process works on it
    "full",  # no room on its disk
    "read_only",  # it, or its folder, may not be written
    "corrupt",  # the job file is damaged, and OUT does not tell what it said
    "newer",  # written by a newer racer
    "missing",  # there is no such job
    "other",
]


class RacerError(Exception):
    """Catches everything that racer raises on purpose."""


class ConfigError(RacerError, ValueError):
    """Says what is wrong with the configuration and what to write instead, a line for each problem."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class BadRequest(RacerError, ValueError):
    """The caller's fault: found before anything was sent, or a refusal that two providers agree on."""

    def __init__(self, message: str = "", *, attempts: Iterable[Attempt] = ()) -> None:
        super().__init__(message)
        self.attempts = tuple(attempts)


class NoLanes(RacerError):
    """Nothing can run. `until` is when something can, in unix seconds, or None where nobody knows.

    `skipped` names each provider or lane with the reason why not, also where the message is shorter; `help`
    says what would change that.
    """

    def __init__(
        self,
        message: str = "",
        *,
        until: float | None = None,
        skipped: Iterable[tuple[str, str]] = (),
        help: str = "",  # noqa: A002 - the name that the attribute has
    ) -> None:
        self.until = until
        self.skipped = tuple(skipped)
        self.help = help
        super().__init__(message)


class RaceLost(RacerError):
    """Every lane failed. The message is one sentence for people, then a line for each attempt."""

    def __init__(self, message: str = "", *, attempts: Iterable[Attempt] = ()) -> None:
        self.attempts = tuple(attempts)
        lines = [f"  {attempt.lane}: {attempt.reason or attempt.outcome}" for attempt in self.attempts]
        super().__init__("\n".join((message, *lines)))


class DeadlineExceeded(RacerError, TimeoutError):
    """No valid reply came in time."""

    def __init__(self, message: str = "", *, attempts: Iterable[Attempt] = ()) -> None:
        super().__init__(message)
        self.attempts = tuple(attempts)


class JobError(RacerError):
    """The files of a batch stand in its way. The message says what to do; nothing was overwritten."""

    def __init__(self, message: str = "", *, kind: JobTrouble = "other") -> None:
        super().__init__(message)
        self.kind: JobTrouble = kind


class BatchStopped(RacerError):
    """A batch ended early: too many errors, its deadline, no lane to wait for. Run again, it goes on."""

    def __init__(self, message: str = "", *, done: int = 0, failed: int = 0, left: int | None = None) -> None:
        super().__init__(message)
        self.done, self.failed, self.left = done, failed, left


class InvalidReply(RacerError):
    """Raised by a validator to turn a reply down; `why` becomes the reason of its lane."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


class StreamBroken(RacerError):
    """The winner failed after some of its text had reached the caller: `text` is all that did."""

    def __init__(self, message: str = "", *, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class StoreError(RacerError):
    """The database cannot be used. The message names it, and says what to do; nothing was half written."""

    def __init__(self, message: str = "", *, kind: StoreTrouble = "other") -> None:
        super().__init__(message)
        self.kind: StoreTrouble = kind
