"""The table of wires."""

from __future__ import annotations

import pytest

from racer.sim.exchange import Refusal, Reply, Request
from racer.sim.wire import WIRES
from tests.racer.sim.scenes import moment, said

ALL = {wire.name: wire for wires in WIRES.values() for wire in wires}


@pytest.mark.parametrize("dialect", sorted(WIRES))
def test_the_first_wire_is_the_dialects_own(dialect: str) -> None:
    """A dialect's errors are in its own form."""
    assert WIRES[dialect][0].name == dialect


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_strange_path_is_nobodys(name: str) -> None:
    """None says: not mine, ask the next."""
    assert ALL[name].read(Request("POST", "/strange", {}), moment()) is None


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_refusal_can_be_said(name: str) -> None:
    """Status, JSON, and some words."""
    reply = ALL[name].refuse(Refusal("server"), moment())

    assert isinstance(reply, Reply)
    assert (reply.status, bool(said(reply))) == (500, True)
