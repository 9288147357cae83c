"""Looking for models on scripted servers, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import orjson
import pytest

from racer.core.provider import Account, Provider
from racer.discovery import AGAIN_SECONDS, FRESH_SECONDS, LARGEST_LISTING, PATIENCE, Discovery
from racer.testing import Script, ScriptedTransport, Step, answers, fails, hangs
from racer_adapters import DIALECTS
from racer_adapters.errors import Kind, WireError
from racer_adapters.secret import Secret
from racer_adapters.types import Installed

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

KEY = "test-key-" + "x" * 12
CAN = ("json", "schema")


def server(name: str = "box", dialect: str = "ollama") -> Provider:
    return Provider(
        name, dialect, f"http://{name}.test", accounts=(Account(name),), local=True, discover=True
    )


def models(*names: str, after: float = 0.0) -> Script:
    """What Ollama says to /api/tags and to /api/ps."""
    return answers(200, orjson.dumps({"models": [{"name": name} for name in names]}), after=after)


class Look:
    """A Discovery of some servers, and the network that it asks."""

    def __init__(self, *providers: Provider, **scripts: Script | Sequence[Script]) -> None:
        self.transport = ScriptedTransport(scripts)
        now = asyncio.get_running_loop().time
        self.discovery = Discovery(providers, DIALECTS, self.transport, now)

    async def found(self) -> dict[str, tuple[Installed, ...] | None]:
        await self.discovery.look()
        assert self.transport.open == 0
        return self.discovery.found


# ---------------------------------------------------------------- what is found


async def test_what_is_installed_and_what_is_loaded() -> None:
    """Both of Ollama's lists, asked for in this order, below the base URL."""
    look = Look(server(), box=[models("a", "b"), models("b")])

    assert await look.found() == {
        "box": (Installed("b", loaded=True, can=CAN), Installed("a", loaded=False, can=CAN))
    }
    assert [(each.method, each.url) for each in look.transport.requests] == [
        ("GET", "http://box.test/api/tags"),
        ("GET", "http://box.test/api/ps"),
    ]


async def test_a_server_of_another_dialect() -> None:
    """LM Studio, llama.cpp and their like have one list."""
    look = Look(server(dialect="openai"), box=answers(200, b'{"data": [{"id": "m"}]}'))

    assert await look.found() == {"box": (Installed("m"),)}


async def test_a_server_that_cannot_say_what_is_loaded() -> None:
    """The second list only tells more: without it the models are there all the same."""
    for second in (answers(404), fails(WireError(Kind.RESET, "broke"))):
        look = Look(server(), box=[models("a"), second])
        assert await look.found() == {"box": (Installed("a", can=CAN),)}


async def test_all_servers_are_asked_at_once() -> None:
    """The slowest decides how long it takes, not the sum."""
    look = Look(
        server("one"),
        server("two"),
        one=[models("a", after=1.0), models()],
        two=[models("b", after=2.0), models()],
    )

    assert set(await look.found()) == {"one", "two"}
    assert anyio.current_time() == 2.0


async def test_headers_and_the_key_go_along() -> None:
    """A server behind a proxy may want either."""
    behind = replace(server(), accounts=(Account("box:KEY", Secret(KEY)),), headers={"x-team": "red"})
    look = Look(behind, box=models())
    await look.found()

    assert look.transport.requests[0].headers == {"x-team": "red", "authorization": f"Bearer {KEY}"}


# ---------------------------------------------------------------- what is not


async def test_nothing_installed_is_not_nobody_there() -> None:
    """An empty list is an answer."""
    assert await Look(server(), box=models()).found() == {"box": ()}


@pytest.mark.parametrize(
    "script",
    [
        fails(WireError(Kind.CONNECT, "no connection")),
        answers(500, b"broken"),
        answers(302, headers={"location": "http://elsewhere.test"}),
        Script((Step(0.0, b'{"models":'), Step(0.0, WireError(Kind.RESET, "broke")))),
        Script(tuple(Step(0.0, b" " * 65_536) for _ in range(LARGEST_LISTING // 65_536 + 1))),
    ],
    ids=["refused", "an error", "a redirect", "broken off", "too large"],
)
async def test_a_server_that_is_not_there_has_nothing(script: Script) -> None:
    """Whatever happens, looking never raises, and no time is lost."""
    assert await Look(server(), box=script).found() == {"box": None}
    assert anyio.current_time() == 0.0


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1, 2]", b'{"models": 5}', b'{"models": [{"name": 5}, null]}']
)
async def test_a_server_that_talks_nonsense_has_no_model(body: bytes) -> None:
    """It is there, and what it says names no model."""
    assert await Look(server(), box=answers(200, body)).found() == {"box": ()}


@pytest.mark.parametrize(
    "scripts",
    [[hangs()], [models("a"), hangs()], [Script((Step(2.0, b"["), Step(2.0, b"]")))]],
    ids=["at once", "at the second list", "drop by drop"],
)
async def test_a_server_that_hangs_is_given_up(scripts: list[Script]) -> None:
    """After three seconds in all."""
    assert await Look(server(), box=scripts).found() == {"box": None}
    assert anyio.current_time() == PATIENCE


async def test_one_bad_server_spoils_nothing() -> None:
    """Others are found beside it."""
    look = Look(server("bad"), server("good"), bad=hangs(), good=[models("a"), models()])

    assert await look.found() == {"bad": None, "good": (Installed("a", loaded=False, can=CAN),)}


# ---------------------------------------------------------------- who is asked


@pytest.mark.parametrize(
    "provider",
    [
        replace(server(), discover=False),
        replace(server(), enabled=False),
        replace(server(), accounts=()),
        replace(server(), unusable="the address needs HOST"),
    ],
    ids=["has its models in the row", "not enabled", "no key", "no address"],
)
async def test_who_is_not_asked(provider: Provider) -> None:
    """Only a server whose models are to be found and which could answer; else it is never time to look."""
    look = Look(provider)

    assert not look.discovery.is_stale
    assert await look.found() == {}


async def test_a_dialect_without_a_list_is_not_asked() -> None:
    """There is no address to ask at."""
    mute = {"mute": replace(DIALECTS["openai"], listing=None)}
    discovery = Discovery([server(dialect="mute")], mute, ScriptedTransport({}), lambda: 0.0)

    assert not discovery.is_stale
    await discovery.look()
    assert discovery.found == {}


# ---------------------------------------------------------------- when


async def test_it_is_time_at_first_and_not_while_one_looks() -> None:
    """Two looks at once would only ask the same twice."""
    look = Look(server(), box=[models("a", after=1.0), models()])
    assert look.discovery.is_stale

    async with anyio.create_task_group() as group:
        group.start_soon(look.found)
        await anyio.sleep(0.5)
        assert look.discovery.running
        assert not look.discovery.is_stale
    assert not look.discovery.running


@pytest.mark.parametrize(
    ("script", "fresh"),
    [
        ([models("a"), models()], FRESH_SECONDS),
        (models(), AGAIN_SECONDS),
        (fails(WireError(Kind.CONNECT, "no connection")), AGAIN_SECONDS),
    ],
    ids=["models", "no model", "nobody"],
)
async def test_when_it_is_time_again(script: Script | Sequence[Script], fresh: float) -> None:
    """Soon while nothing was found at all: the server may just be starting."""
    look = Look(server(), box=script)
    await look.found()

    await anyio.sleep(fresh)
    assert not look.discovery.is_stale
    await anyio.sleep(0.1)
    assert look.discovery.is_stale


async def test_what_was_found_holds_until_there_is_something_new() -> None:
    """Races go on with the models of the last look; after the next one, with its."""
    look = Look(server(), box=[models("a"), models(), models("b", after=1.0), models()])
    await look.found()

    async with anyio.create_task_group() as group:
        group.start_soon(look.found)
        await anyio.sleep(0.5)
        assert look.discovery.found == {"box": (Installed("a", loaded=False, can=CAN),)}
    assert look.discovery.found == {"box": (Installed("b", loaded=False, can=CAN),)}


async def test_a_look_that_is_cancelled_lets_the_next_one_start() -> None:
    """Nothing stays running, nothing open."""
    look = Look(server(), box=hangs())
    with anyio.move_on_after(0.5):
        await look.discovery.look()

    assert not look.discovery.running
    assert look.transport.open == 0
