"""What is known of a bench before anything is sent: who takes part, and whether its limits have room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from racer.accounts.survey import surveyed
from racer.api import ledger_of, store_of
from racer.bench.afford import holdings, objections, usage_of, waits
from racer.bench.contest import contest_of
from racer.bench.entry import entrants_of, lanes_for
from racer.core.tokens import prompt_tokens
from racer.errors import BadRequest
from racer.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.bench.contest import Contest, Terms
    from racer.bench.prompts import Question
    from racer.config import Config
    from racer.core.field import Field
    from racer.core.provider import Lane
    from racer.core.rank import Wishes
    from racer.exchange import Transport as TransportPort

LOOK = 3.0  # seconds for local servers to say what they have


@dataclass(frozen=True, slots=True)
class Opening:
    """`waits` says which limits the bench will wait for; `notes` are for the report."""

    contest: Contest
    lanes: tuple[Lane, ...]
    waits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_metered(self) -> bool:
        """Does anybody count what it sends?"""
        return any(not lane.provider.local for lane in self.lanes)


async def opening_of(
    config: Config,
    terms: Terms,
    questions: Sequence[Question],
    wishes: Wishes,
    patience: float,
    transport: TransportPort | None = None,
) -> Opening:
    """Nobody is asked but local servers for their models. Raises BadRequest where it cannot begin."""
    lanes, notes = _lanes(await _field(config, transport), config, questions, wishes)
    contest = contest_of(entrants_of(lanes, config.race.local_lanes), terms)
    for provider in contest.cut:
        notes.append(f"{provider} takes no part: {terms.budget} requests are not enough for a round")
    if not contest.entrants:
        raise BadRequest(f"a budget of {terms.budget} requests is not enough for a single round of anybody")
    notes += _shortened(contest, terms)
    taking = {each.lane for each in contest.entrants}
    lanes = tuple(lane for lane in lanes if lane.id in taking)
    return Opening(contest, lanes, await _waits(config, contest, lanes, questions, patience), tuple(notes))


async def _field(config: Config, transport: TransportPort | None) -> Field:
    if transport is not None:
        return await surveyed(config, transport, patience=LOOK)
    async with Transport(spares=False) as network:
        return await surveyed(config, network, patience=LOOK)


def _lanes(
    field: Field, config: Config, questions: Sequence[Question], wishes: Wishes
) -> tuple[tuple[Lane, ...], list[str]]:
    """With the reasons of those that could not answer every prompt."""
    lanes, skipped = lanes_for(field, config, [each.call() for each in questions], wishes)
    unwanted = ("not in only", "excluded")
    notes = [f"{each.name} takes no part: {each.reason}" for each in skipped if each.reason not in unwanted]
    return lanes, notes


def _shortened(contest: Contest, ordered: Terms) -> list[str]:
    """What of the rounds that were ordered there is no room for, of whom."""
    rounds, budget = contest.terms.rounds, f"{ordered.budget} requests"
    found: list[str] = []
    if rounds < ordered.rounds:
        fewer = f"{_rounds(rounds)} in place of {ordered.rounds}"
        found.append(f"{fewer}: {budget} for each provider are not enough for more")
    for provider, share in contest.shares.items():
        if share < rounds:
            found.append(
                f"{provider} takes part in {share} of {_rounds(rounds)}: {budget} are not enough for more"
            )
    if contest.raced < rounds and contest.terms.policies:
        found.append(
            f"policies race in the first {_rounds(contest.raced)}, those in which all providers take part"
        )
    return found


def _rounds(count: int) -> str:
    return f"{count:,} round{'' if count == 1 else 's'}"


async def _waits(
    config: Config, contest: Contest, lanes: Sequence[Lane], questions: Sequence[Question], patience: float
) -> tuple[str, ...]:
    calls = [each.call() for each in questions]
    bounds = [each.max_tokens for each in calls if each.max_tokens is not None]
    most = max(bounds) if len(bounds) == len(calls) else None
    usage = usage_of(max(map(prompt_tokens, calls)), most)
    ledger = ledger_of(config, store_of(config), lambda _: None)
    ledger.open(lanes)
    try:
        held = await holdings(ledger, lanes, usage, patience)
    finally:
        await ledger.aclose()
    if said := objections(contest, held):
        raise BadRequest("\n  ".join(["this bench may use up a limit; nothing was sent.", *said]))
    return tuple(waits(contest, held))
