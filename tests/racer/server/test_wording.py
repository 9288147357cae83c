"""No client is told of Python's options."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from racer.core.consequence import FOREVER
from racer.core.defeat import advice, broken, defeat, nobody
from racer.core.field import Skipped
from racer.core.heat import Ending
from racer.errors import NoLanes, RacerError
from racer.server.fault import refused
from racer.server.wording import for_clients, throughout
from racer.store.trouble import WORDS, trouble
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from racer.errors import StoreTrouble

NOW = 1_800_000_000.0
_OPTION = re.compile(r"\b(?:wait|deadline|valid|into|resume|only|exclude|private)\b=?(?:=| or | names|,)")


@pytest.mark.parametrize("kinds", [*combinations(Kind, 1), *combinations(Kind, 2)])
def test_advice(kinds: tuple[Kind, ...]) -> None:
    """Whatever all lanes failed with."""
    told = for_clients(advice(kinds))

    assert "=" not in told
    assert told.endswith((".", "?"))


SLOW = Skipped("a/m", "rate: slow down", NOW + 12)
BANNED = Skipped("a/m", "not in only", FOREVER)
ERRORS: dict[str, RacerError] = {
    "soon": nobody((), [SLOW], NOW + 12, NOW),
    "later": nobody((), [SLOW], NOW + 90, NOW),
    "tomorrow": nobody((), [SLOW], NOW + 86_400, NOW),
    "cannot": nobody((), [BANNED], None, NOW),
    "broken": broken("hel", (), [("a/m", WireError(Kind.RESET, "gone"))], resume=False, mends=True),
    "late": defeat(Ending.EXPIRED, (), (), 60.0),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    """The rest of the words, and every lane's reason, stay."""
    error = ERRORS[name]
    told = refused(error, NOW).message

    assert not _OPTION.search(told), told
    assert told.splitlines()[1:] == str(error).splitlines()[1:]
    assert told.splitlines()[0][:20] == str(error)[:20]
    assert not isinstance(error, NoLanes) or "a/m: " in told


@pytest.mark.parametrize("kind", WORDS)
def test_the_place_of_the_database(kind: StoreTrouble) -> None:
    """What is wrong is told, and where it lies is not."""
    place = Path("/home/some one/it (was opened)/racer.db")
    told = for_clients(f"  a/m: {trouble(kind, place, f'No such file: {place}')}\n  b/m: excluded")

    assert "some one" not in told
    assert "RACER_DB" not in told
    assert told.startswith("  a/m: the database ")
    assert told.endswith(": the server's log says more\n  b/m: excluded")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("no key: set GROQ_API_KEY or GROQ_KEY", "no key"),
        ("nothing answers at http://10.1.2.3:11434", "nothing answers"),
        ("no chat model is installed at http://10.1.2.3:11434", "no chat model is installed"),
        ("the address needs SOME_URL and OTHER, which the environment does not have", "not set up"),
        ("the header x-team needs TEAM, which the environment does not have", "not set up"),
        ("the address, with the environment filled in: http://box/x is no https address", "not set up"),
        ("OLLAMA_HOST is not an address", "not set up"),
        ('no model: add models = [{ name = "…" }] under [providers.x]', "no model"),
        ("the database was damaged: it lies at /a b/c now, and a new one was begun.",
         "the database was damaged, a new one was begun."),
        ("used up: 30 requests a minute", "used up: 30 requests a minute"),
    ],
)  # fmt: skip
def test_how_the_server_is_set_up(reason: str, told: str) -> None:
    """Neither variables nor addresses, in a text and anywhere in a document."""
    assert for_clients(f"  a: {reason}\n  b: no key") == f"  a: {told}\n  b: no key"
    assert throughout({"at": 1.5, "all": [{"reason": reason}, None]}) == {
        "at": 1.5, "all": [{"reason": told}, None],
    }  # fmt: skip


def test_nobody_is_set_up() -> None:
    """The advice is for whoever runs the server."""
    told = for_clients(str(nobody((), [], None, NOW)))

    assert "GROQ" not in told
    assert "racer providers" in told
