"""What the body of a refusal says, in whatever shape it comes: objects, arrays, strings, pages, noise.

    Said      one line for people, all its words and codes for the rules, and the numbers in it
    read      bytes -> Said
    in_json   a parsed JSON value -> Said
    one_line  any text -> one printable line of bounded length

Nothing here raises, whatever the body is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from racer_adapters import waits
from racer_adapters.jsontext import NotJson, as_list, as_number, as_object, as_text, parse_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST_MESSAGE = 300
_MOST_PAGE = 4096
_MOST_TEXT = 2000
_MOST_ITEMS = 8
_LONGEST_CODE = 160
_DEEPEST = 8

# Where an explanation may lie, best first. An object or a list in its place is looked into in turn.
_TEXTS = (
    "message", "error", "detail", "details", "errors", "msg", "title", "raw", "description",
    "metadata", "availability", "violations",
)  # fmt: skip
_CODES = (
    "code", "error_type", "error_code", "type", "status", "status_code", "reason", "quotaId", "limit_source",
)  # fmt: skip
_WAITS = ("retry_after", "retry_after_seconds", "retryAfter", "retryDelay")

_TITLE = re.compile(r"<title[^>]{0,200}>(.*?)</title", re.IGNORECASE | re.DOTALL)
_NO_TEXT = re.compile(r"<(script|style)\b.*?</\1[^>]*>?|<!--.*?-->|<[^>]*>?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """`words`: the text and each `code=…`, in lower case. `status`: a 4xx or 5xx that the body names.

    `waits`: the seconds that it asks for, those of its fields before those of its text.
    `quotas`: the name of each quota that it says is used up, in lower case, and its size.
    """

    message: str = ""
    words: str = ""
    codes: tuple[str, ...] = ()
    status: int | None = None
    waits: tuple[float, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    quotas: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Finds:
    texts: list[str] = field(default_factory=list[str])
    codes: list[str] = field(default_factory=list[str])
    waits: list[str] = field(default_factory=list[str])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    quotas: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def read(body: bytes) -> Said:
    try:
        value = parse_first(body)
    except NotJson:
        return _said(_Finds([plain(body)]))
    return in_json(value)


def in_json(value: Any) -> Said:
    finds = _Finds()
    _collect(value, finds, 0)
    return _said(finds)


def plain(body: bytes) -> str:
    """The text of a page without its markup; of a text, its beginning."""
    text = body[:_MOST_PAGE].decode("utf-8", "replace")
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        title = _TITLE.search(text)
        text = title[1] if title else _NO_TEXT.sub(" ", text)
    return one_line(text)


def one_line(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """One line without control characters, cut with an ellipsis where it is too long."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text[: 4 * longest])
    line = " ".join(shown.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _collect(value: Any, finds: _Finds, depth: int) -> None:
    if isinstance(value, str):
        if len(finds.texts) < _MOST_ITEMS and value not in finds.texts:
            finds.texts.append(value)
    elif depth < _DEEPEST:
        for item in as_list(value)[:_MOST_ITEMS]:
            _collect(item, finds, depth + 1)
        if as_object(value):
            _collect_object(as_object(value), finds, depth)


def _collect_object(said: dict[str, Any], finds: _Finds, depth: int) -> None:
    place = _place(said)
    for key in _TEXTS:
        if key in said:
            _collect(place + said[key] if place and key == "msg" else said[key], finds, depth + 1)
    finds.codes += [str(said[key]).lower() for key in _CODES if _is_code(said.get(key))]
    finds.waits += [str(said[key]) for key in _WAITS if _is_code(said.get(key))]
    for name, value in as_object(said.get("headers")).items():
        finds.headers[name.lower()] = as_text(value)
    if quota := as_text(said.get("quotaId")):
        finds.quotas.append((quota.lower()[:_LONGEST_CODE], str(said.get("quotaValue"))[:_LONGEST_CODE]))


def _place(said: dict[str, Any]) -> str:
    """FastAPI names the field at fault apart from what is wrong with it."""
    steps = as_list(said.get("loc")) if as_text(said.get("msg")) else []
    shown = [as_text(step) or str(as_number(step)) for step in steps[:_MOST_ITEMS]]
    return ".".join(shown) + ": " if shown else ""


def _is_code(value: Any) -> bool:
    return as_text(value) != "" or as_number(value) is not None


def _said(finds: _Finds) -> Said:
    text = ": ".join(one_line(text, _MOST_TEXT) for text in finds.texts if text.strip())[:_MOST_TEXT]
    codes = tuple(code[:_LONGEST_CODE] for code in finds.codes[: 4 * _MOST_ITEMS])
    statuses = (int(code) for code in codes if re.fullmatch(r"[45]\d\d", code, re.ASCII))
    return Said(
        message=one_line(text),
        words=" ".join([text.lower(), *(f"code={code};" for code in codes)]),
        codes=codes,
        status=next(statuses, None),
        waits=tuple(_waits(finds, text)),
        headers=finds.headers,
        quotas=tuple(finds.quotas[: 4 * _MOST_ITEMS]),
    )


def _waits(finds: _Finds, text: str) -> Iterator[float]:
    for wait in (*(waits.read(value) for value in finds.waits), waits.in_text(text)):
        if wait is not None:
            yield wait
