"""Reasoning that a model writes into its answer: `<think>…</think>` at the start, told apart from the text.

Only a little white space may stand before the opening tag; anywhere else it is text like any other. A
reply that ends inside the tag was reasoning alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer_adapters.types import Reasoning, Text

if TYPE_CHECKING:
    from racer_adapters.dialect import Event

OPENING = "<think>"
CLOSING = "</think>"
MOST_BLANKS = 256


class Thinking:
    """Takes the text as it comes, in pieces of any size. `plain` once no tag can come any more."""

    __slots__ = ("_after", "_held", "_inside", "plain")

    def __init__(self) -> None:
        self._held = ""
        self._inside = False
        self._after = False
        self.plain = False

    def feed(self, text: str) -> list[Event]:
        if self.plain:
            return [Text(text)]
        if self._after:
            return self._begin(text)
        self._held += text
        return self._within() if self._inside else self._before()

    def close(self) -> list[Event]:
        """What was held back because more might have come."""
        held, self._held = self._held, ""
        if not held:
            return []
        return [Reasoning(held) if self._inside else Text(held)]

    def _before(self) -> list[Event]:
        text = self._held.lstrip()
        if len(self._held) - len(text) <= MOST_BLANKS:
            if text.startswith(OPENING):
                self._inside = True
                self._held = text[len(OPENING) :]
                return self._within()
            if OPENING.startswith(text):
                return []
        self.plain = True
        return self.close()

    def _within(self) -> list[Event]:
        thought, closing, rest = self._held.partition(CLOSING)
        if closing:
            self._held, self._inside, self._after = "", False, True
            return [*([Reasoning(thought)] if thought else []), *self._begin(rest)]
        keep = _overlap(thought)
        self._held = thought[len(thought) - keep :]
        thought = thought[: len(thought) - keep]
        return [Reasoning(thought)] if thought else []

    def _begin(self, text: str) -> list[Event]:
        """The answer proper, without the blank lines that models put before it."""
        text = text.lstrip()
        self.plain = text != ""
        return [Text(text)] if text else []


def _overlap(text: str) -> int:
    """How many characters at the end of `text` may be the beginning of the closing tag."""
    for length in range(min(len(CLOSING) - 1, len(text)), 0, -1):
        if CLOSING.startswith(text[-length:]):
            return length
    return 0
