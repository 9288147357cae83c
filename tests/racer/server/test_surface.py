"""Whole answers: the race behind them, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import orjson
import pytest

from racer.testing import hangs, says
from tests.racer.server.houses import CHAT, QUICK, TOKEN, line, post, room, said, token

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
BODY = orjson.dumps(said())
RESULT = {
    "role": "user",
    "content": [
        {"type": "text", "text": "so?"},
        {"type": "tool_result", "tool_use_id": "no", "content": "x"},
    ],
}


async def test_a_client_that_leaves() -> None:
    """Its race is cancelled at once, all lanes of it, and the journal says so."""
    async with room({"a": hangs(), "b": hangs()}) as place:
        async with line(place.server) as raw:
            await raw.say(post(BODY))
            await place.until("sent", "a")
            await place.until("sent", "b")
            left = anyio.current_time()
        await place.until("closed", "a")
        await place.until("closed", "b")
        (told,) = await place.served()

    assert max(at for _, event, at in place.transport.log if event == "closed") - left < 1
    assert place.transport.open == 0
    assert (told["status"], "race" in told) == ("left", True)
    assert place.server.house.visitors.in_flight == 0


async def test_many_that_leave() -> None:
    """Nothing of them stays."""
    async with room({"a": hangs()}) as place:
        async with anyio.create_task_group() as tasks:

            async def visit() -> None:
                async with line(place.server) as raw:
                    await raw.say(post(BODY))
                    await anyio.sleep(0.01)

            for _ in range(40):
                tasks.start_soon(visit)
        await place.served(40)

    assert place.transport.open == 0


async def test_one_that_leaves_another_that_stays() -> None:
    """Who asks the same is not cancelled along."""
    answers: list[int] = []
    async with room({"a": says("hello", after=0.3)}) as place, anyio.create_task_group() as tasks:

        async def stay() -> None:
            answers.append((await place.ask())[0])

        async with line(place.server) as raw:
            await raw.say(post(BODY))
            await place.until("sent", "a")
            tasks.start_soon(stay)
            await anyio.sleep(0.05)
    assert answers == [200]


async def test_too_many_at_once() -> None:
    """429 with retry-after, told without a race; there is room again when one is done."""
    async with room({"a": [says("hello", after=0.3), says("hello")]}, max_in_flight=1) as place:
        async with line(place.server) as first:
            await first.say(post(BODY))
            await place.until("sent", "a")
            status, told, headers = await place.ask()
            await first.hear()
        again, *_ = await place.ask()

    assert (status, again) == (429, 200)
    assert told["error"]["type"] == "rate_limit_error"
    assert headers["retry-after"] == "1"
    assert len(place.transport.requests) == 2


async def test_a_token_that_asks_too_often() -> None:
    """One that has no more is told until when; what each has used is known."""
    tokens = token(requests_per_minute=1), token("other", "another-token-0123456789")
    sent = {"authorization": f"Bearer {TOKEN}"}
    async with room(tokens=tokens) as place:
        statuses = [(await place.ask(headers=sent))[0] for _ in range(2)]
        status, _, headers = await place.ask(headers=sent)
        other, *_ = await place.ask(headers={"x-api-key": "another-token-0123456789"})
        accounts = place.server.house.visitors.accounts

    assert [*statuses, status, other] == [200, 429, 429, 200]
    assert 50 <= int(headers["retry-after"]) <= 60
    assert (accounts["team"].requests, accounts["team"].refused, accounts["other"].requests) == (1, 2, 1)
    assert accounts["team"].output_tokens > 0


async def test_keep_alive_connections() -> None:
    """One connection serves many questions."""
    async with room(timeouts=replace(QUICK, head=0.5)) as place:
        for _ in range(5):
            assert (await place.ask())[0] == 200
        await anyio.sleep(0.7)
        assert (await place.ask())[0] == 200
        assert len(place.transport.requests) == 6


@pytest.mark.parametrize(
    ("path", "more", "field"),
    [
        ("/v1/messages", {"stop_sequences": [1]}, "one of stop_sequences is an int"),
        (
            "/v1/messages",
            {"messages": [RESULT], "system": "Be brief."},
            "messages[0].content[1].tool_use_id is",
        ),
        ("/v1/messages/count_tokens", {"messages": [RESULT]}, "messages[0].content[1].tool_use_id is"),
        (
            "/v1/messages",
            {"max_tokens": 10**9},
            "max_tokens is 1000000000: use a whole number from 1 to 10000000",
        ),
        ("/api/chat", {"options": {"temperature": "hot"}}, "options.temperature is"),
        ("/api/chat", {"options": {"num_predict": 10**9}}, "options.num_predict is 1000000000: use a whole"),
        (CHAT, {"max_completion_tokens": 10**9}, "max_completion_tokens is 1000000000: use a whole"),
        (CHAT, {"stream": True, "stream_options": {"include_usage": "x"}}, "stream_options.include_usage is"),
    ],
)
async def test_a_field_is_called_as_its_client_calls_it(path: str, more: dict[str, Any], field: str) -> None:
    """Not by the name that it has within racer."""
    own = {"max_tokens": 9} if "messages" in path else {}
    async with room() as place:
        status, body, _ = await place.ask({**own, **more}, path=path)

    told = body["error"] if path == "/api/chat" else body["error"]["message"]
    assert (status, told[: len(field)]) == (400, field)
    assert path != CHAT or field.startswith(f"{body['error']['param']} ")
