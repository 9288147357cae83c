"""Tiny calls, one for each account: who is called, in which order, and what is made of the answers."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest

from racer.accounts.diagnosis import Diagnosis, Verdict
from racer.api import ledger_of, store_of
from racer.cli.checkup import AT_ONCE, TOKENS, Finding, examine, one_each, questions, shown_proxy
from racer.config import Config
from racer.core.field import field_of
from racer.core.provider import Account, Limit, Model, Provider
from racer.errors import BadRequest
from racer.testing import Script, ScriptedTransport, VirtualLoop, answers, fails, hangs, provider_of, says
from racer_adapters.errors import Kind, WireError
from racer_adapters.secret import Secret
from tests.racer.accounts.rows import LONG_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from racer.core.provider import Lane
    from racer.ledger import Ledger

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop, "debug": True}


def whole(content: str, *, tokens: int = 1, reasoning: str = "", after: float = 0.0) -> Script:
    """An answer in one piece."""
    message = {"role": "assistant", "content": content, "reasoning": reasoning}
    body = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": tokens},
    }
    return answers(200, orjson.dumps(body), after=after)


def lanes_of(*providers: Provider) -> list[Lane]:
    return one_each(field_of(providers, {}))


async def checked(
    transport: ScriptedTransport, *providers: Provider, deadline: float = 20.0
) -> tuple[list[Finding], list[str]]:
    """The findings, and the names of those told in the order in which they were told."""
    told: list[str] = []
    ask, lanes = questions(deadline), lanes_of(*providers)
    async with counted(lanes) as ledger:
        findings = await examine(lanes, ask, transport, ledger, lambda finding: told.append(finding.name))
    assert 0 == transport.open
    return findings, told


@asynccontextmanager
async def counted(lanes: Sequence[Lane]) -> AsyncGenerator[Ledger]:
    """A ledger in memory."""
    config = Config()
    ledger = ledger_of(config, store_of(config), lambda _: None)
    ledger.open(lanes)
    try:
        yield ledger
    finally:
        await ledger.aclose()


def verdicts(findings: Sequence[Finding]) -> list[str]:
    return [str(finding.diagnosis.verdict) for finding in findings]


# ---------------------------------------------------------------- who is called


def test_each_account_is_called_once() -> None:
    """However many models it has: two keys are two accounts."""
    lanes = lanes_of(provider_of("a", "m1", "m2"), provider_of("b", "m1", keys=("K1", "K2")))

    assert [lane.id for lane in lanes] == ["a/m1", "b/m1@K1", "b/m1@K2"]


MODELS: list[tuple[tuple[Model, ...], str]] = [
    ((Model("a"), Model("b")), "a"),
    ((Model("a", price=(1.0, 2.0)), Model("b", price=(0.5, 0.5)), Model("c", price=(3.0, 0.0))), "b"),
    ((Model("a"), Model("b", price=(0.0, 0.0))), "a"),
    ((Model("a"), Model("b", loaded=True)), "b"),
]


@pytest.mark.parametrize(("models", "chosen"), MODELS)
def test_the_cheapest_model_is_called(models: tuple[Model, ...], chosen: str) -> None:
    """By price where all are known, else the first; one in memory before one that must be loaded."""
    provider = replace(provider_of("a"), models=models)

    assert [lane.model.name for lane in lanes_of(provider)] == [chosen]


def test_the_question_is_small() -> None:
    """A few words, a few tokens; a deadline that is none is a mistake."""
    call = questions(5.0).call

    assert call.messages[0].content == "Reply with OK"
    assert call.max_tokens == TOKENS <= 64
    with pytest.raises(BadRequest, match="deadline is -1"):
        questions(-1)


# ---------------------------------------------------------------- what comes of it


async def test_what_answers_works() -> None:
    """With the seconds that it took, and in the order of the accounts, whoever was first."""
    transport = ScriptedTransport({"slow": whole("OK", after=2.0), "fast": whole("OK", after=0.5)})

    findings, told = await checked(transport, provider_of("slow"), provider_of("fast"))

    assert verdicts(findings) == ["works", "works"]
    assert [finding.latency for finding in findings] == [2.0, 0.5]
    assert told == ["fast", "slow"]
    assert 2.0 == anyio.current_time()


FAILURES: list[tuple[Script, Verdict]] = [
    (answers(401, b'{"error":{"message":"no"}}'), Verdict.WRONG_KEY),
    (answers(403, b'{"error":{"message":"the model m is not for you"}}'), Verdict.NOT_ALLOWED),
    (answers(429, b'{"error":{"message":"wait"}}', headers={"retry-after": "600"}), Verdict.LIMIT),
    (fails(WireError(Kind.DNS, "the name does not resolve")), Verdict.NETWORK),
    (fails(WireError(Kind.TLS, "the certificate")), Verdict.TLS),
    (whole(""), Verdict.NO_REPLY),
    (says("x" * 10), Verdict.WORKS),
    (hangs(), Verdict.TOO_SLOW),
]


@pytest.mark.parametrize(("script", "verdict"), FAILURES, ids=[verdict for _, verdict in FAILURES])
async def test_what_fails_is_diagnosed(script: Script, verdict: Verdict) -> None:
    """By its kind of failure, through the same engine as any race."""
    findings, _ = await checked(ScriptedTransport({"a": script}), provider_of("a"))

    assert verdicts(findings) == [verdict]


async def test_a_deadline_is_kept() -> None:
    """To the instant, and said."""
    findings, _ = await checked(ScriptedTransport({"a": hangs()}), provider_of("a"), deadline=7.0)

    assert 7.0 == anyio.current_time()
    assert findings[0].diagnosis.reason == "timeout: no answer within 7 s"


@pytest.mark.parametrize(("tokens", "verdict"), [(TOKENS, Verdict.WORKS), (TOKENS - 1, Verdict.NO_REPLY)])
async def test_a_model_that_thinks_long_works(tokens: int, verdict: Verdict) -> None:
    """An answer that is empty because thinking has used up its tokens shows that the account is well."""
    transport = ScriptedTransport({"a": whole("", tokens=tokens, reasoning="Hm.")})

    findings, _ = await checked(transport, provider_of("a"))

    assert verdicts(findings) == [verdict]
    assert ("thought" in findings[0].diagnosis.reason) is (verdict is Verdict.WORKS)


async def test_no_key_is_repeated() -> None:
    """Whatever the provider says back, it shows nowhere in a finding."""
    echo = answers(401, orjson.dumps({"error": {"message": f"the key {LONG_KEY} is wrong"}}))
    provider = replace(provider_of("a"), accounts=(Account("a:A_KEY", Secret(LONG_KEY)),))

    findings, _ = await checked(ScriptedTransport({"a": echo}), provider)

    assert "[key] is wrong" in findings[0].diagnosis.reason
    assert LONG_KEY not in repr(findings) + json.dumps(findings[0].to_dict(0.0))


# ---------------------------------------------------------------- at once, and one after another


async def test_accounts_of_a_provider_wait_for_each_other() -> None:
    """And keep the distance that it wants between two calls."""
    provider = replace(provider_of("a", keys=("K1", "K2", "K3")), min_interval=1.0)
    transport = ScriptedTransport({"a": whole("OK", after=0.5)})

    await checked(transport, provider)

    assert [at for _, event, at in transport.log if event == "sent"] == [0.0, 1.5, 3.0]


async def test_one_account_does_not_suffer_from_another() -> None:
    """Each has breakers of its own: a certificate that was wrong once says nothing of the next call."""
    scripts = [fails(WireError(Kind.TLS)), whole("OK")]

    findings, _ = await checked(ScriptedTransport({"a": scripts}), provider_of("a", keys=("K1", "K2")))

    assert verdicts(findings) == ["TLS", "works"]


async def test_servers_on_one_machine_wait_for_each_other() -> None:
    """They share what it computes with, whatever their names."""
    one, two = (
        replace(provider_of(name), local=True, base_url=f"http://box.test:{port}/v1")
        for name, port in (("one", 1), ("two", 2))
    )
    transport = ScriptedTransport({"box": whole("OK", after=0.5)})

    await checked(transport, one, two)

    assert [at for _, event, at in transport.log if event == "sent"] == [0.0, 0.5]


async def test_not_everybody_is_called_at_once() -> None:
    """The rest follow as soon as there is room."""
    names = [f"p{number}" for number in range(AT_ONCE + 2)]
    transport = ScriptedTransport({name: whole("OK", after=1.0) for name in names})

    findings, _ = await checked(transport, *map(provider_of, names))

    sent = [at for _, event, at in transport.log if event == "sent"]
    assert sent == [0.0] * AT_ONCE + [1.0] * 2
    assert verdicts(findings) == ["works"] * len(names)


async def test_what_is_used_up_is_not_called() -> None:
    """These calls count like any other, so an account without any left is told of and left alone."""
    spent = replace(provider_of("a"), limits=(Limit("requests", 1, "day", reset="00:00 UTC"),))
    transport = ScriptedTransport({"a": whole("OK")})

    async with counted(lanes_of(spent)) as ledger:
        first, second = [
            await examine(lanes_of(spent), questions(20.0), transport, ledger, lambda _: None)
            for _ in range(2)
        ]

    assert [*verdicts(first), *verdicts(second)] == ["works", "limit reached"]
    assert 1 == len(transport.requests)


async def test_being_interrupted_leaves_nothing() -> None:
    """Every call is closed."""
    transport = ScriptedTransport({"a": hangs(), "b": hangs()})

    lanes = lanes_of(provider_of("a"), provider_of("b"))
    async with counted(lanes) as ledger:
        with anyio.move_on_after(1.0):
            await examine(lanes, questions(20.0), transport, ledger, print)

    assert 0 == transport.open
    assert [event for _, event, _ in transport.log] == ["sent", "sent", "closed", "closed"]


async def test_a_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes through one and fails at it is told so."""
    monkeypatch.setenv("https_proxy", "http://user:secret@proxy.test:3128")
    transport = ScriptedTransport({"a": fails(WireError(Kind.CONNECT, "the proxy does not answer"))})

    findings, _ = await checked(transport, provider_of("a"))

    assert verdicts(findings) == ["proxy in the way"]
    assert "proxy.test:3128" in findings[0].diagnosis.step
    assert "secret" not in repr(findings)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://proxy.test:3128", "proxy.test:3128"),
        ("http://u:p@proxy.test", "proxy.test:80"),
        ("proxy.test:8080", "proxy.test:8080"),
        ("http://[::1", "of the environment"),
        ("", "of the environment"),
    ],
)
def test_a_proxy_is_shown_by_host_and_port(address: str, shown: str) -> None:
    """The rest may hold a password; what cannot be read is not repeated."""
    assert shown_proxy(address) == shown


# ---------------------------------------------------------------- a finding


def test_a_finding_as_json() -> None:
    """Plain values; `until` in unix seconds; of the key its end."""
    provider = Provider("a", "openai", "https://a.test", console="https://a.test/keys")
    account = Account("a:A_KEY", Secret(LONG_KEY + "ab12"))
    diagnosis = Diagnosis(Verdict.LIMIT, "rate 429", "wait", 60.0, 429)

    assert Finding(provider, diagnosis, account, "m", 0.123456789).to_dict(1000.0) == {
        "account": "a:A_KEY",
        "provider": "a",
        "key": "…ab12",
        "model": "m",
        "verdict": "limit reached",
        "standing": "passing",
        "reason": "rate 429",
        "status": 429,
        "step": "wait",
        "console": "https://a.test/keys",
        "latency": 0.123457,
        "until": 1060,
    }


def test_a_finding_of_a_provider_without_account() -> None:
    """It goes by the provider's name."""
    found = Finding(Provider("a", "openai", ""), Diagnosis(Verdict.NO_KEY, "no key", "set A_KEY"))

    assert (found.name, found.hint, found.has_key) == ("a", "", False)
    assert found.to_dict(0.0)["key"] is None
    assert found.to_dict(0.0)["latency"] is None
