"""The text of a `.env` file: NAME=VALUE, with `export`, quotes and comments. Nothing is expanded."""

from __future__ import annotations

import re

_ENTRY = r"""
    [ \t]* (?:export[ \t]+)? (?P<name>[A-Za-z_][A-Za-z0-9_.-]*) [ \t]*=[ \t]*
    (?: '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)" | (?P<plain>[^'"#\s][^\n]*?)? )
    (?:[ \t]+\#[^\n]*|[ \t]*|(?<==)\#[^\n]*) (?:\n|\Z)
"""
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def parse(text: str) -> tuple[dict[str, str], tuple[int, ...]]:
    """The variables, the last of a name winning, and the numbers of the lines that are no such thing."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    entries = re.compile(_ENTRY, re.VERBOSE | re.DOTALL)
    nothing = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
    values: dict[str, str] = {}
    broken: list[int] = []
    at = 0
    while at < len(text):
        entry = entries.match(text, at)
        end = entry or nothing.match(text, at)
        if entry:
            values[entry["name"]] = _value(entry)
        elif not end:
            broken.append(text.count("\n", 0, at) + 1)
        at = end.end() if end else _next_line(text, at)
    return values, tuple(broken)


def _value(entry: re.Match[str]) -> str:
    if entry["double"] is not None:
        return re.sub(r"(?s)\\(.)", lambda found: _ESCAPED.get(found[1], found[0]), entry["double"])
    return entry["single"] or entry["plain"] or ""


def _next_line(text: str, at: int) -> int:
    return text.find("\n", at) + 1 or len(text)
