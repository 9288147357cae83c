"""Resume: another lane goes on where a stream broke off. What it is asked, and where its text joins.

Rule 1: text is cut only where it is known to be a repetition: the anchor, or all that was said. What cannot
        be told apart does not join, and the lane has failed.
Rule 2: the anchor ends the text and occurs nowhere else in it: no other place can be taken for the end.
Rule 3: a model with the ability "prefill" goes on from the exact end of what it is given. Nothing verifies
        that, so a model has it only where it is known.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from racer.core.tokens import tokens_of
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Message

if TYPE_CHECKING:
    from racer_adapters.types import Answer, Call, Shape

ANCHOR = 40  # characters, where they are enough
UNMISTAKABLE = 16  # a shorter anchor may turn up in any chatter
WORD = 40  # no word is longer; scripts without spaces begin anywhere
CHATTER = 300  # characters before the anchor
GAP = 160  # characters behind an anchor that was only mentioned, in which the true one would begin
SPARE = 32  # tokens for chatter
HELD = 64  # characters at the end that may be a closing mark and white space

# What another lane cannot mend: the question, the answer, the caller's wish or this machine is at fault.
FINAL = frozenset({Kind.INVALID, Kind.BLOCKED, Kind.BAD_REQUEST, Kind.TOO_LONG, Kind.TOO_LARGE, Kind.LOCAL})

FENCE = "```"
CLOSERS = {FENCE: FENCE, '"': '"', "“": "”", "«": "»"}
QUOTES = {'"': '"', "“": "”", "«": "»", "‘": "’", "'": "'", "`": "`", "*": "*"}

_OPENED = re.compile(r"(?:(```)[\w+-]*[ \t]*\n\s*|([\"“«]))\Z")
_WORD = re.compile(r"(?<=\s)\S")

_REST = (
    "Your answer was interrupted; what has arrived of it stands above. Write the rest of it, to its end. "
    "Do not explain anything, do not repeat what stands above, and put no quotation marks and no code fence "
    "around it. "
)
_EXACTLY = (
    "Begin with exactly the following characters, which are the last that have arrived, and go on right "
    "behind them, be it in the middle of a word:\n\n"
)
_DOCUMENT = "The whole answer, from its beginning to its end, must be one JSON document"


def resumable(error: WireError, answer: Answer) -> bool:
    """Whether another lane may go on with what a lane has said of `answer` before it failed with `error`."""
    return not answer.tool_calls and error.kind not in FINAL


# ---------------------------------------------------------------- what is asked


def continuation(call: Call, text: str, *, prefill: bool) -> Call:
    """The call that asks for what follows `text`. Where that is blank, `call` as it was.

    A form is asked for in words alone: no mode of a provider's can begin in the middle of a document.
    """
    said = text.rstrip()
    if not said:
        return call
    left = None if call.max_tokens is None else max(1, call.max_tokens - tokens_of(text))
    form = _form(call.shape)
    if prefill:
        first = (Message("system", form),) if form else ()
        messages = (*first, *_begun(call.messages, said, begun=True))
        return replace(call, messages=messages, max_tokens=left, shape=None)
    anchor = anchor_of(text)
    asked = Message("user", _REST + (f"{form} " if form else "") + _EXACTLY + anchor)
    messages = (*_begun(call.messages, text, begun=False), asked)
    left = None if left is None else left + tokens_of(anchor) + SPARE
    return replace(call, messages=messages, max_tokens=left, shape=None)


def _begun(messages: tuple[Message, ...], text: str, *, begun: bool) -> tuple[Message, ...]:
    """An answer that the caller had begun and `text` are one message: some refuse two of one role."""
    last = messages[-1] if messages else None
    if last is None or last.role != "assistant" or last.tool_calls or not isinstance(last.content, str):
        return (*messages, Message("assistant", text, begun=begun))
    return (*messages[:-1], replace(last, content=last.content + text, begun=begun))


def _form(shape: Shape | None) -> str:
    if shape is None:
        return ""
    if shape.schema is None:
        return f"{_DOCUMENT}, an object."
    return f"{_DOCUMENT} that fits this schema: {orjson.dumps(shape.schema).decode()}"


def anchor_of(text: str) -> str:
    """The end of `text` without its trailing white space: what a model is asked to begin with.

    It begins with a word, and occurs in `text` once; where nothing shorter does, it is all of it.
    """
    said = text.rstrip()
    size = ANCHOR
    while size < len(said):
        start = _word_at(said, len(said) - size)
        if said.find(said[start:]) == start:
            return said[start:]
        size *= 2
    return said.lstrip()


def _word_at(text: str, place: int) -> int:
    """Where the word at `place` begins; `place` itself in a script without spaces."""
    low = max(place - WORD, 0)
    begins = [found.start() for found in _WORD.finditer(text[low : place + 1])]
    return low + begins[-1] if begins else len(text) - len(text[place:].lstrip())


# ---------------------------------------------------------------- where it joins


class Seam:
    """Takes what a lane says that goes on with `text`, and gives what is new of it.

    feed   what is new so far; "" while that is undecided
    close  what is new at last, when the lane has said all

    Both raise WireError once it cannot join. With `prefill` all is new, but for the white space at the end
    of `text`, which was not sent. Else the lane must begin with the anchor, alone or behind some chatter, or
    say all of `text` again. Of a fence or quotation mark that was opened before the anchor, the closing one
    is cut where the whole text would have one too many.
    Holds no more than `text` and some hundred characters.
    """

    __slots__ = ("_again", "_anchor", "_held", "_length", "_settled", "_tail", "_whole", "_wrap")

    def __init__(self, text: str, *, prefill: bool) -> None:
        said = text.rstrip()
        self._tail = text[len(said) :]
        self._settled = prefill or not said
        self._whole = "" if self._settled else said.lstrip()
        self._anchor = "" if self._settled else anchor_of(text)
        self._again = (_Repeated(self._anchor), _Repeated(self._whole))
        self._held: list[str] = []
        self._length = 0
        self._wrap: _Wrap | None = None

    @property
    def settled(self) -> bool:
        """Whether it joins."""
        return self._settled

    def feed(self, more: str) -> str:
        if self._settled:
            return self._new(more)
        if not self._length:
            more = more.lstrip()
        if not more:
            return ""
        self._held.append(more)
        self._length += len(more)
        for known in self._again:
            known.take(more)
        return self._joined(last=False)

    def close(self) -> str:
        new = "" if self._settled else self._joined(last=True)
        return new if self._wrap is None else new + self._wrap.close()

    def _joined(self, *, last: bool) -> str:
        end = self._end(last=last)
        if end is None:
            return ""
        rest = "".join(self._held)[end:]
        self._held.clear()
        self._settled = True
        return self._new(rest)

    def _new(self, more: str) -> str:
        """What is left of `more` behind the white space that the caller has already."""
        if self._tail and more:
            same = _common(self._tail, more)
            self._tail = self._tail[same:] if same == len(more) else ""
            more = more[same:]
        return more if self._wrap is None else self._wrap.feed(more)

    def _end(self, *, last: bool) -> int | None:
        """Where the repetition ends in what is held; None while that is open."""
        for known in self._again:
            if known.done:
                return known.length
        if not last and (self._length <= len(self._anchor) or any(known.alive for known in self._again)):
            return None
        return self._behind_chatter("".join(self._held), last=last)

    def _behind_chatter(self, came: str, *, last: bool) -> int | None:
        place = came.find(self._anchor)
        while 0 <= place <= CHATTER:
            end = place + len(self._anchor)
            if end == len(came) and not last:
                return None
            before = came[:place]
            opened = _OPENED.search(before)
            alone = opened is not None and opened.start() == 0
            if (alone or len(self._anchor) >= UNMISTAKABLE) and not _quoted(before, came[end : end + 1]):
                if not alone and not self._once(came, place, last=last):
                    return None
                if opened is not None:
                    self._wrap = _Wrap(opened[1] or opened[2], self._whole)
                return end
            place = came.find(self._anchor, place + 1)
        if last or len(came) > CHATTER + len(self._anchor):
            raise _apart()
        return None

    def _once(self, came: str, place: int, *, last: bool) -> bool:
        """Whether the anchor at `place` is no mention of it before the true one. False while that is open.

        What overlaps is a text that repeats itself. Nobody mentions a long one.
        """
        end = place + len(self._anchor)
        if len(self._anchor) > 2 * ANCHOR:
            return True
        if end <= came.find(self._anchor, place + 1) < end + GAP:
            raise _apart()
        return last or len(came) >= end + GAP + len(self._anchor)


class _Repeated:
    """Is a text said again, from its beginning? `alive`: so far; `done`: to its end."""

    __slots__ = ("_at", "_text", "alive")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.alive = True

    @property
    def length(self) -> int:
        return len(self._text)

    @property
    def done(self) -> bool:
        return self.alive and self._at == len(self._text)

    def take(self, more: str) -> None:
        part = self._text[self._at : self._at + len(more)]
        self.alive = self.alive and more.startswith(part)
        self._at += len(part)


class _Wrap:
    """Holds back what may close `mark`, which was opened around the rest of `said`."""

    __slots__ = ("_close", "_held", "_mark", "_open")

    def __init__(self, mark: str, said: str) -> None:
        self._mark = mark
        self._close = CLOSERS[mark]
        self._held = ""
        self._open = 0
        self._count(said)

    def feed(self, more: str) -> str:
        text = self._held + more
        inner = text.rstrip().rstrip(self._close[0]).rstrip()
        size = max(len(inner), len(text) - HELD)
        self._held = text[size:]
        self._count(text[:size])
        return text[:size]

    def close(self) -> str:
        self._count(self._held)
        held = self._held.rstrip()
        too_many = self._open % 2 == 1 if self._close == self._mark else self._open < 0
        if not (too_many and held.endswith(self._close)):
            return self._held
        left = held.removesuffix(self._close)
        if self._mark != FENCE:
            return left
        return left.removesuffix("\n") if left.endswith("\n") else self._held

    def _count(self, text: str) -> None:
        self._open += text.count(self._mark)
        if self._close != self._mark:
            self._open -= text.count(self._close)


def _quoted(before: str, after: str) -> bool:
    """Whether what stands between is quoted, as words that are spoken of."""
    line = before.rpartition("\n")[2]
    for opener, closer in QUOTES.items():
        if after == closer:
            open_ = line.count(opener) % 2 if opener == closer else line.count(opener) > line.count(closer)
            return bool(open_) or line.endswith(opener)
    return False


def _common(one: str, other: str) -> int:
    """How many characters at the beginning are the same."""
    size = min(len(one), len(other))
    return next((place for place in range(size) if one[place] != other[place]), size)


def _apart() -> WireError:
    return WireError(Kind.INVALID, "its continuation does not join what was said before")
