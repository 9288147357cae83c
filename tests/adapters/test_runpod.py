"""racer_adapters/runpod.py: jobs from one look to the next, by golden folders and in a row."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer_adapters.contract import check_dialect, decode
from racer_adapters.errors import Kind
from racer_adapters.polling import pause
from racer_adapters.runpod import MAX_TOKENS, RUNPOD
from racer_adapters.secret import Secret
from racer_adapters.types import Call, Message, Target, Undo, Usage
from tests.adapters import goldens
from tests.adapters.chopping import CUTS, bytewise, chopped, mutated
from tests.adapters.jobs import told

REPLIES = goldens.replies("runpod")
REQUESTS = goldens.requests("runpod")
TARGET = Target("http://127.0.0.1:1/v2", "some-model")
HELLO = Message("user", "Hello")


def test_the_contract_holds() -> None:
    """All that every dialect must satisfy, with our golden replies as samples."""
    assert len(REPLIES) > 30
    check_dialect(RUNPOD, goldens.samples("runpod"))


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_golden_replies(reply: goldens.Reply) -> None:
    """Each folder's body reads as it says, in one piece and byte by byte."""
    assert decode(RUNPOD, [reply.body]) == reply.outcome
    assert decode(RUNPOD, bytewise(reply.body)) == reply.outcome


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_golden_requests(request_: goldens.Request) -> None:
    """Each folder's call is sent as it says, field for field, and by the door for it."""
    sent = RUNPOD.encode(request_.call, TARGET)
    door = "run" if request_.call.stream else "runsync?wait=1000"

    assert json.loads(sent.body) == request_.body
    assert sent.dropped == request_.dropped
    assert sent.url == f"http://127.0.0.1:1/v2/some-model/{door}"


@pytest.mark.parametrize("refusal", goldens.refusals("runpod"), ids=str)
def test_golden_refusals(refusal: goldens.Refusal) -> None:
    """What a refusal means for key, endpoint and account, with words or without."""
    found = RUNPOD.classify(refusal.status, refusal.headers, refusal.body)

    assert (found.kind, found.retry_after, found.model_only) == refusal.meaning
    assert found.status == refusal.status


@settings(max_examples=300)
@given(mutated([reply.body for reply in REPLIES]), CUTS)
def test_spoilt_replies_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, another request, or a WireError."""
    assert decode(RUNPOD, chopped(body, cuts)) == decode(RUNPOD, [body])


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, another request, or a WireError."""
    assert decode(RUNPOD, chopped(body, cuts)) == decode(RUNPOD, [body])


@settings(max_examples=200)
@given(st.lists(mutated([reply.body for reply in REPLIES]), max_size=4))
def test_spoilt_looks_at_a_job_never_break_its_reader(bodies: list[bytes]) -> None:
    """It remembers what came before, whatever that was; what it says is an answer so far, or an error."""
    job = told(RUNPOD, MADE, *bodies)

    assert job.error is not None or job.follow_ups or job.answer.ended


def test_an_output_nested_as_deep_as_json_goes_is_no_trouble() -> None:
    """It is looked into one list deep; the rest is nothing that a worker says."""
    body = b'{"id":"a","status":"COMPLETED","output":' + b"[" * 900 + b"]" * 900 + b"}"

    assert decode(RUNPOD, [body]).answer.ended


# ---------------------------------------------------------------- requests


def sent(call: Call, target: Target = TARGET) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(RUNPOD.encode(call, target).body)
    return body


def test_the_endpoint_stands_in_the_address() -> None:
    """Whatever it is called; the key is a bearer token."""
    keyed = RUNPOD.encode(Call((HELLO,)), Target("http://h/v2/", "a/b c", Secret("k" * 9)))

    assert keyed.url == "http://h/v2/a%2Fb%20c/run"
    assert keyed.headers == {"content-type": "application/json", "authorization": "Bearer " + "k" * 9}


def test_there_is_always_a_cap() -> None:
    """The worker's own default would cut every answer off; a row may call the cap otherwise."""
    renamed = Target("http://h", "m", renames={"max_tokens": "max_new_tokens"})

    assert sent(Call((HELLO,)))["input"]["sampling_params"] == {"max_tokens": MAX_TOKENS}
    assert sent(Call((HELLO,), max_tokens=5))["input"]["sampling_params"] == {"max_tokens": 5}
    assert sent(Call((HELLO,), max_tokens=5), renamed)["input"]["sampling_params"] == {"max_new_tokens": 5}


def test_what_a_row_refuses_is_dropped_wherever_it_stands() -> None:
    """In the sampling, in the job, and beside it; only what the caller set is told."""
    target = Target("http://h", "m", drops=frozenset({"seed", "apply_chat_template", "policy", "stream"}))
    extra = {"input": {"apply_chat_template": True}, "policy": {"ttl": 1}}
    request = RUNPOD.encode(Call((HELLO,), seed=1, extra=extra), target)

    assert json.loads(request.body) == {
        "input": {
            "messages": [{"role": "user", "content": "Hello"}],
            "sampling_params": {"max_tokens": MAX_TOKENS},
        }
    }
    assert set(request.dropped) == {"seed", "apply_chat_template", "policy"}


def test_what_json_cannot_hold_is_the_callers_mistake() -> None:
    """parse_extra finds it earlier; here it is a TypeError."""
    with pytest.raises(TypeError):
        sent(Call((HELLO,), extra={"a": object()}))


# ---------------------------------------------------------------- a job from end to end


def state(status: str, *pieces: str, **more: Any) -> bytes:
    stream = [{"output": {"choices": [{"tokens": [piece]}], "usage": USED}} for piece in pieces]
    return orjson.dumps({"status": status, "stream": stream, **more})


USED = {"input": 3, "output": 2}
MADE = b'{"id":"j1","status":"IN_QUEUE"}'
WHOLE = b'{"id":"j1","status":"COMPLETED","output":[{"choices":[{"tokens":["Blue."]}]}]}'


def test_a_job_is_listened_to_until_a_look_brings_nothing() -> None:
    """Pauses grow while nothing comes, and begin anew when something has; the rest is fetched at once."""
    job = told(
        RUNPOD,
        MADE,
        state("IN_QUEUE"),
        state("IN_PROGRESS"),
        state("IN_PROGRESS", "Bl"),
        state("IN_PROGRESS"),
        state("COMPLETED", "u", "e"),
        state("COMPLETED", "."),
        state("COMPLETED"),
    )

    assert job.answer.text == "Blue."
    assert (job.answer.ended, job.answer.finish_reason) == (True, "stop")
    assert job.answer.usage == Usage(3, 2)
    assert job.looks == ["stream/j1"] * 7
    assert [follow.after for follow in job.follow_ups] == [
        pause(0), pause(1), pause(2), pause(0), pause(0), 0.0, 0.0,
    ]  # fmt: skip
    assert job.undo == Undo("cancel/j1")


def test_thoughts_may_be_cut_anywhere_between_two_looks() -> None:
    """What reads a job knows what the looks before have brought."""
    last = state("COMPLETED", "nk>Sky.</think>\n\nBlue.")
    job = told(RUNPOD, MADE, state("IN_PROGRESS", "<thi"), last, state("COMPLETED"))

    assert (job.answer.text, job.answer.reasoning) == ("Blue.", "Sky.")


def test_of_a_worker_that_does_not_stream_the_output_is_fetched() -> None:
    """It has been done without a piece, so its state has it all."""
    job = told(RUNPOD, MADE, state("IN_PROGRESS"), state("COMPLETED"), WHOLE)

    assert job.answer.text == "Blue."
    assert job.looks == ["stream/j1", "stream/j1", "status/j1"]


def test_a_job_that_was_waited_for_in_vain_is_looked_at() -> None:
    """Its state is asked for, by its kind of id, with growing pauses."""
    waiting = b'{"id":"sync-1","status":"IN_PROGRESS"}'
    job = told(RUNPOD, waiting, waiting, waiting, WHOLE.replace(b"j1", b"sync-1"))

    assert job.answer.text == "Blue."
    assert job.looks == ["status/sync-1"] * 3
    assert [follow.after for follow in job.follow_ups] == [pause(0), pause(1), pause(2)]


def test_what_was_heard_is_not_heard_again() -> None:
    """A state with the whole output behind the pieces repeats them."""
    job = told(RUNPOD, MADE, state("IN_PROGRESS", "Blue."), WHOLE)

    assert job.answer.text == "Blue."


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (state("FAILED", error="CUDA error"), Kind.IN_BAND),
        (state("TIMED_OUT"), Kind.TIMEOUT),
        (state("CANCELLED"), Kind.SERVER),
        (b"<html>", Kind.NOT_JSON),
        (b"", Kind.EMPTY),
    ],
)
def test_a_job_may_fail_at_any_look(last: bytes, kind: Kind) -> None:
    """What has come before it is kept."""
    job = told(RUNPOD, MADE, state("IN_PROGRESS", "Bl"), last)

    assert job.answer.text == "Bl"
    assert job.error is not None
    assert job.error.kind is kind
