"""Races that were written down: which one is meant, and the last ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from racer.accounts.races import PROPOSED, Recent, Unclear, explained, recent
from racer.accounts.timeline import Timeline
from racer.config import compose
from racer.core.facts import RaceEnded, RaceStarted
from racer.core.heat import Ending
from racer.errors import StoreError
from racer.store.records import write
from racer.timepiece import Timepiece
from tests.core.lanes import lane
from tests.racer.accounts.ledgers import NOW, written

if TYPE_CHECKING:
    from pathlib import Path

    from racer.core.facts import Fact

CONFIG = compose({}, {}, {"RACER_DB": "racer.db"})
PIECE = Timepiece(lambda: NOW, lambda: 500.0, "this boot")
NAMES = ("aa1", "aa2", "bb1", "cc1", "dd1", "ee1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With six races, one after another; the last one runs."""
    facts: list[tuple[float, Fact]] = []
    for ago, name in zip(range(60, 0, -10), NAMES, strict=True):
        facts.append((NOW - ago, RaceStarted(name, "all", 4, 60.0, (lane("a/m"),))))
    for name in NAMES[:-1]:
        facts.append((NOW, RaceEnded(name, Ending.EXHAUSTED, 0.5, 0)))
    written(tmp_path / "racer.db", lambda connection: write(connection, 1, facts))
    return tmp_path


@pytest.mark.parametrize(("wanted", "name"), [(None, "ee1"), ("aa2", "aa2"), ("b", "bb1")])
def test_one_is_meant(wanted: str | None, name: str, folder: Path) -> None:
    """By its id, the beginning of it, or as the last one."""
    found = explained(wanted, CONFIG, folder, PIECE)

    assert isinstance(found, Timeline)
    assert found.race.id == name


def test_several_begin_so(folder: Path) -> None:
    """They are told, to choose among."""
    found = explained("aa", CONFIG, folder, PIECE)

    assert isinstance(found, Unclear)
    assert ([race.id for race in found.several], found.last, found.now) == (["aa1", "aa2"], (), NOW)


def test_none_begins_so(folder: Path) -> None:
    """Some of the last are told instead, the newest first."""
    found = explained("zz", CONFIG, folder, PIECE)

    assert isinstance(found, Unclear)
    assert [race.id for race in found.last] == list(reversed(NAMES))[:PROPOSED]
    assert found.several == ()


@pytest.mark.parametrize("wanted", [None, "aa"])
def test_none_is_written_down(wanted: str | None, tmp_path: Path) -> None:
    """Without a database, and in an empty one; none is made."""
    assert explained(wanted, CONFIG, tmp_path, PIECE) is None
    assert list(tmp_path.iterdir()) == []

    written(tmp_path / "racer.db", lambda _: None)
    assert explained(wanted, CONFIG, tmp_path, PIECE) is None


def test_the_last_ones(folder: Path) -> None:
    """The newest first, no more than are wanted, in plain values."""
    found = recent(CONFIG, folder, PIECE, most=2)

    document = found.to_dict()
    assert json.loads(json.dumps(document)) == document
    assert document["at"] == NOW
    assert [(each["race_id"], each["ending"]) for each in document["races"]] == [
        ("ee1", None),
        ("dd1", "exhausted"),
    ]
    assert [race.id for race in recent(CONFIG, folder, PIECE).races] == list(reversed(NAMES))


def test_no_last_ones(tmp_path: Path) -> None:
    """None, by the clock of the machine."""
    assert recent(CONFIG, tmp_path, PIECE) == Recent(NOW)


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    """And not taken for an empty one."""
    (tmp_path / "racer.db").write_bytes(b"no database " * 1000)

    with pytest.raises(StoreError, match="is damaged"):
        recent(CONFIG, tmp_path, PIECE)
