"""Advice to Python's callers -> advice to clients, who have neither racer's options nor its process. Pure."""

from __future__ import annotations

import re

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
    )
)


def for_clients(message: str) -> str:
    for found, words in _INSTEAD:
        message = found.sub(words, message)
    return message
