"""What was said so far, in no dialect: so that the same question is the same prompt at every provider."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from racer.sim.exchange import Unfinished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.sim.exchange import ToolSpec


@dataclass(frozen=True, slots=True)
class Said:
    """`plain`: text alone, no call of a tool with it."""

    text: str
    role: str
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Conversation:
    """`prefix`: an answer that the caller has begun; `question`: the last words of the user, if last.

    `broken`: the last two turns, where they are one of the assistant and one of the user.
    """

    prompt: str
    prefix: str
    question: str
    broken: Unfinished | None = None


def conversation(said: Sequence[Said]) -> Conversation:
    prefix = said[-1].text if said and said[-1].role == "assistant" and said[-1].plain else ""
    rest = said[:-1] if prefix else said
    question = rest[-1].text if rest and rest[-1].role == "user" else ""
    return Conversation(_joined(rest), prefix, question, _broken(said))


def _joined(said: Sequence[Said]) -> str:
    return "\n".join(one.text for one in said)


def _broken(said: Sequence[Said]) -> Unfinished | None:
    if len(said) < 2 or not said[-2].plain or [one.role for one in said[-2:]] != ["assistant", "user"]:
        return None
    return Unfinished(_joined(said[:-2]), said[-2].text, said[-1].text)


def wanted_tools(
    tools: Sequence[ToolSpec], question: str, *, must: bool = False, parallel: bool = True
) -> tuple[ToolSpec, ...]:
    """The tools that the question names: a model free to choose would call those.

    must       where it names none the first tool is called
    parallel   without it only the first of them
    """
    named = [tool for tool in tools if re.search(rf"(?<![\w-]){re.escape(tool.name)}(?![\w-])", question)]
    found = named or (list(tools[:1]) if must else [])
    return tuple(found if parallel else found[:1])
