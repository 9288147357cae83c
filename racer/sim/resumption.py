"""How a model goes on with an answer that broke off: from its prefix, or asked for its end in words.

It knows no wording of anybody: what it looks for is a quotation of the last words that there are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from racer.sim.words import beyond

if TYPE_CHECKING:
    from collections.abc import Iterator

    from racer.sim.exchange import Ask, Unfinished
    from racer.sim.profile import Manner

PREFACE = ("Certainly", "!", " Here", " is", " how", " it", " goes", " on", ":\n\n")
# Where a quotation may begin, and where one of that kind may end.
_MARKS = (
    (re.compile(r"^[ \t>]*", re.MULTILINE), re.compile(r"$", re.MULTILINE)),
    (re.compile(r"^", re.MULTILINE), re.compile(r"$", re.MULTILINE)),
    *((re.compile(begin), re.compile(f"(?={end})")) for begin, end in ('""', "''", "``", "“”", "‘’", "«»")),
)


def quoted_end(broken: Unfinished) -> str:
    """The longest words that the user quotes, or has on a line of their own, and the answer ends with.

    Blanks at the end of either do not count. Empty: there are none.
    """
    begun = broken.begun.rstrip()
    return max(_quotations(broken.wish, begun), key=len, default="")


def _quotations(wish: str, begun: str) -> Iterator[str]:
    for opening, closing in _MARKS:
        begins = [found.end() for found in opening.finditer(wish)]
        for found in closing.finditer(wish):
            words = wish[: found.start()].rstrip()
            earliest = len(words) - _shared_end(words, begun)
            fitting = [place for place in begins if earliest <= place < len(words)]
            if fitting:
                yield words[fitting[0] :]


def _shared_end(one: str, other: str) -> int:
    """How many last characters two texts have in common."""
    most = min(len(one), len(other))
    return next((n for n in range(most) if one[-1 - n] != other[-1 - n]), most)


def resumed(tokens: tuple[str, ...], broken: Unfinished, words: str, manner: Manner) -> tuple[str, ...]:
    """`tokens`: the answer as it would have been; `words`: what the user quotes of its beginning."""
    if manner == "restart":
        return tokens
    rest = beyond(tokens, len(broken.begun.rstrip()))
    if manner == "prefix":
        return rest
    return (*(PREFACE if manner == "chatter" else ()), words, *rest)


def carried_on(tokens: tuple[str, ...], ask: Ask, manner: Manner) -> tuple[str, ...]:
    """What is said to the prefix of `ask`; all of the answer if that has another beginning."""
    prefix = ask.prefix
    if not prefix or ask.onset == "anew" or manner == "restart":
        return tokens
    fits = "".join(tokens).startswith(prefix)
    rest = beyond(tokens, len(prefix)) if fits else tokens
    if ask.onset == "echo":
        return (prefix, *rest)
    return (*PREFACE, *rest) if manner == "chatter" else rest
