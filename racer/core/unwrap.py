"""The JSON in a reply that says more than JSON: in a fence, or with chatter before and behind it.

Rule 1: a document is taken whole or not at all. What stands inside of a broken or unfinished one is no
        answer, though it may look like one.
Rule 2: behind a bracket that is never closed the search goes on where a line begins with one, once.
Rule 3: a bracket of prose, as in "for x in [0, 1) we have", is no document: it stands within a line, is
        never closed, and holds no key and no other bracket before it breaks off. What is shorter than
        what it held may still be a part of it.
Rule 4: the work is bounded, whatever the text: only so many places are tried, few of them at length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_STARTS = 500
_MOST_AT_LENGTH = 50  # of them: documents longer than a glance shows, and broken ones
_GLANCE = 4_096
_MOST_EFFORT = 32_000_000  # characters among which the ends of broken documents are looked for
_SIGN_EFFORT = 32  # what a bracket or a text takes, in characters
_CUT = "unexpected end of data"
_BLANK = " \t\r\n\ufeff"

# What can be the beginning of an object or an array, or is meant as one; braces in prose mostly cannot.
_START = re.compile(r"""\{\s*(?:["'}]|\w+\s*:|\Z)|\[\s*(?:["'{\[\]\d-]|true|false|null|\Z)""")
_ANEW = re.compile(r"^[{\[]", re.MULTILINE)
_SIGN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
# What such a one has held when it breaks off: a text before a word or the line's end; values alone.
_PROSE = re.compile(
    r"""\{\s*+"[^"{}\[\]:\n]*+"?+[ \t]*+(?=[^\W\d_]|\n)|\[[ \t]*+[^\[\]{}:\s][^\[\]{}:\n]*+"""
)
_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What begins as JSON and is none: `why` and where, or `incomplete` if it is JSON as far as it goes."""

    length: int
    at: int
    why: str

    @property
    def incomplete(self) -> bool:
        return self.why == _CUT


@dataclass(frozen=True, slots=True)
class _Found:
    text: str
    flaw: Flaw | None = None


def candidates(text: str) -> Iterator[str]:
    """The JSON documents in `text`, each once: the whole, then those in fences, then those amid chatter."""
    seen: set[str] = set()
    for found in _all(text):
        if found not in seen:
            seen.add(found)
            yield found


def flaw(text: str) -> Flaw | None:
    """The longest document in `text` that is broken, or that the text ends in the middle of."""
    flaws = (found.flaw for found in _embedded(text))
    return max((each for each in flaws if each is not None), key=lambda each: each.length, default=None)


def _all(text: str) -> Iterator[str]:
    for piece in (text, *islice(_fenced(text), _MOST_AT_LENGTH)):
        whole = piece.strip(_BLANK)
        if whole and _error(whole) is None:
            yield whole
    for found in _embedded(text):
        if found.flaw is None:
            yield found.text


def _fenced(text: str) -> Iterator[str]:
    """What stands between fences; that of the last one may be missing."""
    opened, begin = "", 0
    for line in _FENCE.finditer(text):
        mark, behind = line[1], line[2]
        if not opened:
            opened, begin = mark, line.end()
        elif mark.startswith(opened) and not behind.strip():
            yield text[begin : line.start()]
            opened = ""
    if opened:
        yield text[begin:]


def _embedded(text: str) -> Iterator[_Found]:
    at, astray, least, left, effort = 0, False, 0, _MOST_AT_LENGTH, _MOST_EFFORT
    for _ in range(MOST_STARTS):
        start = _START.search(text, at)
        if start is None or left <= 0 or effort <= 0:
            return
        begin = start.start()
        end, fault, cost = _looked_at(text, begin)
        left -= cost
        if fault is None:
            document, at = text[begin:end].rstrip(), end
            if len(document) > least:
                yield _Found(document)
            continue
        yield _Found("", fault)
        if fault.incomplete:
            return
        is_prose = _is_prose(text, begin, fault.at)
        closed = None
        if not is_prose or text[fault.at] != "\n":
            closed, cost = _end_of(text, begin, effort)
            effort -= cost
        if closed is None and is_prose:
            closed, least = fault.at, max(least, fault.length if text[begin] == "[" else 0)
        if closed is None:
            anew = None if astray else _ANEW.search(text, fault.at)
            if anew is None:
                return
            closed, astray = anew.start(), True
        at = closed


def _looked_at(text: str, begin: int) -> tuple[int, Flaw | None, int]:
    """Where the document that begins there ends, what is wrong with it, and whether that took long."""
    end = min(begin + _GLANCE, len(text))
    error, cost = _error(text[begin:end]), 0
    if error is not None and error.msg == _CUT and end < len(text):
        error, end, cost = _error(text[begin:]), len(text), 1
    if error is None:
        return end, None, cost
    if error.msg == "unexpected content after document":
        return begin + error.pos, None, cost
    return end, Flaw(error.pos, begin + error.pos, error.msg), 1


def _is_prose(text: str, begin: int, end: int) -> bool:
    """Whether the bracket opened at `begin`, which broke off at `end`, is one of a sentence."""
    before = text[text.rfind("\n", 0, begin) + 1 : begin]
    return bool(before.strip(f"{_BLANK}`~>")) and _holds_prose(text, begin, end)


def _holds_prose(text: str, begin: int, end: int) -> bool:
    found = _PROSE.match(text, begin)
    return found is not None and found.end() >= end


def _error(text: str) -> orjson.JSONDecodeError | None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return error
    return None


def _end_of(text: str, begin: int, effort: int) -> tuple[int | None, int]:
    """Where the brackets opened at `begin` are closed again, if they are, and what it took to see."""
    depth = read = 0
    last = min(begin + effort, len(text))
    for sign in islice(_SIGN.finditer(text, begin, last), effort // _SIGN_EFFORT + 1):
        read += _SIGN_EFFORT
        if sign[0] in "{[":
            depth += 1
        elif sign[0] in "}]":
            depth -= 1
            if not depth:
                return sign.end(), read + sign.end() - begin
    return None, read + last - begin
