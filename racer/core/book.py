"""The book of one race: what each lane that ran has done, each attempt written down exactly once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from racer.core.facts import RaceEnded
from racer.core.heat import Outcome
from racer.core.reply import Attempt, Reply
from racer.core.tax import tax_of
from racer.core.tokens import prompt_tokens, usage_of
from racer_adapters.assembly import Assembly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer.core.heat import Ending, Heat
    from racer.core.lead import Lead
    from racer.core.provider import Lane
    from racer_adapters.dialect import Event
    from racer_adapters.errors import WireError
    from racer_adapters.types import Answer, Call, Usage


class Run:
    """One lane at work: what has arrived of its reply, and when. Instants are on the race's clock.

    `lead` is there where what comes can decide the race. `held`: seconds in which the lane had to wait for a
    reader. `resumed_at`: how many characters the reader had already when it started. `extra`: how many tokens
    it was told beside the question. `checked`: it is whole, and the caller's checks look at it. `forced`: it
    was to rest, and nobody else was left.
    """

    __slots__ = (
        "assembly",
        "checked",
        "dropped",
        "extra",
        "first_token_at",
        "forced",
        "headers",
        "held",
        "lane",
        "lead",
        "number",
        "resumed_at",
        "seen",
        "started",
    )

    def __init__(
        self,
        number: int,
        lane: Lane,
        started: float,
        lead: Lead | None = None,
        resumed_at: int | None = None,
        extra: int = 0,
    ) -> None:
        self.number = number
        self.lane = lane
        self.started = started
        self.lead = lead
        self.resumed_at = resumed_at
        self.extra = extra
        self.checked = self.forced = False
        self.held = 0.0
        self.first_token_at: float | None = None
        self.assembly = Assembly()
        self.seen = 0
        self.dropped: tuple[str, ...] = ()
        self.headers: Mapping[str, str] | None = None

    def receive(self, events: Sequence[Event]) -> None:
        """Take events in order. Raises the WireError among them, or what makes the lane turn bad."""
        try:
            self.assembly.add(events)
        finally:
            if self.lead is not None:
                self.lead.add(events)

    def answer(self) -> Answer:
        """What it has said, behind what it goes on with."""
        answer = self.assembly.answer()
        return answer if self.lead is None else self.lead.joined(answer)

    def progress(self) -> bool:
        """Whether a piece of the reply has come since this was asked last."""
        if self.assembly.pieces == self.seen:
            return False
        self.seen = self.assembly.pieces
        return True


class Book:
    """`began` is the instant at which the race began; `created` the second of the wall clock, for replies."""

    def __init__(self, race_id: str, call: Call, *, began: float, created: int) -> None:
        self._race_id = race_id
        self._call = call
        self._asked = prompt_tokens(call)
        self._began = began
        self._created = created
        self._attempts: dict[int, Attempt] = {}
        self._lanes: dict[int, Lane] = {}
        self._continued: list[Run] = []
        self.reasons: list[tuple[str, WireError]] = []
        self.winner: Lane | None = None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """In the order in which they started."""
        return tuple(self._attempts[number] for number in sorted(self._attempts))

    def knows(self, run: Run) -> bool:
        return run.number in self._attempts

    def write(self, run: Run, outcome: Outcome, now: float, error: WireError | None = None) -> Attempt:
        """The end of `run` at `now`."""
        assert not self.knows(run), "an attempt ends once"
        if error is not None:
            self.reasons.append((run.lane.id, error))
        if outcome is Outcome.WON:
            self.winner = run.lane
        self._lanes[run.number] = run.lane
        lane, reason, status = run.lane, None, None
        if error is not None:
            reason, status = str(error), error.status
        # By their places: names cost as much again as all the rest.
        attempt = self._attempts[run.number] = Attempt(
            lane.id, lane.provider.name, lane.model.name,
            run.started - self._began, now - run.started - run.held,
            outcome, reason, status, self._first_token(run, run.started), self._used_by(run),
            run.resumed_at, self._call.stream, run.forced,
        )  # fmt: skip
        return attempt

    def closed(
        self, ending: Ending, now: float, heat: Heat, rest: Callable[[Lane, float], float], deadline: float
    ) -> RaceEnded:
        """The race is over since `now`. `rest`: how much longer a lane takes that is stopped at an age."""
        latency, won = now - self._began, self.winner is not None
        ran = [(self._lanes[number], self._attempts[number]) for number in sorted(self._attempts)]
        tax = tax_of(ran, latency, won=won, deadline=deadline, rest=rest)
        kept_out = tuple(heat.kept_out.items())
        how = (heat.starts, self.winner, kept_out, heat.due, tax, heat.charged)
        return RaceEnded(self._race_id, ending, latency, *how)

    def continue_after(self, run: Run) -> None:
        """`run` has failed, and what it said is the beginning of the reply."""
        self._continued.append(run)

    def reply(self, run: Run, now: float, attempts: tuple[Attempt, ...] = ()) -> Reply:
        """What `run` has answered, as a reply complete at `now`."""
        answer, lane = run.answer(), run.lane
        first = self._continued[0] if self._continued else run
        return Reply(
            answer.text, lane.provider.name, lane.model.name, self._usage(run),
            now - self._began, self._race_id, answer.tool_calls, answer.finish_reason,
            self._first_token(first, self._began), answer.reasoning, None, False, attempts, self._created,
        )  # fmt: skip

    def _usage(self, run: Run) -> Usage:
        """Of all whose words are in the reply."""
        known = self._attempts.get(run.number)
        own = (known and known.usage) or self._used_by(run)
        for other in self._continued:
            own = _sum(own, self._used_by(other))
        return own

    def _used_by(self, run: Run) -> Usage:
        return usage_of(run.assembly.answer(), self._asked + run.extra)

    def _first_token(self, run: Run, since: float) -> float | None:
        """A reply that came in one piece has none."""
        if run.first_token_at is None or not self._call.stream:
            return None
        return run.first_token_at - since


def _sum(one: Usage, other: Usage) -> Usage:
    return replace(
        one,
        input_tokens=one.input_tokens + other.input_tokens,
        output_tokens=one.output_tokens + other.output_tokens,
        estimated=one.estimated or other.estimated,
        neurons=_added(one.neurons, other.neurons),
        usd=_added(one.usd, other.usd),
    )


def _added(one: float | None, other: float | None) -> float | None:
    return one if other is None else other + (one or 0.0)
