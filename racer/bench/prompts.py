"""What a bench asks: a small set of its own, or the prompts of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from racer.batch.formats import understood
from racer.batch.line import Bad
from racer.batch.source import Source
from racer.core.options import Defaults, read
from racer.errors import BadRequest

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

    from racer.batch.line import Prompt
    from racer.core.options import Messages, Options
    from racer_adapters.types import Call

MAX_TOKENS = 512  # the answers are short; what some models think before them is not
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Question:
    """`options` are those of a race that the question brings with it."""

    messages: Messages
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def call(self) -> Call:
        """Raises BadRequest where nobody can be asked that."""
        return read(self.messages, cast("Options", self.options), Defaults()).call


# Each can be answered in a sentence or two by any model, and from what it knows.
BUILT_IN = tuple(
    Question(text, {"max_tokens": MAX_TOKENS})
    for text in (
        "In one sentence: why is the sky blue?",
        "Name five rivers of Europe, separated by commas.",
        "What is 17 times 23? Show the steps in one line.",
        "Put this into plain English: 'The meeting was adjourned sine die.'",
        "Write a Python function that reverses a string. Only the code.",
        "Give three words that rhyme with 'light'.",
        "A shirt costs 20 euros after a discount of one fifth. What did it cost before?",
        "Summarise in ten words what photosynthesis does.",
    )
)


def limited(questions: Sequence[Question], max_tokens: int | None) -> tuple[Question, ...]:
    """The same, each with at most so many tokens of answer. Raises BadRequest."""
    if max_tokens is None:
        return tuple(questions)
    bounded = tuple(Question(each.messages, {**each.options, "max_tokens": max_tokens}) for each in questions)
    bounded[0].call()
    return bounded


def questions_in(path: str | os.PathLike[str], *, stdin: BinaryIO | None = None) -> tuple[Question, ...]:
    """Those of a file: a prompt a line, JSON lines, lines of OpenAI's batch files, or a table.

    `path` may be "-", which is stdin. Raises BadRequest, naming the line that cannot be asked.
    """
    source = Source.open(path, stdin=stdin)
    found: list[Question] = []
    try:
        while records := source.take():
            for line, raw in records:
                asked = raw if isinstance(raw, Bad) else understood(raw, line, source.form)
                if asked is not None:
                    found.append(_question(asked, source.name))
            if len(found) > MOST:
                raise BadRequest(f"{source.name}: more than {MOST:,} prompts; a bench asks one a round")
    finally:
        source.close()
    if not found:
        raise BadRequest(f"{source.name}: there is no prompt in it: write one a line")
    return tuple(found)


def _question(asked: Prompt | Bad, name: str) -> Question:
    if isinstance(asked, Bad):
        raise BadRequest(f"{name}: {asked.message}")
    question = Question(asked.messages, asked.options)
    try:
        question.call()
    except BadRequest as error:
        raise BadRequest(f"{name}: line {asked.line}: {error}") from None
    return question
