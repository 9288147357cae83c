"""`racer demo`: races against simulated providers, with a live picture, a usage table and a summary."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from racer.cli.command import Command
from racer.cli.failure import DONE, LOST, words_of
from racer.errors import BadRequest, DeadlineExceeded, NoLanes, RaceLost, RacerError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from racer.cli.live import Watch
    from racer.cli.shell import Shell
    from racer.cli.tally import Tally
    from racer.core.facts import Observer
    from racer.core.options import Options
    from racer.sim import Profile, Simulator

ROUNDS = 6
MOST_ROUNDS = 100
LANES = 4
DEADLINE = 15.0
POLICIES: Mapping[Literal["all", "frugal", "one"], str] = {
    "all": "{lanes} lanes start together, the first valid reply wins.",
    "frugal": "the same prompts, one lane each, a second one when the first is late or fails.",
    "one": "the same prompts once more, one lane at a time, the next when it fails.",
}
PROMPTS = (
    "Why is the sky blue?",
    "Name three rivers.",
    "What is a prime number?",
    "Translate 'good morning' into Spanish.",
    "Who wrote Faust?",
    "Give me a haiku about rain.",
)

_DESCRIPTION = f"""\
See a race: simulated providers start on this machine, a few prompts are raced,
and the same prompts are then asked sparingly, and one lane at a time, for
comparison. Tables tell what each provider did and how long answers took.

It needs no key, no network and no configuration, uses none of yours, and ends
by itself: {ROUNDS} rounds take about half a minute."""

_EXAMPLES = """\
examples:
  racer demo
  racer demo --rounds 2          a short one
  racer demo --lanes 2           two lanes at once instead of four
  racer demo 2>/dev/null         the tables alone"""

_NEXT = """\
next:
  racer ask "Why is the sky blue?"    with Ollama, or a key such as GROQ_API_KEY
  racer ask --help                    what else it can do
  racer sim                           simulated providers for your own programs
  docs/cli.md, docs/configuration.md  all commands, and what racer.toml may say"""


def describe(parser: argparse.ArgumentParser) -> None:
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, metavar="N", help=f"how many prompts ({ROUNDS})"
    )
    parser.add_argument(
        "--lanes", type=int, default=LANES, metavar="N", help=f"how many run at once ({LANES})"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="other paces and texts from the same providers")


@dataclass(frozen=True, slots=True)
class Show:
    """One demo: what is simulated, how often, and where it is seen. `total` counts all of it."""

    profile: Profile
    rounds: int
    lanes: int
    shell: Shell
    watch: Watch
    total: Tally

    def prompts(self) -> list[str]:
        return [PROMPTS[number % len(PROMPTS)] for number in range(self.rounds)]


def run(arguments: argparse.Namespace, shell: Shell) -> int:
    from racer.cli import live
    from racer.cli.tally import Tally
    from racer.core.options import MOST_LANES
    from racer.sim import load_profile

    _check("--rounds", arguments.rounds, MOST_ROUNDS)
    _check("--lanes", arguments.lanes, MOST_LANES)
    profile = load_profile("demo")
    if arguments.seed is not None:
        profile = replace(profile, seed=arguments.seed)
    show = Show(profile, arguments.rounds, arguments.lanes, shell, live.watch(shell), Tally())
    try:
        tallies = asyncio.run(every_policy(show))
    finally:
        show.watch.close()
    _sum_up(show, tallies)
    return DONE if tallies["all"].races else LOST


COMMAND = Command("demo", "see a race, with simulated providers: no key, no network", describe, run)


def _check(option: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise BadRequest(f"{option} is {value}: use a whole number from 1 to {most}")


async def every_policy(show: Show) -> dict[str, Tally]:
    """Every prompt with each policy in turn. Raises RacerError where no port is to be had."""
    count = len(show.profile.providers)
    show.shell.say(f"{count} simulated providers on this machine: no key, no network.\n")
    tallies: dict[str, Tally] = {}
    for policy, words in POLICIES.items():
        show.shell.say(f"Policy {policy}: {words.format(lanes=show.lanes)}\n")
        options: Options = {"policy": policy, "lanes": show.lanes, "deadline": DEADLINE}
        tallies[policy] = await _all_prompts(show, options)
    return tallies


async def _all_prompts(show: Show, options: Options) -> Tally:
    """Every prompt once. The providers start afresh, so all policies meet the same paces and faults."""
    from racer.api import Racer
    from racer.cli.simulated import config_for
    from racer.cli.tally import Tally

    tally = Tally()
    async with AsyncExitStack() as stack:
        simulator = await _simulator(show.profile, stack)
        observers: list[Observer] = [show.watch, tally, show.total]
        racer = await stack.enter_async_context(Racer(config_for(simulator), observers=observers))
        for number, prompt in enumerate(show.prompts(), start=1):
            show.watch.title = f"{number}/{show.rounds} {prompt}"
            try:
                await racer.race(prompt, **options)
            except (RaceLost, DeadlineExceeded, NoLanes) as error:
                show.shell.say(words_of(error))
            show.shell.say("")
    return tally


async def _simulator(profile: Profile, stack: AsyncExitStack) -> Simulator:
    from racer.sim import Simulator

    try:
        return await stack.enter_async_context(Simulator(profile))
    except OSError as error:
        raise RacerError(f"the demo needs a port on 127.0.0.1 and gets none ({error.strerror})") from None


def _sum_up(show: Show, tallies: Mapping[str, Tally]) -> None:
    from rich.text import Text

    from racer.cli.console import publish
    from racer.cli.tables import comparison_table, usage_table

    show.shell.lay_out("What each provider did, in all of it:\n")
    publish(show.shell, lambda width: usage_table(show.total.uses, width=width))
    show.shell.lay_out("\nHow long an answer took:\n")
    publish(show.shell, lambda width: comparison_table(tallies, width=width))
    show.shell.lay_out("")
    publish(show.shell, lambda _: Text(verdict(tallies)))
    show.shell.lay_out(f"\n{_NEXT}")


def verdict(tallies: Mapping[str, Tally]) -> str:
    """What was measured, in words."""
    if not all(tally.races for tally in tallies.values()):
        return "Not enough races were won to compare the policies."
    slowest = {policy: f"{max(tally.races):.2f} s" for policy, tally in tallies.items()}
    requests = {policy: tally.requests for policy, tally in tallies.items()}
    return (
        f"One lane at a time, the slowest answer took {slowest['one']}. Racing all took it to "
        f"{slowest['all']}, for {requests['all']} requests instead of {requests['one']}; frugal, which asks "
        f"a second lane only when the first is late, to {slowest['frugal']} for {requests['frugal']}."
    )
