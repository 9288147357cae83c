"""What a lane must show of itself before the others are stopped.

Rule 1: blanks before the first character prove nothing.
Rule 2: where JSON was asked for, only the beginning of JSON proves. A text that is none has turned bad,
        unless a tool may still be called: models say in words that they are about to.
Rule 3: words and a fence before the JSON, where they are allowed, are passed over and do not count. After
        MOST_CHATTER characters, or MOST_BRACKETS brackets, without any JSON the lane has turned bad.
Rule 4: the name of a tool that may be called proves; a call of any other has turned bad.
Rule 5: where a call is required, words prove nothing.

What is shown here is only a beginning: the whole reply is judged at its end, by verdict.py.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Protocol

import orjson

from racer.core.verdict import INVISIBLE, another_value, callable_tools, misnamed, needs_call, not_json
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import NotJson, as_object, as_text, cut_off

if TYPE_CHECKING:
    from racer_adapters.types import Call, Shape, ToolDelta

MOST_CHATTER = 64 * 1024
MOST_BRACKETS = 4096
# Amid chatter so much of a piece is looked at, though less were enough, for it may show that a bracket began
# no JSON; and no more than is needed or this, so that a text full of brackets costs little.
LOOK = 1024
BLANKS = " \t\r\n"  # JSON knows no others
OPENINGS = {"object": "{", "array": "[", "string": '"'}
_ANY_OPENING = "{["
_OVERRUN = "unexpected content after document"


class Proof:
    """What one lane has shown of itself so far, and whether that is enough to stop the others.

    `need` is how many characters of checked text are enough. `chatter`: JSON is wanted, and words or a
    fence may stand before it. Once enough was shown no text is looked at any more, and none is kept; a call
    of a tool that was not offered is bad at any time.
    What stands `behind` was said before, counts for nothing, and raises WireError if it is bad itself.
    """

    __slots__ = ("_names", "_shown", "_text", "_tools")

    def __init__(self, call: Call, need: int, *, chatter: bool = False, behind: str = "") -> None:
        self._shown = False
        self._tools = callable_tools(call)
        self._names: dict[int, str] = {}
        self._text = None if needs_call(call) else _evidence(call.shape, max(need, 1), chatter=chatter)
        if behind and self._text is not None:
            self._text.need = sys.maxsize
            self._text.suffices(behind)
            self._text.need = self._text.said + max(need, 1)

    @property
    def shown(self) -> bool:
        return self._shown

    def text(self, text: str) -> None:
        """The next piece of the text. Raises WireError when the lane has turned bad."""
        if self._text is None:
            return
        try:
            if self._text.suffices(text):
                self._show()
        except WireError:
            self._text = None
            if not self._tools:
                raise

    def tool(self, delta: ToolDelta) -> None:
        """The next piece of a call. Raises WireError when the lane has turned bad."""
        known = self._names.get(delta.index, "")
        name = known if delta.name == known else known + delta.name
        if not name or known in self._tools:
            return
        self._names[delta.index] = name
        if name in self._tools:
            self._show()
        elif delta.arguments or not any(tool.startswith(name) for tool in self._tools):
            raise misnamed(self._tools)

    def _show(self) -> None:
        self._shown = True
        self._text = None


class _Evidence(Protocol):
    need: int

    @property
    def said(self) -> int:
        """How many characters count so far."""
        ...

    def suffices(self, text: str) -> bool:
        """Whether enough has been said with this piece. Raises WireError where it can never be."""
        ...


def _evidence(shape: Shape | None, need: int, *, chatter: bool) -> _Evidence:
    if chatter:
        return _Amid(_openings(shape), need)
    return _Words(need) if shape is None else _Json(need, object_only=shape.kind == "json")


class _Words:
    __slots__ = ("need", "said")

    def __init__(self, need: int) -> None:
        self.need = need
        self.said = 0

    def suffices(self, text: str) -> bool:
        self.said += len(text if self.said else text.lstrip(INVISIBLE))
        return self.said >= self.need


class _Json:
    """JSON from the first character that is not blank."""

    __slots__ = ("_again", "_held", "_object_only", "need")

    def __init__(self, need: int, *, object_only: bool) -> None:
        self.need = need
        self._object_only = object_only
        self._held = ""
        self._again = 1

    @property
    def said(self) -> int:
        return len(self._held)

    def suffices(self, text: str) -> bool:
        self._held = (self._held + text).lstrip(BLANKS)
        if len(self._held) < min(self._again, self.need):
            return False
        self._again = _later(self._held)
        if _legal(self._held) < len(self._held):
            raise not_json("the reply")
        if self._object_only and self._held[0] != "{":
            raise another_value()
        return len(self._held) >= self.need


class _Amid:
    """JSON that begins with one of `openings`, wherever the words before it end."""

    __slots__ = ("_again", "_brackets", "_found", "_held", "_opening", "_passed", "need")

    def __init__(self, openings: str, need: int) -> None:
        self._opening = re.compile(f"[{re.escape(openings)}]")
        self.need = need
        self._held = ""
        self._again = 1
        self._passed = 0
        self._brackets = 0
        self._found = False

    @property
    def said(self) -> int:
        return len(self._held)

    def suffices(self, text: str) -> bool:
        self._held += text
        if len(self._held) < min(self._again, self.need):
            return False
        begin, enough = self._look()
        self._passed += begin
        self._held = "" if self._is_lost() else self._held[begin:]
        self._again = _later(self._held)
        if self._is_lost() and not self._found:
            raise WireError(Kind.INVALID, f"no JSON within {self._passed} characters of the reply")
        return enough

    def _look(self) -> tuple[int, bool]:
        """Where the JSON begins that may be the reply, and whether enough of it has come."""
        begin = self._next(0)
        while begin < len(self._held) and not self._is_lost(begin):
            window = self._held[begin : begin + max(self.need, LOOK)]
            legal = _legal(window)
            if legal == len(window) or legal >= self.need:
                return begin, legal >= self.need
            self._found = self._found or legal > 0
            self._brackets += 1
            begin = self._next(begin + max(legal, 1))
        return begin, False

    def _is_lost(self, begin: int = 0) -> bool:
        return self._passed + begin > MOST_CHATTER or self._brackets >= MOST_BRACKETS

    def _next(self, begin: int) -> int:
        found = self._opening.search(self._held, begin)
        return len(self._held) if found is None else found.start()


def _openings(shape: Shape | None) -> str:
    """With which characters JSON of that shape may begin, as far as words do not begin so as well."""
    if shape is None or shape.schema is None:
        return OPENINGS["object"] if shape is not None else _ANY_OPENING
    schema = as_object(shape.schema)
    place = as_text(schema.get("$ref"))
    for name in place.removeprefix("#/").split("/") if place.startswith("#/") else ():
        schema = as_object(schema.get(name))
    return OPENINGS.get(as_text(schema.get("type")), _ANY_OPENING)


def _legal(text: str) -> int:
    """How many characters are JSON: all, be it cut off; those of a document with more behind it; or none."""
    try:
        orjson.loads(text)
    except NotJson as error:
        if not cut_off(error):
            return error.pos if error.msg == _OVERRUN else 0
    return len(text)


def _later(text: str) -> int:
    """The length at which to look again. It grows with the text, so that looking costs no more than that."""
    return len(text) + len(text) // 8 + 1
