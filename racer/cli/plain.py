"""Text from outside, made safe for a terminal: no escape sequence, no control character."""

from __future__ import annotations

import re

_SEQUENCES = re.compile(
    r"""
      (?:\x1b\[|\x9b) [0-?]*[ -/]*[@-~]?   # colours and cursor
      # titles, clipboard
    | (?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]) [^\x07\x1b\x90\x98\x9c-\x9f]* (?:\x07|\x1b\\|\x9c)
    | \x1b [ -/]* [0-~]?                   # the others
    """,
    re.VERBOSE,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """`text` with line ends and tabs as its only controls; marks that reverse the reading order go too."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    """`text` on one line, for a cell or a row."""
    return " ".join(plain(text).split())
