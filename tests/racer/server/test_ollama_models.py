"""Pages about models, as Ollama's clients read them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ollama import ListResponse, ShowResponse

from racer.server.ollama_models import VERSION, model_list, shown
from racer.server.question import Refused
from tests.core.lanes import lane
from tests.racer.server.houses import room
from tests.racer.server.rooms import get

if TYPE_CHECKING:
    from racer.core.provider import Lane


def able(id_: str, context: int | None, *can: str) -> Lane:
    made = lane(id_)
    return replace(made, model=replace(made.model, context=context, can=frozenset(can)))


LANES = (able("a/m", 4096, "tools"), able("b/m", 8192, "vision", "json"), able("c/m", None))


def test_lists() -> None:
    """In the form of the official client; a digest for each, and always the same."""
    listed = model_list([("auto", "racer"), ("groq/m", "groq")])
    first, second = ListResponse.model_validate(listed).models

    assert (first.model, second.model) == ("auto", "groq/m")
    assert first.digest != second.digest
    assert len(first.digest or "") == 64
    assert second.details is not None
    assert second.details.family == "groq"
    assert model_list([("auto", "racer")])["models"][0] == listed["models"][0]


@pytest.mark.parametrize(
    ("body", "context", "can"),
    [
        ({"model": "auto:latest"}, 8192, ["completion", "tools", "vision"]),
        ({"name": "a/m", "verbose": True}, 4096, ["completion", "tools"]),
        ({"model": "m"}, 8192, ["completion", "tools", "vision"]),
        ({"model": "c", "system": None}, None, ["completion"]),
    ],
)
def test_what_a_model_can_do(body: dict[str, Any], context: int | None, can: list[str]) -> None:
    """Of several lanes the longest context, and whatever one of them can do."""
    answer = ShowResponse.model_validate(shown(body, LANES))

    assert answer.capabilities == can
    assert (answer.modelinfo or {}).get("racer.context_length") == context


@pytest.mark.parametrize(
    ("body", "status"),
    [({"model": "x"}, 404), ({}, 400), ({"model": 4}, 400), ({"model": "auto", "x": 1}, 400)],
)
def test_what_cannot_be_shown(body: dict[str, Any], status: int) -> None:
    """A true status."""
    with pytest.raises(Refused) as caught:
        shown(body, LANES)

    assert caught.value.status == status


@pytest.mark.anyio
@pytest.mark.real_time
async def test_pages() -> None:
    """Served, with errors in Ollama's form."""
    async with room() as place:
        assert await get(place, "/api/version") == (200, {"version": VERSION})
        status, listed = await get(place, "/api/tags")
        async with place.client.post(f"{place.server.url}/api/show", json={"model": "auto"}) as page:
            told = await page.json()
        async with place.client.post(f"{place.server.url}/api/show", json={"model": "x"}) as page:
            missing = page.status, await page.json()

    assert (status, listed["models"][0]["name"]) == (200, "auto")
    assert told["model_info"]["general.architecture"] == "racer"
    assert missing[0] == 404
    assert isinstance(missing[1]["error"], str)
