"""A question that no lane which was asked can take: what its client has to change. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.defeat import left_out
from racer.core.field import Skipped
from racer.server.fields import lanes_for
from racer.server.names import nobody_is_called
from racer.server.question import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from racer.core.provider import Lane
    from racer.server.question import Question

LENGTH = ("too long", "too large")
ABILITY = "cannot do "
SILENT = "nothing answers"  # a local server, which may be started yet
NOT_ASKED = ("not in only", "excluded")
TOO_LONG = "context_length_exceeded"
# By an ability that is lacking: the field that asks for it, and what to say. The first that fits is told.
_LACKING = {
    "tools": ("tools", "tools is not supported: no model that was asked can call tools"),
    "schema": (
        "response_format",
        "response_format is not supported: no model that was asked keeps to a JSON schema",
    ),
    "json": ("response_format", "response_format is not supported: no model that was asked answers in JSON"),
    "vision": ("messages", "messages has pictures, and no model that was asked can see them"),
}


def unfit(skipped: Iterable[tuple[str, str]]) -> Refused | None:
    """`skipped` has lanes, called provider/model, and providers, each with its reason.

    None where anything else is in the way of a lane, which waiting might mend.
    """
    lanes = [Skipped(name, why) for name, why in skipped if "/" in name and not why.startswith(NOT_ASKED)]
    if not lanes or not all(each.reason.startswith((*LENGTH, ABILITY)) for each in lanes):
        return None
    if any(each.reason.startswith(LENGTH) for each in lanes):
        return too_long("\n".join(left_out(lanes)))
    return _unable([set(each.reason.removeprefix(ABILITY).split(", ")) for each in lanes])


def absent(question: Question, lanes: Sequence[Lane], skipped: Iterable[tuple[str, str]]) -> Refused | None:
    """For a model that nobody here has, though the catalogue knows the name. None where it may yet come."""
    if not question.options.get("only") or lanes_for(question.options, lanes):
        return None
    if any(why.startswith(SILENT) for _, why in skipped):
        return None
    return nobody_is_called(question.model, lanes)


def too_long(lines: str) -> Refused:
    """The words that clients of OpenAI and Anthropic look for; `lines` say it of each lane."""
    text = f"prompt is too long for every model that was asked: make it, or max_tokens, smaller\n{lines}"
    return Refused(400, text, param="messages", code=TOO_LONG, again=False)


def _unable(lacking: Sequence[set[str]]) -> Refused:
    by_all = set[str].intersection(*lacking)
    for ability, (field, text) in _LACKING.items():
        if ability in by_all:
            words = f"{text}: name others in model, or leave it out"
            return Refused(400, words, param=field, code="unsupported_value", again=False)
    wanted = ", ".join(sorted(set[str].union(*lacking)))
    words = f"no model that was asked can do all of this: {wanted}"
    return Refused(400, words, code="unsupported_value", again=False)
