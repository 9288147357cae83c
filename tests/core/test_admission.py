"""Who may start in a race: breakers and limits together, and what each attempt has taken and used."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from racer.core.admission import Admission
from racer.core.breaker import Block, Breakers
from racer.core.heat import Heat, Outcome, Rules
from racer.core.hosts import USUAL, Hosts
from racer.core.moves import Start
from racer.core.plan import POLICIES
from racer.core.pocket import FOREVER, RECHECK
from racer.core.price import NOTHING
from racer.core.purse import Purse
from racer.core.quota import Meter, Report, Standing, Tidings
from racer.core.reply import Attempt
from racer.core.span import Calendar, Once, Rolling
from racer_adapters.errors import Kind, WireError
from racer_adapters.types import Usage
from tests.core.lanes import lane
from tests.core.till import Till, meter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.moves import Action
    from racer.core.provider import Lane

SKEW = 1_800_000_000.0
BROKEN = WireError(Kind.SERVER, "broken", status=500)
ASKING = Block(0.0, "its quota is being asked for", stated=True, pending=True, limit=True)

A, B = lane("a/m"), lane("b/m")
REQUESTS = meter("requests", 5.0, Rolling(60.0))
TOKENS = meter("tokens", 10_000.0, Rolling(60.0))
BUSY = Block(0.0, "busy: its host serves 1 call at once", stated=False, pending=True, limit=True)
FLIGHT = meter("calls", 2.0, None, per="flight")

Heard = list[tuple["Lane", "Mapping[str, str] | None", WireError | None]]


@dataclass
class House:
    """One process: its breakers, its purse and the store that it shares with nobody."""

    meters: dict[str, tuple[Meter, ...]]
    breakers: Breakers = field(default_factory=Breakers)
    purse: Purse = field(default_factory=Purse)
    till: Till = field(default_factory=Till)
    waiting: list[Admission] = field(default_factory=list[Admission])
    heard: Heard = field(default_factory=Heard)
    fault: str = ""
    skew: float = SKEW
    hosts: Hosts = field(default_factory=Hosts)
    now: float = 0.0

    def gate(self, prompt: int = 100, answer: int = 400, *, guesses: bool = False) -> Admission:
        return Admission(
            self.breakers,
            self.purse,
            meters=lambda lane: self.meters.get(lane.id, ()),
            prompt=prompt,
            answer=lambda lane: answer,
            guesses=guesses,
            skew=lambda: self.skew,
            nudge=lambda gate: self.waiting.append(gate),
            fault=lambda: (self.fault, FOREVER),
            hear=lambda lane, headers, error: self.heard.append((lane, headers, error)),
            hosts=self.hosts,
            clock=lambda: self.now,
        )

    def answer(self, now: float) -> None:
        """The store answers whoever has asked."""
        self.till.deliver(self.purse, now + self.skew)
        waiting, self.waiting = self.waiting, []
        for gate in waiting:
            gate.answered()

    def used(self, of: Meter) -> float:
        """What the store has counted, once all is told."""
        self.till.deliver(self.purse, self.skew, last=True)
        assert self.till.leased(of.name) == 0.0
        return self.till.ever_used(of.name)


def house(*meters: Meter) -> House:
    """One where lane A is counted by `meters`, and B by none."""
    return House({A.id: meters})


def ended(
    outcome: Outcome = Outcome.WON,
    *,
    tokens: tuple[int, int] | None = (100, 50),
    status: int | None = None,
    usage: Usage | None = None,
) -> Attempt:
    used = usage or (Usage(*tokens) if tokens else None)
    return Attempt("a/m", "a", "m", 0.0, 1.0, outcome, status=status, usage=used)


# ---------------------------------------------------------------- what keeps a lane out


def test_a_lane_without_limits_asks_nobody() -> None:
    """Breakers alone decide, also when the store is gone: a local model answers whatever happens."""
    place = house(REQUESTS)
    place.fault = "the disk is full"
    gate = place.gate()

    assert gate.blocked(B, 0.0) is None
    gate.started(B, 0.0)
    gate.ended(B, ended())
    assert place.till.exchanges == 0


def test_a_lane_with_limits_needs_a_lease() -> None:
    """Until the store has answered its block is pending; then it may start."""
    place = house(REQUESTS, TOKENS)
    gate = place.gate()
    assert gate.blocked(A, 7.0) == replace(ASKING, until=7.0)
    gate.ask(A)
    place.answer(7.0)

    assert gate.blocked(A, 7.0) is None
    gate.started(A, 7.0)
    assert [spend.used for spend in place.purse.report(SKEW).spends] == [1.0, 500.0]


def test_what_breakers_state_comes_first() -> None:
    """A provider that asks to wait is not asked for quota meanwhile."""
    place = house(REQUESTS)
    place.breakers.failed(A, WireError(Kind.RATE, "slow down", retry_after=9.0), 0.0)

    assert place.gate().blocked(A, 1.0) == Block(9.0, "rate: slow down", stated=True)


def test_a_guess_and_a_limit_that_has_to_be_asked_for_hold_together() -> None:
    """The block stays our guess, which a race may overrule, and says that a lease is missing."""
    place = house(REQUESTS)
    for _ in range(3):
        place.breakers.failed(A, BROKEN, 0.0)
    gate = place.gate()

    assert gate.blocked(A, 1.0) == Block(15.0, "server: broken", stated=False, pending=True)
    gate.ask(A)
    place.answer(1.0)
    assert gate.blocked(A, 1.0) == Block(15.0, "server: broken", stated=False)


@pytest.mark.parametrize("guessed", [False, True])
def test_a_limit_that_is_used_up_is_no_guess(guessed: bool) -> None:
    """No race may overrule it; `limit` says whether a failure keeps the lane out beside it."""
    place = house(REQUESTS)
    for _ in range(3 * guessed):
        place.breakers.failed(A, BROKEN, 0.0)
    place.purse.pocket(REQUESTS)
    place.purse.receive(Tidings({}, {REQUESTS.name: Standing(5, 5, 0, SKEW + 30)}), SKEW)
    block = place.gate().blocked(A, 0.0)

    assert block is not None
    assert block.until == pytest.approx(30.0, abs=1e-5)
    assert (block.stated, block.pending, block.limit) == (True, False, not guessed)


@pytest.mark.parametrize("guessed", [False, True])
def test_a_store_that_cannot_be_asked_closes_its_lanes(guessed: bool) -> None:
    """Who cannot count must not spend: the reason is what the store has said."""
    place = house(REQUESTS)
    for _ in range(3 * guessed):
        place.breakers.failed(A, BROKEN, 0.0)
    place.fault = "the disk is full"
    block = place.gate().blocked(A, 1.0)

    assert block == Block(FOREVER, "the disk is full", stated=True, limit=not guessed)


def test_what_is_held_may_be_spent_while_the_store_is_away() -> None:
    """That is what leases are for."""
    place = house(REQUESTS)
    gate = place.gate()
    gate.ask(A)
    place.answer(0.0)
    place.fault = "the disk is full"

    assert gate.blocked(A, 1.0) is None


@given(st.floats(0, 1e9), st.floats(0, 1e5))
def test_a_lane_that_is_looked_at_when_its_block_ends_is_not_blocked_until_now(
    skew: float, now: float
) -> None:
    """Else the race would look again and again at one instant: two clocks round differently."""
    place = replace(house(REQUESTS), skew=SKEW + skew)
    place.purse.pocket(REQUESTS)
    standing = Standing(5, 3, 2, None)
    place.purse.receive(Tidings({}, {REQUESTS.name: standing}), now + place.skew)
    gate = place.gate()
    block = gate.blocked(A, now)

    assert block is not None
    assert now < block.until <= now + RECHECK + 1e-5
    again = gate.blocked(A, block.until)
    assert again is not None
    assert again.pending


def used_up(unit: str, amount: float, per: str) -> tuple[Meter, Standing, int]:
    span = Once() if per == "once" else Rolling(1.0)
    return meter(unit, amount, span, per=per), Standing(amount, amount, 0, None), 0


REASONS: list[tuple[Meter, Standing, int, str]] = [
    (*used_up("requests", 5.0, "minute"), "used up: 5 requests a minute"),
    (*used_up("tokens", 1_000_000.0, "day"), "used up: 1,000,000 tokens a day"),
    (*used_up("requests", 9.0, "hour"), "used up: 9 requests an hour"),
    (*used_up("requests", 9.0, "rolling 5h"), "used up: 9 requests in any 5h"),
    (*used_up("requests", 1.0, "2 s"), "used up: 1 requests in 2 s"),
    (*used_up("usd", 2.5, "once"), "used up: 2.5 usd in all"),
    (FLIGHT, Standing(2, 0, 2, None), 0, "busy: 2 calls in flight are allowed at once"),
    (REQUESTS, Standing(0, 0, 0, None), 0, "used up: 0 requests a minute"),
    (
        TOKENS,
        Standing(10_000, 0, 0, None),
        123_400,
        "too large: about 123,500 tokens, and its limit is 10,000 tokens a minute",
    ),
]  # fmt: skip


def test_what_is_set_aside_is_a_reason_of_its_own() -> None:
    """Calls in flight may use it all; soon it is known."""
    place = house(TOKENS)
    place.purse.pocket(TOKENS).held = TOKENS.amount
    place.purse.receive(Tidings({}, {TOKENS.name: Standing(TOKENS.amount, 0, TOKENS.amount, None)}), SKEW)
    gate = place.gate(100, int(TOKENS.amount) - 100)
    gate.started(A, 0.0)

    block = gate.blocked(A, 0.0)

    assert block is not None
    assert block.reason.startswith("set aside: calls in flight may use all that is left of ")
    assert block.until == pytest.approx(RECHECK, abs=1e-3)


def test_a_reset_that_is_near_is_a_reason_of_its_own() -> None:
    """Nothing is used up, and in a moment all is well."""
    of = meter("requests", 5.0, Calendar("day", 0, 0, UTC), per="day")
    place = house(of)
    place.purse.pocket(of).held = 5.0
    day = -SKEW % 86_400
    place.purse.receive(Tidings(), SKEW + day - 1)

    block = place.gate().blocked(A, day - 1.0)

    assert block is not None
    assert block.reason == "its limit of 5 requests a day begins anew in a moment"
    assert day <= block.until < day + 0.001


@pytest.mark.parametrize(("of", "standing", "answer", "reason"), REASONS)
def test_the_reason_names_the_limit(of: Meter, standing: Standing, answer: int, reason: str) -> None:
    """In words that `racer why` can show: how much, of what, in which time."""
    place = house(of)
    place.purse.pocket(of)
    place.purse.receive(Tidings({}, {of.name: standing}), SKEW)
    model = replace(A.model, price=(9.0, 9.0))
    block = place.gate(100, answer or 400).blocked(replace(A, model=model), 0.0)

    assert block is not None
    assert block.reason == reason


def test_a_limit_that_was_never_told_is_the_configured_one() -> None:
    """A pocket may know that it lacks something before it knows how its meter stands."""
    place = house(REQUESTS)
    place.purse.receive(Tidings(), SKEW)
    pocket = place.purse.pocket(REQUESTS)
    place.purse.receive(Tidings({}, {REQUESTS.name: Standing(5, 5, 0, None)}), SKEW)
    gate = place.gate()
    block = gate.blocked(A, 0.0)
    pocket.standing = None

    assert block is not None
    assert block.reason == "used up: 5 requests a minute"
    assert gate.blocked(A, 0.0) == ASKING


# ---------------------------------------------------------------- asking


def test_a_lane_is_asked_for_once_until_there_is_an_answer() -> None:
    """A race looks at it at every turn: that must not lease as much again each time."""
    place = house(REQUESTS)
    gate = place.gate()
    woken: list[float] = []
    gate.wake = lambda: woken.append(1.0)
    for _ in range(3):
        gate.ask(A)

    assert len(place.waiting) == 1
    assert [wish.need for wish in place.purse.report(SKEW).wishes] == [1.0]
    gate.answered()
    assert woken == [1.0]
    gate.ask(A)
    assert len(place.waiting) == 2


def test_an_answer_before_the_race_has_begun_to_wait_is_no_fault() -> None:
    """Nobody is there to be woken yet."""
    house(REQUESTS).gate().answered()


def test_the_guess_of_a_call_is_made_once() -> None:
    """A race looks at each lane at every turn: what it takes stays what it was."""
    place = house(TOKENS)
    gate = place.gate()

    assert gate.charges(A) is gate.charges(A)
    assert gate.charges(A) == ((TOKENS, 500.0),)
    assert gate.charges(B) == ()


def test_a_guess_takes_no_more_than_a_limit_has() -> None:
    """Nobody knows that the answer will be so long; but a prompt that is too long is no guess."""
    place = house(REQUESTS, TOKENS)
    most = TOKENS.amount

    assert place.gate(100, 10**9, guesses=True).charges(A) == ((REQUESTS, 1.0), (TOKENS, most))
    assert place.gate(100, 10**9).charges(A) == ((REQUESTS, 1.0), (TOKENS, 100.0 + 10**9))
    too_long = place.gate(round(most) + 1, 1, guesses=True).charges(A)
    assert too_long == ((REQUESTS, 1.0), (TOKENS, most + 2.0))


def test_a_call_that_grows_is_guessed_anew() -> None:
    """What a lane is told beside the question counts, too."""
    gate = house(TOKENS).gate()
    before = gate.charges(A)
    gate.asks_more(0)
    assert gate.charges(A) is before
    gate.asks_more(100)

    assert gate.charges(A) == ((TOKENS, 600.0),)


def test_a_call_has_the_price_of_its_limits() -> None:
    """Nothing where none is known, and much where a limit is behind its pace."""
    place = house(TOKENS)
    gate = place.gate()
    assert NOTHING == gate.worth(B, SKEW) == gate.worth(A, SKEW)


# ---------------------------------------------------------------- what was really used


HEADERS = {"x-request-id": "1"}
ENDS: list[tuple[str, Attempt, WireError | None, Mapping[str, str] | None, tuple[float, float]]] = [
    ("won", ended(), None, HEADERS, (1, 150)),
    ("late", ended(Outcome.LATE), None, HEADERS, (1, 150)),
    ("more than thought", ended(tokens=(100, 2_000)), None, HEADERS, (1, 2_100)),
    ("lost", ended(Outcome.LOST), None, HEADERS, (1, 150)),
    ("lost before anything came", ended(Outcome.LOST, tokens=(100, 0)), None, None, (1, 100)),
    ("nothing is known", ended(tokens=None), None, HEADERS, (1, 0)),
    ("refused", ended(Outcome.FAILED, status=429), WireError(Kind.RATE, status=429), HEADERS, (1, 0)),
    ("broken there", ended(Outcome.FAILED, status=500), BROKEN, HEADERS, (1, 150)),
    ("too slow", ended(Outcome.FAILED), WireError(Kind.TIMEOUT), None, (1, 150)),
    ("cut off", ended(Outcome.FAILED), WireError(Kind.RESET), None, (1, 150)),
    ("never sent: no name", ended(Outcome.FAILED), WireError(Kind.DNS), None, (0, 0)),
    ("never sent: nobody there", ended(Outcome.FAILED), WireError(Kind.CONNECT), None, (0, 0)),
    ("never sent: no trust", ended(Outcome.FAILED), WireError(Kind.TLS), None, (0, 0)),
    ("never sent: our fault", ended(Outcome.FAILED), WireError(Kind.LOCAL), None, (0, 0)),
    ("the job was made, then lost", ended(Outcome.FAILED), WireError(Kind.CONNECT), HEADERS, (1, 150)),
    ("refused by a proxy", ended(Outcome.FAILED, status=407), WireError(Kind.CONNECT), HEADERS, (1, 0)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("attempt", "error", "headers", "used"), [e[1:] for e in ENDS], ids=[e[0] for e in ENDS]
)
def test_a_call_that_has_ended_counts_for_what_it_used(
    attempt: Attempt, error: WireError | None, headers: Mapping[str, str] | None, used: tuple[float, float]
) -> None:
    """Sent is sent: only what provably never left, or met nobody, is given back."""
    place = house(REQUESTS, TOKENS)
    gate = place.gate()
    gate.ask(A)
    place.answer(0.0)
    gate.started(A, 0.0)
    gate.ended(A, attempt, error, headers)

    assert (place.used(REQUESTS), place.used(TOKENS)) == used
    assert place.heard == [(A, headers, error)]


def test_a_provider_that_refunds_gives_tokens_back_and_no_request() -> None:
    """Of lanes that were stopped; whoever has won pays."""
    refunding = replace(A, provider=replace(A.provider, cancel_refunds=True))
    for outcome, tokens in ((Outcome.LOST, 0.0), (Outcome.WON, 150.0)):
        place = house(REQUESTS, TOKENS)
        gate = place.gate()
        gate.ask(refunding)
        place.answer(0.0)
        gate.started(refunding, 0.0)
        gate.ended(refunding, ended(outcome))
        assert (place.used(REQUESTS), place.used(TOKENS)) == (1.0, tokens)


def test_money_and_neurons_are_those_that_the_provider_states() -> None:
    """And none where it has refused: also of a model whose price nobody knows."""
    neurons, dollars = meter("neurons", 500.0, Rolling(9.0)), meter("usd", 5.0, Once(), per="once")
    cases: list[tuple[Attempt, tuple[float, float]]] = [
        (ended(usage=Usage(10, 10, neurons=33.0, usd=0.25)), (33.0, 0.25)),
        (ended(Outcome.FAILED, status=400, usage=Usage(10, 10)), (0.0, 0.0)),
    ]
    for attempt, used in cases:
        place = house(neurons, dollars)
        gate = place.gate()
        gate.ask(A)
        place.answer(0.0)
        gate.started(A, 0.0)
        gate.ended(A, attempt, headers=HEADERS)
        assert (place.used(neurons), place.used(dollars)) == pytest.approx(used)


def test_an_attempt_is_settled_once() -> None:
    """A second word on it changes nothing that is counted."""
    place = house(REQUESTS, FLIGHT)
    gate = place.gate()
    gate.ask(A)
    place.answer(0.0)
    held = place.purse.pocket(FLIGHT).held
    gate.started(A, 0.0)
    gate.ended(A, ended())
    gate.ended(A, ended())

    assert place.purse.pocket(FLIGHT).held == held
    assert place.used(REQUESTS) == 1.0


# ---------------------------------------------------------------- local hosts

HERE, BESIDE = lane("box/m", local=True, loaded=True), lane("box/n", local=True, loaded=True)


def test_a_busy_host_lets_others_go_first_and_has_a_race_wait() -> None:
    """Its block is a guess, so that a race which has nobody else waits; and it asks no store."""
    place = house(REQUESTS)
    first, second = place.gate(), place.gate()
    assert first.blocked(HERE, 1.0) is None
    first.started(HERE, 1.0)

    assert second.blocked(HERE, 1.0) == replace(BUSY, until=1.0 + USUAL)
    second.ask(HERE)
    assert (place.hosts.waiting(HERE.host), place.waiting) == (1, [])


def test_who_does_not_queue_waits_for_nobody() -> None:
    """It has no place, and will look again by itself."""
    place = house(REQUESTS)
    first, second = place.gate(), place.gate()
    first.started(HERE, 1.0)

    assert second.blocked(HERE, 1.0) is not None
    second.ask(HERE, queues=False)
    assert (place.hosts.waiting(HERE.host), place.waiting) == (0, [])


def test_whoever_waits_is_woken_when_a_call_has_ended() -> None:
    """It starts then, and waits no longer."""
    place, woken = house(), list[float]()
    first, second = place.gate(), place.gate()
    first.started(HERE, 0.0)
    second.wake = lambda: woken.append(place.now)
    second.blocked(HERE, 0.0)
    second.ask(HERE)
    place.now = 1.0
    first.ended(HERE, ended())

    assert woken == [1.0]
    assert second.blocked(HERE, 1.0) is None
    second.started(HERE, 1.0)
    assert (place.hosts.running(HERE.host), place.hosts.waiting(HERE.host)) == (1, 0)
    second.ended(HERE, ended())
    assert place.hosts.running(HERE.host) == 0


def test_a_race_that_runs_elsewhere_or_is_over_waits_no_longer() -> None:
    """Saying so once more makes no difference."""
    place = house()
    first, second, third = place.gate(), place.gate(), place.gate()
    first.started(HERE, 0.0)
    for each in (second, third):
        each.blocked(HERE, 0.0)
        each.ask(HERE)
    second.started(B, 0.0)
    assert place.hosts.waiting(HERE.host) == 1
    third.left()
    third.left()
    assert place.hosts.waiting(HERE.host) == 0


def test_lanes_of_one_race_do_not_keep_each_other_out() -> None:
    """How many of them may share a host is a rule of the race."""
    gate = house().gate()
    gate.started(HERE, 0.0)
    assert gate.blocked(BESIDE, 0.0) is None


def test_a_guess_of_ours_and_a_busy_host_hold_together() -> None:
    """The reason stays that of the failure."""
    place = house()
    place.gate().started(HERE, 0.0)
    for _ in range(3):
        place.breakers.failed(HERE, BROKEN, 0.0)

    block = Block(15.0, "server: broken", stated=False, pending=True)
    assert place.gate().blocked(HERE, 0.0) == block


def test_a_configured_limit_of_a_local_lane_comes_first() -> None:
    """Its quota is asked for, also where it has waited for its host before."""
    place = House({HERE.id: (FLIGHT,)})
    first, second = place.gate(), place.gate()
    assert second.blocked(HERE, 0.0) == ASKING
    second.ask(HERE)
    place.answer(0.0)
    first.started(HERE, 0.0)
    second.ask(HERE)
    place.answer(0.0)
    assert second.blocked(HERE, 0.0) == replace(BUSY, until=USUAL)

    place.gate().started(HERE, 0.0)
    block = second.blocked(HERE, 0.0)
    assert block is not None
    assert not block.reason.startswith("busy: its host")
    second.ask(HERE)
    assert place.hosts.waiting(HERE.host) == 0


def test_a_first_token_that_is_told_at_once_teaches_at_once() -> None:
    """Of lanes that run on no local host nobody wants to know."""
    place = house()
    gate = place.gate()
    gate.started(HERE, 0.0)
    gate.ended(HERE, replace(ended(), first_token=0.2))
    place.gate().started(HERE, 0.0)
    for serves in (2, 1):
        gate = place.gate()
        gate.started(HERE, 0.0)
        gate.started(B, 0.0)
        gate.shown(B, 2.0)
        gate.shown(HERE, 2.0)
        assert place.hosts.serves(HERE, 0.0) == serves
        gate.ended(HERE, replace(ended(), first_token=2.0))


@pytest.mark.parametrize(("kind", "serves"), [(Kind.TIMEOUT, 1), (Kind.SERVER, 2)])
def test_a_call_that_ran_out_of_time_was_late(kind: Kind, serves: int) -> None:
    """Any other failure says nothing of its host."""
    place = house()
    alone = place.gate()
    alone.started(HERE, 0.0)
    alone.ended(HERE, replace(ended(), first_token=0.2))
    for _ in range(2):
        gates = place.gate(), place.gate()
        for each in gates:
            each.started(HERE, 1.0)
        for each in gates[::-1]:
            each.ended(HERE, ended(Outcome.FAILED, tokens=None), WireError(kind))

    assert place.hosts.serves(HERE, 1.0) == serves


# ---------------------------------------------------------------- with a race


def starts(actions: Sequence[Action]) -> list[str]:
    return [action.lane.id for action in actions if isinstance(action, Start)]


def test_of_two_lanes_that_share_the_last_unit_one_starts() -> None:
    """Both are wanted and both are asked for; the answer is enough for one."""
    x, y = lane("a/x"), lane("a/y")
    one = meter("requests", 1.0, Rolling(60.0))
    place = House({x.id: (one,), y.id: (one,)})
    race = Heat([x, y], rules=Rules(width=2, per_provider=2), policy=POLICIES["all"], gate=place.gate())
    assert race.begin(0.0) == []
    place.answer(0.0)

    assert starts(race.tick(0.0)) == ["a/x"]
    assert place.purse.pocket(one).held == 0.0
    assert race.failed(0, BROKEN, 0.5) != []
    assert race.ending is not None


def test_a_lane_held_back_by_a_guess_starts_with_a_lease_or_not_at_all() -> None:
    """Rule 5 of a race overrules the guess; the lease is still asked for first."""
    for amount, started in ((1.0, ["a/m"]), (0.0, [])):
        place = house(replace(REQUESTS, amount=amount))
        for _ in range(3):
            place.breakers.failed(A, BROKEN, 0.0)
        race = Heat([A], rules=Rules(), policy=POLICIES["all"], gate=place.gate())
        assert race.begin(1.0) == []
        assert len(place.waiting) == 1
        place.answer(1.0)
        assert starts(race.tick(1.0)) == started
        assert (race.ending is None) is bool(started)


def test_calls_in_flight_make_room_when_they_end() -> None:
    """Two at once, and a third when one of them has failed."""
    lanes = [lane(f"a/{name}") for name in "xyz"]
    place = House({each.id: (FLIGHT,) for each in lanes})
    gate = place.gate()
    race = Heat(lanes, rules=Rules(width=3, per_provider=3), policy=POLICIES["all"], gate=gate)
    race.begin(0.0)
    place.answer(0.0)
    assert starts(race.tick(0.0)) == ["a/x", "a/y"]
    gate.ended(lanes[0], ended(Outcome.FAILED, status=500), BROKEN)

    assert starts(race.failed(0, BROKEN, 1.0)) == ["a/z"]


@dataclass
class Racing:
    """A race under way, with what runs in it."""

    heat: Heat
    gate: Admission
    running: dict[int, Lane] = field(default_factory=dict[int, "Lane"])


class Races(RuleBasedStateMachine):
    """Races on shared breakers and limits: they begin, wait, fail and win, and the store answers later."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.races: list[Racing] = []
        self.sent = 0

    @initialize(
        day=st.integers(1, 12),
        tokens=st.sampled_from([400, 1_000, 3_000, 20_000]),
        flight=st.integers(1, 3),
    )
    def open(self, day: int, tokens: int, flight: int) -> None:
        self.requests = meter("requests", float(day), Calendar("day", 0, 0, UTC), per="day")
        self.tokens = meter("tokens", float(tokens), Rolling(60.0))
        self.flight = meter("calls", float(flight), None, per="flight")
        of_a = (self.requests, self.tokens, self.flight)
        of_b = (meter("requests", 2.0, Rolling(10.0), holder="b"),)
        self.lanes = [lane(name) for name in ("a/x", "a/y", "b/m", "c/m")]
        self.place = House({"a/x": of_a, "a/y": of_a, "b/m": of_b})

    @rule(
        prompt=st.sampled_from([10, 250, 900]),
        policy=st.sampled_from(sorted(POLICIES)),
        wait=st.sampled_from([0.0, 20.0]),
        width=st.integers(1, 4),
        order=st.permutations(range(4)),
    )
    def begin(self, prompt: int, policy: str, wait: float, width: int, order: list[int]) -> None:
        gate = self.place.gate(prompt, 100)
        rules = Rules(width=width, wait=wait, deadline=200.0)
        heat = Heat([self.lanes[i] for i in order], rules=rules, policy=POLICIES[policy], gate=gate)
        racing = Racing(heat, gate)
        gate.wake = lambda: self.obey(racing, heat.tick(self.now))
        self.races.append(racing)
        self.obey(racing, heat.begin(self.now))

    def obey(self, racing: Racing, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Start):
                self.sent += action.lane.provider.name == "a"
                racing.running[action.attempt] = action.lane
                continue
            for number in action.lost:
                lost = racing.running.pop(number)
                self.place.breakers.stopped(lost)
                racing.gate.ended(lost, ended(Outcome.LOST, tokens=(10, 20)), headers=HEADERS)

    @rule(pick=st.integers(0, 99), wins=st.booleans(), sent=st.booleans(), stated=st.booleans())
    def end(self, pick: int, wins: bool, sent: bool, stated: bool) -> None:
        runs = [(racing, number) for racing in self.races for number in sorted(racing.running)]
        if not runs:
            return
        racing, number = runs[pick % len(runs)]
        lane_ = racing.running.pop(number)
        if wins:
            self.place.breakers.succeeded(lane_)
            actions = racing.heat.replied(number)
            racing.gate.ended(lane_, ended(tokens=(10, 100)), headers=HEADERS)
        else:
            error = WireError(Kind.SERVER if sent else Kind.CONNECT, retry_after=5.0 if stated else None)
            racing.gate.ended(lane_, ended(Outcome.FAILED, tokens=(10, 0)), error, HEADERS if sent else None)
            self.sent -= not sent and lane_.provider.name == "a"
            self.place.breakers.failed(lane_, error, self.now)
            actions = racing.heat.failed(number, error, self.now)
        self.obey(racing, actions)

    @rule(lost=st.sampled_from([False, False, True]))
    def answer(self, lost: bool) -> None:
        if lost:
            self.place.purse.take_back(self.place.purse.report(self.now + SKEW))
        else:
            self.place.answer(self.now)

    @rule(after=st.sampled_from([0.01, 1.0, 7.0, 70.0]))
    def wait(self, after: float) -> None:
        self.now += after
        for racing in self.races:
            if racing.heat.ending is None and racing.heat.wake_at() <= self.now:
                self.obey(racing, racing.heat.tick(self.now))

    @invariant()
    def nothing_starts_without_a_lease(self) -> None:
        for of in self.place.till.meters.values():
            assert self.place.purse.pocket(of).held >= -1e-9
        flying = sum(each.provider.name == "a" for racing in self.races for each in racing.running.values())
        assert self.place.purse.pocket(self.flight).flying == flying <= self.flight.amount

    @invariant()
    def the_limits_hold(self) -> None:
        for of in self.place.till.meters.values():
            counted = self.place.till.used(of.name, self.now + SKEW) + self.place.till.leased(of.name)
            assert counted <= of.amount + 1e-6

    @invariant()
    def every_race_moves_or_waits_for_something(self) -> None:
        for racing in self.races:
            if racing.heat.ending is None and not racing.running:
                assert self.now < racing.heat.wake_at() < FOREVER

    def teardown(self) -> None:
        if not hasattr(self, "place"):
            return
        for racing in self.races:
            self.obey(racing, racing.heat.abort())
            assert racing.running == {}
        assert self.place.used(self.requests) == self.sent
        for of in (self.tokens, self.flight):
            assert self.place.till.leased(of.name) == 0.0
        assert self.place.purse.report(SKEW, last=True) == Report()


TestRaces = Races.TestCase
TestRaces.settings = settings(max_examples=200, stateful_step_count=40)
