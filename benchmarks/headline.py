"""The part of the README that says what was measured: a few rows, and the plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.marked import table
from benchmarks.peers.cast import SINGLE
from benchmarks.peers.poison import right_of
from benchmarks.spread import Ratio, short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Results

# The columns: whose figures, and how they are called.
COLUMNS = (
    ("racer_client:frugal", "racer `frugal`"),
    ("racer_client:all", "racer `all`"),
    ("by_hand:stream", "aiohttp by hand"),
    ("openai_race:stream", "OpenAI SDK raced"),
    ("litellm_race:stream", "LiteLLM fastest response"),
    ("freelm_client:stream", "freelm"),
    ("freellmpool_client:whole", "freellmpool"),
)
NEEDED = ("peers", "poison", "leaks", "limits")
# The same clients when they are asked for whole replies; and where limits were tried in one way alone.
WHOLE = {
    f"{name}:stream": f"{name}:whole" for name in ("by_hand", "openai_race", "litellm_race", "freelm_client")
}
LIMITED = {**WHOLE, "racer_client:frugal": "racer_client:all"}


def part(results: Results) -> str | None:
    """None as long as something that it says was not measured."""
    if any(name not in results for name in NEEDED):
        return None
    speed = results["peers"].data
    shown = [(key, title) for key, title in COLUMNS if key in speed["scenarios"]["tail"]["peers"]]
    rows = [
        _row(
            "p99 beside one lane at a time, where eight answers in a hundred take ten times as long",
            shown,
            _tail(speed),
        ),
        _row("requests an answer there", shown, _requests(speed)),
        _row("CPU a race of four lanes alike, times by hand", shown, _cpu(speed)),
        _row(
            "the right answer beside a lane that answers badly; asked for streams, for whole replies",
            shown,
            _poison(results["poison"].data),
        ),
        _row("calls still open 0.1 s after the caller left", shown, _leaks(results["leaks"].data)),
        _row("calls that 20 callers make of a limit of 5", shown, _limits(results["limits"].data)),
    ]
    dates = sorted({results[name].date for name in NEEDED})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return (
        f"{PICTURE}\n\n{table(('', *(title for _, title in shown)), rows)}\n\n"
        f"Measured on {when} against the simulator by `./scripts/benchmarks`, on {results['peers'].machine}."
        " “–”: it has no limits. The peers that ask one lane after the other need fewer requests and less"
        " CPU, and have its slow answers. [benchmarks/RESULTS.md](benchmarks/RESULTS.md) has the rest:"
        " spreads, versions, whole days of requests, each way to answer badly."
    )


PICTURE = """<picture>
  <source media="(prefers-color-scheme: dark)" srcset="docs/pictures/tail-dark.svg">
  <img alt="Seconds to an answer by client: the middle one, the slowest of 20 and of 100; and the requests \
that each needs for it" \
src="docs/pictures/tail-light.svg">
</picture>"""


def _row(what: str, shown: list[tuple[str, str]], cells: Mapping[str, str]) -> tuple[str, ...]:
    return (what, *(cells.get(key, "–") for key, _ in shown))


def _tail(speed: Mapping[str, Any]) -> dict[str, str]:
    peers = speed["scenarios"]["tail"]["peers"]
    single = peers[SINGLE]["curve"][98]
    return {
        key: f"{short(seen['curve'][98] / single)} ({seen['curve'][98]:.1f} s)"
        for key, seen in peers.items()
        if seen["curve"]
    }


def _requests(speed: Mapping[str, Any]) -> dict[str, str]:
    return {key: short(seen["requests"]) for key, seen in speed["scenarios"]["tail"]["peers"].items()}


def _cpu(speed: Mapping[str, Any]) -> dict[str, str]:
    peers = speed["scenarios"]["even"]["peers"]
    return {key: short(Ratio.read(seen["cpu"]).middle) for key, seen in peers.items()}


def _poison(poison: Mapping[str, Any]) -> dict[str, str]:
    """In both ways, where a client has been asked in two."""
    return {key: "; ".join(_rights(poison, (key, WHOLE.get(key, key)))) for key, _ in COLUMNS}


def _rights(poison: Mapping[str, Any], keys: tuple[str, str]) -> list[str]:
    rights = [right_of(poison, key) for key in dict.fromkeys(keys)]
    return [f"{right} of {races}" for right, races in rights if races]


def _leaks(leaks: Mapping[str, Any]) -> dict[str, str]:
    return {key: f"{seen['running']} of {seen['asked']}" for key, seen in leaks["peers"].items()}


def _limits(limits: Mapping[str, Any]) -> dict[str, str]:
    found = {key: str(seen["burst"]) for key, seen in limits["peers"].items()}
    return found | {key: found[other] for key, other in LIMITED.items() if other in found}
