"""A wrong racer.toml, as its user meets it: every mistake in one error, and no key in any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from racer.config import load
from racer.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

NEW = 'dialect = "openai"\nbase_url = "https://x.test/v1"\n'
LITERAL = "test-key-" + "x" * 12

# by section: a line, and what the message must say: the end of the key, what was found, what is allowed
MISTAKES: dict[str, list[tuple[str, str, str, str]]] = {
    "": [
        ("lanes = 4", "lanes", "an unknown key", "race, cache, store, alerts, server, providers"),
        ("race = 4", "race", "4", "a table of lanes, policy"),
    ],
    "race": [
        ("lanes = 0", "race.lanes", "0", "a whole number from 1 to 64"),
        ("lanes = 65", "race.lanes", "65", "a whole number from 1 to 64"),
        ('lanes = "4"', "race.lanes", "the text '4'", "a whole number"),
        ("lanes = true", "race.lanes", "true", "a whole number"),
        ("lanes = 4.0", "race.lanes", "4.0", "a whole number"),
        ("lanes = 0x" + "f" * 5000, "race.lanes", "a huge number", "a whole number"),
        ("lane = 4", "race.lane", "an unknown key", "lanes, policy"),
        ('policy = "fast"', "race.policy", "the text 'fast'", '"all" or "frugal" or "one"'),
        ("extra = 3.5", "race.extra", "3.5", "a number from 0 to 3"),
        ("deadline = 0", "race.deadline", "0", "a number of seconds from 0.001"),
        ("deadline = -1", "race.deadline", "-1", "a number of seconds"),
        ("deadline = inf", "race.deadline", "inf", "a number of seconds"),
        ("deadline = nan", "race.deadline", "nan", "a number of seconds"),
        ("wait = -0.1", "race.wait", "-0.1", "a number of seconds from 0"),
        ("per_provider = 0", "race.per_provider", "0", "a whole number from 1"),
        ("local_lanes = 0", "race.local_lanes", "0", "a whole number from 1"),
    ],
    "cache": [
        ('ttl = "1w"', "cache.ttl", "the text '1w'", 'such as "24h"'),
        ("ttl = 0", "cache.ttl", "0", "a number of seconds above 0"),
        ("ttl = false", "cache.ttl", "false", "a number of seconds above 0"),
    ],
    "store": [
        ('url = "mysql://host"', "store.url", "a text of 12 characters", "sqlite:///PATH"),
        ('url = "redis://u:pw@host"', "store.url", "RACER_DB", "redis://HOST:PORT/N"),
    ],
    "alerts": [
        ("at = 0.5", "alerts.at", "0.5", "a list"),
        ("at = [0.5, 1.5]", "alerts.at[1]", "1.5", "a number from"),
    ],
    "server": [
        ('host = "http://x"', "server.host", "the text 'http://x'", "an address of this machine"),
        ("port = 65536", "server.port", "65536", "a whole number from 0 to 65535"),
        ("grace = -1", "server.grace", "-1", "a number of seconds from 0 to 3600"),
        ("max_in_flight = 0", "server.max_in_flight", "0", "a whole number from 1"),
        ('cors = ["*"]', "server.cors[0]", "the text '*'", "an origin such as"),
        ('hosts = ["a:80"]', "server.hosts[0]", "the text 'a:80'", "without a port"),
        ('token = "x"', "server.token", "an unknown key", "host, port, grace"),
        ("tokens = 4", "server.tokens", "4", "a table from a short word"),
    ],
    "server.tokens.team": [
        ('token = "a-literal-one"', "server.tokens.team.token", "a literal token is refused", '"$NAME"'),
        ("in_flight = 5", "server.tokens.team.token", "nothing", '"$NAME"'),
    ],
    "providers": [
        ("groq = 4", "providers.groq", "4", "a table of dialect"),
    ],
    "providers.Groq": [
        (NEW, "providers.Groq", "not a provider's name", "lower-case"),
    ],
    "providers.fast": [
        (NEW, "providers.fast", "a meaning of its own", "lower-case"),
    ],
    "providers.gorq": [
        ("priority = 1", "dialect", "nothing", "did you mean groq?"),
    ],
    "providers.x": [
        ('dialect = "openai"', "base_url", "nothing", "https://api.example.com/v1"),
    ],
    "providers.groq": [
        ('dialect = "oppenai"', "dialect", "oppenai", "did you mean openai?"),
        ('base_url = "x"', "base_url", "does not begin with https", "an address"),
        ('base_url = "https://a:b@x"', "base_url", "a user name", "an address"),
        ('base_url = "https://x?k=1"', "base_url", "a query", "an address"),
        ('base_url = "http://x"', "base_url", "plain http", "allow_http = true"),
        ('allow_http = "yes"', "allow_http", "the text 'yes'", "true or false"),
        (f'keys = ["{LITERAL}"]', "keys[0]", "a literal key", '"$NAME"'),
        ('keys = "$A"', "keys", "the text '$A'", "a list"),
        ('keys = [{ use = ["$A"] }]', "keys[0].pool", "nothing", "a short word"),
        ('keys = [{ pool = "o", use = [] }]', "keys[0].use", "a list of 0", "a list"),
        (f'keys = [{{ pool = "o", use = ["{LITERAL}"] }}]', "keys[0].use[0]", "literal key", "$NAME"),
        (f'api_key = "{LITERAL}"', "api_key", "an unknown key", 'keys = ["$NAME"]'),
        ("priority = 1.5", "priority", "1.5", "a whole number"),
        ("enabled = 1", "enabled", "1", "true or false"),
        ('local = "no"', "local", "the text 'no'", "true or false"),
        ("discover = 0", "discover", "0", "true or false"),
        ("timeout = 0", "timeout", "0", "a number of seconds from 0.001"),
        ("min_interval = -1", "min_interval", "-1", "a number of seconds from 0"),
        ("parallel = 0", "parallel", "0", "a whole number from 1"),
        ("cancel_refunds = 1", "cancel_refunds", "1", "true or false"),
        ('trains_on_data = "?"', "trains_on_data", "the text '?'", "true or false"),
        ("headers = []", "headers", "a list", "a table from"),
        ('headers = { "a b" = "1" }', "headers.a b", "does not fit", "name of a header"),
        (r'headers = { X = "a\r\nb" }', "headers.X", "line breaks", "one line of ASCII"),
        (f'headers = {{ X-Key = "{LITERAL}" }}', "headers.X-Key", "a literal value", "$NAME"),
        ("renames = { a = 1 }", "renames.a", "1", "the name of a body field"),
        ('drops = ["a b"]', "drops[0]", "the text 'a b'", "the name of a body field"),
        ("note = 1", "note", "1", "a text of one line"),
        (r'console = "a\nb"', "console", r"'a\nb'", "a text of one line"),
        ('status = "retired"', "status", "an unknown key", "dialect, base_url"),
        ("models = [{ }]", "models[0].name", "nothing", "the model's name"),
        ('models = ["m"]', "models[0]", "the text 'm'", "a table of name, tags"),
        ('models = [{ name = "a b" }]', "models[0].name", "the text 'a b'", "the model's name"),
        ('models = [{ name = "m", tags = ["Fast"] }]', "models[0].tags[0]", "'Fast'", "lower case"),
        ('models = [{ name = "m", can = ["fly"] }]', "models[0].can[0]", "'fly'", '"tools" or "json"'),
        ('models = [{ name = "m", context = 0 }]', "models[0].context", "0", "a whole number from 1"),
        ('models = [{ name = "m", price = [1] }]', "models[0].price", "a list of 1", "a list of 2"),
        ('models = [{ name = "m", price = [1, -1] }]', "models[0].price[1]", "-1", "a price in USD"),
        ('models = [{ name = "m" }, { name = "m" }]', "models[0].name", "twice", "each model once"),
        ('models = [{ name = "$MY_TOKEN" }]', "models[0].name", "a key has no place", "the model's name"),
        ('models = [{ name = "m", drops = "seed" }]', "models[0].drops", "the text 'seed'", "a list"),
        (
            'models = [{ name = "m", limits = [{ usd = 1, per = "day", scope = "model" }] }]',
            "models[0].limits[0].scope", "an unknown key", "requests, tokens",
        ),
        ('preset = "generos"', "preset", '"generos"', '"generous"; did you mean generous?'),
        ('preset = "generous"\nlimits = []', "preset", "beside limits of your own", "one of the two"),
        ('limit_headers = "grok"', "limit_headers", "the text 'grok'", "did you mean groq?"),
        ("presets = { }", "presets", "an unknown key", "dialect, base_url"),
        ("keyless = true", "keyless", "an unknown key", "dialect, base_url"),
        ("limits = { }", "limits", "a table", "a list"),
        ('limits = [{ per = "day" }]', "limits[0]", "no unit", "exactly one of requests"),
        ("limits = [{ requests = 3 }]", "limits[0].per", "nothing", "second, minute"),
        ('limits = [{ rpm = "30", per = "day" }]', "limits[0].rpm", "an unknown key", "requests, tokens"),
        ('limits = [{ requests = "30", per = "day" }]', "limits[0].requests", "'30'", "a whole number"),
        ('limits = [{ tokens = -5, per = "day" }]', "limits[0].tokens", "-5", "a whole number from 1"),
        ('limits = [{ usd = 0, per = "once" }]', "limits[0].usd", "0", "a number above 0"),
        ('limits = [{ usd = 1, per = "dayly" }]', "limits[0].per", "'dayly'", 'or "rolling 5h"'),
        ('limits = [{ usd = 1, per = "rolling x" }]', "limits[0].per", "not a period", "rolling 5h"),
        (
            'limits = [{ usd = 1, per = "day", reset = "00:00 Mars/City" }]',
            "limits[0].reset", "no time zone is called Mars/City", "an IANA zone",
        ),
        (
            'limits = [{ usd = 1, per = "day", reset = "24:00 UTC" }]',
            "limits[0].reset", "not a time of day", "an IANA zone",
        ),
        (
            'limits = [{ usd = 1, per = "hour", reset = "00:00 UTC" }]',
            "limits[0].reset", 'per = "hour"', '"day", "week" or "month"',
        ),
        (
            'limits = [{ usd = 1, per = "day", scope = "modle" }]',
            "limits[0].scope", '"modle"', "did you mean model?",
        ),
        ('limits = [{ usd = 1, per = "once", expires = "soon" }]', "limits[0].expires", "'soon'", "a date"),
        (
            'limits = [{ usd = 1, per = "once", seen = 2026-01-01T00:00:00 }]',
            "limits[0].seen", "2026-01-01 00:00:00", "a date",
        ),
        ('limits = [{ usd = 1, per = "once", source = 1 }]', "limits[0].source", "1", "a text of one line"),
        ('limits = [{ usd = 1, per = "once", confidence = 1 }]', "confidence", "1", '"high" or "medium"'),
    ],
}  # fmt: skip
CASES = [(section, *case) for section, cases in MISTAKES.items() for case in cases]


def told(folder: Path, text: str, env: dict[str, str] | None = None) -> tuple[str, ...]:
    """The problems of racer.toml with this text, without the folder's name."""
    (folder / "racer.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(environ=env or {}, cwd=folder)
    return tuple(problem.replace(f"{folder}/", "") for problem in caught.value.problems)


@pytest.mark.parametrize(("section", "line", "key", "found", "allowed"), CASES)
def test_each_mistake(tmp_path: Path, section: str, line: str, key: str, found: str, allowed: str) -> None:
    """The message names file, line and key, what was found, and what is allowed."""
    heading = f"[{section}]\n" if section else "\n"
    first = told(tmp_path, heading + line)[0]
    place, _, rest = first.partition(": ")
    named, _, words = rest.partition(": found ")

    assert place in {"racer.toml:1", "racer.toml:2"}
    assert named.endswith(key)
    assert found in words.partition("; allowed: ")[0]
    assert allowed in words.partition("; allowed: ")[2]
    assert LITERAL not in first


def test_all_mistakes_at_once_and_in_their_order(tmp_path: Path) -> None:
    """One error holds every mistake, by line, those of whole rows among those of single keys."""
    problems = told(
        tmp_path,
        '[race]\nlanes = 0\n[providers.new]\npriority = 1\n[providers.groq]\nlocal = 1\n[cache]\nttl = "x"\n',
    )

    assert [problem.partition(": found")[0] for problem in problems] == [
        "racer.toml:2: race.lanes",
        "racer.toml:3: providers.new.dialect",
        "racer.toml:3: providers.new.base_url",
        "racer.toml:6: providers.groq.local",
        "racer.toml:8: cache.ttl",
    ]


# {key} is where somebody might write a key by mistake
PLACES = [
    "{key} = 1",
    'x = "{key}"',
    'race = "{key}"',
    '[race]\npolicy = "{key}"',
    "[race]\npolicy = {key}",
    '[race]\nlanes = "{key}"',
    '[race]\ndeadline = ["{key}"]',
    '[cache]\nttl = "{key}"',
    '[store]\nurl = "{key}"',
    '[store]\nurl = "redis://:{key}@host:6379/0"',
    '[alerts]\nat = ["{key}"]',
    'providers = "{key}"',
    'providers = ["{key}"]',
    '[providers]\ngroq = "{key}"',
    '[providers.groq]\nkeys = ["{key}"]',
    '[providers.groq]\nkeys = "{key}"',
    '[providers.groq]\nkeys = [{{ pool = "{key} ", use = ["$A"] }}]',
    '[providers.groq]\nkeys = [{{ pool = "o", use = ["{key}"] }}]',
    '[providers.groq]\nkeys = ["Bearer {key}"]',
    '[providers.groq]\napi_key = "{key}"',
    '[providers.groq]\nkey = {{ value = "{key}" }}',
    '[providers.groq]\nheaders = {{ Authorization = "Bearer {key}" }}',
    '[providers.groq]\nheaders = {{ X-Api-Key = "{key}" }}',
    '[providers.groq]\nheaders = {{ X = " {key}" }}',
    '[providers.groq]\nheaders = "{key}"',
    '[providers.groq]\nbase_url = "https://u:{key}@x.test"',
    '[providers.groq]\nbase_url = "https://x.test/?key={key}"',
    '[providers.groq]\nbase_url = "http://{key}.test"',
    '[providers.groq]\nbase_url = "{key}"',
    '[providers.groq]\ndialect = "{key}"',
    '[providers.groq]\nmodels = ["{key}"]',
    '[providers.groq]\nmodels = [{{ name = "a {key}" }}]',
    '[providers.groq]\nlimits = [{{ requests = "{key}", per = "day" }}]',
    '[providers.groq]\nlimits = [{{ requests = 1, per = "{key}" }}]',
    '[providers.groq]\nlimits = [{{ requests = 1, per = "day", reset = "00:00 {key}" }}]',
    '[providers.groq]\nlimits = [{{ requests = 1, per = "day", expires = "{key}" }}]',
    '[providers.groq]\nrenames = {{ a = "{key}-" }}',
    '[providers.groq]\ndrops = ["{key}-"]',
    '[providers.groq]\nnote = ["{key}"]',
    '[providers.groq]\npriority = "{key}"',
    "{key}",
    '"{key}"',
    "= {key}",
]
KEYS = st.from_regex(r"(sk-|gsk_|test-)[A-Za-z0-9_-]{4,40}[0-9][A-Za-z0-9]{12,40}", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(place=st.sampled_from(PLACES), key=KEYS)
def test_no_message_holds_a_key(tmp_path: Path, place: str, key: str) -> None:
    """Wherever in racer.toml a key was written by mistake, the error does not repeat it."""
    (tmp_path / "racer.toml").write_text(place.format(key=key), "utf-8")

    with pytest.raises(ConfigError) as caught:
        load(environ={"GROQ_API_KEY": key}, cwd=tmp_path)

    assert key not in str(caught.value)
    assert key not in repr(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(line=st.sampled_from(["{key}", "GROQ_API_KEY '{key}'", "GROQ_API_KEY='{key}", "='{key}'"]), key=KEYS)
def test_no_message_about_dotenv_holds_a_key(tmp_path: Path, line: str, key: str) -> None:
    """A broken line of `.env` is told by its number alone."""
    (tmp_path / ".env").write_text(line.format(key=key), "utf-8")

    with pytest.raises(ConfigError) as caught:
        load(environ={}, cwd=tmp_path)

    assert key not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(rest=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), key=KEYS)
def test_a_loaded_config_shows_no_key(tmp_path: Path, rest: str, key: str) -> None:
    """Whatever a variable for keys holds, good or bad, the repr of the whole Config does not show it."""
    (tmp_path / "racer.toml").write_text('[providers.groq]\nheaders = { X-Key = "$GROQ_API_KEY" }', "utf-8")
    config = load(environ={"GROQ_API_KEY": key + rest, "MISTRAL_API_KEY": rest + key}, cwd=tmp_path)

    assert key not in repr(config)
