"""racer/sim/jobs.py: what becomes of a job while time goes by, and who may ask about it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer.sim.desk import Decision, Desk
from racer.sim.exchange import Job, Request
from racer.sim.jobs import AT_ONCE, FAILURES, Jobs
from racer.sim.profile import Pace
from racer.sim.script import Hang, Reset, Send
from racer.sim.wire import replicate, runpod
from tests.racer.sim.scenes import AT, KEY, fault, profile, provider, sent, turn

if TYPE_CHECKING:
    from racer.sim.exchange import Reply, Turn, Wire
    from racer.sim.profile import Chance
    from racer.sim.script import Script

PACE = Pace(first=1.0, gap=0.5, loading=0.25)
TOTAL = 2.0


def made(*, hold: float = 0.0, **answer: Any) -> Turn:
    """A turn of three tokens, the last of which comes after two seconds."""
    given = turn(None, "One", " two", " three", **answer)
    asked = replace(given.ask, surface="run", hold=hold, stream=False, key=KEY)
    return replace(given, ask=asked, total=PACE.first + PACE.gap * (given.answer.output_tokens - 1))


def wire(of: Wire = runpod.WIRE) -> tuple[Wire, list[Job]]:
    """The wire, and the jobs that it was asked to tell of."""
    seen: list[Job] = []

    def job(stands: Job) -> Reply:
        seen.append(stands)
        return runpod.job(stands) if of is runpod.WIRE else replicate.job(stands)

    return replace(of, job=job), seen


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("age", "state", "due"),
    [
        (0.0, "queued", 0),
        (0.2, "queued", 0),
        (0.25, "running", 0),
        (0.99, "running", 0),
        (1.0, "running", 1),
        (1.49, "running", 1),
        (1.5, "running", 2),
        (2.0, "done", 3),
        (99.0, "done", 3),
    ],
)
def test_a_job_grows_with_time(age: float, state: str, due: int) -> None:
    """Waiting, worked on, done; each token at its instant, whether somebody listens or not."""
    (of, seen), jobs = wire(), Jobs()
    jobs.make(of, made(), PACE, None)
    jobs.look("run-a7", AT + age)

    assert (seen[-1].state, seen[-1].due, seen[-1].new) == (state, due, False)
    assert (seen[0].state, seen[0].new) == ("queued", True)


def test_thoughts_take_their_time() -> None:
    """They come before the first token of the answer."""
    (of, seen), jobs = wire(), Jobs()
    jobs.make(of, made(reasoning=("Hm", ".")), PACE, None)
    for age in (1.5, 2.0, 2.5, 3.0):
        jobs.look("run-a7", AT + age)

    assert [(job.state, job.due) for job in seen[1:]] == [
        ("running", 0), ("running", 1), ("running", 2), ("done", 3),
    ]  # fmt: skip


def test_without_a_gap_all_tokens_come_at_once() -> None:
    """With the first."""
    (of, seen), jobs = wire(), Jobs()
    jobs.make(of, replace(made(), total=1.0), Pace(first=1.0, gap=0.0), None)
    jobs.look("run-a7", AT + 0.9)
    jobs.look("run-a7", AT + 1.0)

    assert [(job.state, job.due) for job in seen[1:]] == [("running", 0), ("done", 3)]


@pytest.mark.parametrize(
    ("hold", "opens", "state"),
    [
        (0.0, 0.0, "queued"),
        (0.5, 0.5, "running"),
        (1.5, 1.5, "running"),
        (2.0, 2.0, "done"),
        (60.0, 2.0, "done"),
    ],
)
def test_an_answer_may_be_held_back(hold: float, opens: float, state: str) -> None:
    """Until the job is done, or for as long as was asked."""
    (of, seen), jobs = wire(), Jobs()
    script = jobs.make(of, made(hold=hold), PACE, None)

    assert (script.opens, seen[-1].state, seen[-1].new) == (opens, state, True)


# ---------------------------------------------------------------- listening


def instants(script: Script) -> list[float]:
    return [step.at for step in script.steps if isinstance(step, Send)]


def test_a_stream_that_is_opened_late_begins_at_the_beginning() -> None:
    """What has been said by then comes at once, the rest in its time."""
    (of, _), jobs = wire(replicate.WIRE), Jobs()
    jobs.make(of, made(), PACE, None)

    assert instants(jobs.listen("run-a7", AT)) == [1.0, 1.5, 2.0]
    assert instants(jobs.listen("run-a7", AT + 1.5)) == [0.0, 0.0, 0.5]
    late = jobs.listen("run-a7", AT + 60.0)
    assert instants(late) == [0.0, 0.0, 0.0]
    assert sent(late).count(b"event: output") == 3
    assert sent(late).endswith(b"event: done\nid: 1800000000000:0\ndata: {}\n\n")


def test_pieces_are_given_once() -> None:
    """What is new since the last time, and in the end nothing."""
    (of, _), jobs = wire(), Jobs()
    jobs.make(of, made(), PACE, None)
    heard = [orjson.loads(sent(jobs.listen("run-a7", AT + age))) for age in (0.5, 1.1, 1.2, 9.0, 9.0)]

    assert [len(look["stream"]) for look in heard] == [0, 1, 0, 1, 0]
    tokens = [piece["output"]["choices"][0]["tokens"] for look in heard for piece in look["stream"]]
    assert tokens == [["One"], [" two", " three"]]
    assert [look["status"] for look in heard] == ["IN_PROGRESS"] * 3 + ["COMPLETED"] * 2


# ---------------------------------------------------------------- stopping


def test_a_job_can_be_stopped_once() -> None:
    """After that it stands still, and says nothing more."""
    (of, seen), jobs = wire(), Jobs()
    jobs.make(of, made(), PACE, None)
    jobs.listen("run-a7", AT + 1.0)
    _, first = jobs.cancel("run-a7", AT + 1.5)
    _, second = jobs.cancel("run-a7", AT + 1.6)

    assert (first, second) == (True, False)
    assert b"CANCELLED" in sent(jobs.look("run-a7", AT + 60.0))
    assert b"CANCELLED" in sent(jobs.listen("run-a7", AT + 60.0))
    assert (seen[-1].told, seen[-1].due) == (1, 1)


def test_a_job_that_is_done_cannot_be_stopped() -> None:
    """Nothing is left to stop."""
    (of, seen), jobs = wire(), Jobs()
    jobs.make(of, made(), PACE, None)
    _, effective = jobs.cancel("run-a7", AT + TOTAL)

    assert not effective
    assert seen[-1].state == "done"


def test_of_very_many_jobs_the_oldest_are_forgotten() -> None:
    """So that a long simulation does not grow."""
    jobs, first = Jobs(most=2), made()
    turns = [replace(first, moment=replace(first.moment, serial=serial)) for serial in (1, 2, 3)]
    for each in turns:
        jobs.make(runpod.WIRE, each, PACE, None)

    assert [jobs.has(each) for each in turns] == [False, True, True]
    assert jobs.owner("run-a3") == KEY
    with pytest.raises(KeyError):
        jobs.owner("run-a1")


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("kind", sorted(AT_ONCE))
def test_some_faults_strike_when_the_job_is_made(kind: str) -> None:
    """No job comes of it."""
    jobs = Jobs()
    jobs.make(runpod.WIRE, made(), PACE, fault(kind, size=1024))

    assert not jobs.has(made())


@pytest.mark.parametrize("of", [replicate.WIRE, runpod.WIRE], ids=["replicate", "runpod"])
@pytest.mark.parametrize("kind", sorted(FAILURES))
def test_some_faults_are_a_job_that_fails(of: Wire, kind: str) -> None:
    """After its time, inside a good status; before that nothing is to be seen, and nothing heard."""
    (watched, seen), jobs = wire(of), Jobs()
    jobs.make(watched, made(), PACE, fault(kind))
    jobs.look("run-a7", AT + 1.9)
    look = jobs.look("run-a7", AT + TOTAL)

    assert [(job.state, job.due) for job in seen[-2:]] == [("running", 0), ("failed", 0)]
    assert (look.status, b"rror" in sent(look)) == (200, True)


def test_a_held_back_job_that_fails_says_so_at_once() -> None:
    """In the answer to the request that made it."""
    script = Jobs().make(replicate.WIRE, made(hold=60.0), PACE, fault("error_200"))

    assert (script.status, script.opens) == (201, TOTAL)
    assert orjson.loads(sent(script))["status"] == "failed"


def test_other_faults_strike_what_a_look_brings() -> None:
    """When the job is done; until then it is in good health, and after a stop it is stopped."""
    jobs = Jobs()
    jobs.make(runpod.WIRE, made(), PACE, fault("half_json"))
    before = [sent(jobs.look("run-a7", AT + 1.0)), sent(jobs.listen("run-a7", AT + 1.0))]
    after = [sent(jobs.look("run-a7", AT + TOTAL)), sent(jobs.listen("run-a7", AT + TOTAL))]

    assert [orjson.loads(body)["status"] for body in before] == ["IN_PROGRESS", "IN_PROGRESS"]
    for body in after:
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(body)


@pytest.mark.parametrize(("kind", "last"), [("reset_mid", Reset), ("role_then_silence", Hang)])
def test_other_faults_strike_a_stream(kind: str, last: type) -> None:
    """As they strike any other, in their own time."""
    jobs = Jobs()
    jobs.make(replicate.WIRE, made(), PACE, fault(kind))
    script = jobs.listen("run-a7", AT)

    assert isinstance(script.steps[-1], last)
    assert b"event: done" not in sent(script)


# ---------------------------------------------------------------- at the desk


def draw(ordinal: int) -> Chance:
    return Random(ordinal).random


class Queue:
    """The desk of a queue with one endpoint."""

    def __init__(self, toml: str = "") -> None:
        of = provider(f'dialect = "runpod"\nfirst_token = 1.0\n{toml}')
        self.desk = Desk(profile(of), of)

    def ask(self, method: str, path: str, key: str = "", at: float = AT, **body: Any) -> Decision:
        headers = {"Host": "here"} | ({"Authorization": f"Bearer {key}"} if key else {})
        request = Request(method, path, headers, orjson.dumps(body))
        assert self.desk.is_errand(request) != path.endswith("/run")
        return self.desk.decide(request, at, draw)

    def run(self, key: str = "") -> Decision:
        return self.ask("POST", "/v2/m/run", key, input={"prompt": "hi"})


def test_jobs_are_counted_when_they_are_made_and_when_they_are_stopped() -> None:
    """Once each; looking at one is neither."""
    queue = Queue()
    made_ = queue.run()
    looked = queue.ask("GET", "/v2/m/status/run-a1")
    stopped = [queue.ask("POST", "/v2/m/cancel/run-a1") for _ in range(2)]

    assert [each.job for each in (made_, looked, *stopped)] == ["jobs", None, "cancelled", None]
    assert [each.outcome for each in (made_, looked, *stopped)] == ["completed"] * 4


def test_a_job_that_was_not_made_does_not_count() -> None:
    """A fault or a limit came before it."""
    assert Queue('faults = [{ kind = "500" }]').run().job is None
    queue = Queue("limits = [{ requests = 1, per = 'minute' }]")
    assert [queue.run().job for _ in range(2)] == ["jobs", None]


def test_only_who_made_a_job_may_ask_about_it() -> None:
    """Another key is a wrong one, none is none; what is not there is not found."""
    queue = Queue()
    queue.run(KEY)
    statuses = [
        queue.ask(method, f"/v2/m/{door}/{job}", key).script.status
        for method, door in (("GET", "status"), ("GET", "stream"), ("POST", "cancel"))
        for job, key in (("run-a1", KEY), ("run-a1", KEY + "2"), ("run-a1", ""), ("run-a9", KEY))
    ]

    assert statuses == [200, 401, 401, 404] * 3


def test_a_prediction_has_the_address_that_its_client_used() -> None:
    """The provider's prefix on this host."""
    of = provider('dialect = "replicate"\nmodels = ["v1"]')
    request = Request(
        "POST", "/v1/predictions", {"Host": "here:1"}, b'{"version":"v1","input":{"prompt":"hi"}}'
    )
    decision = Desk(profile(of), of).decide(request, AT, draw)

    assert orjson.loads(sent(decision.script))["urls"]["get"].startswith("http://here:1/a/v1/predictions/")
