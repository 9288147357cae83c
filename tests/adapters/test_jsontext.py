"""racer_adapters/jsontext.py: JSON from strangers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters.jsontext import (
    NotJson,
    as_count,
    as_list,
    as_number,
    as_object,
    as_text,
    cut_off,
    dump,
    parse,
    parse_first,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_what_is_written_is_read(value: Any) -> None:
    """JSON text of any value gives the value again."""
    assert parse(dump(value).encode()) == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'"a\xffb"', "a\ufffdb"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\ud83d"', "\ufffd"),
        (b'"\\ude00\\ud83d"', "\ufffd\ufffd"),
        (b'"\\ud83d\\ud83d\\ude00"', "\ufffd\U0001f600"),
        (b'"\\\\ud83d \\ud83d"', "\\ud83d \ufffd"),
        (b'"\\" \\ud83d"', '" \ufffd'),
        (b'["\xff", "\\uDC00"]', ["\ufffd", "\ufffd"]),
    ],
)
def test_broken_characters_are_mended(data: bytes, value: Any) -> None:
    """Invalid UTF-8 and lone surrogates become U+FFFD; pairs and escaped backslashes stay."""
    assert parse(data) == value


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[NaN]", b"{'a':1}", b"[" * 5000, b"[1] 2", b"\xff", b"Infinity"]
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    """Also NaN, and nesting without end, which costs no stack."""
    with pytest.raises(NotJson):
        parse(data)


def test_large_integers_become_floats() -> None:
    """Three hundred digits are read in linear time."""
    assert parse(b"1" + b"0" * 300) == 1e300


@pytest.mark.parametrize(
    "data", [b'{"a":1} junk', b'{"a":1}{"b":2}', b'{"a":1}\x00', b'{"a":1}', b'{"a":1} \xff']
)
def test_the_first_value_is_read_and_the_rest_left(data: bytes) -> None:
    """What follows a complete value is nobody's business."""
    assert parse_first(data) == {"a": 1}


def test_an_incomplete_first_value_is_refused() -> None:
    """Only what follows a value may be wrong."""
    with pytest.raises(NotJson):
        parse_first(b'{"a":')


@pytest.mark.parametrize(
    ("data", "cut"),
    [(b'{"a":1', True), (b'{"a":"b\\u12', True), (b'{"a":"\xe2\x82', True), (b"", False), (b"{]", False)],
)
def test_json_that_ends_too_early_is_told_from_what_is_wrong(data: bytes, cut: bool) -> None:
    """Also when it ends in the middle of an escape or of a character."""
    with pytest.raises(NotJson) as caught:
        parse(data)

    assert cut_off(caught.value) is cut


def test_what_is_nested_too_deep_is_written_as_no_json() -> None:
    """So that nobody takes it for a value."""
    value: list[Any] = []
    for _ in range(600):
        value = [value]

    with pytest.raises(NotJson):
        parse(dump(value).encode())


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "a", [1], {"a": 1}])
def test_a_value_of_another_type_is_an_empty_one(value: Any) -> None:
    """Each reader gives its own type, whatever it is handed."""
    assert as_object(value) == (value if isinstance(value, dict) else {})
    assert as_list(value) == (value if isinstance(value, list) else [])
    assert as_text(value) == (value if isinstance(value, str) else "")


@pytest.mark.parametrize(
    ("value", "number", "count"),
    [
        (3, 3, 3),
        (3.9, 3.9, 3),
        (0, 0, 0),
        (-1, -1, 0),
        (1e300, 1e300, 0),
        (float("inf"), None, 0),
        (float("nan"), None, 0),
        (True, None, 0),
        ("3", None, 0),
        (None, None, 0),
    ],
)
def test_numbers_and_counts(value: Any, number: float | None, count: int) -> None:
    """A number is finite; a count is whole, never negative and never absurd."""
    assert as_number(value) == number
    assert as_count(value) == count
