"""Advice to Python's callers -> advice to clients, who have neither racer's options nor its process. Pure.

Rule 1: advice is what a client can follow.
Rule 2: no place of a file, no variable and no address: how this machine is set up is in the server's log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

_BELOW = "the server's log says more"
_TROUBLE = "|".join(
    (
        "is locked by another program",
        "has no room left",
        "cannot be written",
        "is damaged",
        "was written by a newer racer",
        "is not racer's, and is left as it is",
        "was deleted or replaced while open",
        "cannot be opened",
    )
)
_INSTEAD: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(found), words)
    for found, words in (
        (r": pass wait= to wait for the first to come back, or add a key\.", ": ask again later."),
        (
            r"no reply passed the checks: loosen valid= or into=, or let others try\.",
            "no reply was what was asked for: ask for less, or let others try.",
        ),
        (r" Pass resume=True to have another lane go on from there\.", " Ask again."),
        (r"Raise deadline=, or let faster lanes run\.", "Ask for less, or let faster models answer."),
        (
            r"Pass wait=\d+(?: and a deadline= beyond that)? to wait for it, or add the key of [a-z ]+\.",
            "Ask again then.",
        ),
        (r"Change what only, exclude, private or the request", "Change what model or the request"),
        (r"see the reason below\.", f"{_BELOW}."),
        (
            rf"the database [^\n]*? ({_TROUBLE})(?: \(|: )[^\n]*",
            rf"the database \1: {_BELOW}",
        ),
        (r"the database was damaged: it lies at [^\n]*? now, and", "the database was damaged,"),
        (r"the database \S*[/\\][^\n]*", f"the database cannot be used: {_BELOW}"),
        (r"no key: set [^\n]+", "no key"),
        (r"The key of one more provider: set [^\n]+", "The key of one more provider."),
        (r"no model: add models = [^\n]+", "no model"),
        (r"((?:nothing answers|no chat model is installed)) at \S+", r"\1"),
        (r"the (?:address|model|header \S+) needs [^\n]+, which the environment does not have", "not set up"),
        (r"the (?:address|name of the model), with the environment filled in[^\n]*", "not set up"),
        (r"OLLAMA_HOST(?:: | is not )[^\n]*", "not set up"),
        (
            r"Set a key, such as [^\n]*`racer demo`\.",
            "Nobody is set up here: `racer providers` says on the server what is missing.",
        ),
    )
)


def for_clients(message: str) -> str:
    """A text of racer's own, or one that it has put together."""
    for found, words in _INSTEAD:
        message = found.sub(words, message)
    return message


def throughout(value: Any) -> Any:
    """The same for every text in a document of plain values."""
    if isinstance(value, str):
        return for_clients(value)
    if isinstance(value, Mapping):
        return {name: throughout(each) for name, each in cast("Mapping[str, Any]", value).items()}
    if type(value) in (list, tuple):
        return [throughout(each) for each in value]
    return value
