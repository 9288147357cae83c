"""Jobs, pieces and refusals of a RunPod queue. A client as they document it is in test_runpod_client.py."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from racer.sim.exchange import STATUSES, Job, Refusal, Reply, Request
from racer.sim.profile import Provider
from racer.sim.wire import runpod
from racer_adapters.contract import decode
from racer_adapters.errors import Kind
from racer_adapters.runpod import RUNPOD
from racer_adapters.types import Answer, Undo, Usage
from tests.adapters.jobs import told
from tests.racer.sim.scenes import KEY, moment, read_refusal, said, turn

if TYPE_CHECKING:
    from racer.sim.exchange import Turn, Why

QUEUE = Provider("a", dialect="runpod", models=("ep",))


def job(*tokens: str, surface: str = "run", **answer: Any) -> Turn:
    made = turn(QUEUE, *tokens, **answer)
    return replace(made, ask=replace(made.ask, model="ep", surface=surface, hold=0.0))


def test_the_health_of_an_endpoint() -> None:
    """A page for who has a key, and for endpoints that there are."""
    found = runpod.read(Request("GET", "/v2/ep/health", {}), moment(QUEUE))

    assert isinstance(found, Reply)
    assert said(found)["workers"]["ready"] == 1
    assert runpod.read(Request("GET", "/v2/other/health", {}), moment(QUEUE)) is None
    keyed = replace(QUEUE, keys=(KEY,))
    assert read_refusal(runpod.WIRE, Request("GET", "/v2/ep/health", {}), keyed).why == "no_key"


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/ep/run"), ("POST", "/v2/ep/health")])
def test_other_methods_are_refused(method: str, path: str) -> None:
    """Each path has its method."""
    assert read_refusal(runpod.WIRE, Request(method, path, {}), QUEUE).why == "method"


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ({}, Answer("One two three.")),
        ({"reasoning": ("Hm", ".")}, Answer("One two three.", "Hm.")),
    ],
)
def test_our_dialect_reads_it(answer: dict[str, Any], read: Answer) -> None:
    """The output of a job that is done, with counts and a price."""
    given = job(**answer)
    tokens = given.answer.output_tokens
    usage = Usage(3, tokens, usd=(3 + tokens) * runpod.DOLLARS)
    wanted = replace(read, ended=True, finish_reason="stop", usage=usage)

    assert decode(RUNPOD, [runpod.whole(given).body]).answer == wanted
    assert decode(RUNPOD, [runpod.job(Job(given, "done")).body]).answer == wanted


def test_our_dialect_listens_to_it() -> None:
    """Piece by piece, thoughts first; what was told is not told again, and counts grow."""
    given = job(reasoning=("Hm", "."))
    looks = [
        runpod.job(Job(given, "queued", new=True)),
        runpod.pieces(Job(given, "running")),
        runpod.pieces(Job(given, "running", told=0, due=1)),
        runpod.pieces(Job(given, "running", told=1, due=1)),
        runpod.pieces(Job(given, "done", told=1, due=3)),
        runpod.pieces(Job(given, "done", told=3, due=3)),
    ]
    found = told(RUNPOD, *[look.body for look in looks])

    assert (found.answer.text, found.answer.reasoning) == ("One two three.", "Hm.")
    assert found.answer.usage == Usage(3, 5)
    assert found.answer.ended
    assert found.looks == ["stream/run-a7"] * 5
    assert found.undo == Undo("cancel/run-a7")


def test_our_dialect_looks_at_a_job_that_it_waited_for() -> None:
    """By its kind of id."""
    found = decode(RUNPOD, [runpod.job(Job(job(surface="sync"), "running", new=True)).body])

    assert found.follow_up is not None
    assert found.follow_up.url == "status/sync-a7"


@pytest.mark.parametrize(
    ("state", "status", "kind"),
    [("failed", "FAILED", Kind.IN_BAND), ("cancelled", "CANCELLED", Kind.SERVER)],
)
def test_our_dialect_knows_a_bad_end(state: Any, status: str, kind: Kind) -> None:
    """Inside a good status."""
    reply = runpod.job(Job(job(), state))
    error = decode(RUNPOD, [reply.body]).error

    assert (reply.status, said(reply)["status"]) == (200, status)
    assert error is not None
    assert error.kind is kind


def test_there_is_no_stream_for_a_client() -> None:
    """What stands for one is the whole, and an error in it is a job that failed."""
    frames = runpod.stream(job())
    error = decode(RUNPOD, [runpod.error_frame(Refusal("server"), job())]).error

    assert frames.tokens == (runpod.whole(job()).body,)
    assert error is not None
    assert error.message == runpod.FAILED


KINDS: dict[Why, Kind] = {
    "no_route": Kind.NO_MODEL,
    "method": Kind.NO_MODEL,
    "no_key": Kind.AUTH,
    "bad_key": Kind.AUTH,
    "bad_json": Kind.BAD_REQUEST,
    "bad_field": Kind.BAD_REQUEST,
    "unknown_field": Kind.BAD_REQUEST,
    "bad_turns": Kind.BAD_REQUEST,
    "no_model": Kind.NO_MODEL,
    "too_long": Kind.TOO_LONG,
    "too_big": Kind.TOO_LONG,
    "beyond_limit": Kind.RATE,
    "limit": Kind.RATE,
    "parallel": Kind.RATE,
    "no_quota": Kind.CREDIT,
    "credit": Kind.CREDIT,
    "forbidden": Kind.AUTH,
    "server": Kind.SERVER,
    "gateway": Kind.OVERLOADED,
    "unavailable": Kind.OVERLOADED,
    "timeout": Kind.OVERLOADED,
    "overloaded": Kind.OVERLOADED,
}


@pytest.mark.parametrize("why", STATUSES)
def test_our_dialect_knows_every_refusal(why: Why) -> None:
    """By status, with words or without; a prompt that is too long fails in the worker."""
    reply = runpod.refuse(Refusal(why, subject="9"), moment(QUEUE))
    if reply.status < 300:
        found = decode(RUNPOD, [reply.body]).error
    else:
        found = RUNPOD.classify(reply.status, reply.headers, reply.body)

    assert found is not None
    assert found.kind is KINDS[why]


def test_a_header_of_ones_own() -> None:
    """As the profile writes it; a limit alone says nothing of how long to wait."""
    assert runpod.refuse(Refusal("limit", retry_after="soon"), moment(QUEUE)).headers["retry-after"] == "soon"
    assert "retry-after" not in runpod.refuse(Refusal("limit", retry_after=5.0), moment(QUEUE)).headers
