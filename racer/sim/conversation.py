"""What was said so far, in no dialect: so that the same question is the same prompt at every provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """`prefix`: an answer that the caller has begun; `question`: the last words of the user, if last."""

    prompt: str
    prefix: str
    question: str


def conversation(said: Sequence[Said]) -> Conversation:
    prefix = said[-1].text if said and said[-1].role == "assistant" and said[-1].plain else ""
    rest = said[:-1] if prefix else said
    question = rest[-1].text if rest and rest[-1].role == "user" else ""
    return Conversation("\n".join(one.text for one in rest), prefix, question)


def wanted_tool(tools: Sequence[ToolSpec], question: str) -> ToolSpec | None:
    """The first tool that the question names: a model free to choose would call that one."""
    return next((tool for tool in tools if tool.name in question), None)
