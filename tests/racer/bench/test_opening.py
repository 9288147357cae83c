"""What is known of a bench before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from racer.bench.contest import Terms
from racer.bench.opening import Opening, opening_of
from racer.bench.prompts import BUILT_IN, Question
from racer.config import Config
from racer.core.provider import Limit, Provider
from racer.core.rank import Wishes
from racer.errors import BadRequest
from racer.testing import ScriptedTransport, provider_of

pytestmark = pytest.mark.anyio


async def opening(
    *providers: Provider, questions: tuple[Question, ...] = BUILT_IN, only: tuple[str, ...] = (), **terms: Any
) -> Opening:
    transport = ScriptedTransport({})
    ordered = replace(Terms(prompts=len(questions)), **terms)
    found = await opening_of(
        Config(providers=providers), ordered, questions, Wishes(only=only), 65.0, transport
    )
    assert not transport.log
    return found


async def test_everybody_takes_part() -> None:
    """And nobody is asked."""
    found = await opening(provider_of("a"), provider_of("b"))

    assert [lane.id for lane in found.lanes] == ["a/m", "b/m"]
    assert (found.waits, found.notes, found.is_metered) == ((), (), True)


async def test_a_machine_at_home_is_not_metered() -> None:
    """Nobody counts what it is sent."""
    found = await opening(replace(provider_of("home"), local=True))

    assert not found.is_metered


async def test_whoever_cannot_answer_a_prompt_is_noted() -> None:
    """Whoever was not wanted is not."""
    small = provider_of("a")
    small = replace(small, models=(replace(small.models[0], context=8),))
    long = (Question("x" * 400),)

    found = await opening(small, provider_of("b"), provider_of("c"), questions=long, only=("a", "b"))

    (note,) = found.notes
    assert note.startswith("a/m takes no part: too long")


async def test_a_budget_that_cuts_is_noted() -> None:
    """Who takes no part, and how many rounds are left."""
    found = await opening(provider_of("a", "m", "n"), provider_of("b"), budget=8)

    assert found.notes == (
        "a takes no part: 8 requests are not enough for a round",
        "1 round in place of 20: 8 requests for each provider are not enough for more",
    )
    assert [lane.id for lane in found.lanes] == ["b/m"]
    with pytest.raises(BadRequest, match="a budget of 2 requests is not enough"):
        await opening(provider_of("a"), budget=2)


async def test_who_takes_part_in_fewer_rounds_is_noted() -> None:
    """With the rounds in which policies race; without policies there are none."""
    found = await opening(provider_of("a", "m", "n"), provider_of("b"), budget=60)
    share = found.contest.shares["a"]

    assert found.notes == (
        f"a takes part in {share} of 20 rounds: 60 requests are not enough for more",
        f"policies race in the first {share} rounds, those in which all providers take part",
    )
    alone = await opening(provider_of("a", "m", "n"), provider_of("b"), budget=21, policies=())
    assert alone.notes == ("a takes part in 9 of 20 rounds: 21 requests are not enough for more",)


async def test_a_limit_that_may_be_used_up_stops_it() -> None:
    """With a line for it, and one for what would fit."""
    limited = replace(provider_of("a"), limits=(Limit("requests", 40, "day"),))

    with pytest.raises(BadRequest, match=r"nothing was sent.\n  a: up to 86 .*\n  What would fit: --rounds"):
        await opening(limited, provider_of("b"))


async def test_a_limit_that_is_waited_for_is_told() -> None:
    """Answers without bounds are thought to be of the usual length."""
    limited = replace(provider_of("a"), limits=(Limit("requests", 30, "minute"),))

    found = await opening(limited, questions=(Question("hi"),))

    assert found.waits == ("a has 30 requests a minute: up to 2 min of waiting for that",)
