"""The tree of errors: its shape, its messages, and that it survives copying."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest

from racer.core.heat import Outcome
from racer.core.reply import Attempt
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

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED = Attempt("groq/m", "groq", "m", 0.0, 0.1, Outcome.FAILED, reason="429: slow down", status=429)
LOST = Attempt("ollama/n", "ollama", "n", 0.0, 0.2, Outcome.LOST)

ALL: list[RacerError] = [
    RacerError("plain"),
    ConfigError("one", "two"),
    BadRequest("no messages", attempts=[FAILED]),
    NoLanes("nobody", until=5.0, skipped=[("groq", "no key")], help="set GROQ_API_KEY"),
    RaceLost("every lane failed", attempts=[FAILED, LOST]),
    DeadlineExceeded("60 s are over", attempts=[LOST]),
    InvalidReply("too rude"),
    StreamBroken("reset", text="Hel"),
]


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_one_tree(error: RacerError) -> None:
    """RacerError catches them all."""
    assert isinstance(error, RacerError)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [(ConfigError, ValueError), (BadRequest, ValueError), (DeadlineExceeded, TimeoutError)],
)
def test_builtin_parents(kind: type[RacerError], builtin: type[Exception]) -> None:
    """Code that knows nothing of racer still catches wrong values and time-outs."""
    assert issubclass(kind, builtin)


def pickled(error: RacerError) -> RacerError:
    twin: RacerError = pickle.loads(pickle.dumps(error))
    return twin


def copied(error: RacerError) -> RacerError:
    return copy.copy(error)


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("duplicate", [copied, pickled])
def test_copies(error: RacerError, duplicate: Callable[[RacerError], RacerError]) -> None:
    """A copy has the type, the message and the facts of the original."""
    twin = duplicate(error)

    assert type(twin) is type(error)
    assert (str(twin), repr(twin), vars(twin)) == (str(error), repr(error), vars(error))


def test_config_error_has_a_line_for_each_problem() -> None:
    """Many problems make one message of many lines."""
    error = ConfigError("a.toml:1: x", "a.toml:2: y")

    assert error.problems == ("a.toml:1: x", "a.toml:2: y")
    assert str(error) == "a.toml:1: x\na.toml:2: y"


def test_no_lanes_keeps_who_and_what_would_help() -> None:
    """The message is the one given; each one left out with its reason, and the help, are kept beside it."""
    error = NoLanes("No lane can run.", skipped=[("groq", "no key"), ("x", "not enabled")], help="Set a key.")

    assert str(error) == "No lane can run."
    assert error.skipped == (("groq", "no key"), ("x", "not enabled"))
    assert (error.until, error.help) == (None, "Set a key.")


def test_race_lost_names_every_lane() -> None:
    """The message is the sentence and a line for each attempt: its reason, else its outcome."""
    error = RaceLost("Nobody answered.", attempts=[FAILED, LOST])

    assert str(error) == "Nobody answered.\n  groq/m: 429: slow down\n  ollama/n: lost"
    assert error.attempts == (FAILED, LOST)
