"""What each kind of failure says of an account."""

from __future__ import annotations

import pytest

from racer.accounts.diagnosis import VERDICTS, Diagnosis, Patient, Standing, Verdict, diagnosed
from racer.core.breaker import LONGEST_STATED
from racer.core.provider import Account, Provider
from racer_adapters.errors import Kind, WireError
from racer_adapters.secret import Secret
from tests.racer.accounts.rows import LONG_KEY

FAR = Provider("far", "openai", "https://api.far.test/v1")
NEAR = Provider("near", "openai", "http://127.0.0.1:8080/v1", local=True)
OLLAMA = Provider("ollama", "ollama", "http://localhost:11434", local=True)
KEYED = Account("far:FAR_API_KEY", Secret(LONG_KEY))


def patient(provider: Provider = FAR, *, proxy: str = "") -> Patient:
    account = KEYED if provider is FAR else Account(provider.name)
    return Patient(provider, account, "m", proxy)


# Every kind: what it is called, whether it passes by itself, and what the step must name.
EVERY = {
    Kind.AUTH: (Verdict.WRONG_KEY, Standing.BROKEN, "FAR_API_KEY"),
    Kind.CREDIT: (Verdict.NO_CREDIT, Standing.BROKEN, "enabled = false under [providers.far]"),
    Kind.QUOTA: (Verdict.LIMIT, Standing.PASSING, "the key of another provider"),
    Kind.RATE: (Verdict.LIMIT, Standing.PASSING, "wait"),
    Kind.OVERLOADED: (Verdict.OVERLOADED, Standing.PASSING, "try again"),
    Kind.SERVER: (Verdict.FAULTY, Standing.BROKEN, "status page"),
    Kind.IN_BAND: (Verdict.FAULTY, Standing.BROKEN, "status page"),
    Kind.NO_MODEL: (Verdict.MODEL_GONE, Standing.BROKEN, "models = [{ name ="),
    Kind.DENIED: (Verdict.NOT_ALLOWED, Standing.BROKEN, "allow m for this key"),
    Kind.TOO_LONG: (Verdict.REFUSED, Standing.BROKEN, "m has no room"),
    Kind.BAD_REQUEST: (Verdict.REFUSED, Standing.BROKEN, "drops or renames"),
    Kind.BLOCKED: (Verdict.NO_REPLY, Standing.BROKEN, "another model"),
    Kind.EMPTY: (Verdict.NO_REPLY, Standing.BROKEN, "another model"),
    Kind.TRUNCATED: (Verdict.NO_REPLY, Standing.BROKEN, "another model"),
    Kind.MALFORMED: (Verdict.NO_REPLY, Standing.BROKEN, "another model"),
    Kind.INVALID: (Verdict.NO_REPLY, Standing.BROKEN, "another model"),
    Kind.TOO_LARGE: (Verdict.NO_REPLY, Standing.BROKEN, "another model"),
    Kind.NOT_JSON: (Verdict.PROXY, Standing.BROKEN, "log in to this network"),
    Kind.REDIRECT: (Verdict.PROXY, Standing.BROKEN, "log in to this network"),
    Kind.DNS: (Verdict.NETWORK, Standing.BROKEN, "resolve names"),
    Kind.CONNECT: (Verdict.NETWORK, Standing.BROKEN, "https://api.far.test/v1"),
    Kind.RESET: (Verdict.NETWORK, Standing.BROKEN, "a firewall may cut"),
    Kind.TLS: (Verdict.TLS, Standing.BROKEN, "certificates"),
    Kind.TIMEOUT: (Verdict.TOO_SLOW, Standing.BROKEN, "--deadline"),
    Kind.LOCAL: (Verdict.MACHINE, Standing.BROKEN, "this machine"),
}


def test_every_kind_has_a_verdict() -> None:
    """A new kind of failure is not forgotten, here or there."""
    assert set(EVERY) == set(VERDICTS) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_what_each_kind_means(kind: Kind) -> None:
    """A verdict, what was said, and a step that names what has to be changed."""
    verdict, standing, names = EVERY[kind]

    found = diagnosed(WireError(kind, "said so", status=499), patient())

    assert (found.verdict, found.standing) == (verdict, standing)
    assert found.reason == f"{kind} 499: said so"
    assert found.status == 499
    assert names in found.step


NEAR_BY = [
    (NEAR, Kind.NOT_JSON, Verdict.NO_REPLY, "another service answers at http://127.0.0.1:8080/v1"),
    (NEAR, Kind.REDIRECT, Verdict.NO_REPLY, "correct base_url"),
    (NEAR, Kind.CONNECT, Verdict.NETWORK, "start the server that should be at http://127.0.0.1:8080/v1"),
    (NEAR, Kind.RESET, Verdict.NETWORK, "look into the log of the server"),
    (NEAR, Kind.TIMEOUT, Verdict.TOO_SLOW, "may load for minutes"),
    (NEAR, Kind.AUTH, Verdict.WRONG_KEY, 'keys = ["$NEAR_API_KEY"] under [providers.near]'),
    (NEAR, Kind.NO_MODEL, Verdict.MODEL_GONE, "or correct base_url"),
    (OLLAMA, Kind.NO_MODEL, Verdict.MODEL_GONE, "ollama pull m"),
]


@pytest.mark.parametrize(("provider", "kind", "verdict", "names"), NEAR_BY)
def test_a_server_of_ones_own_is_mended_here(
    provider: Provider, kind: Kind, verdict: Verdict, names: str
) -> None:
    """Nobody is in between, and no provider is to be asked."""
    found = diagnosed(WireError(kind), patient(provider))

    assert found.verdict is verdict
    assert names in found.step


@pytest.mark.parametrize("kind", Kind)
def test_a_proxy_is_suspected_where_it_may_be_to_blame(kind: Kind) -> None:
    """What a refusing proxy looks like is told as such, with its name; what a provider says is not."""
    blamed = {Kind.CONNECT, Kind.MALFORMED, Kind.NOT_JSON, Kind.REDIRECT, Kind.TLS}

    found = diagnosed(WireError(kind), patient(proxy="proxy.test:3128"))

    assert (found.verdict is Verdict.PROXY) is (kind in blamed)
    assert ("proxy.test:3128" in found.step) is (kind in {*blamed, Kind.RESET})


def test_a_proxy_that_wants_a_login_says_so() -> None:
    """Status 407 comes from a proxy, whether we know of one or not."""
    found = diagnosed(WireError(Kind.CONNECT, status=407), patient(NEAR))

    assert found.verdict is Verdict.PROXY


@pytest.mark.parametrize(
    ("stated", "wait"), [(None, None), (600.0, 600.0), (-1.0, 0.0), (float("inf"), LONGEST_STATED)]
)
def test_a_wait_that_is_stated_is_kept(stated: float | None, wait: float | None) -> None:
    """Within what a calendar can show."""
    assert diagnosed(WireError(Kind.RATE, retry_after=stated), patient()).wait == wait


def test_a_retired_provider_that_was_revived_is_reminded_of() -> None:
    """The failure is told as it is, with what its row says."""
    provider = Provider("far", "openai", "https://api.far.test/v1", status="retired", note="ended in May")

    found = diagnosed(WireError(Kind.NO_MODEL, "gone", status=410), Patient(provider, KEYED, "m"))

    assert found.verdict is Verdict.MODEL_GONE
    assert found.reason == "no_model 410: gone; retired: ended in May"


def test_each_verdict_has_a_standing() -> None:
    """What works, what passes, what nobody has set up; everything else needs somebody."""
    standings = {verdict: Diagnosis(verdict).standing for verdict in Verdict}
    broken = {verdict for verdict, standing in standings.items() if standing is Standing.BROKEN}

    assert broken >= {verdict for verdict, standing, _ in EVERY.values() if standing is Standing.BROKEN}
    assert broken == {
        Verdict.WRONG_KEY, Verdict.NO_CREDIT, Verdict.MODEL_GONE, Verdict.NOT_ALLOWED, Verdict.REFUSED,
        Verdict.NO_REPLY, Verdict.FAULTY, Verdict.TOO_SLOW, Verdict.NETWORK, Verdict.TLS, Verdict.PROXY,
        Verdict.MACHINE, Verdict.UNUSABLE,
    }  # fmt: skip
    assert {verdict for verdict, standing in standings.items() if standing is Standing.GOOD} == {
        Verdict.WORKS,
        Verdict.NOT_CALLED,
    }
