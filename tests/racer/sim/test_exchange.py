"""The records between a wire and the rest."""

from __future__ import annotations

from typing import get_args

import pytest

from racer.sim.exchange import STATUSES, Answer, Call, Refusal, Unfit, Why


def test_output_tokens_count_reasoning() -> None:
    """What is thought is paid for as well."""
    answer = Answer(tokens=("a", "b"), prompt_tokens=1, reasoning=("c",))

    assert (answer.text, answer.output_tokens) == ("ab", 3)


def test_every_refusal_has_a_status() -> None:
    """The table knows all reasons, and all are errors."""
    assert STATUSES.keys() == set(get_args(Why))
    assert all(400 <= status < 600 for status in STATUSES.values())


def test_unfit_carries_its_refusal() -> None:
    """A reader raises it; whoever catches it has the refusal to send."""
    refusal = Refusal("bad_field", "wrong", "messages")

    assert Unfit(refusal).refusal is refusal


@pytest.mark.parametrize(
    ("tokens", "whole", "arguments"), [(('{"a"', ":1}"), True, {"a": 1}), (('{"a"',), False, {})]
)
def test_a_call(tokens: tuple[str, ...], arguments: dict[str, int], *, whole: bool) -> None:
    """Its arguments are there if they are whole; their tokens are counted in any case."""
    call = Call("add", tokens)

    assert (call.text, call.whole, call.arguments) == ("".join(tokens), whole, arguments)
    assert Answer(tokens=(), prompt_tokens=1, calls=(call, call)).output_tokens == 2 * len(tokens)
