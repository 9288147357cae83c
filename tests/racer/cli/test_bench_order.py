"""The flags of `racer bench` as an order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from racer.bench.contest import POLICIES as OF_THE_CONTEST
from racer.bench.contest import Terms
from racer.cli.bench_order import POLICIES, Order, order_of, policies_of
from racer.cli.program import parser
from racer.core.rank import Wishes
from racer.errors import BadRequest
from tests.racer.cli.shells import shell_of

if TYPE_CHECKING:
    from pathlib import Path

NOON = 1_800_000_000.0


def ordered(folder: Path, *flags: str) -> Order:
    return order_of(parser().parse_args(["bench", *flags]), shell_of(cwd=folder), NOON)


def test_without_flags_it_is_a_usual_bench(tmp_path: Path) -> None:
    """Twenty rounds of everybody, all policies, into a folder with the time in its name."""
    order = ordered(tmp_path, "--seed", "7")

    assert order.terms == Terms(rounds=20, policies=("all", "frugal", "one"), lanes=4, warm_up=True, seed=7)
    assert (order.wishes, order.prompts, order.max_tokens, order.deadline) == (Wishes(), None, None, 60.0)
    assert re.fullmatch(r"bench-20\d{6}-\d{6}", order.out.name)
    assert (order.yes, order.dry_run, order.as_json) == (False, False, False)
    assert ordered(tmp_path).terms.seed != ordered(tmp_path).terms.seed


def test_every_flag_arrives(tmp_path: Path) -> None:
    """In its place."""
    order = ordered(
        tmp_path, "--rounds", "3", "--prompts", "p.txt", "--only", "a,b", "--only", "c", "--exclude", "d",
        "--policies", "one", "--lanes", "2", "--max-tokens", "9", "--deadline", "5", "--seed", "1",
        "--budget", "40", "--no-warm-up", "--dry-run", "--yes", "--out", "r", "--json",
    )  # fmt: skip

    assert order == Order(
        Terms(rounds=3, policies=("one",), lanes=2, warm_up=False, seed=1, budget=40),
        Wishes(only=("a", "b", "c"), exclude=("d",)),
        "p.txt",
        9,
        5.0,
        tmp_path / "r",
        yes=True,
        dry_run=True,
        as_json=True,
    )


@pytest.mark.parametrize(
    ("given", "policies"),
    [
        (None, POLICIES),
        (["one", "all"], ("all", "one")),
        (["frugal,one", "one"], ("frugal", "one")),
        (["none"], ()),
        ([","], ()),
    ],
)
def test_policies_are_named_with_blanks_or_commas(given: list[str] | None, policies: tuple[str, ...]) -> None:
    """Each once, in our order."""
    assert policies_of(given) == policies
    assert POLICIES == OF_THE_CONTEST


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--rounds", "0"], "--rounds is 0: use a whole number from 1 to 100,000"),
        (["--lanes", "65"], "--lanes is 65"),
        (["--budget", "-1"], "--budget is -1"),
        (["--deadline", "0"], "--deadline is 0: use a number of seconds"),
        (["--deadline", "nan"], "--deadline is nan"),
        (["--policies", "al"], "--policies has 'al'"),
        (["--policies", "all", "none"], "--policies has 'none'"),
        (["--only", "a,,b"], "--only has an empty name"),
        (["--races", "5"], "--races is about races that were recorded: use it with --replay"),
    ],
)
def test_what_will_not_do_is_told_with_what_is_allowed(tmp_path: Path, flags: list[str], told: str) -> None:
    """By the name of its flag."""
    with pytest.raises(BadRequest, match=re.escape(told)):
        ordered(tmp_path, *flags)
