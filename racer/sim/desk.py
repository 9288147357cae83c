"""The mind of one provider: request, time and chance in, decision out. It keeps the provider's state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from racer.sim.answer import compose
from racer.sim.exchange import Ask, Moment, Refusal, Reply, Turn
from racer.sim.fault import choose
from racer.sim.jobs import Jobs
from racer.sim.loaded import Loaded
from racer.sim.profile import Pace, draw_pace
from racer.sim.quota import Gate
from racer.sim.script import healthy_script, reply_script
from racer.sim.spoil import spoiled_script
from racer.sim.wire import WIRES

if TYPE_CHECKING:
    from racer.sim.counters import Outcome
    from racer.sim.exchange import Answer, Errand, Request, Wire
    from racer.sim.fault import Fault
    from racer.sim.profile import Chance, Profile, Provider
    from racer.sim.quota import Closed, Use
    from racer.sim.script import Script

Draw = Callable[[int], "Chance"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The script to play and what it counts as when it is played to its end.

    account  whose place among the parallel requests it takes; None: it takes none
    job      what has become of a job by it
    """

    script: Script
    outcome: Outcome
    fault: str | None = None
    account: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    job: Literal["jobs", "cancelled"] | None = None


class Desk:
    """Call `leave` once for each decision with an account, when its script is over or its client gone."""

    def __init__(self, profile: Profile, provider: Provider) -> None:
        self.provider = provider
        self._profile = profile
        self._wires = WIRES[provider.dialect]
        self._gate = Gate(provider.limits)
        self._loaded = Loaded(provider)
        self._jobs = Jobs()
        self._open: dict[str, int] = {}
        self._serial = 0
        self._admitted = 0

    def decide(self, request: Request, now: float, draw: Draw) -> Decision:
        """`now`: seconds of Unix time. `draw` gives the chance of the n-th request that is let in."""
        self._serial += 1
        origin = f"http://{request.headers.get('Host', '')}/{self.provider.name}"
        moment = Moment(self.provider, self._serial, now, self._loaded.models(now), origin=origin)
        if (errand := self._errand(request)) is not None:
            return self._run(*errand, moment)
        wire, found = self._read(request, moment)
        if isinstance(found, Reply):
            return Decision(reply_script(found), "completed")
        if isinstance(found, Refusal):
            return _refused(wire, found, moment)
        return self._answer(wire, found, moment, draw)

    def is_errand(self, request: Request) -> bool:
        """Whether it asks nothing: it is about a job that was made before."""
        return self._errand(request) is not None

    def leave(self, account: str) -> None:
        self._open[account] -= 1

    def uses(self, now: float) -> tuple[Use, ...]:
        return self._gate.uses(now)

    def reset(self) -> None:
        """Forget what the limits have counted."""
        self._gate.clear()

    def _read(self, request: Request, moment: Moment) -> tuple[Wire, Ask | Reply | Refusal]:
        for wire in self._wires:
            found = wire.read(request, moment)
            if found is not None:
                return wire, found
        return self._wires[0], Refusal("no_route")

    def _errand(self, request: Request) -> tuple[Wire, Errand] | None:
        found = ((wire, wire.errand(request)) for wire in self._wires if wire.errand is not None)
        return next(((wire, errand) for wire, errand in found if errand is not None), None)

    def _run(self, wire: Wire, errand: Errand, moment: Moment) -> Decision:
        try:
            known = self._jobs.owner(errand.job) == errand.key
        except KeyError:
            return _refused(wire, Refusal("no_route", subject=errand.job), moment)
        if not known:
            return _refused(wire, Refusal("bad_key" if errand.key else "no_key", subject="***"), moment)
        if errand.what == "cancel":
            script, effective = self._jobs.cancel(errand.job, moment.at)
            return Decision(script, "completed", job="cancelled" if effective else None)
        see = self._jobs.look if errand.what == "look" else self._jobs.listen
        return Decision(see(errand.job, moment.at), "completed")

    def _answer(self, wire: Wire, ask: Ask, moment: Moment, draw: Draw) -> Decision:
        account = account_of(ask.key)
        answer = compose(ask, self.provider, self._profile)
        refusal = self._refusal(ask, answer, account, moment.at)
        moment = replace(moment, standings=self._gate.standings(moment.at, account, ask.model))
        if refusal is not None:
            return _refused(wire, refusal, moment)
        self._admitted += 1
        self._open[account] = self._open.get(account, 0) + 1
        chance = draw(self._admitted)
        fault = choose(self.provider.faults, self._admitted, chance())
        pace = self._pace(ask, chance, moment.at)
        total = pace.first + pace.gap * max(answer.output_tokens - 1, 0)
        turn = Turn(moment, ask, answer, total=total, loading=pace.loading)
        script = self._script(wire, turn, pace, fault)
        return Decision(
            script=script,
            outcome="failed" if fault else "completed",
            fault=fault.kind if fault else None,
            account=account,
            input_tokens=answer.prompt_tokens,
            output_tokens=answer.output_tokens,
            job="jobs" if ask.hold is not None and self._jobs.has(turn) else None,
        )

    def _script(self, wire: Wire, turn: Turn, pace: Pace, fault: Fault | None) -> Script:
        if turn.ask.hold is not None:
            return self._jobs.make(wire, turn, pace, fault)
        return spoiled_script(wire, turn, pace, fault) if fault else healthy_script(wire, turn, pace)

    def _pace(self, ask: Ask, chance: Chance, now: float) -> Pace:
        pace = draw_pace(self.provider, chance, cold=self._loaded.use(ask.model, now))
        return replace(pace, first=pace.loading) if ask.warm_up else pace

    def _refusal(self, ask: Ask, answer: Answer, account: str, now: float) -> Refusal | None:
        """Why this is not answered, if so; else every limit has counted it."""
        provider = self.provider
        if provider.context is not None and answer.prompt_tokens > provider.context:
            return Refusal("too_long", subject=str(answer.prompt_tokens))
        if provider.parallel is not None and self._open.get(account, 0) >= provider.parallel:
            return Refusal("parallel", subject=ask.model)
        closed = self._gate.admit(now, account, ask.model, self._charge(ask, answer))
        return None if closed is None else _limit_refusal(ask, closed)

    def _charge(self, ask: Ask, answer: Answer) -> int:
        """The tokens that a limit counts: what the answer has, or the cap where the provider reserves it."""
        if not self.provider.reserve:
            return answer.prompt_tokens + answer.output_tokens
        return answer.prompt_tokens + (ask.max_tokens or self.provider.reserve)


def account_of(key: str | None) -> str:
    """A short name for a key, from which the key cannot be had."""
    return hashlib.sha256(key.encode()).hexdigest()[:8] if key else "anonymous"


def _limit_refusal(ask: Ask, closed: Closed) -> Refusal:
    if closed.standing.unit == "tokens" and closed.requested > closed.standing.limit:
        return Refusal("beyond_limit", subject=ask.model, closed=closed)
    return Refusal("limit", subject=ask.model, retry_after=closed.standing.resets_in, closed=closed)


def _refused(wire: Wire, refusal: Refusal, moment: Moment) -> Decision:
    return Decision(reply_script(wire.refuse(refusal, moment)), "refused")
