"""Resume: another lane goes on where a stream broke off. What it is asked, and where its text joins.

Rule 1: text is cut only where it is known to be a repetition: the anchor, or all that was said. What cannot
        be told apart does not join, and the lane has failed.
Rule 2: the anchor ends the text and occurs nowhere else in it: no other place can be taken for the end.
Rule 3: behind chatter, an anchor that does not begin its line, or that its line or its quotation marks end
        with, was only mentioned. A line break is the text's own where the text had ended with it.
Rule 4: of anchors one right behind another the last one counts, unless the text may repeat itself.
Rule 5: a model with the ability "prefill" goes on from the exact end of what it is given. Nothing verifies
        that, so a model has it only where it is known. That it begins anew is noticed all the same.
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
UNMISTAKABLE = 16  # characters; fewer may turn up in any chatter
HEAD = 24  # characters of a text that show that it is said again, where they stand in it once
WORD = 40  # no word is longer; scripts without spaces begin anywhere
CHATTER = 300  # characters before the anchor
BETWEEN = 12  # characters between one anchor and the next
SPARE = 8  # tokens for a few words of chatter; more of it is at the cost of the answer
HELD = 64  # characters at the end that may be a closing mark and white space
OFTEN = 1000  # characters that are looked at with every piece

# What another lane cannot mend: the question, the answer, the caller's wish or this machine is at fault.
FINAL = frozenset({Kind.INVALID, Kind.BLOCKED, Kind.BAD_REQUEST, Kind.TOO_LONG, Kind.TOO_LARGE, Kind.LOCAL})

FENCE = "```"
CLOSERS = {FENCE: FENCE, '"': '"', "“": "”", "«": "»"}
APART = " \t\r\n.…-*_`>'‘’\"“”«»"  # what may stand between one anchor and the next
CLOSING = " \t\r\n.…"  # and between an anchor and the mark that ends its mention
NOWHERE = -1

_OPENING = r"(?:(```)[\w+-]*[ \t]*\n\s*|([\"“«]))"
_DOTS = r"(?:\.{3}|…)?[ \t]*"
_OPENED = re.compile(_OPENING)
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

    It begins with a word, and occurs in `text` once; where nothing shorter does, it is all of it. Nor is
    a mark alone left out, for then nobody could tell whose that is.
    """
    said = text.rstrip()
    size = ANCHOR
    while size < len(said):
        start = _word_at(said, len(said) - size)
        if said.find(said[start:]) == start and not _OPENED.fullmatch(said[:start].lstrip()):
            return said[start:]
        size *= 2
    return said.lstrip()


def _word_at(text: str, place: int) -> int:
    """Where the word at `place` begins; `place` itself in a script without spaces."""
    low = max(place - WORD, 0)
    begins = [found.start() for found in _WORD.finditer(text[low : place + 1])]
    if begins:
        return low + begins[-1]
    return len(text) - len(text[place:].lstrip()) if low else 0


# ---------------------------------------------------------------- where it joins


class Seam:
    """Takes what a lane says that goes on with `text`, and gives what is new of it.

    feed   what is new so far; "" while that is undecided
    close  what is new at last, when the lane has said all

    Both raise WireError once it cannot join. With `prefill` all is new, but for the white space at the end
    of `text`, which was not sent, and for `text` itself where it is said again; a short one, or one that
    repeats its beginning, is not known again. Else the lane must begin with the anchor, alone or behind some
    chatter, or say all of `text` again. Of a fence or quotation mark that was opened before the anchor, the
    closing one is cut where the whole text would have one too many.
    Holds no more than `text` and some hundred characters.
    """

    __slots__ = (
        "_anchor",
        "_due",
        "_held",
        "_length",
        "_prefill",
        "_said",
        "_settled",
        "_tail",
        "_text",
        "_whole",
        "_wrap",
    )

    def __init__(self, text: str, *, prefill: bool) -> None:
        self._text = text
        self._said = text.rstrip()
        self._tail = text[len(self._said) :]
        self._whole = self._said.lstrip()
        self._prefill = prefill
        self._settled = not self._whole or (prefill and not _telling(self._whole))
        self._anchor = "" if prefill else anchor_of(text)
        self._held: list[str] = []
        self._length = 0
        self._due = 0
        self._wrap: _Wrap | None = None

    @property
    def settled(self) -> bool:
        """Whether it joins."""
        return self._settled

    def feed(self, more: str) -> str:
        if self._settled:
            return self._new(more)
        if not self._length and not self._prefill:
            more = more.lstrip()
        self._held.append(more)
        self._length += len(more)
        return self._joined(last=False) if self._length >= self._due else ""

    def close(self) -> str:
        new = "" if self._settled else self._joined(last=True)
        return new if self._wrap is None else new + self._wrap.close()

    def _joined(self, *, last: bool) -> str:
        came = "".join(self._held)
        self._due = len(came) + (1 if len(came) < OFTEN else len(came) // 8)
        end = self._behind_prefill(came, last=last) if self._prefill else self._end(came, last=last)
        self._held = [came]
        if end is None:
            return ""
        self._held.clear()
        self._settled = True
        return self._new(came[end:])

    def _new(self, more: str) -> str:
        """What is left of `more` behind the white space that the caller has already."""
        if self._tail and more:
            same = _common(self._tail, more)
            self._tail = self._tail[same:] if same == len(more) else ""
            more = more[same:]
        return more if self._wrap is None else self._wrap.feed(more)

    def _behind_prefill(self, came: str, *, last: bool) -> int | None:
        """Where what is new begins; None while that is open."""
        text = came.lstrip()
        start = len(came) - len(text)
        head = self._whole[:HEAD]
        if start >= HELD or not text.startswith(head):
            return None if start < HELD and head.startswith(text) and not last else 0
        end = self._said_at(came, start, self._whole, last=last)
        # A refrain comes behind white space. What begins anew does not, but for that of the text itself.
        if end == NOWHERE or came[:start] not in ("", self._said[: -len(self._whole)]):
            raise _apart()
        return end

    def _end(self, came: str, *, last: bool) -> int | None:
        """Where the repetition ends in `came`; None while that is open."""
        end = self._repeated(came, 0, last=last)
        return self._behind_chatter(came, last=last) if end == NOWHERE else end

    def _repeated(self, came: str, place: int, *, last: bool) -> int | None:
        """Where the anchor ends, or the whole text, if `came` says it at `place`. As of `_said_at`."""
        end = self._said_at(came, place, self._anchor, last=last)
        if end == NOWHERE:
            return self._said_at(came, place, self._whole, last=last)
        return None if end is None else self._last(came, end, last=last)

    def _said_at(self, came: str, place: int, text: str, *, last: bool) -> int | None:
        """Where `text` ends, if `came` says it at `place`, or NOWHERE; None while that is open."""
        end = place + len(text)
        if came.startswith(text, place):
            return end
        if last or not text.startswith(came[place:]):
            return NOWHERE
        self._due = min(self._due, end)
        return None

    def _behind_chatter(self, came: str, *, last: bool) -> int | None:
        for found in _beginnings(self._anchor, self._whole).finditer(came, 0, CHATTER + HEAD):
            alone = found.start() == 0 and (found[1] or found[2])
            if not alone and len(self._anchor) < UNMISTAKABLE:
                continue
            end = self._in_line(came, found, last=last)
            if end != NOWHERE:
                return end
        if last or len(came) > CHATTER + HEAD + len(self._anchor):
            raise _apart()
        return None

    def _in_line(self, came: str, found: re.Match[str], *, last: bool) -> int | None:
        """As `_repeated`, behind the chatter or the mark that was `found`. What is a mention is NOWHERE."""
        fences = came.count(FENCE, 0, found.end())
        mark = found[1] or found[2] or (FENCE if fences % 2 else "")
        end = self._repeated(came, found.end(), last=last)
        if end is None or end == NOWHERE:
            return end
        goes_on = _goes_on(came[end:], mark, self._tail, last=last)
        if not goes_on:
            return None if goes_on is None else NOWHERE
        if self._anchor in came[: found.start()] and self._may_repeat("\n"):
            raise _apart()
        if mark or fences:
            self._wrap = _Wrap(mark or FENCE, self._text)
        return end

    def _last(self, came: str, end: int, *, last: bool) -> int | None:
        """Where the last of the anchors ends that stand one right behind another; None while that is open."""
        start = end
        while start < end + BETWEEN and came[start : start + 1] in APART:
            start += 1
            then = came[start : start + len(self._anchor)]
            if then == self._anchor:
                if self._may_repeat(came[end:start]):
                    raise _apart()
                end = start = start + len(then)
            elif self._anchor.startswith(then) and not last:
                return None
        return end

    def _may_repeat(self, between: str) -> bool:
        """Whether the text may itself say the anchor again behind `between`: it has it before the first."""
        before = self._said[: -len(self._anchor)]
        return not before.strip() or before.endswith(between)


class _Wrap:
    """Holds back what may close `mark`, which was opened around the rest of `said`."""

    __slots__ = ("_close", "_held", "_mark", "_open", "_split")

    def __init__(self, mark: str, said: str) -> None:
        self._mark = mark
        self._close = CLOSERS[mark]
        self._held = ""
        self._open = 0
        self._split = ""
        begun = said.rstrip(mark[0])
        self._count(begun)
        self._split = said[len(begun) :]  # the beginning of a mark, or all of it

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
        if not text:
            return
        text, self._split = self._split + text, ""
        self._open += text.count(self._mark)
        if self._close != self._mark:
            self._open -= text.count(self._close)


def _telling(text: str) -> bool:
    """Whether its beginning shows that it is said again."""
    return len(text) >= UNMISTAKABLE and text.find(text[: min(HEAD, len(text) // 2)], 1) < 0


def _beginnings(anchor: str, whole: str) -> re.Pattern[str]:
    """Where a line begins with one of them, or with a mark and then one of them."""
    heads = [anchor[:UNMISTAKABLE], *([whole[:HEAD]] if _telling(whole) else [])]
    return re.compile(rf"^[ \t]*{_OPENING}?{_DOTS}(?={'|'.join(map(re.escape, heads))})", re.MULTILINE)


def _goes_on(after: str, mark: str, tail: str, *, last: bool) -> bool | None:
    """Whether `after` goes on with what stands before it, no mention; None while that is open."""
    if mark:
        then = after.lstrip(CLOSING)
        if then.startswith(CLOSERS[mark]):
            return False
        if CLOSERS[mark].startswith(then) and not last:
            return None
    then = after.lstrip()
    if not then:
        return False if last else None
    breaks = _breaks(after[: -len(then)])
    return mark == FENCE or not breaks or breaks == _breaks(tail)


def _breaks(blank: str) -> str:
    """White space up to the last line break."""
    return blank[: blank.rfind("\n") + 1]


def _common(one: str, other: str) -> int:
    """How many characters at the beginning are the same."""
    size = min(len(one), len(other))
    return next((place for place in range(size) if one[place] != other[place]), size)


def _apart() -> WireError:
    return WireError(Kind.INVALID, "its continuation does not join what was said before")
