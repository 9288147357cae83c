"""What Replicate is asked: predictions to be made, looked at, listened to and stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given

from racer.sim.exchange import Ask, Errand, Refusal, Request, Unfinished
from racer.sim.profile import Provider
from racer.sim.wire import replicate
from racer.sim.wire.replicate_request import read_errand
from racer_adapters.contract import CALLS
from racer_adapters.replicate import REPLICATE
from racer_adapters.types import Target
from tests.racer.sim.bodies import JSON, Bodies, nearly, some
from tests.racer.sim.scenes import KEY, moment, read_ask, read_refusal

OWN = Provider("a", dialect="replicate", models=("meta/llama", "me/mine:5c7d", "77aa"))
OFFICIAL = "/v1/models/meta/llama/predictions"


Body = dict[str, Any]


def request(path: str = OFFICIAL, *, prefer: str = "", body: Body | None = None, **inputs: Any) -> Request:
    """A question; `inputs` replace those of a good body, and None takes one away."""
    good = {"prompt": "hi"} | inputs
    fields = {"input": {name: value for name, value in good.items() if value is not None}}
    headers = {"Prefer": prefer} if prefer else {}
    return Request("POST", path, headers, orjson.dumps(fields | (body or {})))


def asked(path: str = OFFICIAL, **more: Any) -> Ask:
    return read_ask(replicate.WIRE, request(path, **more), OWN)


def refused(path: str = OFFICIAL, of: Provider = OWN, **more: Any) -> Refusal:
    return read_refusal(replicate.WIRE, request(path, **more), of)


def test_a_plain_question() -> None:
    """It makes a job, and is answered at once."""
    wanted = Ask("meta/llama", "hi", stream=False, onset="anew", surface="prediction", hold=0.0)

    assert asked() == wanted
    assert asked(body={"stream": True}) == replace(wanted, stream=True)


def test_a_conversation_as_a_text_is_understood() -> None:
    """Who says what: so that an answer which broke off can be gone on with."""
    talk = "User: Why?\n\nAssistant: It is\nbecause \n\nUser: Go on.\n\nAssistant:"

    found = asked(body={"input": {"prompt": talk}})

    assert Unfinished("Why?", "It is\nbecause ", "Go on.") == found.broken
    assert "Why?\nIt is\nbecause \nGo on." == found.prompt
    assert "Why? User: me" == asked(body={"input": {"prompt": "Why? User: me"}}).prompt
    begun = asked(body={"input": {"prompt": "User: Why?\n\nAssistant: It is"}})
    assert ("Why?", "anew", None) == (begun.prompt, begun.onset, begun.broken)


@pytest.mark.parametrize(
    ("path", "version", "model"),
    [
        (OFFICIAL, None, "meta/llama"),
        ("/v1/predictions", "5c7d", "me/mine:5c7d"),
        ("/v1/predictions", "me/mine:5c7d", "me/mine:5c7d"),
        ("/v1/predictions", "77aa", "77aa"),
        ("/v1/predictions", "meta/llama", "meta/llama"),
    ],
)
def test_which_model_is_meant(path: str, version: str | None, model: str) -> None:
    """By the path, or by a version with its name or without."""
    assert asked(path, body={"version": version} if version else {}).model == model


@pytest.mark.parametrize(
    ("prefer", "hold"),
    [
        ("", 0.0),
        ("wait", 60.0),
        ("wait=5", 5.0),
        ("wait=90", 60.0),
        ("wait=soon", 0.0),
        ("respond-async", 0.0),
    ],
)
def test_how_long_the_answer_may_be_held_back(prefer: str, hold: float) -> None:
    """As the header says, and a minute at most."""
    assert asked(prefer=prefer).hold == hold


@pytest.mark.parametrize(
    ("inputs", "field", "value"),
    [
        ({"system_prompt": "Be brief."}, "prompt", "Be brief.\nhi"),
        ({"image": "http://a"}, "prompt", "hi\nhttp://a"),
        ({"images": ["http://a", "http://b"]}, "prompt", "hi\nhttp://a\nhttp://b"),
        ({"max_tokens": 9}, "max_tokens", 9),
        ({"max_new_tokens": 9}, "max_tokens", 9),
        ({"stop_sequences": "x,,y"}, "stop", ("x", "y")),
        ({"top_k": 50, "temperature": 0.5, "top_p": 1, "seed": 0}, "prompt", "hi"),
    ],
)
def test_inputs_that_are_understood(inputs: dict[str, Any], field: str, value: Any) -> None:
    """By the names of Llama models; what nobody knows is passed over."""
    assert getattr(asked(**inputs), field) == value


@pytest.mark.parametrize(
    ("more", "why", "subject"),
    [
        ({"body": {"input": None}}, "bad_field", "input"),
        ({"prompt": None}, "bad_field", "input"),
        ({"prompt": ""}, "bad_field", "input"),
        ({"prompt": 7}, "bad_field", "input"),
        ({"max_tokens": "9"}, "bad_field", "input.max_tokens"),
        ({"temperature": "hot"}, "bad_field", "input.temperature"),
        ({"path": "/v1/models/meta/none/predictions"}, "no_model", "meta/none"),
        ({"path": "/v1/predictions"}, "bad_field", "version"),
        ({"path": "/v1/predictions", "body": {"version": "0000"}}, "no_model", "0000"),
    ],
)
def test_forms_that_are_refused(more: dict[str, Any], why: str, subject: str) -> None:
    """Each with what is wrong."""
    found = refused(**more)

    assert (found.why, found.subject) == (why, subject)


def test_a_model_may_refuse_an_input() -> None:
    """One that others know."""
    found = refused(of=replace(OWN, refuses=frozenset({"seed"})), seed=1)

    assert (found.why, found.message) == ("bad_field", "- input: Additional property seed is not allowed\n")


@pytest.mark.parametrize(
    ("method", "path", "errand"),
    [
        ("GET", "/v1/predictions/p1", Errand("p1", "look")),
        ("GET", "/v1/streams/p1", Errand("p1", "listen")),
        ("POST", "/v1/predictions/p1/cancel", Errand("p1", "cancel")),
        ("POST", "/v1/predictions/p1", None),
        ("GET", "/v1/predictions/p1/cancel", None),
        ("POST", "/v1/predictions", None),
        ("GET", "/v1/predictions/", None),
    ],
)
def test_errands(method: str, path: str, errand: Errand | None) -> None:
    """By method and path; the key goes along."""
    assert read_errand(Request(method, path, {})) == errand
    keyed = read_errand(Request(method, path, {"Authorization": f"Bearer {KEY}"}))
    assert keyed == (errand and replace(errand, key=KEY))


@pytest.mark.parametrize("name", CALLS)
def test_what_our_dialect_sends_is_understood(name: str) -> None:
    """Every call of the contract, for each kind of model."""
    for model in OWN.models:
        sent = REPLICATE.encode(CALLS[name], Target("http://h/v1", model))
        path = sent.url.removeprefix("http://h")
        found = replicate.read(Request("POST", path, dict(sent.headers), sent.body), moment(OWN))
        assert isinstance(found, Ask)
        assert found.model == model


def bodies() -> Bodies:
    texts = {"prompt": some("hi"), "image": some("a"), "system_prompt": JSON, "stop_sequences": JSON}
    inputs = nearly(**texts, images=JSON, max_tokens=JSON)
    return nearly(version=some("77aa"), input=inputs, stream=JSON)


@given(bodies())
def test_nothing_breaks_the_reader(body: Any) -> None:
    """A question, or a refusal; never an exception."""
    for path in (OFFICIAL, "/v1/predictions"):
        found = replicate.read(Request("POST", path, {}, orjson.dumps(body)), moment(OWN))
        assert isinstance(found, Ask | Refusal)
