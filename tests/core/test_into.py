"""racer/core/into.py: the first JSON that fits, or why none does."""

from __future__ import annotations

import json

import pytest

from racer.core.into import Into, Misfit, fit
from racer_adapters.types import Shape


def number(text: str) -> int:
    """Reads {"a": 1}."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise Misfit("$: expected object")
    if not isinstance(value.get("a"), int):  # pyright: ignore[reportUnknownMemberType]  of anything
        raise Misfit(f"$.a: not in {text}")
    return int(value["a"])  # pyright: ignore[reportUnknownArgumentType]


INTO = Into(int, Shape("schema", {"type": "object"}), number)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 7}',
        'Sure:\n```json\n{"a": 7}\n```',
        'As [1] says, {"b": 1} is wrong, {"a": 7} is right, and so is {"a": 8}.',
        '{"a": 7} and then {"a": 8',
    ],
)
def test_the_first_that_fits_is_the_value(text: str) -> None:
    """Others before it are chatter."""
    assert fit(text, INTO, cut_off=False) == 7


@pytest.mark.parametrize(
    ("text", "cut_off", "why"),
    [
        (
            "{'a': 1}",
            False,
            "the reply is not JSON at character 2: unexpected character, expected a string key",
        ),
        ("", False, "no JSON in the reply"),
        ("I cannot do that.", False, "no JSON in the reply"),
        ("Let me think about", True, "cut off before any JSON: allow more max_tokens"),
        ('{"a"', True, "cut off in mid-JSON: allow more max_tokens"),
        ('{"a"', False, "the JSON is not complete"),
        ('As [1] says: {"a": ', False, "the JSON is not complete"),
        ('As [1] says: {"a": ', True, "cut off in mid-JSON: allow more max_tokens"),
        ('{"b": 1}', False, '$.a: not in {"b": 1}'),
        ('{"b": 1}', True, '$.a: not in {"b": 1}'),
        ('[1 2] and "a" {"b": 1}', False, '$.a: not in {"b": 1}'),
        ('[1] {"b": 1}', False, '$.a: not in {"b": 1}'),
        ('{"b": 1} [1]', False, '$.a: not in {"b": 1}'),
        ("[1]", False, "$: expected object"),
        ('{"b": 1, "c": 2} and [', False, '$.a: not in {"b": 1, "c": 2}'),
        (
            "{\"a\": 'x'}",
            False,
            "the reply is not JSON at character 7: unexpected character, expected a JSON value",
        ),
    ],
)
def test_why_none_fits(text: str, cut_off: bool, why: str) -> None:
    """Of several, the longest was meant as the answer."""
    with pytest.raises(Misfit) as caught:
        fit(text, INTO, cut_off=cut_off)

    assert str(caught.value) == why


def test_a_fault_of_the_reader_is_told() -> None:
    """What is no Misfit is a bug, of ours or of the caller's type."""

    def broken(text: str) -> None:
        raise KeyError(text)

    with pytest.raises(KeyError):
        fit("{}", Into(int, INTO.shape, broken), cut_off=False)
