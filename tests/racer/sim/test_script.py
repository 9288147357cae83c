"""Scripts of healthy answers: what is sent when, exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.sim.exchange import Ask, Reply
from racer.sim.profile import Pace
from racer.sim.script import Flood, Hang, Reset, Script, Send, healthy_script, moved, reply_script, split
from racer.sim.wire import openai
from tests.racer.sim.scenes import flavoured, sent, turn

WHOLE = Ask(model="m", prompt="hi", stream=False)


def test_every_token_has_its_instant() -> None:
    """The first comes with the opening, the last with the end; between them lies the gap."""
    script = healthy_script(openai.WIRE, turn(), Pace(first=0.5, gap=0.1))

    assert script.opens == 0.5
    assert [round(step.at, 9) for step in script.steps if isinstance(step, Send)] == [0.5, 0.6, 0.7]
    first, _, last = (step.data for step in script.steps if isinstance(step, Send))
    assert b'"role":"assistant"' in first
    assert b"One" in first
    assert last.endswith(b"data: [DONE]\n\n")


def test_without_gap_all_goes_in_one_piece() -> None:
    """One write, so that a benchmark measures the client."""
    script = healthy_script(openai.WIRE, turn(), Pace(first=0.0, gap=0.0))

    assert script.instant == sent(script)
    assert script.length is None


def test_a_whole_answer_comes_with_its_last_token() -> None:
    """The body is complete when the last token would have been."""
    script = healthy_script(openai.WIRE, turn(ask=WHOLE), Pace(first=0.5, gap=0.1))

    assert script.steps == (Send(0.7, sent(script)),)
    assert script.opens == 0.7
    assert script.length == len(sent(script))


def test_reasoning_takes_its_time() -> None:
    """Tokens of thought come first, at the same pace."""
    thinking = turn(flavoured("groq"), "Yes.", reasoning=("Let", " me", " see"))

    script = healthy_script(openai.WIRE, thinking, Pace(first=1.0, gap=1.0))

    assert [step.at for step in script.steps if isinstance(step, Send)] == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("flavour", "opens", "hello"), [("openrouter", 0.0, True), ("nvidia", 0.0, False), ("openai", 0.5, False)]
)
def test_some_open_early(flavour: str, opens: float, *, hello: bool) -> None:
    """Headers before the first token, with a comment or without."""
    script = healthy_script(openai.WIRE, turn(flavoured(flavour)), Pace(first=0.5, gap=0.1))

    assert script.opens == opens
    assert (script.steps[0] == Send(0.0, b": OPENROUTER PROCESSING\n\n")) is hello


@pytest.mark.parametrize("stream", [True, False])
def test_chunks_split_the_body(*, stream: bool) -> None:
    """`chunks = n` makes n writes of each piece and loses no byte."""
    ask = Ask(model="m", prompt="hi", stream=stream)
    pace = Pace(first=0.0, gap=0.0)
    whole = healthy_script(openai.WIRE, turn(ask=ask), pace)
    parts = healthy_script(openai.WIRE, turn(flavoured("generic", chunks=7), ask=ask), pace)

    assert len(parts.steps) == 7
    assert sent(parts) == sent(whole)


@given(st.binary(max_size=40), st.integers(1, 50))
def test_split_loses_nothing(data: bytes, chunks: int) -> None:
    """Any data, any number of pieces."""
    steps = split([Send(1.0, data), Hang()], chunks)

    assert b"".join(step.data for step in steps if isinstance(step, Send)) == data
    assert len(steps) <= chunks + 1
    assert steps[-1] == Hang()


@pytest.mark.parametrize(
    ("script", "instant"),
    [
        (Script(200, {}, ()), b""),
        (Script(200, {}, (Send(0.0, b"x"),)), b"x"),
        (Script(200, {}, (Send(0.1, b"x"),)), None),
        (Script(200, {}, (Send(0.0, b"x"),), opens=0.1), None),
        (Script(200, {}, (Send(0.0, b"x"), Send(0.0, b"y"))), None),
        (Script(200, {}, (Hang(),)), None),
        (Script(200, {}, (Reset(0.0),)), None),
        (Script(200, {}, (Flood(0.0, b"x", 0.0),)), None),
        (Script(0, {}, (), opens=None), None),
    ],
)
def test_instant_is_what_needs_no_player(script: Script, instant: bytes | None) -> None:
    """Only one write at once, or none, may be sent together with the head."""
    assert script.instant == instant


def test_a_script_can_be_moved() -> None:
    """Later, or earlier: what would lie before the request is at once. A hang has no instant."""
    steps = (Send(1.0, b"a"), Send(2.0, b"b"), Flood(3.0, b"c", 0.5), Reset(4.0), Hang())
    script = Script(200, {}, steps, opens=0.5)

    later, earlier = moved(script, 1.0), moved(script, -1.5)

    assert (later.opens, earlier.opens, moved(replace(script, opens=None), 1.0).opens) == (1.5, 0.0, None)
    assert later.steps == (Send(2.0, b"a"), Send(3.0, b"b"), Flood(4.0, b"c", 0.5), Reset(5.0), Hang())
    assert earlier.steps == (Send(0.0, b"a"), Send(0.5, b"b"), Flood(1.5, b"c", 0.5), Reset(2.5), Hang())


def test_an_empty_reply_sends_nothing() -> None:
    """A body of no bytes has no step, and its length is told."""
    assert reply_script(Reply(204, {}, b""), 0.2) == Script(204, {}, (), opens=0.2, length=0)
