"""The field, kept up to date: who waits for a local server, for how long, and how it comes and goes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest

from racer.background import Background
from racer.discovery import Discovery
from racer.lineup import Lineup
from racer.testing import ScriptedTransport, VirtualLoop, answers, fails, hangs, provider_of
from racer_adapters import DIALECTS
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from racer.core.provider import Provider
    from racer.testing import Script

pytestmark = pytest.mark.anyio

LOCAL = replace(
    provider_of("ollama"), dialect="ollama", base_url="http://ollama.test", local=True, discover=True
)
TAGS = answers(200, orjson.dumps({"models": [{"name": "small:latest"}]}), after=0.1)
LOADED = answers(200, orjson.dumps({"models": []}))
REFUSED = fails(WireError(Kind.CONNECT, "no connection"))


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


class Scene:
    """A line-up of providers, one of them a local server with a script."""

    def __init__(self, *providers: Provider, ollama: Script | list[Script]) -> None:
        self.background = Background()
        transport = ScriptedTransport({"ollama": ollama})
        discovery = Discovery(providers, DIALECTS, transport, anyio.current_time)
        self.lineup = Lineup(providers, discovery, self.background, anyio.current_time)

    async def names(self, within: float = 60.0) -> tuple[list[str], float]:
        """The lanes, and how long it took to know them."""
        began = anyio.current_time()
        field = await self.lineup.known(within)
        return [lane.id for lane in field.lanes], round(anyio.current_time() - began, 9)


async def test_without_a_local_server_nothing_is_waited_for() -> None:
    """Remote lanes are known from the configuration."""
    scene = Scene(provider_of("a"), ollama=hangs())

    assert (["a/m"], 0.0) == await scene.names()


async def test_the_first_race_waits_for_a_server_that_answers_soon() -> None:
    """A tenth of a second here; then its models are in the field."""
    scene = Scene(provider_of("a"), LOCAL, ollama=[TAGS, LOADED])

    assert (["a/m", "ollama/small:latest"], 0.1) == await scene.names()
    assert 0.0 == (await scene.names())[1]


async def test_one_that_hangs_is_waited_for_once_and_not_long() -> None:
    """With others to run, a quarter of a second from the start, and never again."""
    scene = Scene(provider_of("a"), LOCAL, ollama=hangs())

    assert (["a/m"], 0.25) == await scene.names()
    assert (["a/m"], 0.0) == await scene.names()
    await scene.background.aclose()


async def test_alone_it_is_waited_for_longer_but_within_the_deadline() -> None:
    """There is nothing else to do, but the caller's deadline holds."""
    scene = Scene(LOCAL, ollama=hangs())

    assert ([], 1.0) == await scene.names(within=1.0)
    assert ([], 2.0) == await scene.names()
    await scene.background.aclose()


async def test_a_server_that_is_started_later_is_found() -> None:
    """While nothing was found, it is looked for again after a second."""
    scene = Scene(LOCAL, ollama=[REFUSED, TAGS, LOADED])

    assert ([], 0.0) == await scene.names()
    await anyio.sleep(1.5)
    assert (["ollama/small:latest"], 0.1) == await scene.names()


async def test_a_server_that_goes_is_noticed_beside_the_races() -> None:
    """After half a minute it is asked again, and no race waits for that."""
    scene = Scene(LOCAL, ollama=[TAGS, LOADED, REFUSED])
    await scene.names()
    await anyio.sleep(31)

    assert (["ollama/small:latest"], 0.0) == await scene.names()
    await anyio.sleep(0.1)
    assert [] == [lane.id for lane in scene.lineup.field.lanes]


async def test_after_a_long_pause_it_is_asked_first_what_is_in_memory() -> None:
    """A model that nobody has asked for five minutes has left it; who asks meanwhile does not wait."""
    loaded = answers(200, orjson.dumps({"models": [{"name": "small:latest"}]}))
    scene = Scene(LOCAL, ollama=[TAGS, loaded, TAGS, loaded, TAGS, LOADED])

    async def is_cold() -> list[bool]:
        return [lane.is_cold for lane in (await scene.lineup.known(60)).lanes]

    assert [False] == await is_cold()
    await anyio.sleep(200)
    assert [False] == await is_cold()
    await anyio.sleep(301)
    began = anyio.current_time()
    assert [True] == await is_cold()
    assert 0.1 == round(anyio.current_time() - began, 9)


async def test_a_model_that_has_answered_is_in_memory() -> None:
    """Until the server is asked again, it is what was seen last."""
    scene = Scene(LOCAL, ollama=[TAGS, LOADED])
    (lane,) = (await scene.lineup.known(60)).lanes
    assert lane.is_cold

    scene.lineup.warmed(lane)
    assert [False] == [each.is_cold for each in (await scene.lineup.known(60)).lanes]


async def test_a_model_of_a_silent_server_may_appear() -> None:
    """Nobody knows its models yet; those of one that answered are known."""
    scene = Scene(provider_of("a"), LOCAL, ollama=[TAGS, LOADED])

    assert scene.lineup.may_appear("ollama/anything")
    assert not scene.lineup.may_appear("a/anything")
    await scene.names()
    assert not scene.lineup.may_appear("ollama/anything")
