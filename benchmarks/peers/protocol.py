"""What a child that races and its parent say to each other: a line of JSON each way. No package is needed.

The parent says what to do, the child does it and answers; one thing at a time.

| the parent | what the child does |
|---|---|
| `Open` | leaves the client that it has, and makes one over these lanes |
| `Race` | so many races, `at_once` at the same time, with that client, or each with a `fresh` one |
| `Cancel` | begins so many races, leaves them after `after` seconds, and waits for `settle` more |
| `Close` | leaves its client, and ends |
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

PROMPT = "Why is the sky blue?"


@dataclass(frozen=True)
class Lane:
    """`url` is the base URL of OpenAI's dialect. `limit`: requests of its (first) window, None: no limit."""

    name: str
    url: str
    limit: int | None = None


@dataclass(frozen=True)
class Open:
    lanes: tuple[Lane, ...]
    mode: str


@dataclass(frozen=True)
class Race:
    """`patience`: seconds after which a race is given up by its caller."""

    count: int
    at_once: int = 1
    fresh: bool = False
    patience: float = 30.0


@dataclass(frozen=True)
class Cancel:
    count: int
    after: float
    settle: float


@dataclass(frozen=True)
class Close:
    pass


Order = Open | Race | Cancel | Close
ORDERS: dict[str, type[Order]] = {"open": Open, "race": Race, "cancel": Cancel, "close": Close}


@dataclass(frozen=True)
class Hello:
    """What a child says first: CPU seconds and peak memory from the start to here, and what it imported."""

    cpu: float
    megabytes: float
    versions: dict[str, str]


@dataclass(frozen=True)
class Raced:
    """`seconds` of those that were answered; `replies` and `errors` by text and by class, with how many."""

    cpu: float
    wall: float
    seconds: list[float] = field(default_factory=list[float])
    replies: dict[str, int] = field(default_factory=dict[str, int])
    errors: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Cancelled:
    """`tasks`: those that live after all callers have left, and were not there before."""

    tasks: int


def order_line(order: Order) -> str:
    name = next(name for name, kind in ORDERS.items() if isinstance(order, kind))
    return json.dumps({"do": name, **asdict(order)}) + "\n"


def order_of(line: str) -> Order:
    told: dict[str, Any] = json.loads(line)
    kind = ORDERS[told.pop("do")]
    if kind is Open:
        told["lanes"] = tuple(Lane(**lane) for lane in told["lanes"])
    return kind(**told)


def answer_line(answer: Hello | Raced | Cancelled | None) -> str:
    return json.dumps(None if answer is None else asdict(answer)) + "\n"
