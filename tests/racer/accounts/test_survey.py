"""Which providers a command is about, and what local servers say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest

from racer.accounts.survey import narrowed, ollama_version, surveyed
from racer.errors import BadRequest
from racer.testing import (
    Script,
    ScriptedTransport,
    Step,
    VirtualLoop,
    answers,
    config_of,
    fails,
    hangs,
    provider_of,
)
from racer_adapters.errors import Kind, WireError
from tests.racer.accounts.rows import config_of_rows, row

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

LOCAL = replace(
    provider_of("box"), dialect="ollama", base_url="http://box.test", local=True, discover=True, models=()
)
TAGS = answers(200, orjson.dumps({"models": [{"name": "small"}]}))


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


def test_names_choose_providers() -> None:
    """In the order of the configuration, with the keys of theirs alone that are refused; none is all."""
    config = config_of_rows({"A_KEY": "changeme", "B_KEY": "changeme"}, a=row("a"), b=row("b"), c=row("c"))

    chosen = narrowed(config, ["c", "a"])

    assert [provider.name for provider in chosen.providers] == ["a", "c"]
    assert chosen.refused == ("a: A_KEY holds a placeholder, not a key",)
    assert narrowed(config, []) is config


@pytest.mark.parametrize(
    ("name", "hint"), [("grog", "did you mean groq?"), ("nobody", "`racer providers --all` lists them")]
)
def test_an_unknown_name_is_a_mistake(name: str, hint: str) -> None:
    """It is told with the nearest one, or where all of them are listed."""
    with pytest.raises(BadRequest, match=rf"'{name}' is no provider.*") as caught:
        narrowed(config_of("groq", "mistral"), [name])

    assert hint in str(caught.value)


async def test_local_servers_are_asked_what_they_have() -> None:
    """Their models are lanes; others come from the configuration."""
    config = replace(config_of("a"), providers=(LOCAL, provider_of("a")))

    field = await surveyed(config, ScriptedTransport({"box": TAGS}), patience=1.0)

    assert [lane.id for lane in field.lanes] == ["box/small", "a/m"]


async def test_a_server_that_hangs_is_not_waited_for_long() -> None:
    """After its patience is over, it is not there."""
    config = replace(config_of("a"), providers=(LOCAL, provider_of("a")))
    transport = ScriptedTransport({"box": hangs()})

    field = await surveyed(config, transport, patience=1.0)

    assert 1.0 == anyio.current_time()
    assert [(each.name, each.reason) for each in field.skipped] == [
        ("box", "nothing answers at http://box.test")
    ]
    assert 0 == transport.open


VERSIONS: list[tuple[Script | Sequence[Script], str]] = [
    (answers(200, b'{"version":"0.17.1"}'), "0.17.1"),
    (answers(200, b'{"version":7}'), ""),
    (answers(404, b"404 page not found"), ""),
    (answers(200, b"x" * 100_000), ""),
    (fails(WireError(Kind.CONNECT)), ""),
    (hangs(), ""),
    (Script((Step(0.5, b'{"version":'), Step(0.5, b'"0.1.0"}'))), "0.1.0"),
]


@pytest.mark.parametrize(("script", "version"), VERSIONS)
async def test_a_version_is_asked_for(script: Script, version: str) -> None:
    """Whatever the server says or does not, there is a text, and soon."""
    transport = ScriptedTransport({"box": script})

    assert version == await ollama_version(LOCAL, transport, patience=3.0)
    assert transport.requests[0].url == "http://box.test/api/version"
    assert 0 == transport.open
