"""The book of one race: what each lane that ran has done, each attempt written down exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from racer.core.heat import Outcome
from racer.core.reply import Attempt, Reply
from racer.core.tokens import prompt_tokens, usage_of
from racer_adapters.assembly import Assembly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.core.provider import Lane
    from racer_adapters.errors import WireError
    from racer_adapters.types import Call


class Run:
    """One lane at work: what has arrived of its reply, and when. Instants are on the race's clock."""

    __slots__ = ("assembly", "dropped", "first_token_at", "headers", "lane", "number", "seen", "started")

    def __init__(self, number: int, lane: Lane, started: float) -> None:
        self.number = number
        self.lane = lane
        self.started = started
        self.first_token_at: float | None = None
        self.assembly = Assembly()
        self.seen = 0
        self.dropped: tuple[str, ...] = ()
        self.headers: Mapping[str, str] | None = None

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
        attempt = self._attempts[run.number] = Attempt(
            lane=run.lane.id,
            provider=run.lane.provider.name,
            model=run.lane.model.name,
            start=run.started - self._began,
            latency=now - run.started,
            outcome=outcome,
            reason=str(error) if error else None,
            status=error.status if error else None,
            first_token=self._first_token(run, run.started),
            usage=usage_of(run.assembly.answer(), self._asked),
        )
        return attempt

    def reply(self, run: Run, now: float) -> Reply:
        """What `run` has answered, as a reply complete at `now`."""
        answer = run.assembly.answer()
        return Reply(
            text=answer.text,
            reasoning=answer.reasoning,
            tool_calls=answer.tool_calls,
            finish_reason=answer.finish_reason,
            provider=run.lane.provider.name,
            model=run.lane.model.name,
            usage=usage_of(answer, self._asked),
            latency=now - self._began,
            first_token=self._first_token(run, self._began),
            race_id=self._race_id,
            created=self._created,
        )

    def _first_token(self, run: Run, since: float) -> float | None:
        """A reply that came in one piece has none."""
        if run.first_token_at is None or not self._call.stream:
            return None
        return run.first_token_at - since
