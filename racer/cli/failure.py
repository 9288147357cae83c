"""An error of racer, told at the command line: its exit code and its words."""

from __future__ import annotations

import re

from racer.errors import BadRequest, ConfigError, NoLanes, RacerError

DONE, LOST, USAGE, BROKEN_PIPE, INTERRUPTED = 0, 1, 2, 141, 130

# The errors speak of Python's options; here they are flags.
_OPTIONS = "|".join((
    "lanes", "policy", "deadline", "wait", "only", "exclude", "prefer", "task", "max_tokens", "temperature",
    "proof", "resume", "cache", "system", "concurrency", "rate", "attempts", "max_errors", "restart",
    "accept_changes", "errors_only", "format", "column", "since", "tokens_per_day",
))  # fmt: skip
_GIVEN = re.compile(rf"\b({_OPTIONS})=(\S*)")
_IN_PYTHON = re.compile(r" \(\w+=True\)")  # behind the flag that says the same
_NO_FLAG = ("loosen valid= or into=, or let", "let")  # what a program alone can pass
_WRONG = re.compile(rf"\A({_OPTIONS}) (is|names|holds) ")


def code_of(error: RacerError) -> int:
    """2 for what must be changed before it can work, 1 for a race that was lost."""
    match error:
        case ConfigError() | BadRequest():
            return USAGE
        case NoLanes():
            return USAGE if nothing_configured(error) else LOST
        case _:
            return LOST


def nothing_configured(error: NoLanes) -> bool:
    """Was there no lane at all? Lanes are called provider/model; providers have no slash in their names."""
    return error.until is None and not any("/" in name for name, _ in error.skipped)


def words_of(error: RacerError) -> str:
    text = _WRONG.sub(lambda found: f"{_flag(found[1])} {found[2]} ", str(error)).replace(*_NO_FLAG)
    return "racer: " + _GIVEN.sub(_with_value, _IN_PYTHON.sub("", text))


def _with_value(found: re.Match[str]) -> str:
    value = found[2]
    if value == "True":
        return _flag(found[1])
    return f"{_flag(found[1])} {value}" if value[:1].isalnum() else _flag(found[1]) + value


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"
