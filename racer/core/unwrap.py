"""The JSON in a reply that says more than JSON: in a fence, or with chatter before and behind it.

Rule 1: a document is taken whole or not at all. What stands inside of a broken or unfinished one is no
        answer, though it may look like one.
Rule 2: behind a bracket that is never closed, as in "[0, 1)", the search goes on where a line begins with
        one, once.
Rule 3: the work is bounded, whatever the text: only so many places are tried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_STARTS = 50
_MOST_SIGNS = 500_000  # brackets and texts among which the end of a broken document is looked for
_BLANK = " \t\r\n\ufeff"

# What can be the beginning of an object or an array, or is meant as one; braces in prose mostly cannot.
_START = re.compile(r"""\{\s*(?:["'}]|\w+\s*:|\Z)|\[\s*(?:["'{\[\]\d-]|true|false|null|\Z)""")
_ANEW = re.compile(r"^[{\[]", re.MULTILINE)
_SIGN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What begins as JSON and is none: `why` and where, or `incomplete` if it is JSON as far as it goes."""

    length: int
    at: int
    why: str

    @property
    def incomplete(self) -> bool:
        return self.why == "unexpected end of data"


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
    for piece in (text, *islice(_fenced(text), MOST_STARTS)):
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
    at, astray = 0, False
    for _ in range(MOST_STARTS):
        start = _START.search(text, at)
        if start is None:
            return
        begin = start.start()
        rest = text[begin:]
        error = _error(rest)
        if error is None:
            yield _Found(rest.rstrip())
            return
        if error.msg == "unexpected content after document":
            at = begin + error.pos
            yield _Found(text[begin:at].rstrip())
            continue
        found = Flaw(error.pos, begin + error.pos, error.msg)
        yield _Found("", found)
        end = None if found.incomplete else _end_of(text, begin)
        if end is None:
            anew = _ANEW.search(text, found.at)
            if found.incomplete or astray or anew is None:
                return
            end, astray = anew.start(), True
        at = end


def _error(text: str) -> orjson.JSONDecodeError | None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return error
    return None


def _end_of(text: str, begin: int) -> int | None:
    """Where the brackets opened at `begin` are closed again, if they are."""
    depth = 0
    for sign in islice(_SIGN.finditer(text, begin), _MOST_SIGNS):
        if sign[0] in "{[":
            depth += 1
        elif sign[0] in "}]":
            depth -= 1
            if not depth:
                return sign.end()
    return None
