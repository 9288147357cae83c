"""The fault `cut`: exactly so much of the body, in every dialect, and how it ends."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from racer.sim.exchange import Ask, Turn
from racer.sim.profile import Pace, Provider
from racer.sim.script import Hang, Reset, Script, healthy_script
from racer.sim.spoil import spoiled_script
from racer.sim.wire import WIRES, openai
from tests.racer.sim.scenes import events, fault, sent, turn

PACE = Pace(first=0.5, gap=0.1)
AT_ONCE = Pace(first=0.0, gap=0.0)
TOKENS = ("One", " two", " three", ' "four".')
SURFACES = {"cloudflare": "native", "gemini": "events"}


def asked(dialect: str, *, stream: bool = True, tool: str = "") -> Turn:
    ask = Ask(model="m", prompt="hi", stream=stream, surface=SURFACES.get(dialect, "chat"))
    more = {"tool": tool, "finish": "tool_calls"} if tool else {}
    return turn(Provider("a", dialect=dialect, models=("m",)), *TOKENS, ask=ask, **more)


def cut(dialect: str, of: Turn, pace: Pace = PACE, **more: Any) -> Script:
    return spoiled_script(WIRES[dialect][0], of, pace, fault("cut", **more))


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("dialect", sorted(WIRES))
@pytest.mark.parametrize("pace", [PACE, AT_ONCE], ids=["paced", "at once"])
def test_every_byte(dialect: str, pace: Pace, *, stream: bool) -> None:
    """What is sent is the healthy body, cut there: from nothing to all of it."""
    of = asked(dialect, stream=stream)
    body = sent(healthy_script(WIRES[dialect][0], of, pace))

    for place in range(len(body) + 1):
        script = cut(dialect, of, pace, bytes=place)
        assert sent(script) == body[:place]
        assert script.length in (None, place)


@pytest.mark.parametrize("dialect", sorted(WIRES))
@pytest.mark.parametrize("count", range(5))
def test_so_many_tokens_of_a_stream(dialect: str, count: int) -> None:
    """Whole frames, and none of the next token; an answer of fewer frames is whole."""
    frames = WIRES[dialect][0].stream(asked(dialect))
    beyond = b"" if count <= len(frames.tokens) else frames.closing

    script = cut(dialect, asked(dialect), tokens=count)

    assert sent(script) == b"".join([frames.hello, frames.opening, *frames.tokens[:count], beyond])


@pytest.mark.parametrize("dialect", sorted(WIRES))
@pytest.mark.parametrize("count", range(5))
def test_so_many_tokens_of_a_body(dialect: str, count: int) -> None:
    """The text of the tokens is there, and not a character of the next one."""
    of = asked(dialect, stream=False)
    data = sent(cut(dialect, of, tokens=count))

    assert WIRES[dialect][0].whole(of).body.startswith(data)
    told = [token for token in TOKENS if orjson.dumps(token)[1:-1] in data]
    assert told == list(TOKENS[:count])


def test_tokens_of_a_call() -> None:
    """In a call of a tool they are those of its arguments."""
    of = asked("openai", stream=False, tool="add")

    assert sent(cut("openai", of, tokens=1)).endswith(b'"arguments":"One')
    assert sent(cut("openai", of, tokens=9)) == openai.whole(of).body


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("more", [{"bytes": 10**6}, {"tokens": 5}], ids=["bytes", "tokens"])
def test_behind_the_end_nothing_changes(more: dict[str, Any], *, stream: bool) -> None:
    """The answer is well, whatever was to follow."""
    of = asked("openai", stream=stream)

    assert cut("openai", of, how="reset", **more) == healthy_script(openai.WIRE, of, PACE)


def test_the_end_is_clean() -> None:
    """Nothing tells HTTP that there should be more; a body's length is what is sent."""
    assert (
        cut("openai", asked("openai"), bytes=9).length,
        cut("openai", asked("openai"), bytes=0).steps,
    ) == (
        None,
        (),
    )
    assert cut("openai", asked("openai", stream=False), bytes=9).length == 9


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_reset_and_hang(*, stream: bool) -> None:
    """An RST or silence, where a body's whole length was told."""
    of = asked("openai", stream=stream)
    length = None if stream else len(openai.whole(of).body)
    reset, hang = cut("openai", of, bytes=9, how="reset"), cut("openai", of, bytes=9, how="hang")

    assert isinstance(reset.steps[-1], Reset)
    assert reset.steps[-1] == Reset(0.5 if stream else 0.8)
    assert isinstance(hang.steps[-1], Hang)
    assert (reset.length, hang.length) == (length, length)


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_delay_lies_behind_the_last_byte(how: str) -> None:
    """So that a client has surely read all that came."""
    script = cut("openai", asked("openai"), tokens=1, how=how, delay=2.0)

    assert [step.at for step in script.steps if not isinstance(step, Hang)] == [0.5, 2.5]
    assert len(events(sent(script))) == 2


def test_no_byte_and_a_reset() -> None:
    """The head, and then the RST when the answer should have begun."""
    script = cut("openai", asked("openai"), bytes=0, how="reset")

    assert (script.opens, script.steps) == (0.5, (Reset(0.5),))
