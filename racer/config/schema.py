"""What racer.toml may hold: every section, key, type and range, as one table of plain records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer.config import address, forms
from racer.config.kinds import Day, Either, Flag, Items, Names, Number, Table, Text, Whole, Word
from racer.config.providers import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DIALECTS = (
    "openai",
    "ollama",
    "anthropic",
    "cohere",
    "responses",
    "replicate",
    "runpod",
    "gemini",
    "cloudflare",
)
ABILITIES = ("tools", "json", "schema", "vision", "prefill")
LIMIT_HEADERS = (
    "openai",
    "anthropic",
    "groq",
    "cerebras",
    "sambanova",
    "openrouter",
    "fireworks",
    "together",
    "mistral",
    "cohere",
    "none",
)
POLICIES = ("all", "frugal", "one")


def _limit_rule(limit: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    units = [unit for unit in UNITS if unit in limit]
    if len(units) != 1:
        yield "", " and ".join(units) or "no unit", f"exactly one of {', '.join(UNITS)}"
    per = str(limit.get("per", ""))
    if "reset" in limit and per not in {"day", "week", "month"}:
        yield "reset", f'a reset with per = "{per}"', 'a reset with per = "day", "week" or "month" only'
    if "expires" in limit and per != "once":
        yield "expires", f'an end with per = "{per}"', 'an end with per = "once" only'


def _preset_rule(row: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if "preset" in row and "limits" in row:
        yield "preset", "a preset beside limits of your own", "one of the two"


def _header_rule(headers: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, value in headers.items():
        if _names_a_secret(name) and not forms.references(value):
            yield (
                name,
                "a literal value where a key belongs",
                'a reference to the environment, such as "Bearer $NAME"',
            )


def _names_a_secret(header: str) -> bool:
    return any(part in header.lower() for part in ("auth", "key", "token", "secret", "cookie"))


_AMOUNT = Number(1e-06, 1e15, "a number above 0")
_SECONDS = Number(0, 86_400, "a number of seconds from 0 to 86400")
_SOME_SECONDS = Number(0.001, 86_400, "a number of seconds from 0.001 to 86400")
_COUNT = Whole(1, 10**15)
_LINE = Text("a text of one line", forms.line)
_WORD = Text("a short word in lower case", forms.word)
_FIELD = Text("the name of a body field", forms.body_field)
_KEY = Text(
    'the name of an environment variable: "$NAME", or "$NAME_*" for all that begin so',
    forms.key_reference,
    hidden=True,
)
_HEADER = Text("the name of a header", forms.header_name)
_HEADER_VALUE = Text(
    "one line of ASCII, with $NAME for what the environment holds", forms.header_value, hidden=True
)

LIMIT = Table(
    keys={
        "requests": _COUNT,
        "tokens": _COUNT,
        "input_tokens": _COUNT,
        "output_tokens": _COUNT,
        "neurons": _AMOUNT,
        "usd": _AMOUNT,
        "per": Text(f'{", ".join(forms.PERIODS)}, or "rolling 5h"', forms.period),
        "reset": Text('a time and an IANA zone, such as "00:00 America/Los_Angeles"', forms.reset),
        "scope": Text('"account", "model", or the name of a pool in keys', forms.word),
        "expires": Day(),
        "source": _LINE,
        "seen": Day(),
        "confidence": Word(("high", "medium", "low")),
    },
    required=("per",),
    rule=_limit_rule,
)

# A model's own limits are counted for it, whatever they say.
MODEL_LIMIT = Table(
    keys={key: kind for key, kind in LIMIT.keys.items() if key != "scope"},
    required=("per",),
    rule=_limit_rule,
)

MODEL = Table(
    keys={
        "name": Text(
            "the model's name as the provider spells it, or $NAME for what the environment holds",
            forms.model_name,
        ),
        "tags": Items(_WORD),
        "can": Items(Word(ABILITIES)),
        "context": Whole(1, 1_000_000_000),
        "price": Items(Number(0, 1_000_000, "a price in USD for a million tokens"), 2, 2),
        "limits": Items(MODEL_LIMIT),
        "renames": Names(_FIELD, _FIELD),
        "drops": Items(_FIELD),
    },
    required=("name",),
)

POOL = Table(keys={"pool": _WORD, "use": Items(_KEY, 1)}, required=("pool", "use"))

ROW = Table(
    keys={
        "dialect": Word(DIALECTS),
        "base_url": Text('an address such as "https://api.example.com/v1"', address.fault, hidden=True),
        "allow_http": Flag(),
        "keys": Items(Either((_KEY, POOL))),
        "models": Items(MODEL),
        "limits": Items(LIMIT),
        "preset": _WORD,
        "limit_headers": Word(LIMIT_HEADERS),
        "priority": Whole(-1000, 1000),
        "enabled": Flag(),
        "local": Flag(),
        "discover": Flag(),
        "timeout": _SOME_SECONDS,
        "min_interval": _SECONDS,
        "parallel": Whole(1, 10_000),
        "cancel_refunds": Flag(),
        "trains_on_data": Flag(),
        "headers": Names(_HEADER, _HEADER_VALUE, _header_rule),
        "renames": Names(_FIELD, _FIELD),
        "drops": Items(_FIELD),
        "note": _LINE,
        "console": _LINE,
    },
    rule=_preset_rule,
)

_PRESET = Table({"limits": Items(LIMIT)}, required=("limits",))

# What only the built-in catalogue says of a provider. `keyless`: it may do without a key.
BUILTIN = Table(
    keys={
        **{key: kind for key, kind in ROW.keys.items() if key != "preset"},
        "status": Word(("alive", "retired")),
        "key_names": Items(_FIELD),
        "keyless": Flag(),
        "presets": Names(_WORD, _PRESET),
    },
    required=("key_names",),
)

RACE = Table(
    keys={
        "lanes": Whole(1, 64),
        "policy": Word(POLICIES),
        "extra": Number(0, 3),
        "max_tax": Number(0, 3),
        "spare_last": Flag(),
        "deadline": _SOME_SECONDS,
        "wait": _SECONDS,
        "per_provider": Whole(1, 64),
        "local_lanes": Whole(1, 64),
    }
)

_TOKEN = Table(
    keys={
        "token": Text('the name of an environment variable: "$NAME"', forms.token_reference, hidden=True),
        "requests_per_minute": Whole(1, 1_000_000),
        "in_flight": Whole(1, 100_000),
    },
    required=("token",),
)

SERVER = Table(
    keys={
        "host": Text('an address of this machine, such as "127.0.0.1"', forms.host_name),
        "port": Whole(0, 65_535),
        "grace": Number(0, 3600, "a number of seconds from 0 to 3600"),
        "max_in_flight": Whole(1, 100_000),
        "cors": Items(Text('an origin such as "https://app.example.com", without a path', forms.origin)),
        "hosts": Items(Text('a host such as "racer.example.com", without a port', forms.host_name)),
        "tokens": Names(Text("a short word in lower case", forms.token_name), _TOKEN),
    }
)

_PROVIDER = Text("a name of lower-case letters, digits, - _ .", forms.provider_name)
_TTL = Either(
    (
        Number(0.001, 1e9, "a number of seconds above 0"),
        Text('a length of time such as "24h" or "30m"', forms.duration),
    )
)

FILE = Table(
    keys={
        "race": RACE,
        "cache": Table({"ttl": _TTL}),
        "store": Table(
            {"url": Text('"sqlite:///PATH" or "redis://HOST:PORT/N"', forms.store_url, hidden=True)}
        ),
        "alerts": Table({"at": Items(Number(0.001, 1))}),
        "server": SERVER,
        "providers": Names(_PROVIDER, ROW),
    }
)

CATALOGUE = Table({"providers": Names(_PROVIDER, BUILTIN)}, required=("providers",))
