"""The pages of Anthropic's clients, on true sockets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.racer.server.houses import TOKEN, room, token

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]
MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"


async def test_each_answer_names_its_request() -> None:
    """Also an error; the header is what is in the journal."""
    async with room() as place:
        status, body, headers = await place.ask({"max_tokens": 9}, path=f"{MESSAGES}?beta=true")
        wrong, told, other = await place.ask(path=MESSAGES)
        first, second = await place.served(2)

    assert (status, body["content"][0]["text"]) == (200, "hello")
    assert headers["request-id"] == f"req_{first['request']}"
    assert (wrong, told["error"]["type"]) == (400, "invalid_request_error")
    assert "max_tokens is missing" in told["error"]["message"]
    assert other["request-id"] == f"req_{second['request']}"
    assert first["route"] == MESSAGES


async def test_counting() -> None:
    """An estimate, and no race; a wrong body is told as such; limits of tokens hold."""
    sent = {"x-api-key": TOKEN}
    async with room(tokens=(token(requests_per_minute=2),)) as place:
        counted = await place.ask(path=COUNT, headers=sent)
        wrong = await place.ask({"messages": "x"}, path=COUNT, headers=sent)
        often = await place.ask(path=COUNT, headers=sent)

    assert [answer[0] for answer in (counted, wrong, often)] == [200, 400, 429]
    assert counted[1]["input_tokens"] > 0
    assert often[1]["error"]["type"] == "rate_limit_error"
    assert place.transport.requests == []


@pytest.mark.parametrize(
    ("path", "shape"),
    [(MESSAGES, "anthropic"), (COUNT, "anthropic"), ("/api/chat", "ollama")],
)
async def test_shapes_of_errors(path: str, shape: str) -> None:
    """A wrong token is told in the words of whose path it is."""
    async with (
        room(tokens=(token(),)) as place,
        place.client.post(f"{place.server.url}{path}", json={}) as page,
    ):
        told: Any = await page.json()

    assert page.status == 401
    if shape == "ollama":
        assert "a token is needed" in told["error"]
    else:
        assert told["error"]["type"] == "authentication_error"
