"""Exit codes and words of every error that a command may end with."""

from __future__ import annotations

import pytest

from racer.cli.failure import LOST, USAGE, code_of, words_of
from racer.errors import (
    BadRequest,
    ConfigError,
    DeadlineExceeded,
    InvalidReply,
    NoLanes,
    RaceLost,
    RacerError,
    StreamBroken,
)

CODES: list[tuple[RacerError, int]] = [
    (ConfigError("racer.toml:1: wrong"), USAGE),
    (BadRequest("lanes is 0"), USAGE),
    (NoLanes("nobody"), USAGE),
    (NoLanes("nobody", skipped=[("groq", "no key"), ("ollama", "nothing answers")]), USAGE),
    (NoLanes("nobody", skipped=[("groq", "no key"), ("ollama/llama3", "excluded")]), LOST),
    (NoLanes("nobody", until=1.0, skipped=[("groq", "used up")]), LOST),
    (RaceLost("all failed"), LOST),
    (DeadlineExceeded("too late"), LOST),
    (InvalidReply("no"), LOST),
    (StreamBroken("broke"), LOST),
    (RacerError("something"), LOST),
]


@pytest.mark.parametrize(("error", "code"), CODES)
def test_the_exit_code_tells_what_to_change(error: RacerError, code: int) -> None:
    """2 where the user has to change something first; 1 where the same command may work another time."""
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("all 2 lanes failed.\n  a/m: x", "racer: all 2 lanes failed.\n  a/m: x"),
        ("pass wait=30 to wait", "racer: pass --wait 30 to wait"),
        ("Raise deadline=, or let", "racer: Raise --deadline, or let"),
        ("lanes is 0: use a whole number", "racer: --lanes is 0: use a whole number"),
        ("max_tokens is -1: use", "racer: --max-tokens is -1: use"),
        ("Pass resume=True to have another", "racer: Pass --resume to have another"),
        ("broke off. Nobody could go on.", "racer: broke off. Nobody could go on."),
        ("proof is 0: use", "racer: --proof is 0: use"),
        ("checks: loosen valid= or into=, or let others try.", "racer: checks: let others try."),
        ("only names 'x', which", "racer: --only names 'x', which"),
        ("since=: found 'x'; allowed: a", "racer: --since: found 'x'; allowed: a"),
        ("tokens_per_day=: found 0", "racer: --tokens-per-day: found 0"),
        ("the lanes is no option here", "racer: the lanes is no option here"),
        ("the field await=3 is not ours", "racer: the field await=3 is not ours"),
    ],
)
def test_options_are_called_as_they_are_typed(message: str, words: str) -> None:
    """Errors speak of Python's options; at a prompt they are flags."""
    assert words_of(RacerError(message)) == words
