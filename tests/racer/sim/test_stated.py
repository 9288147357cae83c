"""Forms that are asked for in words: a schema in the conversation, or an answer that began as JSON."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from racer.sim.answer import compose
from racer.sim.exchange import Ask, Unfinished
from racer.sim.profile import Profile, Provider
from racer.sim.stated import stated_schema, wants_json

SCHEMA = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
WORDS = f"Answer in JSON that fits {orjson.dumps(SCHEMA).decode()} and nothing else."
ASK = Ask(model="m", prompt=f"{WORDS}\nWhere?", stream=True)
PLAIN = replace(ASK, prompt="Where?")
SIM = Provider("sim")
PROFILE = Profile((SIM,), same=True)


@pytest.mark.parametrize(
    ("prompt", "schema"),
    [
        (ASK.prompt, SCHEMA),
        ("Where?", None),
        ("JSON please", None),
        ('JSON like {city: Oslo}, or {"city": "Oslo"}', None),
        (f"JSON: {{ broken {orjson.dumps(SCHEMA).decode()}", SCHEMA),
        (f"As {orjson.dumps(SCHEMA).decode()}", None),
        ("JSON " + "{" * 10_000, None),
        ("JSON " + '{"a":' * 100_000, None),
    ],
)
def test_a_schema_in_words(prompt: str, schema: object) -> None:
    """Where JSON is spoken of, and there is one; no text is too hostile."""
    assert stated_schema(replace(PLAIN, prompt=prompt), None) == schema


@pytest.mark.parametrize(
    ("ask", "unfinished", "wanted"),
    [
        (PLAIN, None, False),
        (replace(PLAIN, json=True), None, True),
        (replace(PLAIN, prefix=" {"), None, True),
        (replace(PLAIN, prefix="The"), None, False),
        (PLAIN, Unfinished("Where?", "[1, ", "Go on."), True),
        (PLAIN, Unfinished("Where?", "The", WORDS), True),
        (PLAIN, Unfinished("Where?", "The", "Go on."), False),
    ],
)
def test_when_an_answer_is_json(ask: Ask, unfinished: Unfinished | None, wanted: bool) -> None:
    """A field, a schema in words, or its own beginning."""
    assert wants_json(ask, unfinished) is wanted


def test_an_obedient_model_answers_in_the_form_and_goes_on_in_it() -> None:
    """Asked in words, and asked for the rest, it is the same document."""
    whole = "".join(compose(ASK, SIM, PROFILE).tokens)
    assert ["city"] == list(orjson.loads(whole))
    broken = Unfinished(ASK.prompt, whole[:12], f"Go on from here:\n{whole[4:12]}")

    rest = "".join(compose(replace(ASK, broken=broken), SIM, PROFILE).tokens)

    assert whole[4:] == rest
