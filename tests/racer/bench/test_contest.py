"""A bench as it is planned: what it announces, who is asked when, and that nobody gets more than was said."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from racer.bench.contest import POLICIES, WARM_UP, Contest, Entrant, Grid, Terms, Till, contest_of, width_of
from racer.bench.sample import Kind

if TYPE_CHECKING:
    from random import Random


def entrant(lane: str, seat: str = "", *, local: bool = False) -> Entrant:
    return Entrant(lane, lane.partition("/")[0], seat or lane, local)


A, B, C, D, E = (entrant(f"{name}/m") for name in "abcde")
A2 = entrant("a/n")
HOME, HOME2 = (entrant(f"home/{name}", "localhost", local=True) for name in "mn")


def contest(*entrants: Entrant, **terms: object) -> Contest:
    return contest_of(entrants, replace(Terms(seed=1), **terms))  # type: ignore[arg-type] # as a test names them


# ---------------------------------------------------------------- what is announced


def test_each_lane_is_announced_once_a_round_and_once_to_warm_up() -> None:
    """Without the warm-up, once a round alone."""
    assert contest(A, B, rounds=20).announced.lanes == {"a/m": 21, "b/m": 21}
    assert contest(A, B, rounds=20, warm_up=False).announced.lanes == {"a/m": 20, "b/m": 20}


def test_policies_are_announced_by_what_their_races_take() -> None:
    """`all` as many as run at once, `one` one a race, `frugal` a quarter more."""
    planned = contest(A, B, C, D, E, rounds=20)

    assert planned.width == 4
    assert planned.announced.policies == {"all": 80, "frugal": 25, "one": 20}
    assert planned.announced.total == 5 * 21 + 125


def test_frugal_takes_no_more_than_all() -> None:
    """With one lane there is nobody to ask beside it."""
    assert contest(A, rounds=8).announced.policies == {"all": 8, "frugal": 8, "one": 8}


def test_without_policies_there_are_lanes_alone() -> None:
    """They are the only contenders then."""
    planned = contest(A, B, policies=())

    assert planned.announced.policies == {}
    assert planned.contenders == ((Kind.LANE, "a/m"), (Kind.LANE, "b/m"))
    assert contest(A, policies=("one",)).contenders[-1] == (Kind.POLICY, "one")


def test_lanes_that_cannot_run_at_once_are_no_width() -> None:
    """Two models on one machine take turns, so a race has one of them at a time."""
    assert contest(A, HOME, HOME2).width == 2
    assert contest(A, B, C, lanes=2).width == 2
    assert width_of([], 4) == 0


def test_a_provider_is_announced_with_the_most_it_may_get() -> None:
    """Its lanes alone; of each race as many as it has lanes; of `frugal` whatever that has."""
    providers = contest(A, A2, B, rounds=10).announced.providers

    assert providers == {"a": 2 * 11 + 10 * 2 + 13 + 10, "b": 11 + 10 + 13 + 10}


# ---------------------------------------------------------------- budgets


def test_a_budget_cuts_the_rounds_of_whom_it_is_too_small_for() -> None:
    """With two lanes a provider takes part in fewer rounds; nobody gets more than the budget."""
    planned = contest(A, A2, B, rounds=20, budget=60)

    assert planned.shares["a"] < planned.shares["b"] == planned.terms.rounds
    assert all(most <= 60 for most in planned.announced.providers.values())
    assert [each.lane for each in planned.field(planned.shares["a"])] == ["b/m"]


def test_policies_race_only_where_everybody_takes_part() -> None:
    """Later rounds ask lanes alone: without a provider, races would be others than before."""
    planned = contest(A, A2, B, rounds=20, budget=60)

    assert planned.raced == planned.shares["a"]
    assert [number for number in range(20) if planned.policies(number)] == list(range(planned.raced))
    assert planned.announced.policies == {
        "all": 3 * planned.raced,
        "frugal": planned.raced + -(-planned.raced // 4),
        "one": planned.raced,
    }


def test_a_budget_is_used_for_as_many_races_as_there_is_room_for() -> None:
    """One round more would be too much for somebody."""
    planned = contest(A, A2, B, rounds=20, budget=60)
    more = contest(A, A2, B, rounds=planned.raced + 1)

    assert contest(A, A2, B, rounds=planned.raced, budget=60).raced == planned.raced
    assert more.announced.providers["a"] > 60


def test_a_long_bench_is_planned_at_once() -> None:
    """Nothing goes through its rounds one by one."""
    planned = contest(A, A2, B, rounds=10**9, budget=10**8)

    assert 10**6 < planned.raced < 10**8
    assert 0.99 * 10**8 < planned.announced.providers["a"] <= 10**8


def test_there_is_no_round_without_anybody() -> None:
    """A budget that is too small for all cuts the bench."""
    planned = contest(A, B, rounds=20, budget=30)

    assert planned.terms.rounds == max(planned.shares.values()) < 20
    assert planned.field(planned.terms.rounds - 1) == (A, B)


def test_who_cannot_take_part_in_a_round_is_cut() -> None:
    """And is no entrant any more."""
    planned = contest(A, A2, B, rounds=3, budget=6)

    assert (planned.cut, planned.entrants) == (("a",), (B,))
    assert contest(A, budget=1).entrants == ()


# ---------------------------------------------------------------- rounds


def test_a_round_asks_everybody_once_by_provider() -> None:
    """Lanes of one provider stand in a group, those at home apart."""
    planned = contest(A, B, A2, HOME, HOME2)

    for number in (WARM_UP, 0, 19):
        groups = planned.groups(number)
        assert sorted(sorted(group) for group in groups) == [["a/m", "a/n"], ["b/m"]]
        assert sorted(planned.at_home(number)) == ["home/m", "home/n"]


def test_the_order_is_drawn_by_the_seed() -> None:
    """The same seed repeats it; from round to round it changes."""
    planned, again, other = (contest(A, B, C, D, E, seed=seed) for seed in (1, 1, 2))
    orders = [planned.groups(number) for number in range(20)]

    assert orders == [again.groups(number) for number in range(20)]
    assert orders != [other.groups(number) for number in range(20)]
    assert len(set(orders)) > 1
    assert len({planned.policies(number) for number in range(20)}) > 1
    assert {tuple(sorted(planned.policies(number))) for number in range(20)} == {tuple(sorted(POLICIES))}


def test_all_of_a_round_get_the_same_prompt() -> None:
    """They take turns; the warm-up has the first."""
    planned = contest(A, prompts=3)

    assert [planned.prompt(number) for number in (WARM_UP, 0, 1, 2, 3, 20)] == [0, 0, 1, 2, 0, 2]


def test_behind_the_last_round_races_frugal_alone() -> None:
    """What others have left was kept out; racing for it later would count against them."""
    assert contest(A, B).lingering == ("frugal",)
    assert contest(A, B, policies=("all", "one")).lingering == ()


# ---------------------------------------------------------------- what is left


def test_races_take_what_their_policy_has_left() -> None:
    """The last of `frugal` may have room for fewer than the width; all lanes are in each."""
    planned = contest(A, B, C, D, rounds=4, policies=("frugal",))
    till = Till(planned)

    assert till.race("frugal") == Grid(("a/m", "b/m", "c/m", "d/m"), 4)
    till.raced("frugal", 3)
    assert till.left("frugal") == 2
    assert till.race("frugal") == Grid(("a/m", "b/m", "c/m", "d/m"), 2)
    till.raced("frugal", 2)
    assert till.race("frugal") is None


def test_a_policy_that_ends_has_nothing_left() -> None:
    """Nobody could be sent to: what it had is not spent."""
    till = Till(contest(A, B))
    till.ends("all")

    assert (till.left("all"), till.race("all")) == (0, None)


ENTRANTS = st.lists(st.sampled_from([A, A2, B, C, D, HOME, HOME2]), min_size=1, unique=True)


@given(
    ENTRANTS,
    st.integers(1, 12),
    st.integers(1, 5),
    st.booleans(),
    st.none() | st.integers(1, 60),
    st.randoms(use_true_random=False),
)
def test_nobody_gets_more_than_was_announced(
    entrants: list[Entrant], rounds: int, lanes: int, warm_up: bool, budget: int | None, chance: Random
) -> None:
    """However races go, providers and policies stay within what was said; `all` is spent to the last."""
    planned = contest(*entrants, rounds=rounds, lanes=lanes, warm_up=warm_up, budget=budget)
    announced, till, sent = planned.announced, Till(planned), Counter[str]()
    policies: Counter[str] = Counter()

    def race(policy: str) -> None:
        grid = till.race(policy)
        if grid is not None:
            most = grid.attempts if policy == "all" else chance.randint(1, grid.attempts)
            sent.update(name.partition("/")[0] for name in chance.sample(grid.lanes, most))
            till.raced(policy, most)
            policies[policy] += most

    for number in range(WARM_UP if warm_up else 0, planned.terms.rounds if planned.entrants else 0):
        sent.update(each.provider for each in planned.field(number))
        for policy in planned.policies(number) if number >= 0 else ():
            race(policy)
    for policy in planned.lingering if planned.entrants else ():
        while till.left(policy):
            race(policy)

    assert all(sent[name] <= most for name, most in announced.providers.items())
    assert all(policies[name] <= most for name, most in announced.policies.items())
    assert all(most <= (budget or most) for most in announced.providers.values())
    assert policies["all"] == announced.policies["all"]
    assert policies["frugal"] == announced.policies["frugal"]
