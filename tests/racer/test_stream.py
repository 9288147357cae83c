"""Streams on virtual time: who leads, what its reader gets, who takes over, and what is left behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import orjson
import pytest

from racer import BadRequest, NoLanes, RaceLost, Racer, RacerError, Reply, StreamBroken
from racer.core.facts import Fact, LaneEnded, RaceEnded
from racer.core.heat import Ending
from racer.outlet import MOST_UNREAD
from racer.testing import Script, ScriptedTransport, Step, answers, config_of, fails, hangs, says, streams
from racer_adapters.errors import Kind, WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.stream import Stream

pytestmark = pytest.mark.anyio

RESET = WireError(Kind.RESET, "the connection broke")
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def has_a_c(reply: Reply) -> bool:
    return "c" in reply.text


class Story:
    """A Racer on scripted lanes, and everything that was told of its races."""

    def __init__(self, **scripts: Script | Sequence[Script]) -> None:
        self.transport = ScriptedTransport(scripts)
        self.facts: list[Fact] = []
        self.config = config_of(*scripts)
        self.pieces: list[str] = []
        self.instants: list[float] = []

    def racer(self) -> Racer:
        return Racer(self.config, transport=self.transport, observers=[self.facts.append])

    async def read(self, **options: Any) -> Reply:
        """The whole stream, as fast as it comes."""
        async with self.racer() as racer, racer.stream("hi", **options) as stream:
            return await self.follow(stream)

    async def follow(self, stream: Stream[Any]) -> Reply:
        async for piece in stream:
            self.pieces.append(piece.text)
            self.instants.append(anyio.current_time())
        return stream.reply

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def outcomes(self) -> list[tuple[str, str]]:
        ended = [fact for fact in self.facts if isinstance(fact, LaneEnded)]
        return [(fact.lane.provider.name, str(fact.record.outcome)) for fact in ended]

    def ending(self) -> Ending:
        return next(fact.ending for fact in self.facts if isinstance(fact, RaceEnded))


# ---------------------------------------------------------------- who leads


async def test_the_first_token_decides_and_pieces_come_as_they_come() -> None:
    """The reader has each piece at its instant; the other lane is closed at the instant of the decision."""
    story = Story(quick=streams("Hel", "lo ", "you", after=0.5, gap=0.25), whole=says("whole", after=0.9))

    reply = await story.read()

    assert ["Hel", "lo ", "you"] == story.pieces
    assert [0.5, 0.75, 1.0] == story.instants
    assert ("Hello you", "quick", 0.5, 1.0) == (reply.text, reply.provider, reply.first_token, reply.latency)
    assert ("whole", "closed", 0.5) in story.transport.log
    assert [("whole", "lost"), ("quick", "won")] == story.outcomes()
    assert Ending.WON is story.ending()


async def test_neither_a_role_nor_a_comment_nor_reasoning_nor_blanks_lead() -> None:
    """What is no token of the answer decides nothing, however early it comes."""
    role = Step(0.0, b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n')
    comment = Step(0.0, b": PROCESSING\n\n")
    thought = Step(0.1, b'data: {"choices":[{"index":0,"delta":{"reasoning":"hm"}}]}\n\n')
    blank = Step(0.1, b'data: {"choices":[{"index":0,"delta":{"content":"  \\n"}}]}\n\n')
    forever = Step(float("inf"), b"")
    story = Story(talks=Script((role, comment, thought, blank, forever)), answers=streams("yes", after=2.0))

    assert "yes" == (await story.read()).text
    assert ["yes"] == story.pieces


async def test_the_leaders_reasoning_comes_apart_from_its_text() -> None:
    """What it thought before it led is handed on with its first words."""
    thought = Step(0.1, b'data: {"choices":[{"index":0,"delta":{"reasoning":"hm"}}]}\n\n')
    story = Story(one=Script((thought, *streams("yes", after=0.1).steps)))

    async with story.racer() as racer, racer.stream("hi") as stream:
        pieces = [piece async for piece in stream]

    assert [("yes", "hm")] == [(piece.text, piece.reasoning) for piece in pieces]
    assert ("yes", "hm") == (stream.reply.text, stream.reply.reasoning)


async def test_proof_keeps_the_others_alive_until_enough_is_shown() -> None:
    """The first with five characters leads, not the first with one."""
    story = Story(
        starts=streams("a", "b", "c", after=0.1, gap=1.0), runs=streams("12345", "6", after=1.5, gap=0.1)
    )

    assert "123456" == (await story.read(proof=5)).text
    assert [1.5, 1.6] == story.instants


async def test_a_leader_that_breaks_before_its_proof_hands_over_without_a_restart() -> None:
    """The other lane was alive all the time: nothing is asked twice."""
    story = Story(
        first=streams("abc", after=0.1, gap=0.1, breaks=RESET), other=streams("xyz!", after=0.5, gap=0.1)
    )

    assert "xyz!" == (await story.read(proof=4)).text
    assert 2 == len(story.transport.requests)
    assert [("first", "failed"), ("other", "won")] == story.outcomes()


async def test_an_answer_shorter_than_its_proof_wins_when_it_is_whole() -> None:
    """Whole is proof enough."""
    story = Story(short=streams("no", after=0.2), hung=hangs())

    assert "no" == (await story.read(proof=100)).text


@pytest.mark.parametrize(
    "poison",
    [
        Script((Step(0.0, b'data: {"error":{"message":"overloaded"}}\n\n'),)),
        Script((Step(0.0, b"data: [DONE]\n\n"),)),
        Script((Step(0.0, b'data: {"choices":[]}\n\n'), Step(0.1, b"data: [DONE]\n\n"))),
        answers(200, b"<html>log in</html>"),
        answers(500, b"oops"),
        fails(RESET),
    ],
)
async def test_what_is_no_answer_never_leads(poison: Script) -> None:
    """Error frames, empty streams, pages and refusals lose, however fast they are."""
    story = Story(poison=poison, good=streams("good", after=3.0))

    assert "good" == (await story.read()).text


async def test_where_json_is_asked_only_json_leads() -> None:
    """A faster lane that chats is turned down before its reader has seen a word."""
    story = Story(chats=streams("Sure! ", "{}", after=0.1, gap=0.1), json=streams('{"a"', ":1}", after=0.9))

    assert '{"a":1}' == (await story.read(response_format={"type": "json_object"})).text
    assert [("chats", "failed"), ("json", "won")] == story.outcomes()


# ---------------------------------------------------------------- tools


def called(*arguments: str, name: str = "weather", after: float = 0.0) -> Script:
    """A call of a tool, its arguments in fragments, a tenth of a second apart."""
    steps = [
        Step(after if index == 0 else 0.1, _fragment(part, index, name))
        for index, part in enumerate(arguments)
    ]
    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\ndata: [DONE]\n\n'
    return Script((*steps, Step(0.1, end)))


def _fragment(part: str, index: int, name: str) -> bytes:
    head = {"id": "c1", "type": "function"} if index == 0 else {}
    function = {"arguments": part, **({"name": name} if index == 0 else {})}
    delta = {"tool_calls": [{"index": 0, **head, "function": function}]}
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": delta}]}) + b"\n\n"


async def test_a_call_of_a_tool_leads_by_its_name_and_comes_in_fragments() -> None:
    """The fragments are the winner's alone; the reply has them assembled."""
    unknown = called("{}", name="rain")
    story = Story(unknown=unknown, good=called('{"pl', 'ace":', '"Oslo"}', after=0.3))

    async with story.racer() as racer, racer.stream("hi", tools=[WEATHER]) as stream:
        deltas = [delta for piece in [piece async for piece in stream] for delta in piece.tool_calls]

    assert ["weather", "", ""] == [delta.name for delta in deltas]
    assert '{"place":"Oslo"}' == "".join(delta.arguments for delta in deltas)
    assert [("weather", '{"place":"Oslo"}')] == [
        (call.name, call.arguments) for call in stream.reply.tool_calls
    ]
    assert [("unknown", "failed"), ("good", "won")] == story.outcomes()


async def test_a_call_with_broken_arguments_breaks_the_stream() -> None:
    """It had led by its name; its arguments are told to be what they are."""
    story = Story(one=called('{"pl', "ace"))
    async with story.racer() as racer, racer.stream("hi", tools=[WEATHER]) as stream:
        with pytest.raises(StreamBroken, match="not JSON"):
            async for _ in stream:
                pass


# ---------------------------------------------------------------- when it breaks


@pytest.mark.parametrize("breaks", [RESET, "end"])
async def test_a_stream_that_breaks_gives_what_came_and_then_says_so(breaks: Any) -> None:
    """Exactly the text before the fault, in pieces and in the error; nobody else is asked."""
    story = Story(first=streams("Hel", "lo", after=0.1, gap=0.1, breaks=breaks), other=says("x", after=0.5))

    with pytest.raises(StreamBroken, match="broke off after 5 characters") as caught:
        await story.read()

    assert "Hello" == story.text == caught.value.text
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert "resume=True" in str(caught.value)
    assert [("other", "lost"), ("first", "failed")] == story.outcomes()
    assert Ending.BROKEN is story.ending()


@pytest.mark.parametrize("other", [streams("fi", "ne", after=0.15, gap=0.1), streams("fine", after=0.5)])
async def test_a_lane_that_breaks_before_its_reader_looked_is_replaced_without_a_restart(
    other: Script,
) -> None:
    """Nothing of it has been read, so the others are still there, with all that they have said meanwhile."""
    story = Story(first=streams("Hel", after=0.1, gap=0.1, breaks=RESET), other=other)

    async with story.racer() as racer, racer.stream("hi") as stream:
        await anyio.sleep(1.0)
        reply = await story.follow(stream)

    assert "fine" == story.text == reply.text
    assert "other" == reply.provider == stream.provider
    assert [("first", "failed"), ("other", "won")] == story.outcomes()
    assert 2 == len(story.transport.requests)


async def test_a_whole_reply_wins_over_one_that_nobody_has_read_of() -> None:
    """The first valid reply, as in any race."""
    story = Story(begins=streams("a", "b", after=0.1, gap=9.0), ends=says("whole", after=0.5))

    async with story.racer() as racer, racer.stream("hi") as stream:
        await anyio.sleep(1.0)
        assert "whole" == (await story.follow(stream)).text
    assert "whole" == story.text


async def test_the_others_are_halted_when_the_reader_comes() -> None:
    """Not before, and at that instant."""
    story = Story(begins=streams(*"abcdef", after=0.1, gap=1.0), other=hangs())

    async with story.racer() as racer, racer.stream("hi") as stream:
        await anyio.sleep(2.5)
        assert 2 == story.transport.open
        assert "abc" == (await anext(stream)).text
        await anyio.lowlevel.checkpoint()
        assert ("other", "closed", 2.5) in story.transport.log


async def test_a_leader_that_stalls_is_broken_by_its_provider_s_patience() -> None:
    """A third of `timeout` without a piece, as in any race."""
    script = Script((*streams("Hel", after=0.1, breaks="end").steps, Step(float("inf"), b"")))

    with pytest.raises(StreamBroken, match="stalled") as caught:
        await Story(first=script).read()

    assert "Hel" == caught.value.text


async def test_silence_is_borne_no_longer_than_the_deadline() -> None:
    """`deadline` is for the search of a leader; behind it, for each silence."""
    script = Script((*streams("Hel", after=0.1, breaks="end").steps, Step(float("inf"), b"")))
    story = Story(first=script)
    with pytest.raises(StreamBroken, match="nothing for 2 s"):
        await story.read(deadline=2)


async def test_a_stream_may_last_longer_than_deadline_and_timeout() -> None:
    """As long as it goes on coming: only its reader knows how much is enough."""
    story = Story(long=streams(*("x" for _ in range(100)), after=0.5, gap=1.0))

    assert 100 == len((await story.read(deadline=5)).text)


async def test_valid_that_turns_the_whole_down_comes_after_the_text() -> None:
    """Its reader has the text already, so the stream breaks at its end."""
    story = Story(one=streams("a", "b", gap=0.1))

    with pytest.raises(StreamBroken, match=r"turned down when 2 characters .*\n.*has_a_c said no") as caught:
        await story.read(valid=has_a_c)

    assert "ab" == caught.value.text


async def test_errors_of_the_race_are_those_of_race() -> None:
    """Nobody can run, or nobody answers: the same errors, when the reader reads."""
    story = Story(one=answers(500), two=answers(503))
    with pytest.raises(RaceLost):
        await story.read()
    with pytest.raises(NoLanes):
        async with Racer(config_of(), transport=ScriptedTransport({})) as racer, racer.stream("hi") as stream:
            await anext(stream)


# ---------------------------------------------------------------- going on


async def test_another_lane_goes_on_where_one_broke() -> None:
    """It is given the text so far, says its last words again, and the reader sees no seam."""
    story = Story(
        first=streams("The sky is ", "blue because ", after=0.1, gap=0.1, breaks=RESET),
        other=[hangs(), streams("The sky is blue because ", "of the air.", after=0.3, gap=0.1)],
    )

    reply = await story.read(resume=True)

    assert "The sky is blue because of the air." == story.text == reply.text
    assert [None, None, 24] == [attempt.resumed_at for attempt in reply.attempts]
    assert ["failed", "lost", "won"] == [str(attempt.outcome) for attempt in reply.attempts]
    assert ("other", 0.1) == (reply.provider, reply.first_token)
    assert "reset: the connection broke, behind 24 characters" == reply.attempts[0].reason
    assert b"The sky is blue because " in story.transport.requests[-1].body


async def test_a_stream_may_break_and_go_on_several_times() -> None:
    """Each lane goes on behind everything that the reader has."""
    text = "one two three four five six seven eight nine ten"
    story = Story(
        first=streams(text[:13], after=0.1, gap=0.1, breaks=RESET),
        second=[hangs(), streams(text[:30], after=0.1, gap=0.1, breaks=RESET)],
        third=[hangs(), hangs(), streams(text, after=0.1)],
    )

    reply = await story.read(resume=True)

    assert text == story.text == reply.text
    assert [13, 13, 30] == [attempt.resumed_at for attempt in reply.attempts if attempt.resumed_at]
    assert reply.usage.estimated


async def test_a_continuation_that_does_not_join_breaks_the_stream() -> None:
    """What nobody can go on with is told, with all the text that came."""
    story = Story(
        first=streams("The sky is blue ", after=0.1, gap=0.1, breaks=RESET),
        other=[hangs(), streams("Something else entirely, and at length: " * 20, after=0.1)],
    )

    with pytest.raises(StreamBroken, match="No other lane could go on") as caught:
        await story.read(resume=True)

    assert "The sky is blue " == story.text == caught.value.text
    assert "does not join" in str(caught.value)


async def test_a_refused_reply_is_not_gone_on_with() -> None:
    """A whole reply that a check turns down is no broken stream: nobody could mend it."""
    story = Story(one=streams("a", "b", gap=0.1), other=hangs())

    with pytest.raises(StreamBroken, match="turned down"):
        await story.read(resume=True, valid=has_a_c)

    assert 2 == len(story.transport.requests)


async def test_resume_with_tools_is_refused_before_anything_is_sent() -> None:
    """Half a call of a tool cannot be gone on with."""
    story = Story(one=says("hi"))
    async with story.racer() as racer:
        with pytest.raises(BadRequest, match="resume"):
            racer.stream("hi", resume=True, tools=[WEATHER])
    assert not story.transport.requests


# ---------------------------------------------------------------- its reader


async def test_leaving_the_block_closes_everything_at_once() -> None:
    """Whether the race is open or has a leader."""
    story = Story(one=streams(*"abcdef", after=0.1, gap=1.0), other=hangs())
    async with story.racer() as racer:
        async with racer.stream("hi") as stream:
            assert "a" == str(await anext(stream))
        assert 0 == story.transport.open
        assert [("other", "closed", 0.1), ("one", "closed", 0.1)] == story.transport.log[-2:]
        async with racer.stream("hi"):
            await anyio.sleep(0.05)
        assert 0 == story.transport.open
    assert [Ending.ABORTED] * 2 == [fact.ending for fact in story.facts if isinstance(fact, RaceEnded)]


async def test_what_the_body_raises_passes() -> None:
    """As it is: in no group, and after everything has been closed."""
    story = Story(one=streams(*"abcdef", after=0.1, gap=1.0))
    async with story.racer() as racer:
        with pytest.raises(KeyError):  # noqa: PT012 - what the body raises is what is tested
            async with racer.stream("hi") as stream:
                await anext(stream)
                raise KeyError
        assert 0 == story.transport.open


async def test_cancelling_the_reader_cancels_the_race() -> None:
    """And it stays a cancellation."""
    story = Story(one=streams(*"abcdef", after=0.1, gap=1.0))

    async def read() -> None:
        await story.read()

    task = asyncio.create_task(read())
    await anyio.sleep(1.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 0 == story.transport.open


async def test_a_slow_reader_slows_the_leader() -> None:
    """No more is read from the connection than the reader has room for, and its slowness is not a stall."""
    text = "x" * 1000
    story = Story(one=streams(*(text for _ in range(1000))))

    async with story.racer() as racer, racer.stream("hi") as stream:
        sizes: list[int] = []
        async for piece in stream:
            sizes.append(len(piece.text))
            await anyio.sleep(30.0)

    assert 1000 * 1000 == sum(sizes)
    assert max(sizes) < MOST_UNREAD + len(text)
    assert len(stream.reply.text) == 1000 * 1000
    assert stream.reply.attempts[0].latency < 31.0


async def test_a_reader_who_comes_late_finds_the_lane_in_front_waiting() -> None:
    """Longer than deadline and timeout, and no more was read for him than there is room for."""
    text = "x" * 1000
    story = Story(one=streams(*(text for _ in range(100)), gap=0.01), other=hangs())

    async with story.racer() as racer, racer.stream("hi", deadline=5) as stream:
        await anyio.sleep(100.0)
        first = await anext(stream)
        reply = await story.follow(stream)

    assert MOST_UNREAD <= len(first.text) < MOST_UNREAD + len(text)
    assert 100 * 1000 == len(reply.text)
    assert [("other", "lost"), ("one", "won")] == story.outcomes()


async def test_there_is_no_reply_before_the_end() -> None:
    """It says so, and it is the whole one then."""
    story = Story(one=streams("a", "b", after=0.1, gap=0.1))
    async with story.racer() as racer, racer.stream("hi") as stream:
        with pytest.raises(RacerError, match="to its end"):
            _ = stream.reply
        await anext(stream)
        assert ("one", "m") == (stream.provider, stream.model)
        with pytest.raises(RacerError, match="to its end"):
            _ = stream.reply
        await story.follow(stream)
    assert "ab" == stream.reply.text


async def test_misuse_is_told() -> None:
    """A stream is entered, once, while its Racer is open."""
    story = Story(one=says("hi"))
    racer = story.racer()
    with pytest.raises(RacerError, match="not open"):
        racer.stream("hi")
    async with racer:
        stream = racer.stream("hi")
        with pytest.raises(RacerError, match="enter"):
            await anext(stream)
        async with stream:
            pass
        with pytest.raises(RacerError, match="before"):
            async with stream:
                pass
        late = racer.stream("hi")
    with pytest.raises(RacerError, match="closed"):
        async with late:
            pass


async def test_a_racer_that_is_closed_stops_its_streams() -> None:
    """Their readers are told; nothing hangs."""
    story = Story(one=streams("a", "b", after=0.1, gap=100.0))
    racer = story.racer()
    async with racer:
        stream = await racer.stream("hi").__aenter__()
        await anext(stream)
    with pytest.raises(RacerError, match="stopped"):
        await anext(stream)
    await stream.__aexit__(None, None, None)


async def test_a_check_that_hangs_is_given_up_at_the_deadline() -> None:
    """Its reader has all the text, and waits for the end."""

    async def hang(reply: Reply) -> bool:
        await anyio.sleep_forever()
        return bool(reply)

    with pytest.raises(StreamBroken, match="valid= has not said anything in 2 s"):
        await Story(one=streams("a", "b", gap=0.1)).read(valid=hang, deadline=2, resume=True)


async def test_the_first_silence_is_borne_no_longer_than_the_others() -> None:
    """`deadline` holds from the first piece on."""
    story = Story(one=Script((*streams("a", after=0.1, breaks="end").steps, Step(float("inf"), b""))))

    with pytest.raises(StreamBroken, match="nothing for 1 s"):
        await story.read(deadline=1)
    assert 1.1 == pytest.approx(anyio.current_time(), abs=0.05)


async def test_two_readers_are_one_too_many() -> None:
    """The second is told; the first has everything."""
    story = Story(one=streams("a", "b", after=0.5, gap=0.5))
    async with story.racer() as racer, racer.stream("hi") as stream:
        first = asyncio.create_task(story.follow(stream))
        await anyio.sleep(0.1)
        with pytest.raises(RacerError, match="another task"):
            await anext(stream)
        assert "ab" == (await first).text


async def test_a_racer_that_is_closed_at_once_stops_its_streams_too() -> None:
    """Before the race has taken its first step."""
    racer = Story(one=says("hi")).racer()
    await racer.__aenter__()
    async with racer.stream("hi") as stream:
        await racer.__aexit__(None, None, None)
        with pytest.raises(RacerError, match="stopped before its end"):
            await anext(stream)


async def test_a_stream_that_nobody_could_go_on_with_is_recorded_as_broken() -> None:
    """However the search for another lane ended; and who could not even start is named."""
    story = Story(first=streams("The sky is blue ", after=0.1, gap=0.1, breaks=RESET), other=answers(500))

    with pytest.raises(StreamBroken, match="No other lane could go on"):
        await story.read(resume=True)
    assert Ending.BROKEN is story.ending()


async def test_a_bug_in_valid_surfaces_as_it_is() -> None:
    """Not as a lane's failure."""

    def buggy(reply: Reply) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Story(one=streams("a", after=0.1)).read(valid=buggy)


async def test_a_kept_reply_streams_as_one_piece() -> None:
    """The second time nobody is asked."""
    story = Story(one=streams("a", "b", after=0.1, gap=0.1))
    async with story.racer() as racer:
        async with racer.stream("hi", cache=60) as stream:
            await story.follow(stream)
        async with racer.stream("hi", cache=60) as again:
            await story.follow(again)
    assert ["a", "b", "ab"] == story.pieces
    assert again.reply.cached
    assert 1 == len(story.transport.requests)


# ---------------------------------------------------------------- race(decide="token")


async def test_decide_token_stops_the_others_at_the_first_token() -> None:
    """The first to begin wins, though another would have ended sooner."""
    story = Story(begins=streams("a", "b", "c", after=0.1, gap=1.0), ends=says("short", after=0.5))
    async with story.racer() as racer:
        reply = await racer.race("hi", decide="token")
    assert ("abc", "begins") == (reply.text, reply.provider)
    assert ("ends", "closed", 0.1) in story.transport.log


async def test_decide_token_goes_on_when_the_leader_breaks() -> None:
    """Nobody has seen a word of it, so any lane may start anew; the deadline holds for all of it."""
    story = Story(
        begins=streams("a", after=0.1, gap=1.0, breaks=RESET), other=[hangs(), says("ok", after=1.0)]
    )
    async with story.racer() as racer:
        reply = await racer.race("hi", decide="token", deadline=5)
    assert ("ok", "other") == (reply.text, reply.provider)
    assert [("other", "lost"), ("begins", "failed"), ("other", "won")] == story.outcomes()


async def test_decide_token_has_the_whole_deadline_and_no_more() -> None:
    """A leader that goes on too long is given up."""
    story = Story(begins=streams(*"abcdefgh", after=0.1, gap=1.0))
    async with story.racer() as racer:
        with pytest.raises(TimeoutError):
            await racer.race("hi", decide="token", deadline=3)
    assert Ending.EXPIRED is story.ending()
