"""The jobs of benchmarks/jobs.py: towns of every kind, and limits that end in the middle. Pure."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import NamedTuple, get_args

from benchmarks.sites import LENGTHS_VARY, MIDNIGHT, Quota, Site, Town, Turn

HOUR, DAY = 3600.0, 86_400.0
LONG: tuple[tuple[str, Turn], ...] = (("hour", "rolling"), ("day", "calendar"), ("day", "rolling"))
LATE = 60.0  # seconds after a reset: by then the job has gone on


def six(seed: int, prompts: int, lengths: float = LENGTHS_VARY) -> Town:
    """Six sites, as free tiers and a machine of one's own are; each figure is drawn around its own."""
    chance = random.Random(seed)

    def about(value: float, by: float = 0.3) -> float:
        return value * math.exp(chance.uniform(-by, by))

    def quota(amount: float, per: str, turn: Turn, hour: int = 0) -> Quota:
        return Quota(round(about(amount)), per, turn, hour)

    sites = (
        Site("swift", about(0.2), 0.2, about(350), 8, tail=0.03, failing=0.01,
             quotas=(quota(20, "minute", "rolling"), quota(300, "day", "calendar"))),
        Site("wide", about(0.5), 0.25, about(110), 4, 429, tail=0.03, failing=0.02, mute=0.002,
             quotas=(quota(40, "minute", "bucket"),)),
        Site("own", about(0.3), 0.1, about(50), 2, "queue", told=True, failing=0.002),
        Site("slow", about(1.2), 0.4, about(50), 6, 503, tail=0.05, failing=0.06, mute=0.005,
             quotas=(quota(25, "minute", "first"),)),
        Site("small", about(0.4), 0.3, about(190), 10, tail=0.03, failing=0.02,
             quotas=(quota(10, "minute", "calendar"), quota(130, "day", "rolling"))),
        Site("busy", about(0.8), 0.3, about(60), 3, 429, tail=0.04, failing=0.03, mute=0.002,
             quotas=(quota(25, "minute", "calendar"),)),
    )  # fmt: skip
    down = chance.sample(range(len(sites)), 2)
    spans = {each: _outage(chance, 25 * 60.0) for each in down}
    placed = [replace(site, outages=spans.get(number, ())) for number, site in enumerate(sites)]
    return Town(tuple(placed), prompts, seed, MIDNIGHT + chance.uniform(2, 14) * HOUR, lengths)


def _outage(chance: random.Random, within: float) -> tuple[tuple[float, float], ...]:
    begins = chance.uniform(0.1, 1) * within
    return ((begins, begins + chance.uniform(3, 10) * 60),)


# ---------------------------------------------------------------- plans


class Planned(NamedTuple):
    town: Town
    known: tuple[str, ...]


def planned(number: int) -> Planned:
    """A job of any size, over one to eight sites. Of three in five, limits of hours or days are too small."""
    chance = random.Random(f"plan {number}")
    prompts = round(math.exp(chance.uniform(math.log(50), math.log(5000))))
    count = chance.randint(1, 8)
    scarce = chance.uniform(0.15, 0.8) if chance.random() < 0.6 else 0.0
    sites = tuple(_any_site(chance, f"site{each}", scarce * prompts / count) for each in range(count))
    names = [site.name for site in sites]
    known = names if number % 4 == 0 else names[: count // 2] if number % 4 == 1 else []
    start = MIDNIGHT + chance.uniform(0, DAY)
    town = Town(sites, prompts, number, start, chance.uniform(0.2, 0.8))
    return Planned(town, tuple(known))


def _any_site(chance: random.Random, name: str, share: float) -> Site:
    """`share`: about how many requests its long limit has in a window; 0: it has none."""
    quotas: list[Quota] = []
    if chance.random() < 0.7:
        turn = chance.choice(get_args(Turn))
        quotas.append(Quota(chance.choice((5, 10, 15, 20, 30, 60)), "minute", turn))
    if share:
        per, turn = chance.choice(LONG)
        amount = max(5, round(share * chance.uniform(0.5, 1.5)))
        quotas.append(Quota(amount, per, turn, chance.choice((0, 8))))
    begins = chance.uniform(0, 2 * HOUR)
    outage = (begins, begins + chance.uniform(3, 30) * 60)
    return Site(
        name,
        first=math.exp(chance.uniform(math.log(0.15), math.log(1.5))),
        spread=chance.uniform(0.1, 0.5),
        rate=math.exp(chance.uniform(math.log(30), math.log(400))),
        at_once=chance.choice((1, 2, 4, 8, 16)),
        crowded=chance.choice(("queue", 429, 503)),
        told=chance.random() < 0.5,
        tail=chance.uniform(0, 0.06),
        failing=chance.uniform(0, 0.08),
        mute=chance.uniform(0, 0.004),
        quotas=tuple(quotas),
        outages=(outage,) if chance.random() < 0.25 else (),
    )


# ---------------------------------------------------------------- ends


class Case(NamedTuple):
    """A limit that is too small for the job, which begins at `hour` UTC."""

    name: str
    quotas: tuple[Quota, ...]
    hour: float
    sites: int = 2
    prompts: int = 500


CASES = (
    Case("a day, from midnight", (Quota(150, "day", "calendar"),), 21.5),
    Case("a day, from 08:00", (Quota(150, "day", "calendar", 8),), 6.0),
    Case("any 24 hours", (Quota(200, "day", "rolling"),), 12.0),
    Case("any hour", (Quota(120, "hour", "rolling"),), 3.0),
    Case("an hour, from a call", (Quota(120, "hour", "first"),), 3.0),
    Case("a minute and a day", (Quota(10, "minute", "bucket"), Quota(150, "day", "calendar")), 22.0, 3),
    Case("minutes of the clock", (Quota(20, "minute", "calendar"),), 9.99, 1, 150),
)


def town_of(case: Case) -> Town:
    sites = tuple(
        Site(f"site{each}", 0.4, 0.2, 100, 8, quotas=case.quotas, tail=0.02) for each in range(case.sites)
    )
    return Town(sites, case.prompts, 1, MIDNIGHT + case.hour * HOUR)


def opens(case: Case) -> tuple[float, float]:
    """When the longest window opens again, in seconds since the start, and until when a job has to go on.

    What is used of a stretch that may lie anywhere is known to a sixtieth of its length.
    """
    quota = max(case.quotas, key=lambda each: each.seconds)
    start = MIDNIGHT + case.hour * HOUR
    if quota.turn == "calendar" and quota.per == "day":
        reset = quota.window_of(start)[1] - start
        return reset, reset + LATE
    return (0.0 if quota.turn == "calendar" else quota.seconds), quota.seconds * (1 + 1 / 60) + LATE
