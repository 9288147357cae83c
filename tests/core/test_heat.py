"""The rules of a race, attacked with random races and pinned by examples. Time is a number here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer.core.breaker import Block
from racer.core.heat import ASK_AGAIN, KEPT_OUT, UNANSWERED, Ending, Heat, Rules
from racer.core.moves import Action, Gate, Halt, Start, Stop
from racer.core.plan import POLICIES, plan_all, plan_one
from racer.core.view import UNKNOWN, Planned, View, Why
from racer_adapters.errors import Kind, WireError
from tests.core.gates import Unlimited
from tests.core.lanes import lane
from tests.core.prospects import Odds

if TYPE_CHECKING:
    from racer.core.provider import Lane

BROKEN = WireError(Kind.SERVER, "broken", status=500)
REFUSED = WireError(Kind.BAD_REQUEST, "no", status=400)


def heat(*lanes: Lane, policy: str = "all", gate: Gate | None = None, **rules: float) -> Heat:
    made = replace(Rules(), **rules)  # type: ignore[arg-type] # a test names the rules it needs
    return Heat(lanes, rules=made, policy=POLICIES[policy], gate=gate or Unlimited())


def started(actions: list[Action]) -> list[str]:
    return [action.lane.id for action in actions if isinstance(action, Start)]


def stops(actions: list[Action]) -> list[Stop]:
    return [action for action in actions if isinstance(action, Stop)]


A, B, C, D = (lane(f"{name}/m") for name in "abcd")


def test_two_keys_of_one_pool_do_not_ask_the_same_model_at_once() -> None:
    """They share their limits, so the second would only spend them twice."""
    x, y = lane("a/m", account="k1", pool="org"), lane("a/m", account="k2", pool="org")
    race = heat(x, replace(y, model=x.model), width=2)

    assert ["a/m@k1"] == started(race.begin(0.0))
    assert ["a/m@k2"] == started(race.failed(0, BROKEN, 1.0))


def test_all_starts_the_best_lanes_together() -> None:
    """`all` fills the width in order of rank, at the first instant."""
    race = heat(A, B, C, width=2)

    assert started(race.begin(0.0)) == ["a/m", "b/m"]


def test_one_starts_one_lane() -> None:
    """`one` starts the next lane only when one has failed."""
    race = heat(A, B, policy="one")

    assert started(race.begin(0.0)) == ["a/m"]
    assert race.tick(5.0) == []
    assert started(race.failed(0, BROKEN, 6.0)) == ["b/m"]


@pytest.mark.parametrize("policy", ["all", "frugal", "one"])
def test_no_more_lanes_start_than_there_are_attempts(policy: str) -> None:
    """Whoever fails behind that is not replaced, and the race is lost when the last of them has failed."""
    race = heat(A, B, C, D, policy=policy, width=4, attempts=2, wait=30.0)
    names = started(race.begin(0.0))
    names += started(race.failed(0, BROKEN, 1.0))

    assert len(names) == 2
    assert [Stop(Ending.EXHAUSTED, ())] == race.failed(1, BROKEN, 2.0)
    assert race.starts == 2


def test_a_lane_is_not_asked_again_beyond_the_attempts() -> None:
    """With time to wait, a lane that failed comes back: but not for one attempt too many."""
    race = heat(A, policy="one", attempts=1, wait=30.0)
    race.begin(0.0)

    assert [Stop(Ending.EXHAUSTED, ())] == race.failed(0, BROKEN, 1.0)


def test_one_that_is_late_is_left_alone_when_the_attempts_are_used() -> None:
    """Nobody starts beside it, and it may still win."""
    race = heat(A, B, policy="frugal", attempts=1)
    race.begin(0.0)

    assert race.tick(20.0) == []
    assert [Stop(Ending.WON, ())] == race.replied(0)


def test_a_failed_lane_is_replaced_in_the_same_call() -> None:
    """The replacement comes with the fact of the failure, not at a later tick."""
    race = heat(A, B, C, width=2)
    race.begin(0.0)

    assert [Start(2, C, why=Why.REPLACES)] == race.failed(0, BROKEN, 0.05)


def test_the_first_reply_wins_and_stops_the_rest() -> None:
    """A win says Stop once, with everything that was still running."""
    race = heat(A, B, C, width=3)
    race.begin(0.0)

    assert [Stop(Ending.WON, (0, 2))] == race.replied(1)
    assert race.winner == 1


def test_what_comes_after_the_end_changes_nothing() -> None:
    """Late replies, failures, tokens, ticks and aborts are taken without a word."""
    race = heat(A, B, width=2)
    race.begin(0.0)
    race.replied(0)

    assert race.replied(1) == []
    assert race.failed(1, BROKEN, 1.0) == []
    assert race.first_token(1, 1.0) == []
    assert race.tick(99.0) == []
    assert race.abort() == []
    assert (race.ending, race.winner) == (Ending.WON, 0)


def test_the_last_failure_ends_the_race() -> None:
    """With nothing running and nobody waiting, the race is lost at once, not at the deadline."""
    race = heat(A, B, width=2)
    race.begin(0.0)

    assert race.failed(0, BROKEN, 1.0) == []
    assert [Stop(Ending.EXHAUSTED, ())] == race.failed(1, BROKEN, 1.0)


def test_no_lane_at_all_ends_at_once() -> None:
    """An empty field is lost before it begins."""
    assert [Stop(Ending.EXHAUSTED, ())] == heat().begin(0.0)


def test_the_deadline_ends_the_race() -> None:
    """The deadline counts from the start of the race, whatever failed in between."""
    race = heat(A, deadline=10.0)
    race.begin(100.0)

    assert race.wake_at() == 110.0
    assert race.tick(109.9) == []
    assert [Stop(Ending.EXPIRED, (0,))] == race.tick(110.0)


def test_two_providers_agree_on_a_bad_request() -> None:
    """One refusal is a lane's failure; the second provider's ends the race without trying a third."""
    race = heat(A, B, C, policy="one")
    race.begin(0.0)

    assert started(race.failed(0, REFUSED, 0.1)) == ["b/m"]
    assert [Stop(Ending.REFUSED, ())] == race.failed(1, REFUSED, 0.2)


def test_one_provider_saying_no_twice_is_not_agreement() -> None:
    """Two lanes of one provider count as one opinion."""
    race = heat(lane("a/x"), lane("a/y"), policy="one")
    race.begin(0.0)

    assert started(race.failed(0, REFUSED, 0.1)) == ["a/y"]
    assert [Stop(Ending.EXHAUSTED, ())] == race.failed(1, REFUSED, 0.2)


def test_other_providers_go_before_a_second_lane_of_one() -> None:
    """`per_provider` holds until no other provider is left."""
    race = heat(lane("a/x"), lane("a/y"), B, width=2)

    assert started(race.begin(0.0)) == ["a/x", "b/m"]
    assert started(race.failed(1, BROKEN, 0.1)) == ["a/y"]


def test_one_provider_alone_fills_the_width() -> None:
    """With no other provider there, its lanes race each other."""
    race = heat(lane("a/x"), lane("a/y"), lane("a/z"), width=2)

    assert started(race.begin(0.0)) == ["a/x", "a/y"]


def test_a_local_host_runs_one_lane_at_a_time() -> None:
    """Two models on one machine slow each other down: the second runs only when the first has failed."""
    race = heat(lane("o/x", local=True), lane("o/y", local=True), width=4)

    assert started(race.begin(0.0)) == ["o/x"]
    assert started(race.failed(0, BROKEN, 1.0)) == ["o/y"]


def test_local_lanes_may_be_raised() -> None:
    """A large machine may run more: `local_lanes` says how many."""
    race = heat(lane("o/x", local=True), lane("o/y", local=True), width=4, local_lanes=2)

    assert started(race.begin(0.0)) == ["o/x", "o/y"]


def test_offsets_start_lanes_later() -> None:
    """A plan may start a lane later; `wake_at` says when, and the tick starts it exactly then."""

    def staggered(view: View) -> list[Planned]:
        due = 0.25 * len(view.running) - view.now
        return [Planned(each, due if view.running else 0.0) for each in view.waiting[:1]]

    race = Heat([A, B], rules=Rules(), policy=staggered, gate=Unlimited())

    assert started(race.begin(0.0)) == ["a/m"]
    assert race.wake_at() == 0.25
    assert started(race.tick(0.25)) == ["b/m"]


@dataclass
class Closed:
    """A gate that holds lanes back until given instants."""

    until: dict[str, float]
    stated: bool = True
    begun: list[str] = field(default_factory=list[str])

    def blocked(self, lane: Lane, now: float) -> Block | None:
        until = self.until.get(lane.id, 0.0)
        return Block(until, "cooling", self.stated) if until > now else None

    def ask(self, lane: Lane) -> None:
        raise AssertionError("nothing is pending")

    def started(self, lane: Lane, now: float) -> None:
        self.begun.append(lane.id)


def test_without_wait_a_closed_field_is_lost() -> None:
    """`wait` is 0 unless asked for: a cool-down is not waited for."""
    race = Heat([A], rules=Rules(), policy=plan_all, gate=Closed({"a/m": 3.0}))

    assert [Stop(Ending.EXHAUSTED, ())] == race.begin(0.0)


def test_wait_starts_the_first_lane_that_comes_back() -> None:
    """With `wait`, the race sleeps exactly until the first cool-down ends."""
    race = Heat([A, B], rules=Rules(wait=5.0), policy=plan_all, gate=Closed({"a/m": 4.0, "b/m": 3.0}))

    assert race.begin(0.0) == []
    assert race.wake_at() == 3.0
    assert started(race.tick(3.0)) == ["b/m"]


def test_wait_does_not_wait_longer() -> None:
    """A lane that comes back after `wait` is not waited for."""
    race = Heat([A], rules=Rules(wait=5.0), policy=plan_all, gate=Closed({"a/m": 5.1}))

    assert [Stop(Ending.EXHAUSTED, ())] == race.begin(0.0)


def test_a_lane_that_need_not_rest_is_asked_again_when_nobody_else_is_left() -> None:
    """By who has time to wait, and three times at most; the others go before it."""
    race = heat(A, B, wait=10.0, policy="one")

    assert ["a/m"] == started(race.begin(0.0))
    assert ["b/m"] == started(race.failed(0, BROKEN, 1.0))
    assert ["a/m"] == started(race.failed(1, BROKEN, 2.0))
    assert ["b/m"] == started(race.failed(2, BROKEN, 3.0))
    assert ["a/m"] == started(race.failed(3, BROKEN, 4.0))
    assert ["b/m"] == started(race.failed(4, BROKEN, 5.0))
    assert [Stop(Ending.EXHAUSTED, ())] == race.failed(5, BROKEN, 6.0)


def test_a_lane_is_not_asked_again_beside_others() -> None:
    """While one runs there is hope without it."""
    race = heat(A, B, wait=10.0)
    race.begin(0.0)

    assert [] == race.failed(0, BROKEN, 1.0)
    assert ["a/m", "b/m"] == started(race.failed(1, BROKEN, 2.0))


@pytest.mark.parametrize(("kind", "wait"), [(Kind.INVALID, 10.0), (Kind.TOO_LONG, 10.0), (Kind.RESET, 0.0)])
def test_what_would_fail_again_is_not_asked_again(kind: Kind, wait: float) -> None:
    """Where the question is to blame, or the caller's taste; nor where nobody has time to wait."""
    race = heat(A, wait=wait)
    race.begin(0.0)

    assert [Stop(Ending.EXHAUSTED, ())] == race.failed(0, WireError(kind, "no"), 1.0)


def test_a_lane_that_asked_for_a_pause_runs_again_within_wait() -> None:
    """A 429 with a short wait is no reason to lose the race for one who is willing to wait."""
    gate = Unlimited()
    race = heat(A, gate=gate, wait=10.0)
    race.begin(0.0)
    error = WireError(Kind.RATE, "slow down", status=429, retry_after=2.0)
    gate.failed(A, error, 1.0)

    assert race.failed(0, error, 1.0) == []
    assert race.wake_at() == 3.0
    assert [Start(1, A, why=Why.REPLACES)] == race.tick(3.0)


def test_a_guess_never_empties_a_race() -> None:
    """A lane that only our own breaker holds back runs when there is no other."""
    race = Heat([A, B], rules=Rules(), policy=plan_all, gate=Closed({"a/m": 9.0, "b/m": 5.0}, stated=False))

    assert started(race.begin(0.0)) == ["b/m"]


def test_a_guess_is_kept_while_others_can_run() -> None:
    """A lane that failed in a row stays out as long as a healthy one is there."""
    race = Heat([A, B], rules=Rules(), policy=plan_all, gate=Closed({"a/m": 9.0}, stated=False))

    assert started(race.begin(0.0)) == ["b/m"]


def test_the_overruled_guess_is_not_a_loop() -> None:
    """A lane that ran in spite of a guess and failed waits for its cool-down, even with `wait`."""
    gate = Closed({"a/m": 4.0}, stated=False)
    race = Heat([A], rules=Rules(wait=10.0), policy=plan_one, gate=gate)

    assert started(race.begin(0.0)) == ["a/m"]
    assert race.failed(0, BROKEN, 0.1) == []
    assert race.wake_at() == 4.0


def test_a_half_open_breaker_gets_one_try() -> None:
    """Two lanes of one account that is being tried again do not start together."""
    gate = Unlimited()
    x, y = lane("a/x", account="k"), lane("a/y", account="k")
    gate.failed(x, WireError(Kind.RATE, status=429, retry_after=5.0), 0.0)
    race = heat(x, y, gate=gate, width=2)

    assert started(race.begin(5.0)) == ["a/x@k"]


def test_first_tokens_are_told_to_the_policy_once() -> None:
    """The policy sees which lanes have shown a token; a second token is no news."""
    seen: list[list[float | None]] = []

    def watching(view: View) -> list[Planned]:
        seen.append([run.first_token for run in view.running])
        return [Planned(each) for each in view.waiting[:1] if not view.running]

    race = Heat([A, B], rules=Rules(), policy=watching, gate=Unlimited())
    race.begin(0.0)
    race.first_token(0, 0.4)
    race.first_token(0, 0.5)

    assert seen == [[], [None], [0.4]]


# ------------------------------------------------------------------- quotas that have to be asked for

ASKING = Block(0.0, "its quota is being asked for", stated=True, pending=True, limit=True)
GUESSED = Block(9.0, "it failed", stated=False)
BOTH = replace(GUESSED, pending=True)
USED_UP = Block(3.0, "used up", stated=True, limit=True)


class Asked:
    """A gate that says of each lane what it is told to; the store answers when the test says so."""

    def __init__(self, **blocks: Block) -> None:
        self.blocks = {f"{name}/m": block for name, block in blocks.items()}
        self.asked: list[str] = []

    def blocked(self, lane: Lane, now: float) -> Block | None:
        return self.blocks.get(lane.id)

    def ask(self, lane: Lane) -> None:
        self.asked.append(lane.id)

    def started(self, lane: Lane, now: float) -> None:
        block = self.blocks.get(lane.id)
        assert block is None or not (block.pending or block.limit), "it started without a lease"


def test_a_race_waits_for_a_quota_that_is_asked_for() -> None:
    """Whatever `wait` says: the answer comes in a moment, and then the lane starts."""
    gate = Asked(a=ASKING)
    race = heat(A, gate=gate)

    assert race.begin(0.0) == []
    assert (gate.asked, race.wake_at()) == (["a/m"], ASK_AGAIN)
    del gate.blocks["a/m"]
    assert started(race.tick(0.01)) == ["a/m"]


def test_a_lane_whose_quota_is_asked_for_keeps_its_place() -> None:
    """One that is worse does not start in its stead; one that has a place of its own does."""
    gate = Asked(a=ASKING)
    narrow, wide = heat(A, B, C, gate=gate, width=1), heat(A, B, C, gate=gate, width=2)

    assert started(narrow.begin(0.0)) == []
    assert started(wide.begin(0.0)) == ["b/m"]
    del gate.blocks["a/m"]
    assert started(narrow.tick(0.01)) == started(wide.tick(0.01)) == ["a/m"]


def test_a_quota_that_is_refused_makes_room_for_the_next() -> None:
    """The answer is that it is used up: the next lane has its place at once."""
    gate = Asked(a=ASKING)
    race = heat(A, B, gate=gate, width=1)
    race.begin(0.0)
    gate.blocks["a/m"] = USED_UP

    assert started(race.tick(0.01)) == ["b/m"]


def test_a_lane_that_has_no_turn_yet_is_not_looked_at_again_and_again() -> None:
    """While one runs at a time, nothing wakes the race for the next one's quota, whatever `wait` says."""
    for wait in (0.0, 30.0):
        race = heat(A, B, gate=Asked(b=ASKING), policy="one", wait=wait)

        assert started(race.begin(0.0)) == ["a/m"]
        assert race.wake_at() == 60.0


def test_the_last_quota_that_is_refused_ends_the_race() -> None:
    """As with any other lane that may not start and is not waited for."""
    gate = Asked(a=ASKING)
    race = heat(A, gate=gate)
    race.begin(0.0)
    gate.blocks["a/m"] = USED_UP

    assert [Stop(Ending.EXHAUSTED, ())] == race.tick(0.01)


def test_an_answer_that_never_comes_does_not_outlast_the_deadline() -> None:
    """The race looks again each second, and ends when it has to."""
    race = heat(A, gate=Asked(a=ASKING), deadline=2.5)
    race.begin(0.0)

    assert race.tick(1.0) == race.tick(2.0) == []
    assert race.wake_at() == 2.5
    assert [Stop(Ending.EXPIRED, ())] == race.tick(2.5)


def test_an_overruled_guess_still_needs_its_quota() -> None:
    """Rule 5 lets a lane run that only our own breaker holds back, but never without a lease."""
    gate = Asked(a=BOTH)
    race = heat(A, gate=gate)

    assert race.begin(0.0) == []
    assert gate.asked == ["a/m"]
    gate.blocks["a/m"] = GUESSED
    assert started(race.tick(0.01)) == ["a/m"]


def test_a_guess_is_kept_while_a_quota_is_asked_for() -> None:
    """A lane that may start in a moment comes before one that failed in a row."""
    gate = Asked(a=GUESSED, b=ASKING, c=BOTH)
    race = heat(A, B, C, gate=gate)

    assert race.begin(0.0) == []
    assert gate.asked == ["b/m"]
    gate.blocks["b/m"] = USED_UP
    assert started(race.tick(0.01)) == ["a/m"]


def test_a_lane_that_a_guess_keeps_out_and_that_failed_here_is_not_asked_for_again() -> None:
    """Pending or not, rule 5 overrules a guess but once in a race."""
    gate = Asked()
    race = heat(A, gate=gate, wait=20.0)
    race.begin(0.0)
    gate.blocks["a/m"] = BOTH

    assert race.failed(0, BROKEN, 1.0) == []
    assert (gate.asked, race.wake_at()) == ([], GUESSED.until)


@pytest.mark.parametrize("block", [ASKING, USED_UP])
def test_a_limit_is_no_reason_to_run_a_failed_lane_again(block: Block) -> None:
    """`wait` lets a lane come back when its cool-down ends. One whose limit is used up has none."""
    gate = Asked()
    race = heat(A, gate=gate, wait=20.0)
    race.begin(0.0)
    gate.blocks["a/m"] = block

    assert [Stop(Ending.EXHAUSTED, ())] == race.failed(0, BROKEN, 1.0)


def test_a_later_start_and_a_pending_one_wake_the_race_at_the_earlier() -> None:
    """The plan is looked through to its end."""

    def staggered(view: View) -> list[Planned]:
        return [Planned(each, 0.25 * place) for place, each in enumerate(view.waiting)]

    race = Heat([A, B, C], rules=Rules(), policy=staggered, gate=Asked(a=ASKING))

    assert race.begin(0.0) == []
    assert race.wake_at() == 0.25


# ------------------------------------------------------------------- who was kept out


def test_a_lane_that_starts_in_the_end_was_not_kept_out() -> None:
    """Nor one that may start, and has had no turn."""
    race = Heat(
        [A, B], rules=Rules(width=1, wait=5.0), policy=plan_all, gate=Closed({"a/m": 4.0, "b/m": 3.0})
    )
    race.begin(0.0)
    assert race.kept_out == {"a/m": "cooling", "b/m": "cooling"}

    race.tick(3.0)
    assert race.kept_out == {"a/m": "cooling"}
    race.failed(0, BROKEN, 4.0)
    assert race.kept_out == {}


def test_a_lane_that_may_start_and_has_no_turn_is_not_kept_out() -> None:
    """It was blocked, and is so no more when it is looked at again; another starts before it."""
    gate = Closed({"b/m": 3.0})
    race = Heat([A, B, C], rules=Rules(width=1), policy=plan_all, gate=gate)
    race.begin(0.0)
    assert race.kept_out == {"b/m": "cooling"}
    gate.until = {"a/m": 9.0}

    assert started(race.failed(0, BROKEN, 4.0)) == ["b/m"]
    assert race.kept_out == {}


def test_of_what_keeps_a_lane_out_the_last_is_told() -> None:
    """As it was when the race looked at it last."""
    gate = Asked(a=USED_UP)
    race = heat(A, B, gate=gate, width=1)
    race.begin(0.0)
    gate.blocks["a/m"] = replace(GUESSED, stated=True)

    race.failed(0, BROKEN, 1.0)
    assert race.kept_out == {"a/m": GUESSED.reason}


def test_a_lane_that_has_run_was_not_kept_out() -> None:
    """Even if it failed, and its cool-down outlasts the race."""
    gate = Unlimited()
    race = heat(A, gate=gate, wait=10.0)
    race.begin(0.0)
    error = WireError(Kind.RATE, "slow down", status=429, retry_after=2.0)
    gate.failed(A, error, 1.0)
    race.failed(0, error, 1.0)

    assert race.kept_out == {}


def test_a_lane_that_is_asked_for_once_more_was_not_kept_out() -> None:
    """It has failed, its cool-down is over, and the race ends before its quota is granted again."""
    gate = Asked()
    race = heat(A, gate=gate, wait=20.0)
    race.begin(0.0)
    gate.blocks["a/m"] = GUESSED
    race.failed(0, BROKEN, 1.0)
    gate.blocks["a/m"] = ASKING
    race.tick(9.0)

    assert (gate.asked, race.kept_out) == (["a/m"], {})


def test_a_quota_that_was_asked_for_and_not_granted_in_time_kept_its_lane_out() -> None:
    """One that nobody has asked for did not: its lane had no turn."""
    gate = Asked(a=ASKING, b=ASKING)
    race = heat(A, B, gate=gate, width=1, policy="one", deadline=2.5)
    race.begin(0.0)
    assert race.kept_out == {"a/m": UNANSWERED}
    gate.blocks["a/m"] = USED_UP

    race.tick(1.0)
    assert race.kept_out == {"a/m": "used up", "b/m": UNANSWERED}
    del gate.blocks["b/m"]
    race.tick(2.0)
    assert race.kept_out == {"a/m": "used up"}


# ------------------------------------------------------------------- a leader


def test_the_first_proof_halts_the_others_and_nothing_starts_beside_it() -> None:
    """A second proof changes nothing; the leader's reply wins."""
    race = heat(A, B, C, D, width=3)
    race.begin(0.0)

    assert [Halt((0, 2))] == race.proven(1)
    assert [] == race.proven(1)
    assert (1, None) == (race.leader, race.ending)
    assert [] == race.tick(1.0)
    assert [Stop(Ending.WON, ())] == race.replied(1)
    assert [] == race.proven(1)


def test_a_lone_lane_leads_too() -> None:
    """Whoever is there leads, and nobody is halted for it."""
    race = heat(A)
    race.begin(0.0)

    assert [Halt(())] == race.proven(0)


def test_when_the_leader_fails_the_halted_may_run_again() -> None:
    """Providers that had no turn yet go first, then the halted in the order of rank."""
    race = heat(A, B, C, D, width=3)
    race.begin(0.0)
    race.proven(1)

    assert ["d/m", "a/m", "c/m"] == started(race.failed(1, BROKEN, 1.0))
    assert race.leader is None
    assert [Halt((4, 5))] == race.proven(3)
    assert ["a/m", "c/m"] == started(race.failed(3, BROKEN, 2.0))
    race.failed(6, BROKEN, 3.0)
    assert [Stop(Ending.EXHAUSTED, ())] == race.failed(7, BROKEN, 3.0)


def test_a_leader_nobody_can_follow_ends_the_race() -> None:
    """What it said cannot be taken back."""
    race = heat(A, B, C, width=2)
    race.begin(0.0)
    race.proven(0)

    assert [Stop(Ending.BROKEN, ())] == race.broke(0)
    assert [] == race.broke(0)


def test_a_leader_has_the_deadline_of_the_race_where_nobody_reads() -> None:
    """The caller waits for the whole."""
    race = heat(A, deadline=10.0)
    race.begin(0.0)
    race.proven(0)

    assert 10.0 == race.wake_at()
    assert [Stop(Ending.EXPIRED, (0,))] == race.tick(10.0)


def test_a_leader_with_a_reader_has_none_and_the_search_for_another_may_begin_anew() -> None:
    """How long it may take is the reader's; the deadline is for finding one, and again for who goes on."""
    race = Heat([A, B], rules=Rules(deadline=10.0, read=True), policy=plan_all, gate=Unlimited())
    race.begin(0.0)
    race.proven(0)

    assert float("inf") == race.wake_at()
    assert [] == race.tick(1000.0)
    assert ["b/m"] == started(race.failed(0, BROKEN, 1000.0, resumes=True))
    assert 1010.0 == race.wake_at()
    assert [Stop(Ending.EXPIRED, (2,))] == race.tick(1010.0)


def test_a_leader_of_whom_nothing_was_read_leaves_the_old_deadline() -> None:
    """Whatever fails in between, it is one race."""
    race = Heat([A, B], rules=Rules(deadline=10.0, read=True), policy=plan_all, gate=Unlimited())
    race.begin(0.0)
    race.proven(0)

    assert ["b/m"] == started(race.failed(0, BROKEN, 4.0))
    assert 10.0 == race.wake_at()


def test_a_lane_may_be_asked_again_otherwise() -> None:
    """At once, before those that wait; that it called the request wrong is no objection then."""
    race = heat(A, B, C, policy="one")
    race.begin(0.0)

    assert ["a/m"] == started(race.failed(0, REFUSED, 1.0, again=True))
    assert ["b/m"] == started(race.failed(1, REFUSED, 2.0))


# ------------------------------------------------------------------- what the policy is told


class Watching:
    """A policy that starts whoever it is told to, and keeps what it was shown."""

    def __init__(self, *, at_once: int = 1, extra: bool = False) -> None:
        self.at_once = at_once
        self.extra = extra
        self.views: list[View] = []

    def __call__(self, view: View) -> list[Planned]:
        self.views.append(view)
        room = self.at_once - len(view.running)
        return [Planned(each, extra=self.extra) for each in view.waiting[: max(0, room)]]


def test_pieces_are_told_to_the_policy_with_its_next_view() -> None:
    """The first token is a piece; those behind it are counted, and a lane that is gone has none."""
    watching = Watching()
    race = Heat([A, B], rules=Rules(), policy=watching, gate=Unlimited())
    race.begin(0.0)
    race.first_token(0, 0.4)
    (run,) = watching.views[-1].running
    assert (0.4, 0.4, 0) == (run.first_token, run.last, run.pieces)
    race.progress(0, 0.5)
    race.progress(0, 0.9)
    race.progress(7, 1.0)

    race.tick(1.0)
    (run,) = watching.views[-1].running
    assert (0.4, 0.9, 2) == (run.first_token, run.last, run.pieces)


def test_what_is_known_of_lanes_is_handed_to_the_policy() -> None:
    """Nothing, unless somebody knows: then lanes are alike, and the caller has no wishes."""
    watching, odds = Watching(), Odds()
    Heat([A], rules=Rules(), policy=watching, gate=Unlimited()).begin(0.0)
    told = Heat([A], rules=Rules(), policy=watching, gate=Unlimited(), prospects=odds, groups={"a/m": 1})
    told.begin(0.0)

    first, second = watching.views
    assert (UNKNOWN, {}) == (first.prospects, first.groups)
    assert second.prospects is odds
    assert {"a/m": 1} == second.groups


def test_lanes_of_providers_that_had_their_turn_are_told_apart() -> None:
    """They wait behind the others, and the policy knows how many they are."""
    watching = Watching(at_once=2)
    race = Heat([lane("a/x"), lane("a/y"), B], rules=Rules(), policy=watching, gate=Unlimited())
    race.begin(0.0)

    seen = [([each.id for each in view.waiting], view.had_turn) for view in watching.views]
    assert [(["a/x", "a/y", "b/m"], 0), (["b/m", "a/y"], 1), (["a/y"], 1)] == seen


def test_failures_that_nobody_has_replaced_are_counted() -> None:
    """Until as many others have started. Local lanes cost nothing: they are not counted."""
    watching = Watching(at_once=3)
    race = Heat([A, B, lane("o/m", local=True), C, D], rules=Rules(), policy=watching, gate=Unlimited())
    race.begin(0.0)
    watching.at_once = 0
    for attempt in range(3):
        race.failed(attempt, BROKEN, 1.0)
    assert [0, 0, 0] == [view.vacant for view in watching.views[:3]]
    assert [1, 2, 2] == [view.vacant for view in watching.views[-3:]]


def test_an_extra_request_that_fails_leaves_no_place() -> None:
    """Else one request of the allowance would buy as many as there are lanes that fail."""
    watching = Watching(at_once=1)
    odds = Odds(allowance=9)
    race = Heat([A, B, C, D], rules=Rules(), policy=watching, gate=Unlimited(), prospects=odds)
    race.begin(0.0)
    watching.at_once, watching.extra = 2, True
    race.tick(1.0)
    watching.at_once = 0
    race.failed(1, BROKEN, 2.0)
    assert 0 == watching.views[-1].vacant
    race.failed(0, BROKEN, 2.0)
    assert 1 == watching.views[-1].vacant


def test_a_local_lane_replaces_no_other() -> None:
    """It was no request that costs, and another is still missing."""
    watching = Watching(at_once=2)
    race = Heat([A, B, lane("o/m", local=True), C], rules=Rules(), policy=watching, gate=Unlimited())
    race.begin(0.0)
    watching.at_once = 0
    race.failed(0, BROKEN, 1.0)
    watching.at_once = 3
    del watching.views[:]

    assert ["o/m", "c/m"] == started(race.tick(2.0))
    race.tick(3.0)
    assert [1, 1] == [view.vacant for view in watching.views]
    race.failed(1, BROKEN, 4.0)
    assert 1 == watching.views[-1].vacant


def test_an_extra_start_comes_out_of_the_allowance_at_once() -> None:
    """So that the next in the same instant is not planned beyond it."""
    for extra in (False, True):
        odds = Odds(allowance=3)
        race = Heat([A], rules=Rules(), policy=Watching(extra=extra), gate=Unlimited(), prospects=odds)

        assert [Start(0, A)] == race.begin(0.0)
        assert odds.allowance == 3 - extra


def test_all_starts_no_more_than_its_allowance_has() -> None:
    """Of four places two stay empty; one that has failed is replaced all the same."""
    odds = Odds(allowance=1)
    race = Heat([A, B, C, D], rules=Rules(), policy=POLICIES["all"], gate=Unlimited(), prospects=odds)

    assert ["a/m", "b/m"] == started(race.begin(0.0))
    assert ["c/m"] == started(race.failed(0, BROKEN, 1.0))
    assert [] == race.tick(2.0)


def test_a_start_tells_what_the_request_was_worth() -> None:
    """By the limits as they were before it."""
    race = Heat([A], rules=Rules(), policy=Watching(), gate=Unlimited(), prospects=Odds(prices={"a/m": 0.4}))

    assert [Start(0, A, price=0.4)] == race.begin(0.0)


def due_of(race: Heat) -> list[tuple[str, float, float, Why]]:
    return [(due.lane, round(due.offset, 6), due.price, due.why) for due in race.due]


def test_who_was_to_start_next_is_known_at_the_end() -> None:
    """When, and at what price, had the first not spoken; nobody, where nobody was to."""
    odds = Odds(firsts={"a/m": 0.8}, waits={"a/m": 1.0, "b/m": 2.0}, prices={"b/m": 0.3})
    race = Heat([B, A], rules=Rules(), policy=POLICIES["frugal"], gate=Unlimited(), prospects=odds)
    race.begin(5.0)
    race.first_token(0, 5.5)
    race.replied(0)
    assert [("b/m", 0.8, 0.3, Why.LATE)] == due_of(race)

    lone = Heat([A], rules=Rules(), policy=POLICIES["frugal"], gate=Unlimited(), prospects=odds)
    lone.begin(5.0)
    assert [] == due_of(lone)


def test_who_did_start_or_may_not_is_not_due() -> None:
    """Nor who would have come after the deadline."""
    odds = Odds(firsts={"a/m": 0.8, "b/m": 9.0}, waits={"a/m": 1.0, "b/m": 2.0, "c/m": 3.0}, allowance=1)
    for deadline, due in ((60.0, [("c/m", 9.8, 0.0, Why.LATE)]), (5.0, [])):
        odds.allowance = 2
        rules = Rules(deadline=deadline)
        race = Heat([A, B, C], rules=rules, policy=POLICIES["frugal"], gate=Unlimited(), prospects=odds)
        race.begin(5.0)
        race.tick(5.8)
        assert due == due_of(race)
    odds.allowance = 0
    race.tick(9.9)
    assert [] == due_of(race)


def test_whoever_is_held_back_or_spared_is_kept_out_with_the_reason() -> None:
    """Until it starts after all."""
    odds = Odds(allowance=0)
    race = Heat([A, B], rules=Rules(), policy=POLICIES["all"], gate=Unlimited(), prospects=odds)
    race.begin(0.0)
    assert {"b/m": KEPT_OUT[Why.HELD]} == race.kept_out
    race.failed(0, BROKEN, 1.0)
    assert {} == race.kept_out

    odds = Odds(lasts=frozenset({"a/m"}))
    race = Heat([A, B], rules=Rules(width=1), policy=POLICIES["all"], gate=Unlimited(), prospects=odds)
    assert ["b/m"] == started(race.begin(0.0))
    assert {"a/m": KEPT_OUT[Why.SPARED]} == race.kept_out


def test_frugal_asks_one_and_the_next_when_the_first_is_late() -> None:
    """Then whoever was halted or has failed is replaced at once."""
    odds = Odds(firsts={"a/m": 0.8, "b/m": 0.5}, waits={"a/m": 1.0, "b/m": 2.0, "c/m": 3.0}, allowance=1)
    race = Heat([C, B, A], rules=Rules(), policy=POLICIES["frugal"], gate=Unlimited(), prospects=odds)

    assert [Start(0, A)] == race.begin(0.0)
    assert 0.8 == race.wake_at()
    assert [Start(1, B, why=Why.LATE)] == race.tick(0.8)
    odds.allowance = 0
    assert [] == race.tick(1.5)
    assert 2.5 == race.wake_at()
    assert [Start(2, C, why=Why.REPLACES)] == race.failed(0, BROKEN, 1.6)


def test_frugal_lets_a_stream_run_and_looks_whether_it_has_stalled() -> None:
    """It is woken when the stream would count as stalled, and again if it did not."""
    race = Heat([A, B], rules=Rules(), policy=POLICIES["frugal"], gate=Unlimited())
    race.begin(0.0)

    assert [] == race.first_token(0, 0.5)
    assert 2.5 == race.wake_at()
    race.progress(0, 0.6)
    assert [] == race.tick(2.5)
    assert 2.6 == race.wake_at()
    assert [Start(1, B, why=Why.STALLED)] == race.tick(2.6)


def test_frugal_leaves_a_whole_reply_alone_while_it_is_checked() -> None:
    """Nothing more is to come of it: silence means nothing."""
    race = Heat([A, B], rules=Rules(), policy=POLICIES["frugal"], gate=Unlimited())
    race.begin(0.0)
    race.first_token(0, 0.5)
    race.progress(0, float("inf"))

    assert [] == race.tick(2.5)
    assert 60.0 == race.wake_at()


# ------------------------------------------------------------------- random races

kinds = st.sampled_from([Kind.SERVER, Kind.RATE, Kind.AUTH, Kind.EMPTY, Kind.BAD_REQUEST, Kind.CONNECT])
errors = st.builds(WireError, kinds, retry_after=st.none() | st.floats(0, 20, allow_nan=False))
lanes_drawn = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz"), st.booleans()),
    max_size=8,
    unique_by=lambda t: t[:2],
)
lane_ids = st.builds("{}/{}".format, st.sampled_from("abcd"), st.sampled_from("xyz"))
moves = st.lists(
    st.tuples(
        st.sampled_from(["reply", "fail", "token", "piece", "proof", "tick", "abort"]),
        st.integers(0, 7),
        st.floats(0, 8, allow_nan=False),
        errors,
    ),
    max_size=40,
)
rules_drawn = st.builds(
    Rules,
    width=st.integers(1, 5),
    deadline=st.floats(0.5, 60, allow_nan=False),
    wait=st.sampled_from([0.0, 0.0, 3.0, 30.0]),
    per_provider=st.integers(1, 2),
    local_lanes=st.integers(1, 2),
    read=st.booleans(),
)


odds_drawn = st.builds(
    Odds,
    firsts=st.dictionaries(lane_ids, st.floats(0, 5)),
    waits=st.dictionaries(lane_ids, st.floats(0, 5)),
    prices=st.dictionaries(lane_ids, st.floats(0, 15)),
    allowance=st.integers(0, 3),
)


class Witness:
    """Plays a random story on a Heat and checks the rules after every call."""

    def __init__(self, lanes: list[Lane], rules: Rules, policy: str, odds: Odds) -> None:
        self.rules = rules
        self.gate = Unlimited()
        self.odds = odds
        self.race = Heat(lanes, rules=rules, policy=POLICIES[policy], gate=self.gate, prospects=odds)
        self.lanes = lanes
        self.running: dict[int, Lane] = {}
        self.ends: Counter[int] = Counter()
        self.stopped = 0
        self.now = self.began = 0.0

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            assert self.stopped == 0, "nothing comes after Stop"
            if isinstance(action, Start):
                assert action.attempt not in self.running
                assert action.attempt not in self.ends
                assert self.now < self.began + self.rules.deadline
                assert self.race.leader is None, "nothing starts beside a leader"
                assert self.odds.allowance >= 0, "an extra without allowance"
                self.running[action.attempt] = action.lane
            elif isinstance(action, Halt):
                assert set(self.running) - {self.race.leader} == set(action.lost)
                for attempt in action.lost:
                    self.ends[attempt] += 1
                    del self.running[attempt]
            else:
                self.stopped += 1
                assert set(self.running) == set(action.lost)
                self.ends.update(action.lost)
                self.running.clear()
        assert len(self.running) <= self.rules.width
        local = Counter(each.host for each in self.running.values() if each.provider.local)
        assert all(count <= self.rules.local_lanes for count in local.values())
        assert len(self.running) == len({each.id for each in self.running.values()}), "no lane twice at once"
        assert (self.stopped == 1) == (self.race.ending is not None)
        assert self.running or self.stopped or self.race.wake_at() < float("inf")
        assert self.race.leader is None or self.stopped or set(self.running) == {self.race.leader}

    def move(self, what: str, pick: int, after: float, error: WireError) -> None:
        self.now = min(self.now + after, max(self.now, self.race.wake_at()))
        if what == "tick" or self.now >= self.race.wake_at():
            self.take(self.race.tick(self.now))
        if not self.running or what == "tick":
            return
        attempt = sorted(self.running)[pick % len(self.running)]
        if what == "token":
            self.take(self.race.first_token(attempt, self.now))
        elif what == "piece":
            self.race.progress(attempt, self.now)
        elif what == "proof":
            self.take(self.race.proven(attempt))
        elif what == "abort":
            self.take(self.race.abort())
        elif what == "reply":
            self.ends[attempt] += 1
            del self.running[attempt]
            self.take(self.race.replied(attempt))
        else:
            self.ends[attempt] += 1
            lost = self.running.pop(attempt)
            self.gate.failed(lost, error, self.now)
            resumes = attempt == self.race.leader and self.rules.read
            self.began = self.now if resumes else self.began
            self.take(self.race.failed(attempt, error, self.now, resumes=resumes))


@settings(max_examples=1500)
@given(lanes_drawn, rules_drawn, st.sampled_from(sorted(POLICIES)), moves, odds_drawn)
def test_random_races_keep_the_rules(
    drawn: list[tuple[str, str, bool]],
    rules: Rules,
    policy: str,
    story: list[tuple[str, int, float, WireError]],
    odds: Odds,
) -> None:
    """Width and hosts never exceeded, Stop exactly once, every attempt ends exactly once, none after it."""
    local = {name: is_local for name, _, is_local in drawn}
    lanes = [lane(f"{n}/{model}", local=local[n], loaded=model != "x") for n, model, _ in drawn]
    witness = Witness(lanes, rules, policy, odds)
    witness.take(witness.race.begin(0.0))
    for what, pick, after, error in story:
        witness.move(what, pick, after, error)
    witness.take(witness.race.abort())

    assert witness.stopped == 1
    assert set(range(witness.race.starts)) == set(witness.ends)
    assert all(count == 1 for count in witness.ends.values())


@given(lanes_drawn.filter(bool), st.integers(1, 5))
def test_without_cool_downs_lanes_start_in_order_of_rank(
    drawn: list[tuple[str, str, bool]], width: int
) -> None:
    """Among providers that had no turn yet, a better lane never starts after a worse one."""
    lanes = [lane(f"{name}/{model}") for name, model, _ in drawn]
    race = heat(*lanes, width=width)
    order = started(race.begin(0.0))
    attempt = 0
    while race.ending is None:
        order += started(race.failed(attempt, BROKEN, 1.0 + attempt))
        attempt += 1

    first_of_each = [each for i, each in enumerate(order) if each[0] not in {o[0] for o in order[:i]}]
    ranked: list[str] = []
    for each in lanes:
        if each.provider.name not in {name.partition("/")[0] for name in ranked}:
            ranked.append(each.id)
    assert ranked == first_of_each
    assert sorted(each.id for each in lanes) == sorted(order)


@pytest.mark.parametrize("count", [1, 5, 20])
def test_every_lane_gets_its_try_before_the_race_is_lost(count: int) -> None:
    """However many fail, the race goes on while a lane is left."""
    race = heat(*(lane(f"p{i}/m") for i in range(count)), width=3)
    race.begin(0.0)
    for attempt in range(count):
        assert race.ending is None
        race.failed(attempt, BROKEN, 1.0)

    assert Ending.EXHAUSTED is race.ending
    assert count == race.starts
