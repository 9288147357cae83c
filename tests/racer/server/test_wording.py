"""No client is told of Python's options."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from racer.core.consequence import FOREVER
from racer.core.defeat import advice, broken, defeat, nobody
from racer.core.field import Skipped
from racer.core.heat import Ending
from racer.errors import NoLanes, RacerError
from racer.server.fault import refused
from racer.server.wording import for_clients
from racer_adapters.errors import Kind, WireError

NOW = 1_800_000_000.0
_OPTION = re.compile(r"\b(?:wait|deadline|valid|into|resume|only|exclude|private)\b=?(?:=| or | names|,)")


@pytest.mark.parametrize("kinds", [*combinations(Kind, 1), *combinations(Kind, 2)])
def test_advice(kinds: tuple[Kind, ...]) -> None:
    """Whatever all lanes failed with."""
    told = for_clients(advice(kinds))

    assert "=" not in told
    assert told.endswith((".", "?"))


SLOW = Skipped("a/m", "rate: slow down", NOW + 12)
BANNED = Skipped("a/m", "cannot do tools", FOREVER)
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
