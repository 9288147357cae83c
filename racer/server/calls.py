"""Fragments of tool calls, put in order: one call after the other, each with its name first. Pure.

Providers send one call after the other, as a rule. Where fragments come mixed, a call that has begun goes on
until its arguments are whole JSON; where that is not seen in time, the others are kept until the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from racer_adapters.types import ToolDelta

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMELESS = "_"


class Calls:
    """Of the fragments that it gives, the first of each call has id and name, and no other has a name."""

    def __init__(self) -> None:
        self._now = ToolDelta(-1)
        self._told = True  # that the call of now has begun
        self._said: list[str] = []
        self._held: list[ToolDelta] = []
        self._seen: set[int] = set()

    def __bool__(self) -> bool:
        """Whether there was any."""
        return bool(self._seen or self._held)

    def add(self, fragments: Iterable[ToolDelta]) -> list[ToolDelta]:
        """What can be told now."""
        told: list[ToolDelta] = []
        for each in fragments:
            if self._held or (each.index != self._now.index and not self._is_whole()):
                self._held.append(each)
            else:
                told += self._take(each)
        return told

    def rest(self) -> list[ToolDelta]:
        """What is left at the end."""
        now = self._now.index
        told = [
            fragment
            for each in sorted(self._held, key=lambda held: (held.index != now, held.index))
            for fragment in self._take(each)
        ]
        self._held.clear()
        return [*told, *self._begin("")]

    def _take(self, fragment: ToolDelta) -> list[ToolDelta]:
        told: list[ToolDelta] = []
        if fragment.index != self._now.index:
            if fragment.index in self._seen:  # it was whole before: this is but a blank
                return told
            told = self._begin("")
            self._now, self._told, self._said = ToolDelta(fragment.index), False, []
            self._seen.add(fragment.index)
        if not self._told:
            self._name(fragment)
        if not fragment.arguments:
            return told
        self._said.append(fragment.arguments)
        return [
            *told,
            *(self._begin(fragment.arguments) or [ToolDelta(fragment.index, arguments=fragment.arguments)]),
        ]

    def _name(self, fragment: ToolDelta) -> None:
        """Some servers send a name in pieces, and some repeat it."""
        now = self._now
        more = "" if fragment.name == now.name else fragment.name
        self._now = ToolDelta(now.index, now.id or fragment.id, now.name + more)

    def _begin(self, arguments: str) -> list[ToolDelta]:
        """The first fragment of the call of now, where it was not told yet."""
        if self._told:
            return []
        self._told = True
        now = self._now
        return [ToolDelta(now.index, now.id, now.name or NAMELESS, arguments)]

    def _is_whole(self) -> bool:
        if self._now.index < 0:
            return True
        try:
            return isinstance(orjson.loads("".join(self._said)), dict)
        except orjson.JSONDecodeError:
            return False
