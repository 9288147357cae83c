"""Prompts are taken out of the reasons that quote them."""

from __future__ import annotations

import pytest

from racer.bench.hush import LEAST, hushed, without
from racer.bench.prompts import Question
from racer.bench.sample import Kind, Sample
from racer.core.heat import Outcome
from racer.core.reply import Attempt
from tests.racer.bench.samples import asked

SECRET = "the answer to the question of my neighbour"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("server 500: broken", "server 500: broken"),
        (f"cannot say {SECRET}.", "cannot say [prompt]."),
        (f"{SECRET[5:]}{SECRET}", "[prompt][prompt]"),
        (f"cannot say {SECRET[: LEAST - 1]}", f"cannot say {SECRET[: LEAST - 1]}"),
        (f"cannot say {SECRET[:LEAST]}… and so on", "cannot say [prompt]… and so on"),
        ("", ""),
    ],
)
def test_what_is_quoted_at_length_is_taken_out(reason: str, told: str) -> None:
    """A few words may be there by chance."""
    assert without(reason, ("hello", SECRET)) == told
    assert without(reason, ()) == reason


def test_reasons_of_a_sample_and_of_its_attempts_are_hushed() -> None:
    """Whatever the messages are made of; pictures have no text."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    parts = [{"type": "text", "text": SECRET}, picture]
    call = Question([{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}]).call()
    attempts = (
        Attempt("a/m", "a", "m", 0.0, 0.5, Outcome.FAILED, f"server: {SECRET}"),
        Attempt("b/m", "b", "m", 0.0, 0.5, Outcome.LOST),
    )
    sample = Sample(Kind.POLICY, "all", 0, 0, 1.0, "server", 0.5, reason=SECRET, attempts=attempts)

    found = hushed(sample, call)

    assert (found.reason, [each.reason for each in found.attempts]) == (
        "[prompt]",
        ["server: [prompt]", None],
    )


def test_a_sample_without_reasons_is_itself() -> None:
    """As most are; one of an attempt alone is enough."""
    answered = asked("p/a", 0, 0.2)
    call = Question(SECRET).call()
    beside = Attempt("a/m", "a", "m", 0.0, 0.5, Outcome.FAILED, SECRET)

    assert hushed(answered, call) is answered
    assert hushed(asked("p/a", 0, 0.2, attempts=(beside,)), call).attempts[0].reason == "[prompt]"
