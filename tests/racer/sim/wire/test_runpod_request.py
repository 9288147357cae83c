"""What a RunPod queue is asked: jobs for its worker, and how one stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given

from racer.sim.exchange import Ask, Errand, Refusal, Request
from racer.sim.profile import Provider
from racer.sim.wire import runpod
from racer.sim.wire.runpod_request import WORKERS_MAX_TOKENS, read_errand
from racer_adapters.contract import CALLS
from racer_adapters.runpod import RUNPOD
from racer_adapters.types import Target
from tests.racer.sim.bodies import JSON, Bodies, nearly, some
from tests.racer.sim.scenes import KEY, moment, read_ask, read_refusal

QUEUE = Provider("a", dialect="runpod", models=("ep",))
HI = [{"role": "user", "content": "hi"}]


def request(path: str = "/v2/ep/run", query: str = "", **inputs: Any) -> Request:
    """A job; `inputs` replace those of a good one, and None takes one away."""
    good = {"messages": HI} | inputs
    job = {name: value for name, value in good.items() if value is not None}
    return Request("POST", path, {}, orjson.dumps({"input": job}), query)


def asked(**more: Any) -> Ask:
    return read_ask(runpod.WIRE, request(**more), QUEUE)


def refused(of: Provider = QUEUE, **more: Any) -> Refusal:
    return read_refusal(runpod.WIRE, request(**more), of)


def test_a_plain_job() -> None:
    """Capped at sixteen tokens unless it says otherwise; never one stream for the client."""
    cap = WORKERS_MAX_TOKENS
    wanted = Ask(model="ep", prompt="hi", stream=False, onset="anew", max_tokens=cap, surface="run", hold=0.0)

    assert asked() == wanted
    assert asked(stream=True) == wanted
    assert asked(path="/v2/ep/runsync") == replace(wanted, surface="sync", hold=90.0)


@pytest.mark.parametrize(
    ("query", "hold"),
    [
        ("", 90.0),
        ("wait=5000", 5.0),
        ("wait=1", 1.0),
        ("wait=900000", 300.0),
        ("wait=x", 90.0),
        ("a=b", 90.0),
    ],
)
def test_how_long_the_answer_may_be_held_back(query: str, hold: float) -> None:
    """In milliseconds, within bounds; /run waits for nothing."""
    assert asked(path="/v2/ep/runsync", query=query).hold == hold
    assert asked(query=query).hold == 0.0


@pytest.mark.parametrize(
    ("inputs", "field", "value"),
    [
        ({"sampling_params": {"max_tokens": 9}}, "max_tokens", 9),
        ({"sampling_params": {"stop": "x"}}, "stop", ("x",)),
        ({"sampling_params": {"stop": ["x", "y"]}}, "stop", ("x", "y")),
        ({"sampling_params": {"temperature": 0, "top_p": 0.5, "seed": 1, "top_k": 5}}, "prompt", "hi"),
        ({"messages": None, "prompt": "hello"}, "prompt", "hello"),
        ({"messages": [*HI, {"role": "assistant", "content": "a"}]}, "prefix", "a"),
        ({"messages": [{"role": "system", "content": "b"}, *HI]}, "prompt", "b\nhi"),
    ],
)
def test_jobs_that_are_understood(inputs: dict[str, Any], field: str, value: Any) -> None:
    """Each legal form is read."""
    assert getattr(asked(**inputs), field) == value


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"path": "/v2/other/run"}, "no_model"),
        ({"messages": None}, "bad_field"),
        ({"messages": None, "prompt": 7}, "bad_field"),
        ({"messages": [7]}, "bad_field"),
        ({"messages": [{"role": "bot", "content": "a"}]}, "bad_field"),
        ({"messages": [{"role": "user", "content": ["a"]}]}, "bad_field"),
        ({"sampling_params": {"n_predict": 5}}, "bad_field"),
        ({"sampling_params": {"max_tokens": 0}}, "bad_field"),
    ],
)
def test_jobs_that_are_refused(more: dict[str, Any], why: str) -> None:
    """Before anything runs."""
    assert refused(**more).why == why


def test_a_worker_may_refuse_a_field() -> None:
    """One that others know; and a body that is no job at all."""
    assert (
        refused(replace(QUEUE, refuses=frozenset({"seed"})), sampling_params={"seed": 1}).why == "bad_field"
    )
    for body, why in ((b"{}", "bad_field"), (b"{", "bad_json")):
        found = read_refusal(runpod.WIRE, Request("POST", "/v2/ep/run", {}, body), QUEUE)
        assert found.why == why


@pytest.mark.parametrize(
    ("method", "path", "errand"),
    [
        ("GET", "/v2/ep/status/j1", Errand("j1", "look")),
        ("GET", "/v2/ep/stream/j1", Errand("j1", "listen")),
        ("POST", "/v2/ep/cancel/j1", Errand("j1", "cancel")),
        ("GET", "/v2/ep/cancel/j1", None),
        ("POST", "/v2/ep/status/j1", None),
        ("POST", "/v2/ep/run", None),
        ("GET", "/v2/ep/status/", None),
    ],
)
def test_errands(method: str, path: str, errand: Errand | None) -> None:
    """By method and path; the key goes along."""
    assert read_errand(Request(method, path, {})) == errand
    keyed = read_errand(Request(method, path, {"Authorization": f"Bearer {KEY}"}))
    assert keyed == (errand and replace(errand, key=KEY))


@pytest.mark.parametrize("name", CALLS)
def test_what_our_dialect_sends_is_understood(name: str) -> None:
    """Every call of the contract, by either door."""
    for stream in (True, False):
        sent = RUNPOD.encode(replace(CALLS[name], stream=stream), Target("http://h/v2", "ep"))
        path, _, query = sent.url.removeprefix("http://h").partition("?")
        found = runpod.read(Request("POST", path, {}, sent.body, query), moment(QUEUE))
        assert isinstance(found, Ask)
        assert found.max_tokens != WORKERS_MAX_TOKENS or CALLS[name].max_tokens == WORKERS_MAX_TOKENS


def bodies() -> Bodies:
    message = nearly(role=some("user", "assistant"), content=some("hi"), tool_calls=JSON)
    sampling = nearly(max_tokens=some(5), stop=JSON, temperature=JSON, seed=JSON)
    job = nearly(messages=message.map(listed) | JSON, prompt=some("hi"), sampling_params=sampling)
    return nearly(input=job)


def listed(value: Any) -> list[Any]:
    return [value]


@given(bodies())
def test_nothing_breaks_the_reader(body: Any) -> None:
    """A question, or a refusal; never an exception."""
    found = runpod.read(Request("POST", "/v2/ep/run", {}, orjson.dumps(body)), moment(QUEUE))

    assert isinstance(found, Ask | Refusal)
