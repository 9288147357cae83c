"""The engine on virtual time: a race is a table of lanes, delays and outcomes, and its instants are exact."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer import (
    BadRequest,
    DeadlineExceeded,
    InvalidReply,
    NoLanes,
    RaceLost,
    Racer,
    Reply,
)
from racer.core.facts import Fact, FieldsDropped, LaneEnded, LaneFirstToken, LaneStarted, RaceEnded
from racer.core.heat import Outcome
from racer.testing import (
    Script,
    ScriptedTransport,
    Step,
    VirtualLoop,
    answers,
    config_of,
    fails,
    hangs,
    says,
)
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


class Story:
    """One race on scripted lanes, and everything that was told of it."""

    def __init__(self, **scripts: Script | Sequence[Script]) -> None:
        self.transport = ScriptedTransport(scripts)
        self.facts: list[Fact] = []
        self.config = config_of(*scripts)

    async def race(self, **options: Any) -> Reply:
        async with Racer(self.config, transport=self.transport, observers=[self.facts.append]) as racer:
            return await racer.race("hi", **options)

    def starts(self) -> list[tuple[str, float]]:
        return [(f.lane.provider.name, f.offset) for f in self.facts if isinstance(f, LaneStarted)]

    def outcomes(self) -> dict[str, str]:
        ended = [f for f in self.facts if isinstance(f, LaneEnded)]
        return {f.lane.provider.name: str(f.record.outcome) for f in ended}


RESET = WireError(Kind.RESET, "the connection broke")


async def test_the_first_valid_reply_wins_and_the_rest_are_closed() -> None:
    """The winner's instant is its own; losers are closed at that very instant."""
    story = Story(slow=says("slow", after=2.0), fast=says("fast", after=0.5), hung=hangs())

    reply = await story.race()

    assert ("fast", "fast", 0.5) == (reply.text, reply.provider, reply.latency)
    assert [("slow", 0.0), ("fast", 0.0), ("hung", 0.0)] == story.starts()
    assert {"slow": "lost", "fast": "won", "hung": "lost"} == story.outcomes()
    assert [("slow", "closed", 0.5), ("hung", "closed", 0.5)] == sorted(
        (entry for entry in story.transport.log if entry[1] == "closed"), key=lambda e: e[0] != "slow"
    )
    assert 0 == story.transport.open


async def test_a_failed_lane_is_replaced_in_the_same_tick() -> None:
    """First lane fails at 50 ms: its replacement starts at exactly 50 ms."""
    story = Story(a=fails(RESET, after=0.05), b=says("b", after=1.0))

    reply = await story.race(lanes=1)

    assert [("a", 0.0), ("b", 0.05)] == story.starts()
    assert ("b", 1.05) == (reply.provider, reply.latency)


async def test_a_fast_error_never_wins() -> None:
    """Refusals, empty replies and cut streams lose to a slower lane that answers."""
    story = Story(
        refuses=answers(500, b"no"),
        empty=says("", after=0.1),
        cut=Script((Step(0.1, b'data: {"choices":[{"delta":{"content":"half"}}]}\n\n'),)),
        good=says("good", after=3.0),
    )

    reply = await story.race()

    assert "good" == reply.text
    assert {"refuses": "failed", "empty": "failed", "cut": "failed", "good": "won"} == story.outcomes()


async def test_one_asks_one_after_another() -> None:
    """`one` is failover: never two at once."""
    story = Story(a=answers(500, b"no", after=1.0), b=says("b", after=1.0), c=says("c"))

    reply = await story.race(policy="one")

    assert ("b", 2.0) == (reply.provider, reply.latency)
    assert [("a", 0.0), ("b", 1.0)] == story.starts()


async def test_first_token_is_the_first_real_one() -> None:
    """The role chunk at 0.1 is no token; the text at 0.4 is."""
    role = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
    text = b'data: {"choices":[{"delta":{"content":"yes"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    story = Story(a=Script((Step(0.1, role), Step(0.3, text))), b=hangs())

    reply = await story.race()

    assert 0.4 == reply.first_token
    assert [("a", 0.4)] == [
        (f.lane.provider.name, f.after) for f in story.facts if isinstance(f, LaneFirstToken)
    ]


async def test_all_lanes_failing_names_every_lane_with_its_reason() -> None:
    """One error, raised at once: a friendly sentence, then each lane; the causes are all there."""
    story = Story(a=answers(401, b'{"error":{"message":"bad key"}}'), b=fails(RESET, after=0.2))

    with pytest.raises(RaceLost) as caught:
        await story.race()

    lost = caught.value
    text = str(lost)
    assert text.startswith("all 2 lanes failed. ")
    assert "a/m: auth 401: bad key" in text
    assert "b/m: reset: the connection broke" in text
    assert [Outcome.FAILED, Outcome.FAILED] == [attempt.outcome for attempt in lost.attempts]
    causes = cast("ExceptionGroup[WireError]", lost.__cause__)
    assert ["auth", "reset"] == [cause.kind for cause in causes.exceptions if isinstance(cause, WireError)]


async def test_the_deadline_is_for_the_whole_race() -> None:
    """Whatever failed in between, the race ends on the dot and says what was still running."""
    story = Story(a=fails(RESET, after=4.0), b=hangs())

    with pytest.raises(DeadlineExceeded) as caught:
        await story.race(lanes=1, deadline=7.0)

    assert [f.latency for f in story.facts if isinstance(f, RaceEnded)] == [7.0]
    assert "b/m: still running" in str(caught.value)
    assert {"a": "failed", "b": "lost"} == story.outcomes()


async def test_two_providers_that_call_it_bad_end_the_race() -> None:
    """The caller's fault is told at once; the third provider is never asked."""
    no = answers(400, b'{"error":{"message":"temperature must be a number"}}')
    story = Story(a=no, b=no, c=says("c", after=9.0))

    with pytest.raises(BadRequest, match="temperature must be a number"):
        await story.race(lanes=1)

    assert ["a", "b"] == [name for name, _ in story.starts()]


async def test_cancelling_the_caller_cancels_every_lane() -> None:
    """Nothing is left open, every attempt is on record, and the cancellation is not swallowed."""
    story = Story(a=hangs(), b=says("b", after=9.0))

    with anyio.move_on_after(1.0) as scope:
        await story.race()

    assert scope.cancelled_caught
    assert 0 == story.transport.open
    assert {"a": "lost", "b": "lost"} == story.outcomes()


async def test_a_timeout_on_the_very_tick_gives_one_or_the_other() -> None:
    """`asyncio.timeout` at the instant of the answer: a reply or TimeoutError, never both, never neither."""
    story = Story(a=says("a", after=1.0))
    try:
        async with asyncio.timeout(1.0):
            reply = await story.race()
            assert "a" == reply.text
    except TimeoutError:
        pass

    assert 0 == story.transport.open


async def test_a_late_reply_heals_its_lane_too() -> None:
    """A lane that was being tried again and came late is not "being tried again" for ever."""
    busy = answers(503, b"busy")
    story = Story(a=[busy, says("a", after=1.0)], b=says("b", after=1.0))
    async with Racer(story.config, transport=story.transport, observers=[story.facts.append]) as racer:
        await racer.race("hi")
        await anyio.sleep(20)
        second = await racer.race("hi")
        third = await racer.race("hi", prefer="a")

    assert {"a", "b"} == {attempt.provider for attempt in second.attempts}
    assert "a" in {attempt.provider for attempt in third.attempts}


async def test_two_replies_in_one_tick_make_one_winner() -> None:
    """The second is late: on record, with its own latency, and no winner."""
    story = Story(a=says("a", after=1.0), b=says("b", after=1.0))

    reply = await story.race()

    outcomes = story.outcomes()
    assert "won" == outcomes.pop(reply.text)
    (other,) = outcomes.values()
    assert other in ("late", "lost")
    assert 2 == len(reply.attempts)


async def test_what_a_lane_could_not_be_told_is_a_fact() -> None:
    """A field that the provider refuses is left out, and said with the lane; the race goes on."""
    story = Story(a=says("a"), b=hangs())
    picky = [replace(each, drops=frozenset({"seed"})) for each in story.config.providers]
    story.config = replace(story.config, providers=tuple(picky))

    await story.race(seed=7)

    dropped = {f.lane.provider.name: f.fields for f in story.facts if isinstance(f, FieldsDropped)}
    assert dropped == {"a": ("seed",), "b": ("seed",)}
    assert all(b"seed" not in request.body for request in story.transport.requests)


async def test_a_question_is_not_asked_without_its_picture() -> None:
    """A lane that takes no image by address fails before anything is sent; the next one has its turn."""
    body = b'{"message":{"content":"x"},"done":true,"done_reason":"stop"}\n'
    story = Story(a=answers(200, body), b=says("a cat", after=1.0))
    blind, seeing = story.config.providers
    story.config = replace(story.config, providers=(replace(blind, dialect="ollama"), seeing))
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.test/cat.png"}}

    async with Racer(story.config, transport=story.transport) as racer:
        reply = await racer.race([{"role": "user", "content": [picture]}], lanes=2)

    assert reply.text == "a cat"
    assert reply.attempts[0].reason == "invalid: it does not take this image; some take data: URLs alone"
    assert len(story.transport.requests) == 1


# ------------------------------------------------------------------------ patience


async def test_a_lane_without_a_token_is_given_up() -> None:
    """Half of the row's timeout without a token, and the next lane has its turn."""
    story = Story(a=hangs(), b=says("b", after=1.0))
    reply = await story.race(lanes=2, deadline=60)
    assert 1.0 == reply.latency

    story = Story(a=hangs(), b=hangs(), c=says("c", after=1.0))
    reply = await story.race(lanes=2)

    assert ("c", 16.0) == (reply.provider, reply.latency)
    assert "a/m: timeout: no token within 15 s" in [f"{a.lane}: {a.reason}" for a in reply.attempts]


async def test_keep_alives_are_not_tokens() -> None:
    """Comments keep a connection open; they do not keep a lane alive."""
    comment = Step(1.0, b": KEEP ALIVE\n\n")
    story = Story(a=Script((comment,) * 50), b=hangs(), c=says("c", after=1.0))

    reply = await story.race(lanes=2)

    assert 16.0 == reply.latency
    assert reply.attempts[0].reason == "timeout: no token within 15 s"


async def test_a_stalled_stream_is_given_up() -> None:
    """A third of the timeout without anything new, in the middle of a reply."""
    piece = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
    story = Story(
        a=Script((Step(1.0, piece), Step(8.0, piece), Step(99.0, piece))), b=hangs(), c=says("c", after=9.0)
    )

    reply = await story.race(lanes=2)

    stalled = next(a for a in reply.attempts if a.provider == "a")
    assert stalled.reason is not None
    assert stalled.reason.startswith("timeout: stalled")
    assert 19.0 == stalled.latency


async def test_a_slow_stream_is_not_a_stall() -> None:
    """Pieces that keep coming keep a lane alive, up to the row's timeout in all."""
    piece = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'
    story = Story(a=Script((Step(5.0, piece),) * 20), b=hangs())

    with pytest.raises(RaceLost, match="a/m: timeout: not finished within 30 s"):
        await story.race(lanes=2)

    ended = next(f.record for f in story.facts if isinstance(f, LaneEnded) and f.lane.provider.name == "a")
    assert 30.0 == ended.latency


async def test_a_lone_lane_is_asked_for_the_whole_answer() -> None:
    """With nobody to be stopped for, the answer comes in one piece: cheaper."""
    body = b'{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}'
    story = Story(a=answers(200, body, after=20.0))

    reply = await story.race()

    assert ("whole", 20.0, None) == (reply.text, reply.latency, reply.first_token)
    assert b'"stream":true' not in story.transport.requests[0].body


# ---------------------------------------------------------------------- validation


async def test_a_reply_that_is_turned_down_is_a_failure_of_its_lane() -> None:
    """`valid` may be one callable or several, plain or async, saying False or raising InvalidReply."""

    def polite(reply: Reply) -> bool:
        return "please" in reply.text

    async def short(reply: Reply) -> None:
        await anyio.sleep(0.25)
        if len(reply.text) > 20:
            raise InvalidReply("too long")

    story = Story(
        rude=says("no", after=0.1), long=says("please " * 9, after=0.2), good=says("yes please", after=1.0)
    )

    reply = await story.race(valid=[polite, short])

    assert ("good", 1.25) == (reply.provider, reply.latency)
    assert ["invalid: polite said no", "invalid: too long", None] == [a.reason for a in reply.attempts]


async def test_what_a_validator_raises_otherwise_is_the_callers_bug() -> None:
    """It ends the race and surfaces as it is, not wrapped and not as a lane's failure."""

    def buggy(reply: Reply) -> bool:
        empty: dict[str, bool] = {}
        return empty[reply.text]

    story = Story(a=says("a", after=0.1), b=says("b", after=5.0))

    with pytest.raises(KeyError):
        await story.race(valid=buggy)

    assert 0 == story.transport.open
    assert {"a": "lost", "b": "lost"} == story.outcomes()


async def test_a_check_that_is_cancelled_from_within_is_a_failure_of_its_lane() -> None:
    """Nobody has stopped the lane, so it is replaced at once and not waited for until the deadline."""

    async def cancelling(reply: Reply) -> bool:
        if reply.provider == "a":
            raise asyncio.CancelledError
        return True

    story = Story(a=says("a", after=0.1), b=says("b", after=1.0))

    reply = await story.race(valid=cancelling, lanes=1)

    assert ("b", 1.1) == (reply.provider, round(reply.latency, 9))
    assert reply.attempts[0].reason == "invalid: a check of valid= was cancelled from within"


async def test_a_validator_may_be_cancelled_with_the_race() -> None:
    """A slow check does not hold up the deadline."""

    async def slow(reply: Reply) -> bool:
        await anyio.sleep(100)
        return True

    with pytest.raises(DeadlineExceeded):
        await Story(a=says("a"), b=hangs()).race(valid=slow, deadline=3.0)


# ---------------------------------------------------------------- cool-downs and wait


async def test_a_refused_key_is_not_asked_again() -> None:
    """After a 401 the account stays out; with nobody else the next call says who and why."""
    story = Story(a=answers(401, b'{"error":{"message":"bad key"}}'))
    async with Racer(story.config, transport=story.transport) as racer:
        with pytest.raises(RaceLost):
            await racer.race("hi")
        with pytest.raises(NoLanes, match="a/m: auth: bad key") as caught:
            await racer.race("hi")

    assert caught.value.until is None
    assert 1 == len(story.transport.requests)


async def test_lanes_that_rest_are_named_too() -> None:
    """When all that could run have failed, the error also says who could not, and why."""
    refuses = answers(401, b'{"error":{"message":"bad key"}}')
    story = Story(a=refuses, b=answers(500, b"no"))
    async with Racer(story.config, transport=story.transport) as racer:
        with pytest.raises(RaceLost):
            await racer.race("hi")
        with pytest.raises(RaceLost, match=r"b/m: server 500[^\n]*\n  a/m: not tried: auth: bad key"):
            await racer.race("hi")


async def test_the_end_of_a_race_tells_who_was_kept_out() -> None:
    """With the reason, however it ended; a lane that ran in it was not, whatever became of it."""
    refuses, broken = answers(401, b'{"error":{"message":"bad key"}}'), answers(400, b"no")
    story = Story(a=refuses, b=[says("hi"), broken])
    async with Racer(story.config, transport=story.transport, observers=[story.facts.append]) as racer:
        await racer.race("hi", policy="one")
        with pytest.raises(RaceLost):
            await racer.race("hi", policy="one")

    ends = [fact for fact in story.facts if isinstance(fact, RaceEnded)]
    assert [(str(end.ending), end.kept_out) for end in ends] == [
        ("won", ()),
        ("exhausted", (("a/m", "auth: bad key"),)),
    ]


async def test_a_wait_beyond_the_deadline_is_not_waited() -> None:
    """What comes back too late is known to do so at once."""
    busy = answers(429, b"{}", headers={"retry-after": "30"})
    story = Story(a=busy)
    async with Racer(story.config, transport=story.transport) as racer:
        with pytest.raises(RaceLost):
            await racer.race("hi")
        began = anyio.current_time()
        with pytest.raises(NoLanes):
            await racer.race("hi", wait=3600, deadline=5)
        assert anyio.current_time() == began


async def test_an_observer_that_raises_ends_no_race() -> None:
    """It is told to the event loop, as any callback that fails, and the race goes on."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))

    def broken(fact: Fact) -> None:
        raise KeyError(type(fact).__name__)

    transport = ScriptedTransport({"a": says("a")})
    async with Racer(config_of("a"), transport=transport, observers=[broken]) as racer:
        reply = await racer.race("hi")
    asyncio.get_running_loop().set_exception_handler(None)

    assert reply.text == "a"
    assert all(isinstance(each, KeyError) for each in told)
    assert len(told) >= 4


@pytest.mark.parametrize("then", [Step(99.0, b""), Step(0.1, RESET)])
async def test_an_answer_with_a_finish_reason_is_whole(then: Step) -> None:
    """Whatever follows: silence is waited for a second, a broken connection not at all."""
    text = b'data: {"choices":[{"delta":{"content":"yes"},"finish_reason":"stop"}]}\n\n'
    story = Story(a=Script((Step(0.5, text), then)), b=hangs())

    reply = await story.race()

    assert (reply.text, reply.finish_reason) == ("yes", "stop")
    assert reply.latency <= 1.5


async def test_wait_waits_for_the_first_lane_to_come_back() -> None:
    """429 with retry-after 5, then a race that may wait: it starts at exactly that instant."""
    busy = answers(429, b"{}", headers={"retry-after": "5"})
    story = Story(a=[busy, says("back", after=1.0)])
    async with Racer(story.config, transport=story.transport) as racer:
        with pytest.raises(RaceLost):
            await racer.race("hi")
        with pytest.raises(NoLanes, match="before 5 s from now") as caught:
            await racer.race("hi")
        reply = await racer.race("hi", wait=10)

    assert caught.value.until is not None
    assert ("back", 6.0) == (reply.text, reply.latency)


async def test_a_pause_within_wait_does_not_lose_the_race() -> None:
    """The same, inside one race."""
    busy = answers(429, b"{}", headers={"retry-after": "5"})
    story = Story(a=[busy, says("back", after=1.0)])

    reply = await story.race(wait=10)

    assert 6.0 == reply.latency
    assert [Outcome.FAILED, Outcome.WON] == [attempt.outcome for attempt in reply.attempts]


# -------------------------------------------------------------------- random stories

outcomes = st.sampled_from(["says", "empty", "reset", "refused", "hangs", "cut"])
lanes_drawn = st.lists(st.tuples(outcomes, st.integers(0, 20)), min_size=1, max_size=7)


def script(outcome: str, tenths: int) -> Script:
    after = tenths / 10
    return {
        "says": says("ok", after=after),
        "empty": says("", after=after),
        "reset": fails(RESET, after=after),
        "refused": answers(503, b"busy", after=after),
        "hangs": hangs(),
        "cut": Script((Step(after, b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'),)),
    }[outcome]


@settings(max_examples=300, deadline=None)
@given(lanes_drawn, st.integers(1, 5), st.sampled_from(["all", "one"]), st.integers(0, 40))
async def test_random_races_end_once_and_leave_nothing(
    drawn: list[tuple[str, int]], lanes: int, policy: str, cancel_after: int
) -> None:
    """Whatever lanes and caller do: one result at the most, every attempt told once, everything closed."""
    story = Story(**{f"p{i}": script(*each) for i, each in enumerate(drawn)})
    result: list[object] = []
    with anyio.move_on_after(cancel_after / 10 or 1000):
        try:
            result.append(await story.race(lanes=lanes, policy=policy, deadline=30.0))
        except (RaceLost, DeadlineExceeded) as error:
            result.append(error)

    told = Counter(f.attempt for f in story.facts if isinstance(f, LaneEnded))
    begun = [f.attempt for f in story.facts if isinstance(f, LaneStarted)]
    assert 0 == story.transport.open
    assert Counter(begun) == told
    assert 1 == sum(isinstance(f, RaceEnded) for f in story.facts)
    assert (len(result) == 0) == (cancel_after > 0 and not result)
    if any(outcome == "says" for outcome, _ in drawn) and not cancel_after and policy == "all":
        assert isinstance(result[0], (Reply, DeadlineExceeded))
