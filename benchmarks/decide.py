"""What it trades that `race` is decided by the first token and not by the first whole reply.

    python benchmarks/decide.py [--races 150]

Four lanes of one kind, whose first token, rate and length of answer are drawn. There are two simulators, each
in a process of its own, with the same seed: in race number n the same lanes draw the same in both. One is
asked with decide="reply", the other with decide="token", at the same time.

Seconds are those of the whole reply. Tokens are those that were made until the answer was there or its lane
was stopped: drawn here again from the seed, and ended when the simulator saw the client go. The bar: decided
by the first token, answers are of the usual length, and all lanes together make fewer tokens for each.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmarks.draws import Draws
from benchmarks.simulated import Simulated, simulator
from racer import Racer

if TYPE_CHECKING:
    from collections.abc import Sequence

    Decide = Literal["reply", "token"]

PROFILE = str(Path(__file__).parent / "profiles" / "stream.toml")
LANES = ("a", "b", "c", "d")
USUAL = 0.15  # so far from the mean of all answers counts as their length


@dataclass(frozen=True)
class Raced:
    """One race: seconds to its reply, its tokens, those of all four answers, and how many were made."""

    seconds: float
    tokens: int
    all_tokens: tuple[int, ...]
    made: int


async def raced(racer: Racer, draws: Draws, decide: Decide, number: int) -> Raced:
    began = time.perf_counter()
    reply = await racer.race(f"Question {number}: why is the sky blue?", decide=decide)
    seconds = time.perf_counter() - began
    drawn = await draws.last(len(LANES))
    won = next(each for each in drawn if each.provider == reply.provider)
    if won.tokens != reply.usage.output_tokens:
        raise RuntimeError("what is drawn here is not what the simulator drew")
    tokens = tuple(each.tokens for each in drawn)
    return Raced(seconds, won.tokens, tokens, sum(each.generated for each in drawn))


async def compare(one: Simulated, other: Simulated, races: int) -> bool:
    async with Racer(one.config(*LANES)) as first, Racer(other.config(*LANES)) as second:
        draws = Draws(one, PROFILE), Draws(other, PROFILE)
        pairs = [
            await asyncio.gather(
                raced(first, draws[0], "reply", number), raced(second, draws[1], "token", number)
            )
            for number in range(races)
        ]
    by_reply, by_token = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    row("reply", by_reply)
    row("token", by_token)
    usual = statistics.mean(tokens for each in by_reply for tokens in each.all_tokens)
    print(f"\n  the mean of all answers, won or lost: {usual:.0f} tokens")
    unbiased = abs(mean_tokens(by_token) / usual - 1) < USUAL
    thrifty = mean_made(by_token) < mean_made(by_reply)
    print(f"  {'met' if unbiased and thrifty else 'NOT MET'}: the usual length, and fewer tokens made")
    return unbiased and thrifty


def mean_tokens(races: Sequence[Raced]) -> float:
    return statistics.mean(each.tokens for each in races)


def mean_made(races: Sequence[Raced]) -> float:
    return statistics.mean(each.made for each in races)


def row(decide: Decide, races: Sequence[Raced]) -> None:
    seconds = sorted(each.seconds for each in races)
    p50, p95 = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.95)]
    tokens, made = mean_tokens(races), mean_made(races)
    print(f"  {decide:8}{p50:8.2f}{p95:8.2f}{tokens:16.0f}{made:22.0f}{made / tokens:20.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--races", type=int, default=150)
    given = parser.parse_args()
    print(f"python benchmarks/decide.py --races {given.races}")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    titles = f"{'p50 s':>8}{'p95 s':>8}{'tokens a reply':>16}{'tokens made for it':>22}{'made / had':>20}"
    print(f"  {'decide':8}{titles}")
    with simulator(PROFILE) as one, simulator(PROFILE) as other:
        good = asyncio.run(compare(one, other, given.races))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
