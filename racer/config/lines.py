"""Where in a TOML text a key stands. For messages only: tomllib does not tell, and a near miss is no harm."""

from __future__ import annotations

import re
from collections import Counter

Path = tuple[str | int, ...]

_PART = r"""(?:"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_DOTTED})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=(.*)")
_ENTRY = re.compile(r"[ \t]*\{")
_ONE_PART = re.compile(_PART)


def line_of(text: str, path: Path) -> int | None:
    """The line of the key at `path`, or of the nearest table around it; None where neither is found."""
    known = _index(text)
    for length in range(len(path), 0, -1):
        if path[:length] in known:
            return known[path[:length]]
    return None


def _index(text: str) -> dict[Path, int]:
    """Each table, key and one-line entry of a list, with the number of its line, counted from 1."""
    known: dict[Path, int] = {}
    lists: Counter[Path] = Counter()
    table: Path = ()
    current: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = current = _table_path(header, lists)
        elif key := _KEY.match(line):
            current = (*table, *_parts(key[1]))
            _count_entries(key[2], current, number, known, lists)
        elif _ENTRY.match(line):
            _count_entries(line, current, number, known, lists)
            continue
        else:
            continue
        known.setdefault(current, number)
    return known


def _table_path(header: re.Match[str], lists: Counter[Path]) -> Path:
    path = _parts(header[2])
    if header[1] == "[":
        return path
    lists[path] += 1
    return (*path, lists[path] - 1)


def _count_entries(line: str, path: Path, number: int, known: dict[Path, int], lists: Counter[Path]) -> None:
    for _ in range(line.count("{")):
        known[(*path, lists[path])] = number
        lists[path] += 1


def _parts(name: str) -> Path:
    return tuple(part.strip("\"'") for part in _ONE_PART.findall(name))
