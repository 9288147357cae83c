"""racer/core/form.py: the strongest form that a model can take."""

from __future__ import annotations

import pytest

from racer.core.form import formed
from racer.core.into import Into
from racer_adapters.types import Call, ImagePart, Message, Shape, TextPart, Tool

USER = Message("user", "Cook something")
CALL = Call((USER,), temperature=0.5)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
OBJECT = Into(dict, Shape("schema", SCHEMA, "thing", strict=True), len)
ARRAY = Into(list, Shape("schema", {"type": "array"}), len)
COMPACT = '{"type":"object","properties":{"a":{"type":"integer"}}}'


def words(call: Call) -> str:
    """The system message of our own."""
    content = call.messages[0].content
    assert isinstance(content, str)
    return content


@pytest.mark.parametrize("can", [{"schema"}, {"schema", "json", "tools"}])
def test_a_schema_of_the_providers_own(can: set[str]) -> None:
    """Nothing else is changed: the provider sees to the rest."""
    made = formed(CALL, OBJECT, frozenset(can))

    assert made == Call((USER,), temperature=0.5, shape=OBJECT.shape)


def test_json_mode_has_the_schema_in_words() -> None:
    """OpenAI's wants the word JSON, and none knows the keys."""
    made = formed(CALL, OBJECT, frozenset({"json"}))

    assert made.shape == Shape("json")
    assert "JSON" in words(made)
    assert words(made).endswith(COMPACT)
    assert made.messages[1:] == (USER,)
    assert made.temperature == 0.5


def test_words_alone() -> None:
    """For a model that can do neither."""
    made = formed(CALL, OBJECT, frozenset({"vision"}))

    assert made.shape is None
    assert words(made).endswith(COMPACT)


@pytest.mark.parametrize("can", [set[str](), {"json"}, {"json", "schema"}])
def test_what_is_no_object_is_asked_for_in_words(can: set[str]) -> None:
    """JSON modes give objects alone."""
    made = formed(CALL, ARRAY, frozenset(can))

    assert made.shape is None
    assert words(made).endswith('{"type":"array"}')


def test_beside_tools_words_alone() -> None:
    """Groq and Gemini refuse a form there, and Cohere's dialect drops it."""
    made = formed(Call((USER,), tools=(Tool("add"),)), OBJECT, frozenset({"json", "schema"}))

    assert made.shape is None
    assert made.tools == (Tool("add"),)
    assert words(made).endswith(COMPACT)


def test_the_first_system_message_takes_the_words() -> None:
    """Where there is one; the second is left alone."""
    call = Call((USER, Message("system", "Be brief"), Message("system", "Be kind")))

    first, second, third = formed(call, OBJECT, frozenset()).messages

    assert first == USER
    assert isinstance(second.content, str)
    assert second.content.startswith("Be brief\n\nYour answer must be one JSON value")
    assert third.content == "Be kind"


def test_a_system_message_of_parts_gets_one_more() -> None:
    """Its own parts stay as they are."""
    parts = (TextPart("Look"), ImagePart("https://example.org/a.png"))

    (system,) = formed(Call((Message("system", parts),)), OBJECT, frozenset()).messages

    assert system.content[:2] == parts
    assert len(system.content) == 3


def test_an_empty_system_message_holds_the_words_alone() -> None:
    """No blank lines before them."""
    (system,) = formed(Call((Message("system"),)), OBJECT, frozenset()).messages

    assert isinstance(system.content, str)
    assert system.content.startswith("Your answer")


def test_a_schema_that_is_not_there_is_no_object() -> None:
    """A Shape may have none."""
    made = formed(CALL, Into(dict, Shape("schema"), len), frozenset({"schema"}))

    assert made.shape is None
