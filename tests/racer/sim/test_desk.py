"""The decisions of one provider, without a socket: what is answered, refused, spoiled, and what counts."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.sim.desk import Desk, account_of
from racer.sim.exchange import Request
from tests.racer.sim.bodies import ollama_bodies, openai_bodies
from tests.racer.sim.scenes import AT, KEY, chat, profile, provider, sent

if TYPE_CHECKING:
    from racer.sim.desk import Decision
    from racer.sim.profile import Chance


def desk(toml: str = "", name: str = "a") -> Desk:
    of = provider(toml, name)
    return Desk(profile(of), of)


def draw(ordinal: int) -> Chance:
    return Random(ordinal).random


def decide(at: Desk, request: Request | None = None, now: float = AT) -> Decision:
    return at.decide(request or chat(), now, draw)


def test_a_good_question_is_answered() -> None:
    """It completes, takes a place, and its tokens count."""
    decision = decide(desk())

    assert (decision.outcome, decision.script.status, decision.fault) == ("completed", 200, None)
    assert (decision.account, decision.input_tokens, decision.output_tokens) == ("anonymous", 1, 24)


def test_a_page_is_just_sent() -> None:
    """It takes no place and no tokens."""
    decision = decide(desk(), Request("GET", "/v1/models", {}))

    assert (decision.outcome, decision.account) == ("completed", None)
    assert orjson.loads(sent(decision.script))["data"][0]["id"] == "m"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (Request("POST", "/v1/nothing", {}), 404),
        (Request("GET", "/v1/chat/completions", {}), 405),
        (chat(body=b"{"), 400),
        (chat(messages=None), 400),
        (chat(model="x"), 404),
    ],
)
def test_bad_questions_are_refused(request_: Request, status: int) -> None:
    """At once, and they take no place."""
    decision = decide(desk(), request_)

    assert (decision.outcome, decision.script.status, decision.account) == ("refused", status, None)
    assert decision.script.opens == 0.0


def test_ollama_has_both_its_faces() -> None:
    """Native paths and OpenAI's are served by one provider; what neither knows is a 404 in its own form."""
    local = desk('models = ["llama3.2"]', "ollama")

    native = decide(local, chat("/api/chat", model="llama3.2", stream=False))
    other = decide(local, chat("/v1/chat/completions", model="llama3.2"))

    assert "message" in orjson.loads(sent(native.script))
    assert "choices" in orjson.loads(sent(other.script))
    lost = decide(local, Request("POST", "/nowhere", {}))
    assert (lost.script.status, "error" in orjson.loads(sent(lost.script))) == (404, True)


def test_limits_are_enforced_per_account() -> None:
    """The second request of one key is refused with the wait; another key is let in."""
    at = desk('limits = [{ requests = 1, per = "minute" }]')
    assert decide(at, chat(key=KEY)).outcome == "completed"

    second = decide(at, chat(key=KEY), AT + 20)

    assert (second.outcome, second.script.status, second.script.headers["retry-after"]) == (
        "refused",
        429,
        "40",
    )
    assert decide(at, chat(key=KEY + "2"), AT + 20).outcome == "completed"
    assert decide(at, chat(key=KEY), AT + 60).outcome == "completed"


def test_uses_can_be_read_and_reset() -> None:
    """What the limits counted is told, and forgotten on request."""
    at = desk('limits = [{ requests = 1, per = "minute" }]')
    for _ in range(3):
        decide(at)

    (use,) = at.uses(AT)
    assert (use.admitted, use.refused) == (1, 2)

    at.reset()
    assert at.uses(AT) == ()


def test_a_request_larger_than_the_limit_never_fits() -> None:
    """Groq says 413 to that, and gives no time to wait."""
    decision = decide(desk('limits = [{ tokens = 10, per = "minute" }]', "groq"))

    assert decision.script.status == 413
    assert "retry-after" not in decision.script.headers
    assert "Request too large" in sent(decision.script).decode()


@pytest.mark.parametrize(("cap", "used"), [(None, 101), (5, 6)])
def test_some_reserve_the_cap(cap: int | None, used: int) -> None:
    """Where the provider reserves, the limit counts the cap, not what the answer has."""
    at = desk('reserve = 100\nlimits = [{ tokens = 1000, per = "minute" }]')

    decide(at, chat(max_tokens=cap))

    assert at.uses(AT)[0].used == used


def test_parallel_is_counted_while_requests_are_open() -> None:
    """One more than allowed is refused until one has left; another key has its own places."""
    at = desk("parallel = 1")
    first = decide(at, chat(key=KEY))
    assert decide(at, chat(key=KEY)).script.status == 429
    assert decide(at, chat(key=KEY + "2")).outcome == "completed"

    assert first.account is not None
    at.leave(first.account)

    assert decide(at, chat(key=KEY)).outcome == "completed"


def test_a_prompt_over_the_context_is_refused() -> None:
    """With the numbers in the message."""
    decision = decide(desk("context = 3"), chat(messages=[{"role": "user", "content": "x" * 100}]))

    assert decision.script.status == 400
    text = sent(decision.script).decode()
    assert "maximum context length is 3 tokens" in text
    assert "25 tokens" in text


def test_faults_strike_in_their_order() -> None:
    """Every second request that is let in; a refused one does not count."""
    at = desk('faults = [{ kind = "500", every = 2 }]')
    outcomes = [decide(at).fault, decide(at, chat(model="x")).fault, decide(at).fault, decide(at).fault]

    assert outcomes == [None, None, "500", None]
    assert decide(at).outcome == "failed"


def test_the_same_seed_repeats_everything() -> None:
    """Pace, faults and words are the same for the same requests in the same order."""
    toml = """
    first_token = { median = 1, sigma = 1, spikes = { share = 0.3, factor = 4 } }
    rate = { low = 10, high = 90 }
    faults = [{ kind = "500", share = 0.3 }]
    """
    one, other = desk(toml), desk(toml)

    assert [decide(one) for _ in range(30)] == [decide(other) for _ in range(30)]


def test_a_cold_model_loads_first() -> None:
    """The first use of a model that is not in memory takes longer, and says so."""
    at = desk('models = ["a", "b"]\nloaded = ["a"]\ncold_start = 4\nfirst_token = 1', "ollama")
    warm, cold, again = (
        decide(at, chat("/api/chat", model=model, stream=False)).script for model in ("a", "b", "b")
    )

    assert (warm.opens, cold.opens, again.opens) == (1.0, 5.0, 1.0)
    assert orjson.loads(sent(cold))["load_duration"] == 4_000_000_000
    assert "load_duration" not in orjson.loads(sent(warm))


def test_a_warm_up_takes_only_the_loading() -> None:
    """No messages: the model is loaded, and nothing is said."""
    at = desk('models = ["a"]\ncold_start = 4\nfirst_token = 1', "ollama")

    script = decide(at, chat("/api/chat", model="a", messages=None)).script

    assert script.opens == 4.0
    assert orjson.loads(sent(script))["done_reason"] == "load"
    assert decide(at, chat("/api/chat", model="a", messages=[])).script.opens == 0.0


def test_an_account_is_a_name_for_a_key() -> None:
    """Stable, different for each key, and not the key."""
    assert account_of(KEY) == account_of(KEY) != account_of(KEY + "2")
    assert account_of(KEY) not in KEY
    assert account_of(None) == "anonymous"


@given(
    openai_bodies() | ollama_bodies(), st.sampled_from(["/v1/chat/completions", "/api/chat", "/api/generate"])
)
def test_no_body_breaks_the_desk(body: Any, path: str) -> None:
    """Whatever JSON comes, to whatever path: it is answered or refused."""
    at = desk("", "ollama")

    assert decide(at, Request("POST", path, {}, orjson.dumps(body))).script.status in (200, 400, 404)
