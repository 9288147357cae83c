"""Who takes part in a bench, and why each of the others does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from racer.bench.contest import Entrant
from racer.bench.entry import entrants_of, lanes_for
from racer.core.field import Field, Skipped
from racer.core.options import Defaults, read
from racer.core.provider import Lane, Model
from racer.core.rank import Wishes
from racer.errors import BadRequest
from racer.testing import config_of
from tests.core.lanes import lane

if TYPE_CHECKING:
    from racer_adapters.types import Call

A, B, HOME, HOME2 = lane("a/m"), lane("b/m"), lane("home/m", local=True), lane("home/n", local=True)
PLAIN = read("hi", {}, Defaults()).call


def chosen(
    *lanes: Lane, calls: tuple[Call, ...] = (PLAIN,), wishes: Wishes | None = None
) -> tuple[list[str], dict[str, str]]:
    field = Field(lanes, (Skipped("absent", "no key"),))
    fit, skipped = lanes_for(field, config_of("a", "b"), calls, wishes or Wishes())
    return [each.id for each in fit], {each.name: each.reason for each in skipped}


def test_all_lanes_take_part() -> None:
    """Unless something is said."""
    assert chosen(A, B) == (["a/m", "b/m"], {})


def test_names_choose_among_them() -> None:
    """As they do in a race."""
    assert chosen(A, B, wishes=Wishes(only=("b",))) == (["b/m"], {"a/m": "not in only"})
    assert chosen(A, B, wishes=Wishes(exclude=("b/m",))) == (["a/m"], {"b/m": "excluded"})


def test_who_cannot_answer_every_prompt_is_left_out() -> None:
    """For what one of them needs, or for its length."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    call = read("hi", {"tools": tools}, Defaults()).call
    able = replace(B, model=Model("m", can=frozenset({"tools"})))
    small = replace(A, model=Model("m", context=8))

    assert chosen(A, able, calls=(PLAIN, call)) == (["b/m"], {"a/m": "cannot do tools"})
    assert chosen(small, B, calls=(read("x" * 400, {}, Defaults()).call,))[0] == ["b/m"]


def test_a_name_that_nobody_has_is_told_with_the_nearest() -> None:
    """Before anything is sent."""
    with pytest.raises(BadRequest, match=r"'a/n' is no lane that is known: did you mean a/m"):
        chosen(A, wishes=Wishes(only=("a/n",)))
    with pytest.raises(BadRequest, match="use a provider, provider/model, or a tag"):
        chosen(A, wishes=Wishes(exclude=("zzzz",)))


def test_without_any_lane_every_reason_is_told() -> None:
    """Those of lanes that were left out, and of providers that have none."""
    with pytest.raises(BadRequest, match=r"absent: no key"):
        chosen()
    with pytest.raises(BadRequest, match=r"a/m: excluded"):
        chosen(A, wishes=Wishes(exclude=("a",)))


def test_lanes_that_cannot_run_at_once_share_a_seat() -> None:
    """On a machine of the user's own as many as are allowed there; of keys in a pool one for each model."""
    x, y = lane("a/m", account="k1", pool="org"), lane("a/m", account="k2", pool="org")

    assert entrants_of([A, HOME], 1) == (
        Entrant("a/m", "a", "a/m"),
        Entrant("home/m", "home", "home.test 0", local=True),
    )
    assert len({each.seat for each in entrants_of([HOME, HOME2], 1)}) == 1
    assert len({each.seat for each in entrants_of([HOME, HOME2], 2)}) == 2
    assert len({each.seat for each in entrants_of([x, y, B], 1)}) == 2
