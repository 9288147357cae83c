"""Parsed JSON of strangers."""

from __future__ import annotations

from typing import Any

import pytest

from racer.sim.json_value import as_array, as_object, is_integer, is_number, is_stop

VALUES: list[Any] = [None, True, 1, 1.5, "a", [1], {"a": 1}]


@pytest.mark.parametrize("value", VALUES)
def test_objects_and_arrays_are_told_from_the_rest(value: Any) -> None:
    """Each reader gives the value or None."""
    assert as_object(value) == (value if isinstance(value, dict) else None)
    assert as_array(value) == (value if isinstance(value, list) else None)


@pytest.mark.parametrize("value", VALUES)
def test_a_boolean_is_no_number(value: Any) -> None:
    """JSON's true is neither an integer nor a number."""
    assert is_integer(value) is (value == 1 and value is not True)
    assert is_number(value) is (value in (1, 1.5) and value is not True)


@pytest.mark.parametrize(
    ("value", "fits"), [("a", True), ([], True), (["a", "b"], True), ([1], False), (1, False), (None, False)]
)
def test_a_stop_is_a_text_or_several(value: Any, *, fits: bool) -> None:
    """As every dialect has it."""
    assert is_stop(value) is fits
