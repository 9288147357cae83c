"""The bench at work, on virtual time: what it sends, what it keeps, and how it ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from racer.bench.bench import Bench, Progress, opened
from racer.bench.contest import Terms
from racer.bench.opening import opening_of
from racer.bench.prompts import Question
from racer.bench.sample import Kind, Sample
from racer.config import Config
from racer.core.heat import Outcome
from racer.core.provider import Limit
from racer.core.rank import Wishes
from racer.testing import ScriptedTransport, answers, config_of, hangs, provider_of, says, streams
from racer.timepiece import Timepiece

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from racer.bench.report import Report
    from racer.testing import Script

pytestmark = pytest.mark.anyio

QUICK, SLOW = says("quick", after=0.3, token_after=0.1), says("slow", after=0.9, token_after=0.5)
NOON = 1_800_000_000.0
CLOCKS = Timepiece(lambda: NOON + anyio.current_time(), anyio.current_time, "boot")
ASK = (Question("one"), Question("two", {"max_tokens": 9}))


class Story:
    """A bench on scripted lanes."""

    def __init__(self, config: Config | None = None, **scripts: Script | Sequence[Script]) -> None:
        self.transport = ScriptedTransport(scripts)
        self.config = config_of(*scripts) if config is None else config
        self.samples: list[Sample] = []

    async def run(self, **terms: Any) -> Report:
        settings = {name: terms.pop(name) for name in ("deadline", "patience") if name in terms}
        asks = terms.pop("asks", ASK)
        ordered = replace(Terms(rounds=3, seed=1, prompts=len(asks)), **terms)
        opening = await opening_of(self.config, ordered, asks, Wishes(), 65.0, self.transport)
        async with opened(
            self.config, opening.contest, opening.lanes, asks,
            transport=self.transport, timepiece=CLOCKS, notes=opening.notes, **settings,
        ) as bench:  # fmt: skip
            return await bench.run(self.samples.append)

    @property
    def sent(self) -> Counter[str]:
        return Counter(server for server, event, _ in self.transport.log if event == "sent")

    def of(self, contender: str) -> list[Sample]:
        return [each for each in self.samples if each.contender == contender]


# ---------------------------------------------------------------- spending


@pytest.mark.parametrize("warm_up", [True, False])
@pytest.mark.parametrize("names", [("a",), ("a", "b"), ("a", "b", "c", "d", "e")])
async def test_it_sends_exactly_what_it_announced(names: tuple[str, ...], warm_up: bool) -> None:
    """Lanes once a round, policies what theirs is, to the last request."""
    story = Story(None, **dict.fromkeys(names, QUICK))

    report = await story.run(warm_up=warm_up)

    assert report.announced.total == report.sent.total == story.sent.total()
    assert report.sent.lanes == report.announced.lanes
    assert report.sent.policies == report.announced.policies
    assert report.complete


async def test_failures_make_fewer_answers_and_no_more_requests() -> None:
    """A lane that fails always is asked alone as often as was said; what it rests in races is not sent."""
    story = Story(a=answers(500), b=answers(503), c=QUICK)

    report = await story.run(rounds=6)

    assert report.sent.total == story.sent.total() < report.announced.total
    assert report.sent.lanes == report.announced.lanes
    assert report.sent.policies["frugal"] == report.announced.policies["frugal"]
    assert all(each.answered for each in story.of("all"))
    left = 18 - report.sent.policies["all"]
    assert f"all has {left} of 18 requests left: lanes were kept out of its races" in report.notes
    failed = next(row for row in report.rows if row.name == "a/m")
    assert (failed.answered, failed.failures) == (0, {"server": 6})


async def test_a_budget_is_kept() -> None:
    """By each provider, everything included."""
    story = Story(a=QUICK, b=SLOW, c=answers(500))

    report = await story.run(rounds=20, budget=17)

    assert story.sent.total() == report.sent.total <= report.announced.total
    assert max(story.sent.values()) <= max(report.announced.providers.values()) <= 17


async def test_policies_race_where_everybody_takes_part_and_not_behind_the_last_round() -> None:
    """With a budget that is too small for one, and a lane that rests meanwhile; `frugal` has extra races."""
    config = Config(providers=(provider_of("a", "m", "n"), provider_of("b"), provider_of("c")))
    story = Story(config, a=QUICK, b=SLOW, c=answers(500))

    report = await story.run(rounds=20, budget=40)

    raced = max(each.round for each in story.of("all")) + 1
    assert raced == max(each.round for each in story.of("one")) + 1 < report.rounds
    assert min(each.round for each in story.of("frugal") if each.round >= raced) >= report.rounds
    assert report.sent.policies["all"] <= report.announced.policies["all"] == 4 * raced
    assert f"a takes part in {raced} of {report.rounds} rounds: 40 requests are not enough for more" in (
        report.notes
    )


async def test_without_policies_lanes_are_asked_alone() -> None:
    """One request a round for each."""
    story = Story(a=QUICK, b=SLOW)

    await story.run(policies=())

    assert story.sent == {"a": 4, "b": 4}
    assert {each.kind for each in story.samples} == {Kind.LANE}


async def test_who_refuses_the_key_is_kept_out_and_that_is_told() -> None:
    """Nothing is sent that can only fail: fewer requests, and a note of each."""
    story = Story(a=QUICK, b=answers(401))

    report = await story.run(policies=())

    assert (report.announced.total, report.sent.total, story.sent["b"]) == (8, 5, 1)
    assert report.notes[0] == "announced were 8 requests, and 5 were sent"
    assert report.notes[1].startswith("b/m was kept out 3 times: auth")


# ---------------------------------------------------------------- what is seen


async def test_a_lane_alone_is_timed_from_its_request_to_its_end() -> None:
    """With the instant of its first token, which only a stream has."""
    story = Story(a=QUICK, b=SLOW)

    report = await story.run(policies=())

    for sample in story.of("b/m"):
        assert sample.took == pytest.approx(0.9)
        assert sample.first_token == pytest.approx(0.5)
        assert (sample.outcome, sample.answered_by, sample.sent) == ("answered", "b/m", 1)
    assert [each.round for each in story.of("a/m")] == [-1, 0, 1, 2]
    assert [each.prompt for each in story.of("a/m")] == [0, 0, 1, 0]
    assert next(row for row in report.rows if row.name == "a/m").asked == 3


async def test_a_policy_races_all_lanes_once_a_round() -> None:
    """The fastest wins, the others are stopped and counted."""
    story = Story(a=QUICK, b=SLOW)

    report = await story.run(policies=("all",))

    assert [each.answered_by for each in story.of("all")] == ["a/m"] * 3
    assert [each.outcome for each in story.of("all")[0].attempts] == [Outcome.WON, Outcome.LOST]
    rows = {row.name: row for row in report.rows}
    assert (rows["a/m"].wins, rows["a/m"].entered, rows["b/m"].wins) == (3, 3, 0)
    assert rows["all"].requests_per_answer == 2.0


async def test_providers_are_asked_at_once_and_lanes_of_one_in_turn() -> None:
    """So that a round takes as long as its slowest provider, and no lane disturbs another."""
    config = Config(providers=(provider_of("a", "m", "n"), provider_of("b")))
    story = Story(config, a=says("x", after=1.0), b=says("y", after=1.0))

    await story.run(policies=(), rounds=1, warm_up=False)

    starts = sorted(at for _, event, at in story.transport.log if event == "sent")
    assert [at - starts[0] for at in starts] == pytest.approx([0.0, 0.0, 1.0], abs=0.05)


async def test_machines_at_home_are_asked_when_the_others_are_done() -> None:
    """What they compute would slow down whoever is measured beside them."""
    home = replace(provider_of("home", "m", "n"), local=True)
    story = Story(Config(providers=(home, provider_of("b"))), home=QUICK, b=says("y", after=2.0))

    await story.run(policies=(), rounds=1, warm_up=False)

    log = [(server, at) for server, event, at in story.transport.log if event == "sent"]
    assert [server for server, _ in log] == ["b", "home", "home"]
    assert [at - log[0][1] for _, at in log] == pytest.approx([0.0, 2.0, 2.3], abs=0.05)


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    """Also one that drips for ever, which a race with a reader would wait for."""
    drips = streams(*"abcdefgh", after=0.5, gap=1.0)
    story = Story(a=drips, b=hangs(), c=QUICK)

    await story.run(policies=("one",), rounds=1, warm_up=False, deadline=3.0)

    for name in ("a/m", "b/m"):
        (sample,) = story.of(name)
        assert sample.outcome == "deadline"
        assert sample.took == pytest.approx(3.0)
        assert sample.attempts[0].outcome is Outcome.FAILED
    assert story.of("c/m")[0].answered


async def test_a_limit_of_a_minute_is_waited_for_and_is_not_the_lanes_time() -> None:
    """Nothing is sent beyond it, and the latency stays what it was."""
    limited = replace(provider_of("a"), limits=(Limit("requests", 2, "minute"),))
    story = Story(Config(providers=(limited,)), a=QUICK)

    report = await story.run(policies=("one",), rounds=2)

    sent = [at for _, event, at in story.transport.log if event == "sent"]
    assert report.sent.total == report.announced.total == 5
    assert all(later - earlier >= 59.0 for earlier, later in zip(sent, sent[2:], strict=False))
    assert all(each.took == pytest.approx(0.3) for each in story.samples)


async def test_a_limit_that_is_closed_for_longer_keeps_a_race_out() -> None:
    """It is not waited for, and nobody races for it afterwards but `frugal`, once."""
    story = Story(a=answers(429, headers={"retry-after": "600"}))

    report = await story.run(rounds=2, warm_up=False)

    assert report.sent.total == 1
    assert {each.outcome for each in story.samples[1:]} == {"kept_out"}
    assert [len(story.of(name)) for name in ("all", "one", "frugal")] == [2, 2, 2 + 1]


async def test_replies_of_the_cache_are_not_used() -> None:
    """Nor do equal calls share one."""
    config = config_of("a")
    story = Story(replace(config, race=replace(config.race, cache=3600.0)), a=QUICK)

    await story.run(rounds=3, policies=("one",), warm_up=False)

    assert story.sent["a"] == 6


async def test_limits_in_headers_come_into_the_rows() -> None:
    """As they were told last."""
    headers = {"x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "4"}
    story = Story(a=replace(QUICK, headers=headers))

    report = await story.run(policies=(), rounds=1)

    assert [row.limits for row in report.rows] == [("10 requests a minute, 4 left",)]


async def test_nothing_that_was_asked_or_answered_is_in_the_report() -> None:
    """Nor whose machine it was."""
    story = Story(a=QUICK)
    report = await story.run(rounds=1)

    document = str(report.to_dict())
    assert not any(text in document for text in ("quick", "'one'}", "two"))
    assert set(report.machine) == {"racer", "python", "system", "processor", "cores"}


async def test_a_provider_that_quotes_the_prompt_is_not_quoted() -> None:
    """Its reasons come into the report, and the prompt does not."""
    asked = "the secret that nobody else may ever read"
    refusal = b'{"error": {"message": "cannot answer: ' + asked.encode() + b', sorry"}}'
    story = Story(a=answers(500, refusal))

    report = await story.run(rounds=2, asks=(Question(asked),))

    assert asked[:20] not in str(report.to_dict())
    assert "cannot answer: [prompt], sorry" in (story.of("a/m")[0].reason or "")


async def test_answers_that_are_cut_too_short_are_noted() -> None:
    """Where there is a bound: the second of the two prompts has one."""
    story = Story(a=says("", after=0.1), b=QUICK)

    report = await story.run(policies=())

    assert report.notes[-1] == (
        "1 answer was empty or cut off, with 9 tokens allowed (a/m 1): "
        "who thinks first may need more, which --max-tokens gives"
    )


# ---------------------------------------------------------------- its end


@asynccontextmanager
async def bench_of(story: Story, **terms: Any) -> AsyncGenerator[Bench]:
    ordered = replace(Terms(rounds=5, seed=1, prompts=len(ASK)), **terms)
    opening = await opening_of(story.config, ordered, ASK, Wishes(), 65.0, story.transport)
    async with opened(story.config, opening.contest, opening.lanes, ASK, transport=story.transport) as bench:
        yield bench


async def test_a_bench_that_is_stopped_says_that_it_is_partial() -> None:
    """With what was seen until then, and all that was sent, also what nobody lived to see the end of."""
    story = Story(a=says("x", after=1.0), b=says("y", after=3.0))
    async with bench_of(story, policies=()) as bench:
        asyncio.get_running_loop().call_later(7.5, bench.stop)
        report = await bench.run()

    assert (report.complete, report.stopped, report.rounds_done) == (False, "interrupted", 1)
    assert report.sent.total == story.sent.total() == 6
    assert len(report.samples) == 5
    assert report.to_dict()["complete"] is False


async def test_one_that_is_cancelled_has_a_report_too() -> None:
    """The cancellation goes on to its caller."""
    story = Story(a=says("x", after=1.0))
    async with bench_of(story) as bench:
        with anyio.move_on_after(1.5):
            await bench.run()

        assert bench.report().stopped == "interrupted"
        assert bench.report().announced.total > bench.report().sent.total


async def test_progress_says_who_is_asked_and_what_was_sent() -> None:
    """At the beginning, in the midst of a round, and at the end."""
    story = Story(a=says("x", after=1.0), b=says("y", after=3.0))
    seen: list[Progress] = []
    async with bench_of(story, policies=("one",), rounds=2) as bench:
        loop = asyncio.get_running_loop()
        loop.call_later(2.0, lambda: seen.append(bench.progress()))
        loop.call_later(3.5, lambda: seen.append(bench.progress()))
        await bench.go()
        last = bench.progress()

    assert [(each.number, each.asked, each.sent) for each in seen] == [
        (-1, ("b/m",), 2),
        (0, ("a/m", "b/m"), 4),
    ]
    assert (last.asked, last.waiting, last.sent, last.announced) == ((), (), 8, 8)
