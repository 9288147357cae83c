"""What the plots of the page draw, taken from a report's document: as few dots as the eye can use. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Figures = Mapping[str, Any]

T = TypeVar("T")
MOST_DOTS = 4_000
MOST_CROSSES = 1_000
MOST_RACES = 600
ROW = (
    "kind", "name", "asked", "answered", "latency", "first_token", "error_rate", "requests_per_answer",
)  # fmt: skip
TRACK = {
    "lane": "lane",
    "start": "start",
    "latency": "latency",
    "outcome": "outcome",
    "reason": "reason",
    "status": "status",
    "first": "first_token",
}


def drawn(document: Figures) -> dict[str, Any]:
    """Rows by number, answers as dots, failures as crosses, and races with their tracks."""
    rows = document["rows"]
    ids = {(row["kind"], row["name"]): number for number, row in enumerate(rows)}
    samples = [each for each in document["samples"] if each["round"] >= 0]
    known = [(ids[key], each) for each in samples if (key := (each["kind"], each["contender"])) in ids]
    failed = [(of, each) for of, each in known if each["outcome"] not in ("answered", "kept_out")]
    return {
        "rows": [{"id": number, **{name: row[name] for name in ROW}} for number, row in enumerate(rows)],
        "answers": dots([(of, each) for of, each in known if each["outcome"] == "answered"], len(rows)),
        "failures": [
            {"of": of, "at": each["at"], "outcome": each["outcome"]}
            for of, each in spread(failed, MOST_CROSSES)
        ],
        "races": [race(each) for each in spread(raced(samples), MOST_RACES)],
    }


def dots(answers: Sequence[tuple[int, Figures]], contenders: int) -> list[dict[str, Any]]:
    """Every contender has the same room. Of more, those at even steps from its fastest to its slowest."""
    room = max(2, MOST_DOTS // max(contenders, 1))
    by_contender: dict[int, list[Figures]] = {}
    for of, answer in answers:
        by_contender.setdefault(of, []).append(answer)
    return [
        {"of": of, "at": each["at"], "took": each["took"], "first": each["first_token"]}
        for of, mine in by_contender.items()
        for each in spread(sorted(mine, key=lambda answer: answer["took"]), room)
    ]


def raced(samples: Sequence[Figures]) -> list[Figures]:
    return [each for each in samples if each["kind"] == "policy" and each["attempts"]]


def race(sample: Figures) -> dict[str, Any]:
    tracks = [{ours: attempt[theirs] for ours, theirs in TRACK.items()} for attempt in sample["attempts"]]
    return {
        "policy": sample["contender"],
        "round": sample["round"],
        "outcome": sample["outcome"],
        "took": sample["took"],
        "attempts": tracks,
    }


def spread(things: Sequence[T], most: int) -> Sequence[T]:
    """At most `most` of them at even steps, the first and the last among them."""
    if len(things) <= most:
        return things
    step = (len(things) - 1) / (most - 1)
    return [things[round(number * step)] for number in range(most)]
