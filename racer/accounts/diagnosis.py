"""What a failed call says of its account, and what to do about it. Pure.

Rule: a step is something that a person can do now, and names the very variable, model or address.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from racer.config.address import loopback
from racer.config.providers import usual_key_name
from racer.core.breaker import LONGEST_STATED
from racer_adapters.errors import Kind

if TYPE_CHECKING:
    from racer.core.provider import Account, Provider
    from racer_adapters.errors import WireError

PROXY_STATUS = 407


class Verdict(StrEnum):
    WORKS = "works"
    NOT_CALLED = "not called"
    LIMIT = "limit reached"
    OVERLOADED = "overloaded"
    WRONG_KEY = "wrong key"
    NO_CREDIT = "no credit"
    MODEL_GONE = "model gone"
    NOT_ALLOWED = "model not allowed"
    REFUSED = "request refused"
    NO_REPLY = "no valid reply"
    FAULTY = "provider error"
    TOO_SLOW = "too slow"
    NETWORK = "network"
    TLS = "TLS"
    PROXY = "proxy in the way"
    MACHINE = "this machine"
    UNUSABLE = "cannot run"
    RETIRED = "retired"
    NO_KEY = "no key"
    NO_ADDRESS = "no address"
    AWAY = "not there"
    OFF = "not enabled"


class Standing(StrEnum):
    """`PASSING` goes by itself; `ABSENT` was never set up, or taken out on purpose."""

    GOOD = "good"
    PASSING = "passing"
    BROKEN = "broken"
    ABSENT = "absent"


_PASSING = frozenset({Verdict.LIMIT, Verdict.OVERLOADED})
_GOOD = frozenset({Verdict.WORKS, Verdict.NOT_CALLED})
_ABSENT = frozenset({Verdict.RETIRED, Verdict.NO_KEY, Verdict.NO_ADDRESS, Verdict.AWAY, Verdict.OFF})

VERDICTS: dict[Kind, Verdict] = {
    Kind.AUTH: Verdict.WRONG_KEY,
    Kind.CREDIT: Verdict.NO_CREDIT,
    Kind.QUOTA: Verdict.LIMIT,
    Kind.RATE: Verdict.LIMIT,
    Kind.OVERLOADED: Verdict.OVERLOADED,
    Kind.SERVER: Verdict.FAULTY,
    Kind.IN_BAND: Verdict.FAULTY,
    Kind.NO_MODEL: Verdict.MODEL_GONE,
    Kind.DENIED: Verdict.NOT_ALLOWED,
    Kind.TOO_LONG: Verdict.REFUSED,
    Kind.BAD_REQUEST: Verdict.REFUSED,
    Kind.BLOCKED: Verdict.NO_REPLY,
    Kind.EMPTY: Verdict.NO_REPLY,
    Kind.TRUNCATED: Verdict.NO_REPLY,
    Kind.MALFORMED: Verdict.NO_REPLY,
    Kind.NOT_JSON: Verdict.NO_REPLY,
    Kind.INVALID: Verdict.NO_REPLY,
    Kind.TOO_LARGE: Verdict.NO_REPLY,
    Kind.REDIRECT: Verdict.NO_REPLY,
    Kind.DNS: Verdict.NETWORK,
    Kind.CONNECT: Verdict.NETWORK,
    Kind.RESET: Verdict.NETWORK,
    Kind.TLS: Verdict.TLS,
    Kind.TIMEOUT: Verdict.TOO_SLOW,
    Kind.LOCAL: Verdict.MACHINE,
}

# What a proxy that does not let us through looks like from here.
_BEHIND_PROXY = frozenset({Kind.CONNECT, Kind.MALFORMED, Kind.NOT_JSON, Kind.REDIRECT, Kind.TLS})
# The same without a proxy of ours: a page where an API should be is a network that wants a login.
_INTERPOSED = frozenset({Kind.NOT_JSON, Kind.REDIRECT})


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose call it was. `proxy` is the one that it went through, as host:port; empty for none."""

    provider: Provider
    account: Account
    model: str
    proxy: str = ""

    @property
    def variable(self) -> str:
        """Where its key stands."""
        return self.account.name.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`reason`: what was found; `step`: what to do. `wait`: seconds until it passes, where that was said."""

    verdict: Verdict
    reason: str = ""
    step: str = ""
    wait: float | None = None
    status: int | None = None

    @property
    def standing(self) -> Standing:
        if self.verdict in _GOOD:
            return Standing.GOOD
        if self.verdict in _PASSING:
            return Standing.PASSING
        return Standing.ABSENT if self.verdict in _ABSENT else Standing.BROKEN


def diagnosed(error: WireError, patient: Patient) -> Diagnosis:
    """What the failure of a call says of its account."""
    verdict = _verdict(error, patient)
    wait = None if error.retry_after is None else min(max(0.0, error.retry_after), LONGEST_STATED)
    known = f"; retired: {patient.provider.note}" if patient.provider.status == "retired" else ""
    return Diagnosis(verdict, f"{error}{known}", _step(verdict, error, patient), wait, error.status)


def _verdict(error: WireError, patient: Patient) -> Verdict:
    if error.status == PROXY_STATUS or (patient.proxy and error.kind in _BEHIND_PROXY):
        return Verdict.PROXY
    if error.kind in _INTERPOSED and not loopback(patient.provider.base_url):
        return Verdict.PROXY
    return VERDICTS[error.kind]


def _step(verdict: Verdict, error: WireError, patient: Patient) -> str:
    match verdict:
        case Verdict.WRONG_KEY:
            return _key_step(patient)
        case Verdict.MODEL_GONE:
            return _model_step(patient)
        case Verdict.NETWORK:
            return _network_step(error.kind, patient)
        case Verdict.PROXY:
            return _proxy_step(patient)
        case Verdict.REFUSED if error.kind is Kind.TOO_LONG:
            return f"{patient.model} has no room for a question: name another model"
        case Verdict.NO_REPLY if error.kind in _INTERPOSED:
            return f"another service answers at {patient.provider.base_url}: correct base_url or its port"
        case Verdict.TOO_SLOW if patient.provider.local:
            return "a model that is not in memory may load for minutes: try again with a longer --deadline"
        case _:
            return _STEPS[verdict].format(name=patient.provider.name, model=patient.model)


_STEPS: dict[Verdict, str] = {
    Verdict.NO_CREDIT: "buy credit, or leave the provider out: enabled = false under [providers.{name}]",
    Verdict.LIMIT: "wait, or add the key of another provider; races go round this account meanwhile",
    Verdict.OVERLOADED: "try again in some minutes; races go round it meanwhile",
    Verdict.NOT_ALLOWED: "allow {model} for this key, or name another model under [providers.{name}]",
    Verdict.REFUSED: (
        "the server wants another form: name the field in drops or renames under [providers.{name}]"
    ),
    Verdict.NO_REPLY: "try again; if it stays so, name another model under [providers.{name}]",
    Verdict.FAULTY: "try again; if it stays so, the provider's status page may know more",
    Verdict.TOO_SLOW: (
        "try again with a longer --deadline; if it stays so, name a smaller model under [providers.{name}]"
    ),
    Verdict.TLS: (
        "nothing was sent: check this machine's clock and certificates, and who is between it and {name}"
    ),
    Verdict.MACHINE: "this machine is at fault, not the provider: do what the reason says",
}


def _key_step(patient: Patient) -> str:
    name = patient.provider.name
    if patient.variable:
        return f"put a valid key of {name} into {patient.variable}"
    variable = usual_key_name(name)
    return f'this server asks for a key: keys = ["${variable}"] under [providers.{name}], and set {variable}'


def _model_step(patient: Patient) -> str:
    provider = patient.provider
    if provider.dialect == "ollama" and provider.local:
        return f"ollama pull {patient.model}"
    return (
        f'name a model that it has, models = [{{ name = "…" }}] under [providers.{provider.name}]; '
        "or correct base_url, if it is yours"
    )


def _network_step(kind: Kind, patient: Patient) -> str:
    provider = patient.provider
    if loopback(provider.base_url) and kind is Kind.RESET:
        return f"look into the log of the server at {provider.base_url}: it closes the connection"
    if loopback(provider.base_url):
        return f"start the server that should be at {provider.base_url}, or correct base_url"
    if kind is Kind.DNS:
        return "is this machine online, and does it resolve names? Else correct base_url"
    through = f", or the proxy {patient.proxy}" if patient.proxy else ""
    if kind is Kind.RESET:
        return f"try again; if it stays so, a firewall{through} may cut the connection"
    return f"is this machine online? A firewall or a missing route may keep it from {provider.base_url}"


def _proxy_step(patient: Patient) -> str:
    if patient.proxy:
        return (
            f"the proxy {patient.proxy} stands between: correct HTTPS_PROXY, give it its login, "
            "or name the host in NO_PROXY"
        )
    return "something answers in the provider's place: log in to this network, or correct base_url"
