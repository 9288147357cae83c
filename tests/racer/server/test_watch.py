"""Who watches the races of a server."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry import trace

from racer.server.live import Reader
from racer.server.watch import Watch
from racer.telemetry import Spans
from tests.racer.server.houses import CHAT, said
from tests.racer.server.rooms import WON, kept
from tests.racer.test_telemetry import Collected, context_of, parent_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_everybody_hears_of_a_fact() -> None:
    """Readers, pages, health and counts."""
    watch = Watch(lambda: 1000.0)
    reader = Reader("r", lambda: None)
    watch.live.join(reader)
    for fact in WON:
        watch(fact)

    assert watch.live.take(reader).count(b'"at":1000.0') == 5
    assert watch.lately.has_ended("r")
    assert watch.condition.answered == {"a": 1000.0}
    assert watch.tally.races == {("all", "won"): 1}


@pytest.mark.anyio
async def test_the_trace_of_a_request() -> None:
    """It holds for the task of the request, and for no other."""
    watch = Watch(lambda: 1000.0)

    async def request() -> int:
        watch.came({"TraceParent": PARENT})
        return trace.get_current_span().get_span_context().trace_id

    assert await asyncio.ensure_future(request()) == int(TRACE, 16)
    assert trace.get_current_span().get_span_context().trace_id == 0
    watch.spans = None
    watch.came({"traceparent": PARENT})
    assert trace.get_current_span().get_span_context().trace_id == 0


@pytest.mark.anyio
@pytest.mark.real_time
async def test_a_race_is_part_of_its_requests_trace() -> None:
    """Whole and streamed; who names no trace has one of its own."""
    collected = Collected()
    async with kept(None) as place:
        place.server.house.watch.spans = Spans(collected.provider)
        for more in ({}, {"stream": True}):
            async with place.client.post(
                place.server.url + CHAT, json=said(**more), headers={"traceparent": PARENT}
            ) as answer:
                await answer.read()
        await place.ask()
    races = [span for span in collected.finished if span.name == "race all"]

    assert [parent_of(span) for span in races[:2]] == [int(PARENT.split("-")[2], 16)] * 2
    assert races[2].parent is None
    assert {context_of(span).trace_id for span in races[:2]} == {int(TRACE, 16)}


@pytest.mark.anyio
@pytest.mark.real_time
async def test_a_server_watches() -> None:
    """From its beginning, requests included; a bad trace is nobody's."""
    async with kept(None) as place:
        await place.ask(headers={"traceparent": "00-nonsense-\xff"})
        tally = place.server.house.watch.tally
        await place.served()

    assert tally.races == {("all", "won"): 1}
    assert tally.requests == {("/v1/chat/completions", "200", "local"): 1}
