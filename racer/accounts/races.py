"""Races that were written down: the one that is meant, as a timeline, and the last ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from racer.accounts.ledger_file import file_of, read
from racer.accounts.timeline import entry, timeline_of
from racer.store import readings

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from racer.accounts.timeline import Timeline
    from racer.config import Config
    from racer.store.readings import Race, Story
    from racer.timepiece import Timepiece

PROPOSED = 5
SHOWN = 50


class Found(NamedTuple):
    """A race with its lanes. `now` in unix seconds."""

    now: float
    story: Story


class Unclear(NamedTuple):
    """No one race is meant: `several` begin so. Where none does: the `last` ones, the newest first."""

    now: float
    several: tuple[Race, ...] = ()
    last: tuple[Race, ...] = ()


class Recent(NamedTuple):
    """The newest race first. `now` in unix seconds."""

    now: float
    races: tuple[Race, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, those of a race as in its timeline."""
        return {"at": self.now, "races": [entry(race, self.now) for race in self.races]}


def explained(
    wanted: str | None, config: Config, folder: Path, piece: Timepiece
) -> Timeline | Unclear | None:
    """The race whose id `wanted` is, or begins; the last one for None. None where no race is written down.

    `folder` is where a relative path of the database begins. Reads the disk, and waits for it. Raises
    ConfigError and StoreError.
    """
    return told(read(file_of(config, folder), partial(looked_up, wanted=wanted), piece), config)


def told(found: Found | Unclear | None, config: Config) -> Timeline | Unclear | None:
    """A race that was looked up, as its timeline."""
    return timeline_of(found.story, config.providers, found.now) if isinstance(found, Found) else found


def looked_up(connection: sqlite3.Connection, now: float, *, wanted: str | None) -> Found | Unclear | None:
    """Runs in a transaction that its caller holds. None where no race is written down at all."""
    story = readings.race(connection, wanted)
    if story is not None:
        return Found(now, story)
    last = readings.races(connection, PROPOSED)
    if not last or wanted is None:
        return None
    stories = [readings.race(connection, id_) for id_ in readings.race_ids(connection, wanted)]
    several = tuple(story.race for story in stories if story is not None)
    return Unclear(now, several) if several else Unclear(now, last=tuple(last))


def recent(config: Config, folder: Path, piece: Timepiece, *, most: int = SHOWN) -> Recent:
    """The last races, at most so many. Reads the disk, as `explained` does."""
    found = read(file_of(config, folder), partial(latest, most=most), piece)
    return Recent(piece.wall()) if found is None else found


def latest(connection: sqlite3.Connection, now: float, *, most: int) -> Recent:
    """Runs in a transaction that its caller holds."""
    return Recent(now, tuple(readings.races(connection, most)))
