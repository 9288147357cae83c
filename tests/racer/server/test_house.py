"""What handlers share: whoever wants to hear of requests does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.racer.server.houses import room

if TYPE_CHECKING:
    from racer.server.visit import Served

pytestmark = [pytest.mark.anyio, pytest.mark.real_time]


async def test_listeners_hear_of_each_request() -> None:
    """Beside the journal, in which it stands as well."""
    heard: list[Served] = []
    async with room() as place:
        place.server.house.served.append(heard.append)
        await place.ask()
        await place.ask({"model": "nobody"})
        await place.served(2)
        assert [lane.id for lane in place.server.house.lanes] == ["a/m"]

    assert [each.status for each in heard] == [200, 404]
    assert [each.code for each in heard] == [None, "model_not_found"]
