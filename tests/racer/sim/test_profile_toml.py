"""Profiles as TOML: everything that may be written, and an error for everything else."""

from __future__ import annotations

import math

import pytest

from racer.sim.fault import KINDS, Fault
from racer.sim.profile import (
    Constant,
    Distribution,
    Limit,
    Lognormal,
    ProfileError,
    Provider,
    Spikes,
    Uniform,
)
from racer.sim.profile_toml import MANNERS, parse_profile

EVERYTHING = """
name = "whole"
seed = 3
answer = "own"
length = { median = 75, sigma = 0.6 }

[providers.ollama]
models = ["llama3.2", "mistral"]
loaded = ["mistral"]
cold_start = 4
keep_alive = 60
slots = 2

[providers.my-groq]
dialect = "openai"
flavour = "groq"
models = ["m"]
keys = ["k1", "k2"]
first_token = { median = 0.4, sigma = 0.4, spikes = { share = 0.05, factor = 5 } }
rate = { low = 100, high = 200 }
length = { constant = 10 }
reasoning = 4
context = 1000
parallel = 3
reserve = 100
chunks = 2
refuses = ["seed"]
limits = [
  { requests = 30, per = "minute" },
  { tokens = 500, per = 2.5, scope = "model", reset = "utc" },
  { requests = 9, per = "once", scope = "provider" },
]
faults = [
  { kind = "429", share = 0.1, retry_after = 2, unit = "tokens", per = "day", delay = 0.5 },
  { kind = "503", every = 4, retry_after = "soon" },
  { kind = "error_frame", share = 0.2, tokens = 3 },
]
"""


def one(toml: str) -> Provider:
    return parse_profile(f'[providers.a]\nmodels = ["m"]\n{toml}').providers[0]


def test_everything_is_read() -> None:
    """Each key of the format ends up in its field."""
    profile = parse_profile(EVERYTHING)
    local, cloud = profile.providers

    assert (profile.name, profile.seed, profile.same) == ("whole", 3, False)
    assert profile.length == Distribution(Lognormal(75, 0.6))
    assert local == Provider(
        "ollama",
        dialect="ollama",
        flavour="ollama",
        models=("llama3.2", "mistral"),
        loaded=("mistral",),
        cold_start=Distribution(Constant(4)),
        keep_alive=60,
        slots=2,
    )
    assert cloud == Provider(
        "my-groq",
        flavour="groq",
        models=("m",),
        keys=("k1", "k2"),
        first_token=Distribution(Lognormal(0.4, 0.4), Spikes(0.05, 5)),
        rate=Distribution(Uniform(100, 200)),
        length=Distribution(Constant(10)),
        reasoning=4,
        context=1000,
        parallel=3,
        reserve=100,
        chunks=2,
        refuses=frozenset({"seed"}),
        limits=(
            Limit("requests", 30, 60.0, "minute"),
            Limit("tokens", 500, 2.5, "2.5 s", scope="model", reset="utc"),
            Limit("requests", 9, math.inf, "once", scope="provider"),
        ),
        faults=(
            Fault("429", share=0.1, retry_after=2.0, unit="tokens", per="day", delay=0.5),
            Fault("503", every=4, retry_after="soon"),
            Fault("error_frame", share=0.2, tokens=3),
        ),
    )


@pytest.mark.parametrize(
    ("name", "dialect", "flavour"),
    [("groq", "openai", "groq"), ("ollama", "ollama", "ollama"), ("b", "openai", "generic")],
)
def test_a_known_name_brings_its_dialect_and_flavour(name: str, dialect: str, flavour: str) -> None:
    """Names of the catalogue need neither dialect nor flavour; any other is a generic server."""
    found = parse_profile(f'[providers.{name}]\nmodels = ["m"]').providers[0]

    assert (found.dialect, found.flavour) == (dialect, flavour)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fault_can_be_written(kind: str) -> None:
    """Each kind is taken by its name alone and then strikes always."""
    assert one(f'faults = [{{ kind = "{kind}" }}]').faults == (Fault(kind),)


@pytest.mark.parametrize(
    ("kind", "option"),
    [(kind, option) for kind, options in sorted(KINDS.items()) for option in sorted(options)],
)
def test_every_option_of_a_fault_can_be_written(kind: str, option: str) -> None:
    """Each option that KINDS names is read into the field of that name."""
    texts = {"unit": "tokens", "per": "day", "how": "hang", "content_type": "a/b"}
    value = {**texts, "location": "http://x.invalid"}.get(option, 3)
    text = f'"{value}"' if isinstance(value, str) else value

    (found,) = one(f'faults = [{{ kind = "{kind}", {option} = {text} }}]').faults

    assert getattr(found, option) == value


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("x = \n", ["profile: not TOML", "line 1"]),
        ("", ["profile: providers", "missing", "[providers.a]"]),
        ("providers = 3", ["providers", "found 3", "a table"]),
        ("[providers]", ["providers", "missing"]),
        ("sead = 3\n[providers.a]\nmodels=['m']", ["profile: sead: unknown key", "seed"]),
        ("answer = 'none'\n[providers.a]\nmodels=['m']", ["answer: found 'none'", "own, same"]),
        ("seed = 'x'\n[providers.a]\nmodels=['m']", ["seed: found 'x'", "a whole number from 0"]),
        ("name = 3\n[providers.a]\nmodels=['m']", ["name: found 3", "a text"]),
        ("[providers.sim]\nmodels=['m']", ["providers.sim", "not 'sim'"]),
        ("[providers.'A b']\nmodels=['m']", ["providers.A b", "small letters"]),
        ("[providers.a]", ["providers.a.models", "missing or empty", 'models = ["m"]']),
        ("[providers.a]\nmodels = 'm'", ["providers.a.models: found 'm'", "an array of texts"]),
        ("[providers.a]\nmodels = ['m', '']", ["providers.a.models", "an array of texts"]),
        (
            "answer='same'\n[providers.a]\nmodels=['m']\nlength=3",
            ["providers.a.length", "write it at the top"],
        ),
    ],
)
def test_errors_of_a_document(toml: str, words: list[str]) -> None:
    """The message names the file, the key, what was found and what is allowed."""
    with pytest.raises(ProfileError) as caught:
        parse_profile(toml)

    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("dialect = 'soap'", ["dialect: found 'soap'", "ollama, openai"]),
        ("flavour = 'x'", ["flavour: found 'x'", "groq", "openrouter"]),
        ("frist_token = 1", ["frist_token: unknown key", "first_token"]),
        ("first_token = 'x'", ["first_token: found 'x'", "{ median, sigma }"]),
        ("first_token = -1", ["first_token: found -1", "a number"]),
        ("first_token = {}", ["first_token: found {}", "{ low, high }"]),
        ("first_token = { low = 1 }", ["first_token", "{ low, high }"]),
        ("first_token = { low = 2, high = 1 }", ["first_token.high: found 1", "a number from 2"]),
        ("first_token = { median = 1, sgma = 1 }", ["first_token.sgma: unknown key", "sigma"]),
        ("first_token = { constant = 1, spikes = 3 }", ["first_token.spikes: found 3", "a table"]),
        ("first_token = { constant = 1, spikes = { share = 2 } }", ["spikes.share: found 2", "from 0 to 1"]),
        ("loaded = ['x']", ["loaded: found 'x'", "allowed: m"]),
        ("parallel = 0", ["parallel: found 0", "a whole number from 1"]),
        ("chunks = 1.5", ["chunks: found 1.5", "a whole number from 1"]),
        ("keep_alive = true", ["keep_alive: found True", "a number"]),
        ("limits = 3", ["limits: found 3", "an array of tables"]),
        ("limits = [3]", ["limits: found [3]", "an array of tables"]),
        ("limits = [{ per = 'day' }]", ["limits[0]", "requests = N or tokens = N"]),
        ("limits = [{ requests = 1, tokens = 1, per = 'day' }]", ["limits[0]", "either"]),
        ("limits = [{ requests = 1 }]", ["limits[0].per", "missing", "minute", "seconds"]),
        ("limits = [{ requests = 1, per = 'year' }]", ["limits[0].per: found 'year'", "minute"]),
        ("limits = [{ requests = 1, per = 0 }]", ["limits[0].per: found 0", "a number from 0.001"]),
        (
            "limits = [{ requests = 1, per = 'day', scope = 'x' }]",
            ["scope: found 'x'", "account, model, provider"],
        ),
        ("limits = [{ requests = 1, per = 'day', rest = 'x' }]", ["limits[0].rest: unknown key"]),
        ("faults = [{ kind = 'typo' }]", ["faults[0].kind: found 'typo'", "reset_mid", "429", "gzip_bomb"]),
        ("faults = [{}]", ["faults[0].kind: found ''", "hang"]),
        ("faults = [{ kind = 'hang', gap = 1 }]", ["faults[0].gap: unknown key", "every"]),
        ("faults = [{ kind = 'hang', share = 1.5 }]", ["faults[0].share: found 1.5", "from 0 to 1"]),
        ("faults = [{ kind = 'hang', every = 0 }]", ["faults[0].every: found 0", "from 1"]),
        ("faults = [{ kind = 'hang', delay = 'x' }]", ["faults[0].delay: found 'x'", "a number"]),
        ("continues = 'x'", ["continues: found 'x'", "anchor", "restart"]),
        ("faults = [{ kind = 'cut', how = 'x' }]", ["faults[0].how: found 'x'", "end, hang, reset"]),
        ("faults = [{ kind = 'cut', bytes = 1, tokens = 1 }]", ["faults[0].bytes", "either bytes = N"]),
        ("faults = [{ kind = '429', per = 'x' }]", ["faults[0].per: found 'x'", "day"]),
        (
            "faults = [{ kind = '500', share = 0.6 }, { kind = '503', share = 0.6 }]",
            ["faults", "more than 1"],
        ),
    ],
)
def test_errors_of_a_provider(toml: str, words: list[str]) -> None:
    """The same for every key of a provider, with its path."""
    with pytest.raises(ProfileError) as caught:
        one(toml)

    assert [word for word in ["profile: providers.a", *words] if word not in str(caught.value)] == []


@pytest.mark.parametrize("manner", MANNERS)
def test_how_answers_go_on(manner: str) -> None:
    """Quoted words are taken up, unless the profile says otherwise."""
    assert one(f"continues = '{manner}'").continues == manner
    assert one("").continues == "anchor"
