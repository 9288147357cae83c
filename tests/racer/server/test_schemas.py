"""What could be no JSON schema at all."""

from __future__ import annotations

from typing import Any

import pytest

from racer.server.question import Refused
from racer.server.schemas import check_schema

PLACE = "response_format.json_schema.schema"


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": ["string", "null"], "enum": ["a", None], "x-mine": 4},
        {
            "type": "object",
            "properties": {"type": {"type": "array", "items": {"$ref": "#/$defs/One"}}, "any": True},
            "required": ["type"],
            "additionalProperties": False,
            "$defs": {"One": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        },
        {"items": [{"type": "string"}, False]},
        {"const": {"type": "nope"}, "default": {"properties": 4}},
    ],
)
def test_schemas(schema: object) -> None:
    """Whatever a provider may know more of is left to it."""
    check_schema(schema, PLACE)


@pytest.mark.parametrize(
    ("schema", "at", "says"),
    [
        (4, "", "a JSON schema"),
        ({"type": "nope"}, ".type", 'is "nope": use one of object'),
        ({"type": []}, ".type", "is missing"),
        ({"type": ["string", "nope"]}, ".type", "nope"),
        ({"type": {"a": 1}}, ".type", "a dict"),
        ({"type": [["string"]]}, ".type", "a list"),
        ({"required": "name"}, ".required", "a list of names"),
        ({"required": ["name", 4]}, ".required", "a list of names"),
        ({"properties": []}, ".properties", "an object of names"),
        ({"properties": {"a": {"type": "text"}}}, ".properties.a.type", "text"),
        ({"properties": {"\x1b[2J": "string"}}, ".properties.…", "a JSON schema"),
        ({"anyOf": {}}, ".anyOf", "a list of schemas"),
        ({"oneOf": [{}, {"not": 4}]}, ".oneOf[1].not", "a JSON schema"),
        ({"items": [{"type": "x"}]}, ".items[0].type", "one of"),
        ({"items": None}, ".items", "a JSON schema"),
    ],
)
def test_what_is_none(schema: Any, at: str, says: str) -> None:
    """Its place is named, but no word of a client's that could steer a terminal."""
    with pytest.raises(Refused) as caught:
        check_schema(schema, PLACE)

    assert (caught.value.status, caught.value.param) == (400, PLACE + at)
    assert says in caught.value.message


def test_one_that_is_deep() -> None:
    """As deep as JSON can be read."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(1000):
        schema = {"not": schema}

    check_schema(schema, PLACE)
