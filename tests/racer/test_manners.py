"""What a race leaves alone, through the real engine on virtual time: a limit's last, and who has failed."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from racer import ConfigError, DeadlineExceeded, RaceLost, Racer
from racer.config import Config, load
from racer.core.facts import LaneStarted, RaceEnded
from racer.core.options import Defaults
from racer.core.provider import Limit, Model
from racer.core.view import Why
from racer.testing import EVERYTHING, Script, ScriptedTransport, fails, provider_of, says
from racer_adapters.errors import Kind, WireError
from tests.racer.counting import START, Beside, Kept, Moved, Table, counting, limited

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

    from racer.core.facts import Fact
    from racer.core.provider import Provider

pytestmark = pytest.mark.anyio

HOUR = 3600.0
QUIET = {"RACER_LOG": "off"}
A_DAY = Limit("requests", 20, "day", reset="00:00 UTC")
RESET = WireError(Kind.RESET, "the connection broke")
TIME: Any = pytest.approx


@asynccontextmanager
async def racing(
    *providers: Provider,
    scripts: Mapping[str, Script | Sequence[Script]] | None = None,
    store: Kept | None = None,
    moved: Moved | None = None,
    **race: Any,
) -> AsyncGenerator[Table]:
    """A Racer with `race` as its section of the configuration. Everybody says "hi" in half a second."""
    hi = says("hi", after=0.5)
    transport = ScriptedTransport({each.name: hi for each in providers} | dict(scripts or {}))
    facts, moved, kept = list["Fact"](), moved or Moved(), store or Kept()
    config = Config(race=Defaults(**race), providers=providers, env=QUIET)
    racer = Racer(
        config, transport=transport, observers=[facts.append], store=kept, timepiece=moved.timepiece()
    )
    try:
        async with racer:
            yield Table(racer, transport, kept, facts, moved)
    finally:
        if store is None:
            await kept.end()


def others(names: str = "bcde", **changes: Any) -> list[Provider]:
    return [replace(provider_of(name), **changes) for name in names]


def first(*limits: Limit, **changes: Any) -> Provider:
    """The one that is asked first, as far as its limits go."""
    return limited("a", *limits, priority=10, **changes)


def started(table: Table) -> list[str]:
    """Who has started, and nobody of it is told again."""
    names = [fact.lane.id.replace("/m", "") for fact in table.of(LaneStarted)]
    table.facts.clear()
    return names


async def spend(table: Table, calls: int, only: str = "a", **options: Any) -> None:
    for _ in range(calls):
        await table.racer.race("hi", only=only, **options)
    table.facts.clear()


async def raced(table: Table, **options: Any) -> list[str]:
    """Who was asked in one race by `all`."""
    await table.racer.race("hi", **options)
    return started(table)


# ---------------------------------------------------------------- the last of a limit


@pytest.mark.parametrize(
    "limit",
    [A_DAY, Limit("requests", 20, "minute"), Limit("requests", 20, "once"), Limit("requests", 20, "day")],
    ids=["a day", "a minute", "once", "any day"],
)
async def test_the_last_tenth_is_spared(limit: Limit) -> None:
    """Three of twenty are left: one more may go, and then others have its place."""
    async with racing(first(limit), *others()) as table:
        await spend(table, 17)

        assert ["a", "b", "c", "d"] == sorted(await raced(table))
        for _ in range(5):
            assert "a" not in await raced(table)


async def test_the_last_tokens_are_spared() -> None:
    """What the call itself may take counts: its prompt, and the answer that it bounds."""
    day = Limit("tokens", 10_000, "day", reset="00:00 UTC")
    script = counting("hi", (8_000, 850), after=0.5)
    async with racing(first(day), *others(), scripts={"a": script}) as table:
        await spend(table, 1, max_tokens=100)

        assert "a" in await raced(table, max_tokens=100)
    async with racing(first(day), *others(), scripts={"a": script}) as table:
        await spend(table, 1, max_tokens=100)

        assert "a" not in await raced(table, max_tokens=200)


async def test_what_is_on_pace_is_not_spared() -> None:
    """An hour before its day ends the rest may go; and credits that expire tomorrow."""
    expiring = Limit("requests", 20, "once", expires="2027-01-16")
    for limit, wall in ((A_DAY, START + 15 * HOUR), (expiring, START)):
        async with racing(first(limit), *others(), moved=Moved(wall)) as table:
            await spend(table, 18)

            assert "a" in await raced(table)
            assert "a" in await raced(table)


async def test_wishes_come_first() -> None:
    """Whom the caller prefers, whose task it is, and whom alone he wants."""
    fast = Model("m", tags=frozenset({"fast"}), can=EVERYTHING)
    wishes: list[dict[str, Any]] = [{"prefer": "a"}, {"task": "fast"}, {"only": "a"}, {"only": ["a", "b"]}]
    for wish in wishes:
        async with racing(replace(first(A_DAY), models=(fast,)), *others()) as table:
            await spend(table, 18)

            assert "a" in await raced(table, **wish)


async def test_a_wish_for_many_says_nothing_of_one() -> None:
    """Among those who are wished for alike, it is spared."""
    async with racing(first(A_DAY), *others()) as table:
        await spend(table, 18)

        assert "a" not in await raced(table, only=["a", "b", "c", "d", "e"])
        assert "a" not in await raced(table, prefer="b")


async def test_it_is_for_races_that_find_nobody_else() -> None:
    """Where there is room for all, and in the place of one that has failed when no other is left."""
    async with racing(first(A_DAY), *others("bcd")) as table:
        await spend(table, 18)
        assert ["a", "b", "c", "d"] == sorted(await raced(table))
    async with racing(first(A_DAY), *others(), scripts={"b": fails(RESET, after=0.1)}) as table:
        await spend(table, 18)
        await table.racer.race("hi")
        *_, last = table.of(LaneStarted)
        assert ("a/m", TIME(0.1), Why.REPLACES) == (last.lane.id, last.offset, last.why)


async def test_manners_can_be_switched_off() -> None:
    """`spare_last = false`: the first is the first to the end."""
    async with racing(first(A_DAY), *others(), spare_last=False) as table:
        await spend(table, 17)
        for _ in range(3):
            assert "a" in await raced(table)
        assert "a" not in await raced(table)


async def test_another_limit_that_is_ample_does_not_help() -> None:
    """The dearest counts: a minute with room, and a day without."""
    async with racing(first(A_DAY, Limit("requests", 1000, "minute")), *others()) as table:
        await spend(table, 18)

        assert "a" not in await raced(table)


async def test_a_new_window_is_nobodys_last() -> None:
    """At midnight it goes first again."""
    async with racing(first(A_DAY), *others()) as table:
        await spend(table, 18)
        assert "a" not in await raced(table)
        await anyio.sleep(17 * HOUR)
        assert "a" in await raced(table)


async def test_one_key_is_spared_and_the_other_is_not() -> None:
    """Each account has its own limit; a second lane of a provider comes behind all the same."""
    keys = provider_of("a", keys=("one", "two"))
    for turns, most in ((1, 1), (2, 1)):
        async with racing(
            replace(keys, limits=(A_DAY,), priority=10), *others(), per_provider=turns
        ) as table:
            await spend(table, 18, "a/m@one")
            names = await raced(table)
            assert ("a@two", most) == (names[0], sum(name.startswith("a") for name in names))

            await spend(table, 17, "a/m@two")
            assert not any(name.startswith("a") for name in await raced(table))


async def test_a_turn_goes_before_manners() -> None:
    """A second lane of a provider is not asked to spare the last of another, whatever that one has left."""
    several = provider_of("b", "m", "n", "o")
    async with racing(first(A_DAY), several) as table:
        await spend(table, 18)

        assert ["b", "a"] == (await raced(table, lanes=2))


async def test_four_races_at_once_take_no_more_than_one() -> None:
    """What one has taken counts for the next, in the same instant."""
    async with racing(first(A_DAY), *others()) as table:
        await spend(table, 17)
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(table.racer.race, "hi")

        counts = Counter(started(table))
        assert 1 == counts.pop("a")
        assert [3, 4, 4, 4] == sorted(counts.values())


async def test_a_program_that_begins_knows_what_is_the_last() -> None:
    """It asks for its quota, hears what is left of it, and leaves it alone."""
    kept = Kept()
    async with racing(first(A_DAY), *others(), store=kept) as table:
        await spend(table, 18)
    async with racing(first(A_DAY), *others(), store=Beside(kept)) as table:
        assert "a" not in await raced(table)
    await kept.end()


async def test_when_all_are_at_their_last_the_order_is_the_old_one() -> None:
    """Nobody is on pace: manners help nobody."""
    late = [limited(name, A_DAY, priority=20 + at) for at, name in enumerate("bcde")]
    async with racing(first(A_DAY), *late) as table:
        for name in "abcde":
            await spend(table, 18, name)

        assert ["a", "b", "c", "d"] == await raced(table)


# ---------------------------------------------------------------- asked again


def asked(table: Table) -> str:
    return "".join(started(table))


@pytest.mark.parametrize("policy", ["one", "all", "frugal"])
async def test_with_time_to_wait_who_failed_is_asked_three_times(policy: Any) -> None:
    """After all others, and not for ever: then it has to rest for longer than this race has."""
    scripts = {name: fails(RESET, after=0.25) for name in "bc"}
    async with racing(*others("bc"), scripts=scripts) as table:
        with pytest.raises(RaceLost):
            await table.racer.race("hi", policy=policy, wait=5.0)
        seconds = 0.75 if policy == "all" else 1.5
        assert anyio.current_time() == TIME(seconds)
        assert {"b": 3, "c": 3} == Counter(asked(table))


async def test_nobody_is_asked_again_beside_one_that_runs() -> None:
    """Only where nobody else is left."""
    scripts = {"b": fails(RESET, after=0.25), "c": says("hi", after=9.0)}
    for policy in ("all", "frugal"):
        async with racing(*others("bc"), scripts=scripts) as table:
            assert "c" == (await table.racer.race("hi", policy=policy, wait=30.0)).provider
            assert asked(table) == "bc"


async def test_nobody_is_asked_again_without_time_to_wait() -> None:
    """As it says: 0 seconds."""
    async with racing(*others("b"), scripts={"b": [fails(RESET), says("hi")]}) as table:
        with pytest.raises(RaceLost):
            await table.racer.race("hi")
        assert asked(table) == "b"


async def test_a_second_try_may_succeed() -> None:
    """And the first was needed: no tax."""
    scripts: dict[str, Script | Sequence[Script]] = {
        "b": [fails(RESET, after=0.5), says("hi", after=0.5)],
        "c": fails(RESET, after=0.25),
    }
    async with racing(*others("bc"), scripts=scripts) as table:
        assert "b" == (await table.racer.race("hi", policy="one", wait=5.0)).provider
        (ended,) = table.of(RaceEnded)
        assert (3, 0) == (ended.tax.sent, ended.tax.requests)
        assert asked(table) == "bcb"


async def test_who_was_turned_down_is_not_asked_again() -> None:
    """The same question would get the same answer."""
    async with racing(*others("b")) as table:
        with pytest.raises(RaceLost):
            await table.racer.race("hi", wait=30.0, valid=lambda _: False)
        assert asked(table) == "b"


async def test_the_deadline_holds_whoever_is_asked_again() -> None:
    """To the instant."""
    async with racing(*others("b"), scripts={"b": fails(RESET, after=2.0)}) as table:
        with pytest.raises(DeadlineExceeded):
            await table.racer.race("hi", deadline=5.0, wait=60.0)
        assert (5.0, "bbb") == (anyio.current_time(), asked(table))


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("key", ["extra", "max_tax"])
@pytest.mark.parametrize("value", ["-1", "4", "nan", "inf", '"x"', "true", "[1]"])
def test_shares_that_are_none(tmp_path: Path, key: str, value: str) -> None:
    """File, line and key, what was found, and what is allowed."""
    file = tmp_path / "racer.toml"
    file.write_text(f"[race]\n{key} = {value}\n")
    with pytest.raises(ConfigError) as caught:
        load(file, environ={}, cwd=tmp_path)

    found = {"[1]": "a list", '"x"': "the text 'x'"}.get(value, value)
    assert f"{file}:2: race.{key}: found {found}; allowed: a number from 0 to 3" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "found"), [('"yes"', "the text 'yes'"), ("1", "1"), ('"false"', "the text 'false'")]
)
def test_a_switch_that_is_none(tmp_path: Path, value: str, found: str) -> None:
    """Only true and false are one."""
    file = tmp_path / "racer.toml"
    file.write_text(f"[race]\nspare_last = {value}\n")
    with pytest.raises(ConfigError) as caught:
        load(file, environ={}, cwd=tmp_path)

    assert f"{file}:2: race.spare_last: found {found}; allowed: true or false" in str(caught.value)


def test_the_ends_of_the_range_are_allowed(tmp_path: Path) -> None:
    """Whole numbers, too."""
    file = tmp_path / "racer.toml"
    file.write_text("[race]\nextra = 0\nmax_tax = 3\nspare_last = false\n")
    race = load(file, environ={}, cwd=tmp_path).race

    assert (0.0, 3.0, False) == (race.extra, race.max_tax, race.spare_last)


@pytest.mark.parametrize("key", ["extra", "max_tax"])
@pytest.mark.parametrize("value", [9.0, -0.1, float("nan"), float("inf")])
def test_a_config_of_ones_own(key: str, value: float) -> None:
    """Said where the Racer is made, before anything runs."""
    race = replace(Defaults(), **cast("dict[str, Any]", {key: value}))
    with pytest.raises(ValueError, match=rf"^{key} has to be from 0 to 3, not {value!r}$"):
        Racer(Config(race=race))
