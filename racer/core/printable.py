"""Text from outside, made safe for a terminal: no escape sequence, no control character."""

from __future__ import annotations

import re

LONGEST_HELD = 1024
_SEQUENCES = re.compile(
    r"""
      (?:\x1b\[|\x9b) [0-?]*[ -/]*[@-~]?   # colours and cursor
      # titles, clipboard
    | (?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]) [^\x07\x1b\x90\x98\x9c-\x9f]* (?:\x07|\x1b\\|\x9c)
    | \x1b [ -/]* [0-~]?                   # the others
    """,
    re.VERBOSE,
)
_UNFINISHED = re.compile(
    r"""
    (?: (?:\x1b\[|\x9b) [0-?]*[ -/]*
      | (?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]) [^\x07\x1b\x90\x98\x9c-\x9f]* \x1b?
      | \x1b [ -/]*
    ) \Z
    """,
    re.VERBOSE,
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """`text` with line ends and tabs as its only controls; marks that reverse the reading order go too."""
    return CONTROLS.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n")))


class PlainFlow:
    """`plain` for a text that comes in pieces: a sequence may begin in one and end in another.

    What may yet become one is held back, up to `LONGEST_HELD` characters of it.
    """

    def __init__(self) -> None:
        self._held = ""

    def add(self, text: str) -> str:
        """What can be shown by now."""
        text = self._held + text
        unfinished = _UNFINISHED.search(text)
        if unfinished is None or len(text) - unfinished.start() > LONGEST_HELD:
            self._held = ""
            return plain(text)
        self._held = text[unfinished.start() :]
        return plain(text[: unfinished.start()])

    def end(self) -> str:
        """What was held back to the end: no sequence has come of it."""
        held, self._held = self._held, ""
        return plain(held)


def one_line(text: str) -> str:
    """`text` on one line, for a cell or a row."""
    return " ".join(plain(text).split())
