"""benchmarks/peers/protocol.py: what a parent says is what its child hears."""

from __future__ import annotations

import json

import pytest

from benchmarks.peers.protocol import (
    Cancel,
    Cancelled,
    Close,
    Lane,
    Open,
    Order,
    Race,
    Raced,
    answer_line,
    order_line,
    order_of,
)

ORDERS = (
    Open((Lane("a", "http://127.0.0.1:1/a/v1"), Lane("b", "http://127.0.0.1:1/b/v1", 5)), "stream"),
    Race(20, 5, fresh=True, patience=3.5),
    Cancel(20, 0.5, 0.1),
    Close(),
)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_an_order_arrives_as_it_was_given(order: Order) -> None:
    """In one line, whatever it is."""
    line = order_line(order)

    assert line.count("\n") == 1
    assert order_of(line) == order


def test_an_answer_arrives_as_it_was_given() -> None:
    """Texts of replies may hold anything, also the ends of lines."""
    raced = Raced(0.5, 1.5, [0.1, 0.2], {"two\nlines": 2}, {"TimeoutError": 1})
    line = answer_line(raced)

    assert line.count("\n") == 1
    assert Raced(**json.loads(line)) == raced
    assert Cancelled(**json.loads(answer_line(Cancelled(3)))) == Cancelled(3)


def test_done_is_said_by_nothing() -> None:
    """An order that asks for no figures is answered all the same."""
    assert answer_line(None) == "null\n"
