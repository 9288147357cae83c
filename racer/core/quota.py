"""The vocabulary of quotas: what is counted, and what a process and the store tell each other of it.

A meter is one counter: one limit, for the account, model or pool that it is counted for. A process takes a
lease from the store before it spends, so that the store, which all processes share, has always counted more
than was spent: live slots + leases <= limit, in every window and at every instant.

    Wish ──► store: is there room? ──► lease, held in memory ──► a call starts ──► Spend ──► a slot
                                            └── not needed any more ──► given back
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.latency import LaneStats
    from racer.core.span import Slot, Span

Teller = Literal["configured", "header", "error"]


@dataclass(frozen=True, slots=True)
class Meter:
    """One counter. `name` is its own in the store and everywhere it is shown.

    `account` is the account's or the pool's name, `model` the model's where the limit is the model's own,
    else empty. `span` is None where calls in flight are counted (unit `calls`, per `flight`): these
    come back when they end. `own`: the user wrote this limit, so only less than it is believed of others.
    """

    name: str
    provider: str
    account: str
    model: str
    unit: str
    per: str
    amount: float
    span: Span | None
    own: bool = True
    source: str = "configured"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a process wants leased: `need` for calls that wait, `ahead` for those to come, each of `size`."""

    meter: Meter
    need: float
    size: float
    ahead: float = 0.0


@dataclass(frozen=True, slots=True)
class Spend:
    """`used` is to be counted in `slot` (less than 0: taken off); `leased` of it leaves the lease."""

    meter: Meter
    slot: Slot
    used: float
    leased: float


@dataclass(frozen=True, slots=True)
class Truth:
    """What a provider said of a meter: `used` so far, the `limit`, when it is open again (`until`).

    None is what it did not say. `foreseen` is False where it refused a call that we thought had room.
    """

    meter: Meter
    teller: Teller
    used: float | None = None
    limit: float | None = None
    until: float | None = None
    foreseen: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What a process tells the store at once: `back` is what it gives back of its leases, by meter."""

    spends: tuple[Spend, ...] = ()
    back: tuple[tuple[Meter, float], ...] = ()
    wishes: tuple[Wish, ...] = ()
    truths: tuple[Truth, ...] = ()
    watched: tuple[Meter, ...] = ()

    def again(self) -> Report:
        """What can be told once more although it may have been heard: nothing of it makes room.

        Nobody knows then what is leased, so nothing is taken from that either.
        """
        spends = tuple(Spend(each.meter, each.slot, each.used, 0.0) for each in self.spends if each.used > 0)
        return Report(spends, (), self.wishes, self.truths, self.watched)


Spent = tuple[str, bool, int]  # of one race: its policy, whether it was answered, its extra requests


class Joined(NamedTuple):
    """What a process hears that joins those who share a store.

    `anchor` sets its clock, `learned` is what is known of lanes, `notice` is for people, where there is one.
    `spent` are the last races of all, the oldest first.
    """

    anchor: tuple[float, float]
    learned: Mapping[str, bytes]
    notice: str
    spent: Sequence[Spent]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a meter stood in the store: `used` in live slots, `leased` by all processes, of `limit`.

    `opens_at` is the first instant at which anything that is used now is free again; None where that never
    comes. `processes` is how many share the store now.
    """

    limit: float
    used: float
    leased: float
    opens_at: float | None
    processes: int = 1
    teller: Teller = "configured"

    @property
    def left(self) -> float:
        return max(0.0, self.limit - self.used - self.leased)


@dataclass(frozen=True, slots=True)
class Alert:
    """A share `level` of a limit is used, for the first time in its window; 1.0 is all of it.

    `kind` is reached, or unforeseen: a provider refused a call that we thought had room. `brief`: the
    window is shorter than an hour, so that this happens all day long.
    """

    meter: str
    kind: Literal["reached", "unforeseen"]
    level: float
    used: float
    limit: float
    resets_at: float | None = None
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Tidings:
    """What the store answers to a Report: what is leased now, by the meter's name, and how meters stand.

    `learned` is what is known now of the lanes whose attempts were told with it, from all processes.
    `anchor` is the clock that all of them use now: unix seconds, and the ticks that belong to them.
    """

    granted: Mapping[str, float] = field(default_factory=dict[str, float])
    standings: Mapping[str, Standing] = field(default_factory=dict[str, Standing])
    alerts: tuple[Alert, ...] = ()
    learned: Mapping[str, LaneStats] = field(default_factory=dict[str, "LaneStats"])
    anchor: tuple[float, float] | None = None
