"""racer/exchange.py: one lane's exchange, on virtual time; above all jobs, which nobody may forget."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest

from racer import Racer
from racer.cli.simulated import config_for
from racer.config import Config
from racer.core.book import Run
from racer.core.field import field_of
from racer.exchange import DRAIN_SECONDS, MAKE_SECONDS, REFUSAL_BYTES, UNDO_SECONDS, Exchange, target_of
from racer.sim import Simulator, parse_profile
from racer.testing import Script, ScriptedTransport, Step, answers, config_of, fails, hangs, says
from racer_adapters import DIALECTS
from racer_adapters.dialect import Dialect
from racer_adapters.errors import Kind, WireError
from racer_adapters.refusals import COMMON, classify
from racer_adapters.request import post
from racer_adapters.types import Call, End, FollowUp, Message, Text, Undo
from tests.racer.sim.loopback import seen

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from racer_adapters.dialect import Event
    from racer_adapters.types import Target, WireRequest

pytestmark = pytest.mark.anyio

CALL = Call((Message("user", "hi"),))
RESET = WireError(Kind.RESET, "the connection broke")


# ---------------------------------------------------------------- a dialect of jobs, as small as can be


class Look:
    """The body says in JSON what has come, where to look next, how to stop it, and whether it is over."""

    def __init__(self) -> None:
        self._body = b""

    def feed(self, data: bytes) -> Sequence[Event]:
        self._body += data
        return ()

    def close(self) -> Sequence[Event]:
        said: dict[str, Any] = orjson.loads(self._body)
        return [
            *([Text(said["text"])] if "text" in said else []),
            *([Undo(said["undo"])] if "undo" in said else []),
            *([FollowUp(said["next"], Look(), after=said.get("after", 0.0))] if "next" in said else []),
            *([WireError(Kind.IN_BAND, said["error"])] if "error" in said else []),
            *([End()] if said.get("over") else []),
        ]


def _encode(call: Call, target: Target) -> WireRequest:
    return post(target, "/run", {"model": target.model}, ())


JOBS = Dialect("jobs", _encode, Look, partial(classify, COMMON), jobs=True)


def look(takes: float = 0.0, **said: Any) -> Script:
    return answers(200, orjson.dumps(said), after=takes)


class Errand:
    """One lane, what was told of it, and what runs beside it."""

    def __init__(self, *scripts: Script, dialect: str = "jobs") -> None:
        self.transport = ScriptedTransport({"a": scripts})
        self.exchange = Exchange(self.transport, {"jobs": JOBS, "openai": DIALECTS["openai"]}, self.aside)
        (provider,) = config_of("a").providers
        (lane,) = field_of([replace(provider, dialect=dialect)], {}).lanes
        self.run = Run(0, lane, 0.0)
        self.pieces: list[float] = []
        self.finished: list[tuple[float, int]] = []
        self._beside: set[asyncio.Task[None]] = set()

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._beside.add(task)

    async def go(self) -> None:
        await self.exchange.run(self.run, CALL, self._progress, self._finish)

    async def settle(self) -> None:
        """Until what runs beside the lane is done."""
        await asyncio.gather(*self._beside)

    def _progress(self, run: Run) -> None:
        self.pieces.append(anyio.current_time())

    async def _finish(self, run: Run) -> None:
        self.finished.append((anyio.current_time(), self.transport.open))

    @property
    def text(self) -> str:
        return self.run.assembly.answer().text

    @property
    def sent(self) -> list[str]:
        here = "https://a.test/v1/"
        return [f"{each.method} {each.url.removeprefix(here)}" for each in self.transport.requests]

    @property
    def instants(self) -> list[tuple[str, float]]:
        return [(event, at) for _, event, at in self.transport.log]


# ---------------------------------------------------------------- an answer to one request


async def test_an_answer_is_finished_while_its_connection_is_there() -> None:
    """Each piece is told; the connection is read to its end, so that it can serve again."""
    errand = Errand(says("hello", after=2.0, token_after=1.0), dialect="openai")

    await errand.go()

    assert errand.text == "hello"
    assert errand.pieces == [1.0, 2.0]
    assert errand.finished == [(2.0, 1)]
    assert errand.instants == [("sent", 0.0), ("ended", 2.0)]


async def test_what_follows_the_end_is_not_waited_for() -> None:
    """A server that keeps the stream open behind its end marker is left."""
    end = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    errand = Errand(Script((Step(1.0, end), Step(60.0, b": still here\n\n"))), dialect="openai")

    await errand.go()

    assert errand.finished == [(1.0, 1)]
    assert errand.instants == [("sent", 0.0), ("closed", 1.0 + DRAIN_SECONDS)]


async def test_an_answer_may_end_with_its_body() -> None:
    """Without a marker the end of the body decides, and what was held back until then is told."""
    whole = b'{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}'
    errand = Errand(answers(200, whole, after=1.0), dialect="openai")

    await errand.go()

    assert (errand.text, errand.pieces) == ("x", [1.0])


async def test_a_refusal_is_read_as_far_as_it_says_something() -> None:
    """Its dialect tells what it means; a body without end is given up."""
    page = Script(tuple(Step(0.0, b"x" * 1000) for _ in range(1000)), status=503)
    errand = Errand(page, dialect="openai")

    with pytest.raises(WireError) as caught:
        await errand.go()

    assert (caught.value.kind, caught.value.status) == (Kind.OVERLOADED, 503)
    assert errand.finished == []
    assert errand.instants == [("sent", 0.0), ("closed", 0.0)]
    assert REFUSAL_BYTES < 1_000_000


async def test_a_lane_without_a_job_leaves_nothing_behind() -> None:
    """Closing the connection is all there is to do."""
    errand = Errand(hangs(), dialect="openai")

    with anyio.move_on_after(1.0):
        await errand.go()
    await errand.settle()

    assert errand.instants == [("sent", 0.0), ("closed", 1.0)]


async def test_a_question_is_not_asked_without_its_picture() -> None:
    """A lane that cannot be told of it fails before anything is sent; other things left out are told."""
    errand = Errand(look(text="done", over=True))

    def encode(call: Call, target: Target) -> WireRequest:
        return replace(_encode(call, target), dropped=("seed", *fields))

    errand.exchange = Exchange(errand.transport, {"jobs": replace(JOBS, encode=encode)}, errand.aside)
    fields = ["image_url"]
    with pytest.raises(WireError) as caught:
        await errand.go()
    assert (caught.value.kind, errand.sent) == (Kind.INVALID, [])

    fields.clear()
    await errand.go()
    assert (errand.run.dropped, errand.text) == (("seed",), "done")


async def test_a_lane_that_has_changed_is_asked_as_it_is_now() -> None:
    """Discovery may bring another lane of the same name: what was kept of the old one is not used."""
    errand = Errand(answers(200, b"{}"), answers(200, b"{}"), dialect="openai")
    lane = errand.run.lane
    for headers in ({}, {}, {"x-team": "blue"}):
        errand.run = Run(0, replace(lane, provider=replace(lane.provider, headers=headers)), 0.0)
        with pytest.raises(WireError):
            await errand.go()

    assert [each.headers.get("x-team") for each in errand.transport.requests] == [None, None, "blue"]


def test_a_target_is_what_a_lane_says_of_its_provider() -> None:
    """Address, model, key and quirks."""
    (provider,) = config_of("a").providers
    (lane,) = field_of([provider], {}).lanes
    target = target_of(lane)

    assert (target.base_url, target.model, target.key) == ("https://a.test/v1", "m", None)
    assert (target.renames, target.drops, target.headers) == ({}, frozenset(), {})


def test_a_target_has_the_quirks_of_its_model() -> None:
    """Beside the provider's; where both rename a field, the model's name for it holds."""
    (provider,) = config_of("a").providers
    (model,) = provider.models
    own = replace(model, renames={"max_tokens": "max_new_tokens"}, drops=frozenset({"stop"}))
    shared = {"max_tokens": "max_completion_tokens", "seed": "random_seed"}
    odd = replace(provider, models=(own,), renames=shared, drops=frozenset({"user"}))
    (lane,) = field_of([odd], {}).lanes
    target = target_of(lane)

    assert target.renames == {"max_tokens": "max_new_tokens", "seed": "random_seed"}
    assert target.drops == {"stop", "user"}


# ---------------------------------------------------------------- jobs that come to an end


async def test_a_job_is_followed_to_its_end() -> None:
    """Each look waits as long as the one before says; the pieces add up; nothing is left to stop."""
    errand = Errand(
        look(1.0, undo="cancel/7", next="look/7", after=0.5),
        look(text="one ", next="look/7", after=2.0),
        look(text="two", next="/elsewhere/7"),
        look(text=".", over=True),
    )

    await errand.go()
    await errand.settle()

    assert errand.text == "one two."
    assert errand.sent == ["POST run", "GET look/7", "GET look/7", "GET https://a.test/elsewhere/7"]
    assert errand.pieces == [1.5, 3.5, 3.5]
    assert errand.finished == [(3.5, 1)]


async def test_a_job_may_be_done_at_once() -> None:
    """Its first answer is the whole one."""
    errand = Errand(look(1.0, text="done", over=True))

    await errand.go()
    await errand.settle()

    assert (errand.text, errand.pieces) == ("done", [1.0])
    assert errand.finished == [(1.0, 0)]
    assert errand.sent == ["POST run"]


async def test_a_job_that_was_refused_is_no_job() -> None:
    """The refusal is the lane's failure; there is nothing to stop."""
    errand = Errand(answers(402, b'{"detail":"no credit"}', after=1.0))

    with pytest.raises(WireError, match="credit"):
        await errand.go()
    await errand.settle()

    assert errand.sent == ["POST run"]
    assert errand.finished == []


async def test_a_job_that_nobody_makes_is_given_up() -> None:
    """However long the lane itself would have waited."""
    errand = Errand(hangs())

    with pytest.raises(WireError) as caught:
        await errand.go()

    assert caught.value.kind is Kind.TIMEOUT
    assert errand.instants == [("sent", 0.0), ("closed", MAKE_SECONDS)]


# ---------------------------------------------------------------- jobs that are left


async def test_a_job_left_while_it_is_made_is_stopped_when_it_is_known() -> None:
    """The lane goes at once; the answer that names the job is waited for beside it."""
    errand = Errand(look(1.0, undo="cancel/7", next="look/7"), look())

    with anyio.move_on_after(0.25):
        await errand.go()
    assert anyio.current_time() == 0.25
    await errand.settle()

    assert errand.sent == ["POST run", "POST cancel/7"]
    assert errand.instants == [("sent", 0.0), ("ended", 1.0), ("sent", 1.0), ("ended", 1.0)]
    assert (errand.pieces, errand.finished) == ([], [])


@pytest.mark.parametrize("made", [look(1.0, text="done", over=True), fails(RESET, after=1.0), look(1.0)])
async def test_a_job_left_while_it_is_made_may_leave_nothing_to_stop(made: Script) -> None:
    """It was done meanwhile, was never made, or there is no way to stop it."""
    errand = Errand(made)

    with anyio.move_on_after(0.25):
        await errand.go()
    await errand.settle()

    assert errand.sent == ["POST run"]
    assert errand.finished == []


async def test_a_job_left_between_two_looks_is_stopped_at_once() -> None:
    """The lane sleeps; nothing is in flight."""
    errand = Errand(look(1.0, undo="cancel/7", next="look/7", after=9.0), look())

    with anyio.move_on_after(4.0):
        await errand.go()
    await errand.settle()

    assert errand.sent == ["POST run", "POST cancel/7"]
    assert errand.instants[2:] == [("sent", 4.0), ("ended", 4.0)]


async def test_a_job_left_while_it_is_looked_at_is_stopped_at_once() -> None:
    """The look is closed, and the job is stopped by its last word."""
    errand = Errand(
        look(1.0, undo="cancel/7", next="look/7"), look(undo="cancel/8", next="look/7"), hangs(), look()
    )

    with anyio.move_on_after(4.0):
        await errand.go()
    await errand.settle()

    assert errand.sent == ["POST run", "GET look/7", "GET look/7", "POST cancel/8"]
    assert ("closed", 4.0) in errand.instants
    assert errand.instants[-1] == ("ended", 4.0)


async def test_a_job_that_fails_on_the_way_is_stopped_too() -> None:
    """The connection broke, and who knows what goes on behind it."""
    errand = Errand(look(undo="cancel/7", next="look/7"), fails(RESET, after=2.0), look())

    with pytest.raises(WireError, match="the connection broke"):
        await errand.go()
    await errand.settle()

    assert errand.sent == ["POST run", "GET look/7", "POST cancel/7"]


async def test_a_job_whose_answer_is_refused_has_ended() -> None:
    """What `finish` says of a whole answer changes nothing about the job."""
    errand = Errand(look(undo="cancel/7", next="look/7"), look(text="", over=True))

    async def finish(run: Run) -> None:
        raise WireError(Kind.EMPTY, "no text")

    with pytest.raises(WireError, match="no text"):
        await errand.exchange.run(errand.run, CALL, lambda run: None, finish)
    await errand.settle()

    assert errand.sent == ["POST run", "GET look/7"]


@pytest.mark.parametrize("stop", [fails(RESET, after=1.0), answers(500, b"no", after=1.0), hangs()])
async def test_nobody_waits_for_a_stop_that_fails(stop: Script) -> None:
    """Its failure is nobody's; it is given up soon, and no trace of it stays."""
    errand = Errand(look(undo="cancel/7", next="look/7", after=9.0), stop)

    with anyio.move_on_after(1.0):
        await errand.go()
    assert anyio.current_time() == 1.0
    await errand.settle()

    assert errand.sent[-1] == "POST cancel/7"
    assert anyio.current_time() <= 1.0 + UNDO_SECONDS
    assert errand.transport.open == 0


# ---------------------------------------------------------------- what a server may not do


async def test_a_job_that_is_not_found_again_is_the_servers_fault() -> None:
    """A 404 on a look says nothing of the model; on the first request it does."""
    lost = Errand(look(undo="cancel/7", next="look/7"), answers(404, b"gone"), look())
    none = Errand(answers(404, b"no such model"))

    for errand, kind in ((lost, Kind.SERVER), (none, Kind.NO_MODEL)):
        with pytest.raises(WireError) as caught:
            await errand.go()
        await errand.settle()
        assert (caught.value.kind, caught.value.status) == (kind, 404)


async def test_a_job_cannot_send_us_to_another_host() -> None:
    """Nothing is sent there: neither the look nor the stop."""
    errand = Errand(look(undo="https://evil.test/stop", next="https://evil.test/look"))

    with pytest.raises(WireError) as caught:
        await errand.go()
    await errand.settle()

    assert caught.value.kind is Kind.REDIRECT
    assert errand.sent == ["POST run"]


# ---------------------------------------------------------------- whole races with jobs in them


async def test_a_caller_that_gives_up_and_closes_leaves_no_job_behind() -> None:
    """The job was being made; closing waits until it is known, and has it stopped."""
    (provider,) = config_of("a").providers
    config = Config(providers=(replace(provider, dialect="jobs"),))
    transport = ScriptedTransport({"a": [look(1.2, undo="cancel/7", next="look/7"), look()]})

    with anyio.move_on_after(0.1) as scope:
        async with Racer(config, transport=transport, dialects={"jobs": JOBS}) as racer:
            await racer.race("hi")

    assert scope.cancelled_caught
    assert [each.url for each in transport.requests] == [
        "https://a.test/v1/run",
        "https://a.test/v1/cancel/7",
    ]
    assert anyio.current_time() == 1.2


async def test_a_racer_that_stays_open_stops_jobs_beside_its_next_race() -> None:
    """Nobody waits for it: the loser is stopped while the next question is asked."""
    a, b = config_of("a", "b").providers
    config = Config(providers=(replace(a, dialect="jobs"), b))
    made = look(3.0, undo="cancel/7", next="look/7")
    transport = ScriptedTransport({"a": [made, look()], "b": says("quick", after=0.5)})
    dialects = {"jobs": JOBS, "openai": DIALECTS["openai"]}
    async with Racer(config, transport=transport, dialects=dialects) as racer:
        first = await racer.race("hi")
        second = await racer.race("hi", only="b")
        await anyio.sleep(3.0)

    assert (first.latency, second.latency) == (0.5, 0.5)
    assert transport.requests[-1].url == "https://a.test/v1/cancel/7"
    assert ("a", "sent", 3.0) in transport.log


SIMULATED = """
answer = "same"
[providers.fast]
models = ["m"]
first_token = {fast}
[providers.replicate]
dialect = "replicate"
models = ["meta/llama"]
first_token = {replicate}
rate = {rate}
[providers.runpod]
dialect = "runpod"
models = ["endpoint"]
first_token = {runpod}
rate = {rate}
"""
NEVER = 60.0


def simulated(*, rate: float = 400.0, **firsts: float) -> Simulator:
    """Three providers that say the same; seconds to the first token of each, where it is to come at all."""
    given = {"fast": NEVER, "replicate": NEVER, "runpod": NEVER} | firsts
    return Simulator(parse_profile(SIMULATED.format(rate=rate, **given)))


async def jobs_of(simulator: Simulator) -> dict[str, tuple[int, int]]:
    """How many were made, and how many cancelled, once nothing is open any more."""
    counts = {
        name: await seen(simulator, lambda counts: counts.open == 0, name) for name in ("replicate", "runpod")
    }
    return {name: (each.jobs, each.cancelled) for name, each in counts.items()}


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("fast", "first", "rate"),
    [(0.0, NEVER, 1.0), (0.3, NEVER, 1.0), (0.3, 0.0, 1.0)],
    ids=["while they are made", "while they are awaited", "while they speak"],
)
async def test_jobs_that_lose_are_cancelled(fast: float, first: float, rate: float) -> None:
    """By an explicit call, which the provider has counted for each of them, whenever the race was won."""
    async with simulated(fast=fast, replicate=first, runpod=first, rate=rate) as simulator:
        async with Racer(config_for(simulator)) as racer:
            reply = await racer.race("hi")
        jobs = await jobs_of(simulator)

    assert reply.provider == "sim-fast"
    assert all(made == cancelled for made, cancelled in jobs.values())
    if fast:
        assert jobs == {"replicate": (1, 1), "runpod": (1, 1)}


@pytest.mark.real_time
@pytest.mark.parametrize(("winner", "loser"), [("replicate", "runpod"), ("runpod", "replicate")])
async def test_a_job_can_win(winner: str, loser: str) -> None:
    """It is not cancelled, and the other is; the answer is the one that all would have given."""
    async with simulated(**{winner: 0.0}) as simulator:
        async with Racer(config_for(simulator)) as racer:
            reply = await racer.race("hi")
        jobs = await jobs_of(simulator)
        dropped = simulator.counters().providers["fast"].dropped

    assert (reply.provider, len(reply.text.split()) > 10) == (f"sim-{winner}", True)
    assert jobs == {winner: (1, 0), loser: (1, 1)}
    assert dropped == 1


@pytest.mark.real_time
@pytest.mark.parametrize("name", ["replicate", "runpod"])
@pytest.mark.parametrize("first", [0.0, 1.1], ids=["in time", "not in time"])
async def test_a_lone_job_is_waited_for(name: str, first: float) -> None:
    """It is asked for in one piece; where that takes too long it is followed, and says the same."""
    async with simulated(**{name: first}) as simulator:
        async with Racer(config_for(simulator)) as racer:
            reply = await racer.race("hi", only=f"sim-{name}")
        jobs, pages = await jobs_of(simulator), simulator.counters().providers[name].pages

    assert (reply.provider, len(reply.text.split()) > 10) == (f"sim-{name}", True)
    assert jobs[name] == (1, 0)
    assert (pages > 0) is (first > 1)


@pytest.mark.real_time
@pytest.mark.parametrize("name", ["replicate", "runpod"])
async def test_a_job_that_fails_is_replaced(name: str) -> None:
    """A failure inside a good status is told as one, and the next lane is asked."""
    healthy = SIMULATED.format(fast=0.0, replicate=0.0, runpod=0.0, rate=400)
    head = f"[providers.{name}]"
    faulty = healthy.replace(head, f'{head}\nfaults = [{{ kind = "error_frame" }}]')
    async with Simulator(parse_profile(faulty)) as simulator, Racer(config_for(simulator)) as racer:
        reply = await racer.race("hi", policy="one", only=["sim-fast", f"sim-{name}"], prefer=f"sim-{name}")

    failed, won = reply.attempts
    assert (failed.provider, won.provider) == (f"sim-{name}", "sim-fast")
    assert (str(failed.outcome), "rror" in (failed.reason or "")) == ("failed", True)
