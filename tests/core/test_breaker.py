"""Cool-downs: examples for each rule, and a machine that attacks all of them together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from racer.core.breaker import LONGEST_STATED, PROBE_AGAIN, Block, Breakers, CoolDown, scope_name, scope_names
from racer.core.consequence import CONSEQUENCES, FOREVER, HOUR, Scope
from racer.core.provider import Account, Lane
from racer_adapters.errors import Kind, WireError
from tests.core.lanes import lane

A = lane("a/m")
A2 = lane("a/other")
B = lane("b/m")
KEY1 = lane("k/m", account="one")
KEY2 = lane("k/m", account="two")

BROKEN = WireError(Kind.SERVER, "broken", status=500)
SLOW_DOWN = WireError(Kind.RATE, "slow down", status=429)


def pooled(lane_: Lane, pool: str = "org") -> Lane:
    return replace(lane_, account=Account(lane_.account.name, pool=pool))


def asked_to_wait(seconds: float, kind: Kind = Kind.RATE, *, model_only: bool = False) -> WireError:
    return WireError(kind, "wait", retry_after=seconds, model_only=model_only)


def until(breakers: Breakers, lane_: Lane, now: float) -> float | None:
    block = breakers.blocked(lane_, now)
    return None if block is None else block.until


def broken(breakers: Breakers, lane_: Lane, now: float, *, times: int = 3) -> CoolDown | None:
    """The last of so many failures in a row."""
    cooled = [breakers.failed(lane_, BROKEN, now) for _ in range(times)]
    return cooled[-1]


# ---------------------------------------------------------------- what closes


def test_a_healthy_lane_is_not_blocked() -> None:
    """Before anything has failed nothing is kept, and no fact of a lane's life matters."""
    breakers = Breakers()
    breakers.started(A, 0.0)
    breakers.stopped(A)

    assert breakers.blocked(A, 0.0) is None
    assert breakers.succeeded(A) == []


def test_the_third_failure_in_a_row_closes_a_lane() -> None:
    """Two may be chance. The third closes that lane for 15 s, by our own guess."""
    breakers = Breakers()

    assert broken(breakers, A, 10.0, times=2) is None
    assert breakers.blocked(A, 10.0) is None
    assert breakers.failed(A, BROKEN, 10.0) == CoolDown("lane a/m", 25.0, "server: broken")
    assert breakers.blocked(A, 10.0) == Block(25.0, "server: broken", stated=False)
    assert breakers.blocked(B, 10.0) is None
    assert breakers.blocked(A2, 10.0) is None


def test_a_breaker_speaks_of_failures_alone() -> None:
    """What limits have to say is added by whoever keeps them: no block of a breaker is theirs."""
    breakers = Breakers()
    broken(breakers, A, 0.0)
    breakers.failed(B, asked_to_wait(5.0), 0.0)

    for each in (A, B):
        block = breakers.blocked(each, 0.0)
        assert block is not None
        assert (block.pending, block.limit) == (False, False)


def test_a_success_between_failures_starts_the_count_again() -> None:
    """In a row means in a row."""
    breakers = Breakers()
    broken(breakers, A, 0.0, times=2)

    assert breakers.succeeded(A) == []
    assert broken(breakers, A, 0.0, times=2) is None


def test_a_failure_without_words_is_told_by_its_kind() -> None:
    """The reason is never empty."""
    cooled = Breakers().failed(A, WireError(Kind.TLS), 0.0)

    assert cooled is not None
    assert cooled.reason == "tls"


@pytest.mark.parametrize(
    ("kind", "name", "closed"),
    [
        (Kind.AUTH, "key one", [KEY1]),
        (Kind.RATE, "account one", [KEY1]),
        (Kind.DENIED, "lane k/m@one", [KEY1]),
        (Kind.NO_MODEL, "model k/m", [KEY1, KEY2]),
        (Kind.TLS, "provider k", [KEY1, KEY2]),
    ],
)
def test_each_scope_closes_what_it_covers(kind: Kind, name: str, closed: list[Lane]) -> None:
    """Another key of the provider goes on, unless the model or the whole provider is out."""
    breakers = Breakers()
    cooled = breakers.failed(KEY1, WireError(kind, "no"), 0.0)

    assert cooled is not None
    assert cooled.scope == name
    assert [each for each in (KEY1, KEY2, A) if breakers.blocked(each, 0.0)] == closed


def test_a_limit_of_the_account_closes_all_its_models() -> None:
    """Requests are counted for the account, whichever model answers."""
    breakers = Breakers()
    breakers.failed(A, SLOW_DOWN, 0.0)

    assert breakers.blocked(A2, 0.0) is not None


def test_a_limit_of_the_model_closes_that_model_alone() -> None:
    """`model_only`: the account's other models go on, and so does the same model on another account."""
    breakers = Breakers()
    cooled = breakers.failed(KEY1, asked_to_wait(60.0, model_only=True), 0.0)

    assert cooled == CoolDown("account one for m", 60.0, "rate: wait")
    assert breakers.blocked(lane("k/other", account="one"), 0.0) is None
    assert breakers.blocked(KEY2, 0.0) is None


def test_keys_of_one_pool_share_their_limits() -> None:
    """A pool is one account: what is used up for one key is used up for the others."""
    breakers = Breakers()
    cooled = breakers.failed(pooled(KEY1), SLOW_DOWN, 0.0)

    assert cooled is not None
    assert cooled.scope == "pool k:org"
    assert breakers.blocked(pooled(KEY2), 0.0) is not None
    assert breakers.blocked(pooled(KEY2, "another"), 0.0) is None
    assert breakers.blocked(pooled(A), 0.0) is None


def test_a_models_limit_holds_for_the_whole_pool() -> None:
    """Groq counts a model for the organisation: the other key of it need not be asked."""
    breakers = Breakers()
    breakers.failed(pooled(KEY1), asked_to_wait(60.0, model_only=True), 0.0)

    assert breakers.blocked(pooled(KEY2), 0.0) is not None
    assert breakers.blocked(pooled(lane("k/other", account="two")), 0.0) is None


def test_a_refused_key_closes_itself_and_not_its_pool() -> None:
    """Other keys of the organisation still work."""
    breakers = Breakers()
    breakers.failed(pooled(KEY1), WireError(Kind.AUTH, "no"), 0.0)

    assert until(breakers, pooled(KEY1), 1e9) == FOREVER
    assert breakers.blocked(pooled(KEY2), 0.0) is None


@pytest.mark.parametrize("kind", [kind for kind, found in CONSEQUENCES.items() if found is None])
def test_what_says_nothing_of_the_lane_closes_nothing(kind: Kind) -> None:
    """However often, and even where the answer asked to wait."""
    breakers = Breakers()

    assert [breakers.failed(A, asked_to_wait(99.0, kind), 0.0) for _ in range(9)] == [None] * 9
    assert breakers.blocked(A, 0.0) is None


def test_every_scope_has_a_name_of_its_own() -> None:
    """No two breakers are one by accident."""
    names = [*scope_names(KEY1)]

    assert names == [scope_name(scope, KEY1) for scope in Scope]
    assert len(set(names)) == len(Scope)


# ---------------------------------------------------------------- for how long


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (7.66, 7.66),
        (0.0, 1.0),
        (-5.0, 1.0),
        (1e9, LONGEST_STATED),
        (float("inf"), LONGEST_STATED),
        (float("nan"), 1.0),
    ],
)
def test_a_stated_wait_is_kept_within_reason(asked: float, kept: float) -> None:
    """At least a second, at most a month."""
    breakers = Breakers()
    breakers.failed(A, asked_to_wait(asked), 100.0)

    assert breakers.blocked(A, 100.0) == Block(100.0 + kept, "rate: wait", stated=True)


@pytest.mark.parametrize("kind", [Kind.SERVER, Kind.OVERLOADED, Kind.RESET])
def test_a_stated_wait_closes_at_the_first_failure(kind: Kind) -> None:
    """503 with retry-after 120: two minutes, not the third time and not a guess."""
    breakers = Breakers()
    breakers.failed(A, asked_to_wait(120.0, kind), 0.0)

    assert breakers.blocked(A, 0.0) == Block(120.0, f"{kind}: wait", stated=True)


@pytest.mark.parametrize("kind", [Kind.AUTH, Kind.CREDIT])
def test_a_wait_that_a_refusal_states_is_believed(kind: Kind) -> None:
    """GitHub says 403 and OpenRouter 402 with retry-after: not for good, then."""
    breakers = Breakers()
    breakers.failed(A, asked_to_wait(60.0, kind), 0.0)

    assert until(breakers, A, 0.0) == 60.0
    assert breakers.blocked(A, 60.0) is None


def test_a_closed_time_doubles_with_each_try_up_to_the_most() -> None:
    """15, 30, 60 … 600 and never more, while each try after it fails."""
    breakers = Breakers()
    now, lasted = 0.0, list[float]()
    broken(breakers, A, now, times=2)
    for _ in range(40):
        cooled = breakers.failed(A, BROKEN, now)
        assert cooled is not None
        lasted.append(cooled.until - now)
        now = cooled.until
        breakers.started(A, now)

    assert lasted[:7] == [15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 600.0]
    assert set(lasted[7:]) == {600.0}


def test_a_success_forgets_the_doubling() -> None:
    """After it worked, the next cool-down is a first one."""
    breakers = Breakers()
    breakers.failed(A, SLOW_DOWN, 0.0)
    breakers.started(A, 15.0)
    breakers.failed(A, SLOW_DOWN, 15.0)
    breakers.started(A, 45.0)
    breakers.succeeded(A)

    breakers.failed(A, SLOW_DOWN, 50.0)
    assert until(breakers, A, 50.0) == 65.0


def test_lanes_that_fail_together_are_one_failure() -> None:
    """Sixty races in flight see one overload: it closes for 5 s, not for ten minutes, and is told once."""
    breakers = Breakers()
    overloaded = WireError(Kind.OVERLOADED, "busy", status=529)
    told = [breakers.failed(A, overloaded, 0.01 * number) for number in range(60)]

    assert told[0] == CoolDown("lane a/m", 5.0, "overloaded: busy")
    assert told[1:] == [None] * 59
    assert until(breakers, A, 0.6) == 5.0


def test_limits_seen_together_are_one_limit() -> None:
    """Three models of an account get their 429 in the same instant: 15 s, not a minute."""
    breakers = Breakers()
    told = [breakers.failed(each, SLOW_DOWN, 0.0) for each in (A, A2, A)]

    assert told == [CoolDown("account a", 15.0, "rate: slow down"), None, None]


# ---------------------------------------------------------------- stated against guessed


def test_a_guess_never_shortens_a_stated_wait() -> None:
    """A lane that was still at work breaks after the provider asked for two minutes: two minutes it is."""
    breakers = Breakers()
    breakers.failed(A, asked_to_wait(120.0, Kind.OVERLOADED), 0.0)

    assert broken(breakers, A, 1.0, times=5) is None
    assert breakers.blocked(A, 2.0) == Block(120.0, "overloaded: wait", stated=True)


def test_a_stated_wait_replaces_a_guess() -> None:
    """Longer or shorter: the provider knows better than we do."""
    for seconds in (3.0, 300.0):
        breakers = Breakers()
        broken(breakers, A, 0.0)

        cooled = breakers.failed(A, asked_to_wait(seconds, Kind.SERVER), 1.0)
        assert cooled == CoolDown("lane a/m", 1.0 + seconds, "server: wait")
        assert breakers.blocked(A, 1.0) == Block(1.0 + seconds, "server: wait", stated=True)


def test_of_two_stated_waits_the_longer_counts() -> None:
    """An answer that was on its way cannot open what a later one has closed."""
    breakers = Breakers()
    breakers.failed(A, asked_to_wait(60.0), 0.0)

    assert breakers.failed(A2, asked_to_wait(10.0), 1.0) is None
    assert until(breakers, A, 1.0) == 60.0
    assert breakers.failed(A2, asked_to_wait(90.0), 1.0) == CoolDown("account a", 91.0, "rate: wait")


def test_what_is_certain_replaces_a_guess() -> None:
    """A lane that we cool for 15 s turns out not to be allowed at all: an hour, and stated."""
    breakers = Breakers()
    broken(breakers, A, 0.0)
    breakers.failed(A, WireError(Kind.DENIED, "no"), 1.0)

    assert breakers.blocked(A, 1.0) == Block(1.0 + HOUR, "denied: no", stated=True)


def test_of_several_blocks_the_stated_one_is_told_then_the_longest() -> None:
    """A guess may be overruled, so it must not stand before a block that may not."""
    breakers = Breakers()
    for now in (0.0, 15.0):
        broken(breakers, A, now)
        breakers.started(A, now + 15.0)
    breakers.failed(A, asked_to_wait(20.0), 16.0)
    assert breakers.blocked(A, 16.0) == Block(36.0, "rate: wait", stated=True)

    breakers.failed(A, WireError(Kind.NO_MODEL, "gone"), 16.0)
    assert breakers.blocked(A, 16.0) == Block(16.0 + HOUR, "no_model: gone", stated=True)
    assert breakers.blocked(A2, 16.0) == Block(36.0, "rate: wait", stated=True)


# ---------------------------------------------------------------- half open


def test_after_its_time_one_lane_may_try() -> None:
    """Whoever starts first has the one try; the others look again in a second, by our own guess."""
    breakers = Breakers()
    breakers.failed(A, SLOW_DOWN, 0.0)
    assert breakers.blocked(A, 15.0) is None

    breakers.started(A, 15.0)
    again = Block(15.0 + PROBE_AGAIN, "being tried again after: rate: slow down", stated=False)
    assert breakers.blocked(A, 15.0) == again
    assert breakers.blocked(A2, 15.0) == again


def test_a_try_that_works_closes_every_breaker_of_its_lane() -> None:
    """Account, model and lane were out; one valid reply shows that all of them work."""
    breakers = Breakers()
    breakers.failed(A, SLOW_DOWN, 0.0)
    breakers.failed(A, WireError(Kind.NO_MODEL, "gone"), 0.0)
    broken(breakers, A, 0.0)
    breakers.started(A, HOUR)

    assert sorted(breakers.succeeded(A)) == ["account a", "lane a/m", "model a/m"]
    assert breakers.blocked(A, HOUR) is None
    assert breakers.succeeded(A) == []


def test_a_try_that_fails_closes_for_twice_as_long() -> None:
    """From the moment that it failed."""
    breakers = Breakers()
    broken(breakers, B, 0.0)
    breakers.started(B, 15.0)

    assert breakers.failed(B, BROKEN, 20.0) == CoolDown("lane b/m", 50.0, "server: broken")
    assert breakers.blocked(B, 50.0) is None


def test_a_limit_that_does_not_say_when_it_ends_is_tried_again_before_half_a_minute() -> None:
    """However often it was reached: when all lanes rest for it, the first answer is not far."""
    breakers, now = Breakers(), 0.0
    for _ in range(9):
        breakers.failed(A, SLOW_DOWN, now)
        now += 25.0
        assert breakers.blocked(A, now) is None
        breakers.started(A, now)


def test_a_try_that_was_stopped_lets_the_next_one_try() -> None:
    """A lost race says nothing of the lane, so it must not keep it closed."""
    breakers = Breakers()
    breakers.failed(A, SLOW_DOWN, 0.0)
    breakers.started(A, 15.0)
    breakers.stopped(A)

    assert breakers.blocked(A2, 15.0) is None


def test_a_try_that_fails_for_another_reason_lets_the_next_one_try() -> None:
    """The caller's check turned its reply down: the account has not failed."""
    breakers = Breakers()
    breakers.failed(A, SLOW_DOWN, 0.0)
    breakers.started(A, 15.0)
    breakers.failed(A, WireError(Kind.INVALID, "rude"), 16.0)

    assert breakers.blocked(A, 16.0) is None


def test_another_lane_that_stops_leaves_the_try_alone() -> None:
    """A2 was at work all along; that it ends does not let a second one try beside A."""
    breakers = Breakers()
    breakers.failed(A, SLOW_DOWN, 0.0)
    breakers.started(A, 15.0)
    breakers.stopped(A2)
    breakers.failed(A2, WireError(Kind.INVALID, "rude"), 15.0)

    assert breakers.blocked(A2, 15.0) is not None


def test_a_lane_that_overrules_a_try_takes_nothing_from_it() -> None:
    """With no other lane left a race starts A2 beside the try; when A2 ends, A is still trying."""
    breakers = Breakers()
    breakers.failed(A, SLOW_DOWN, 0.0)
    breakers.started(A, 15.0)
    breakers.started(A2, 15.5)
    breakers.stopped(A2)

    assert breakers.blocked(A2, 16.0) is not None
    assert breakers.succeeded(A) == ["account a"]


def test_a_try_that_works_too_late_opens_nothing() -> None:
    """While A tries, A2 is told to wait a minute: what A says then is from before that."""
    breakers = Breakers()
    breakers.failed(A, SLOW_DOWN, 0.0)
    breakers.started(A, 15.0)
    breakers.failed(A2, asked_to_wait(60.0), 16.0)

    assert breakers.succeeded(A) == []
    assert until(breakers, A, 17.0) == 76.0


def test_a_success_from_before_does_not_open_what_the_provider_closed() -> None:
    """A2 was at work when A got its 429: its reply is welcome, and the wait is kept."""
    breakers = Breakers()
    breakers.failed(A, asked_to_wait(60.0), 0.0)

    assert breakers.succeeded(A2) == []
    assert until(breakers, A, 1.0) == 60.0


def test_a_success_of_who_started_all_the_same_opens_what_the_provider_closed() -> None:
    """What was said of one question was not true of all."""
    breakers = Breakers()
    breakers.failed(A, WireError(Kind.NO_MODEL), 0.0)
    assert breakers.probes(A)
    breakers.forced(A)

    assert not breakers.probes(A)
    assert breakers.succeeded(A) == ["model a/m"]
    assert breakers.blocked(A, 1.0) is None
    assert not breakers.probes(A)


def test_a_success_opens_what_we_only_guessed() -> None:
    """A guess that is overruled and proved wrong is forgotten."""
    breakers = Breakers()
    broken(breakers, A, 0.0)
    breakers.started(A, 1.0)

    assert breakers.succeeded(A) == ["lane a/m"]
    assert breakers.blocked(A, 1.0) is None


# ---------------------------------------------------------------- all rules together

LANES = (
    A,
    A2,
    B,
    KEY1,
    KEY2,
    pooled(lane("p/m", account="one")),
    pooled(lane("p/m", account="two")),
    pooled(lane("p/other", account="two")),
)


@dataclass(slots=True)
class Run:
    lane: Lane
    tries: frozenset[str]


class Attack(RuleBasedStateMachine):
    """Lanes start as a race starts them, and end in any way at any time. Seconds are whole: sums are exact.

    A lane that has the try of a scope runs once at a time: two runs of one lane are not told apart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.breakers = Breakers()
        self.now = 0.0
        self.runs: list[Run] = []
        self.stated: dict[str, float] = {}
        self.closed: dict[str, float] = {}

    @rule(seconds=st.sampled_from([0, 1, 5, 14, 15, 60, 600, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(each=st.sampled_from(LANES), no_other_is_left=st.booleans())
    def start(self, each: Lane, no_other_is_left: bool) -> None:
        """At most one try at a time for each scope; only a guess is overruled, and that is no try."""
        block = self.breakers.blocked(each, self.now)
        half_open = {name for name in scope_names(each) if self.closed.get(name, FOREVER) <= self.now}
        twice = [run for run in self.runs if run.lane == each and (run.tries or half_open)]
        if twice or (block and (block.stated or not no_other_is_left)):
            return
        tried = {name for run in self.runs for name in run.tries}
        assert block is not None or not half_open & tried
        self.breakers.started(each, self.now)
        self.runs.append(Run(each, frozenset(half_open - tried)))

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        """What was guessed is forgotten; what is healed was closed."""
        run = self.ended(data)
        healed = self.breakers.succeeded(run.lane)
        assert set(healed) <= set(self.closed)
        for name in healed:
            assert self.stated.get(name, 0.0) <= self.now
            del self.closed[name]
        block = self.breakers.blocked(run.lane, self.now)
        if run.tries:
            assert not run.tries & set(self.closed)
        assert block is None or block.stated or block.reason.startswith("being tried again")

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        self.breakers.stopped(self.ended(data).lane)

    @precondition(lambda self: self.runs)
    @rule(
        data=st.data(),
        kind=st.sampled_from(sorted(Kind)),
        wait=st.none() | st.integers(0, 100),
        model_only=st.booleans(),
    )
    def fail(self, data: st.DataObject, kind: Kind, wait: int | None, model_only: bool) -> None:
        run = self.ended(data)
        error = WireError(kind, "no", retry_after=wait, model_only=model_only)
        cooled = self.breakers.failed(run.lane, error, self.now)
        consequence = CONSEQUENCES[kind]
        if wait is not None and consequence is not None:
            block = self.breakers.blocked(run.lane, self.now)
            assert block is not None
            assert block.stated
            assert block.until >= self.now + max(1, wait)
        if cooled is None or consequence is None:
            assert cooled is None
            return
        assert cooled.until > self.now
        self.closed[cooled.scope] = cooled.until
        for other in self.runs:  # whoever was trying this scope is an old story now
            other.tries -= {cooled.scope}
        if wait is not None:
            stated = self.now + max(1.0, wait)
            self.stated[cooled.scope] = max(stated, self.stated.get(cooled.scope, 0.0))
        elif not consequence.stated:
            assert cooled.until - self.now <= consequence.most

    def ended(self, data: st.DataObject) -> Run:
        return self.runs.pop(data.draw(st.integers(0, len(self.runs) - 1)))

    @invariant()
    def a_stated_wait_is_kept(self) -> None:
        """Whatever else happens: until its end no lane of the scope may start, not even as the last one."""
        for each in LANES:
            kept = max((self.stated.get(name, 0.0) for name in scope_names(each)), default=0.0)
            if kept > self.now:
                block = self.breakers.blocked(each, self.now)
                assert block is not None
                assert block.stated
                assert block.until >= kept

    @invariant()
    def nobody_is_blocked_forever_by_a_guess(self) -> None:
        """With nobody at work, waiting as told always ends, but for a refused key."""
        if self.runs:
            return
        for each in LANES:
            looks = [self.now]
            while (block := self.breakers.blocked(each, looks[-1])) and block.until < FOREVER:
                looks.append(block.until)
                assert len(looks) <= len(Scope) + 1
            assert block is None or block.stated
            assert all(earlier < later for earlier, later in pairwise(looks))


TestAttack = Attack.TestCase
TestAttack.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
