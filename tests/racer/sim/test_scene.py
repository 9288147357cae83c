"""What a provider says of itself when a fault strikes."""

from __future__ import annotations

import pytest

from racer.sim.exchange import Ask
from racer.sim.profile import Pace
from racer.sim.quota import Standing
from racer.sim.scene import REFUSALS, Scene, fault_refusal
from racer.sim.wire import openai
from tests.racer.sim.scenes import fault, flavoured, moment, turn

DAY = Standing("tokens", "day", 86400.0, 500, 20, 100.0)


@pytest.mark.parametrize("kind", sorted(REFUSALS))
def test_each_status_has_its_reason(kind: str) -> None:
    """The refusal is the one of the table and carries the wait that was asked for."""
    refusal = fault_refusal(turn(), fault(kind, retry_after=3.0))

    assert refusal.why == REFUSALS[kind]
    assert refusal.retry_after == 3.0


@pytest.mark.parametrize("kind", ["error_frame", "error_200"])
def test_other_faults_report_a_sick_server(kind: str) -> None:
    """An error inside a 200 is the server's own."""
    assert fault_refusal(turn(), fault(kind)).why == "server"


def test_a_429_names_the_limit_that_the_provider_has() -> None:
    """Its own limit of that unit and period, as if it were used up."""
    has = turn()
    minute = Standing("tokens", "minute", 60.0, 50, 2, 10.0)
    has = type(has)(moment(flavoured("groq"), standings=(minute, DAY)), has.ask, has.answer)

    closed = fault_refusal(has, fault("429", unit="tokens", per="day")).closed

    assert closed is not None
    assert (closed.standing.limit, closed.standing.used, closed.standing.resets_in) == (500, 500, 100.0)


def test_a_429_of_tokens_asks_for_as_many_as_the_answer_has() -> None:
    """And for no more than the limit: it is used up, not too small."""
    closed = fault_refusal(turn(), fault("429", unit="tokens")).closed

    assert closed is not None
    assert closed.requested == 6
    assert closed.standing.limit >= closed.requested


@pytest.mark.parametrize(("retry_after", "wait"), [(7.0, 7.0), (None, 60.0), ("soon", 60.0)])
def test_a_429_without_a_limit_makes_one_up(retry_after: float | str | None, wait: float) -> None:
    """One of the asked unit and period, which closes for the wait that is told, or for its period."""
    closed = fault_refusal(turn(), fault("429", retry_after=retry_after)).closed

    assert closed is not None
    assert (closed.standing.unit, closed.standing.period, closed.standing.resets_in) == (
        "requests",
        "minute",
        wait,
    )


@pytest.mark.parametrize(("delay", "expected"), [(None, 0.5), (0.0, 0.0), (2.0, 2.0)])
def test_a_fault_shows_when_the_first_token_would_have_come(delay: float | None, expected: float) -> None:
    """Unless its own delay says when."""
    assert Scene(openai.WIRE, turn(), Pace(0.5, 0.0), fault("500", delay=delay)).delay == expected


@pytest.mark.parametrize(
    ("stream", "content_type"), [(True, "text/event-stream; charset=utf-8"), (False, "application/json")]
)
def test_headers_are_those_of_a_good_answer(content_type: str, *, stream: bool) -> None:
    """Streamed or whole, as it was asked for."""
    ask = Ask(model="m", prompt="hi", stream=stream)
    scene = Scene(openai.WIRE, turn(ask=ask), Pace(0.0, 0.0), fault("hang"))

    assert scene.headers()["content-type"] == content_type


def test_said_is_a_healthy_answer_of_other_words() -> None:
    """It has no tool call and a natural end, whatever was to be said."""
    ask = Ask(model="m", prompt="hi", stream=False)
    calling = turn(None, "{}", ask=ask, tool="add", finish="tool_calls")

    said = Scene(openai.WIRE, calling, Pace(0.0, 0.0), fault("whitespace")).said(" ")

    assert (said.turn.answer.tokens, said.turn.answer.calls, said.turn.answer.finish) == ((" ",), (), "stop")
    assert not said.stream
