"""The query of an address, read strictly."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.server.query import count, flag, number, query_of
from racer.server.question import Refused

KNOWN = frozenset({"since", "saved"})


def test_fields() -> None:
    """Decoded, empty ones too; what stands behind a # is no query."""
    assert query_of("/api/usage", KNOWN) == {}
    assert query_of("/api/usage?", KNOWN) == {}
    assert query_of("/api/usage?since=7%20d&saved=#since=1", KNOWN) == {"since": "7 d", "saved": ""}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("token=x", "token"),
        ("since=1&since=2", "since"),
        ("since=%ff", "query"),
        ("&".join("x=1" for _ in range(50)), "query"),
        ("x" * 99 + "=1", "x" * 40 + "…"),
    ],
)
def test_what_is_not_known_is_named(query: str, param: str) -> None:
    """And never repeated in full."""
    with pytest.raises(Refused) as caught:
        query_of(f"/api/usage?{query}", KNOWN)

    assert (caught.value.status, caught.value.param) == (400, param)


@given(st.text())
def test_anything(text: str) -> None:
    """Fields, or a refusal."""
    with suppress(Refused):
        assert set(query_of(f"/x?{text}", KNOWN)) <= KNOWN


def test_flags() -> None:
    """A name alone says yes."""
    said = {"a": "1", "b": "True", "c": "", "d": "0", "e": "no", "f": "perhaps"}
    assert [flag(said, name) for name in "abcdeg"] == [True, True, True, False, False, False]
    with pytest.raises(Refused, match="f: found 'perhaps'"):
        flag(said, "f")


def test_numbers() -> None:
    """Finite ones."""
    assert (number({"n": "2.5e3"}, "n"), number({}, "n")) == (2500.0, None)
    for word in ("", "x", "nan", "inf", "1e999"):
        with pytest.raises(Refused) as caught:
            number({"n": word}, "n")
        assert caught.value.param == "n"


def test_counts() -> None:
    """Whole, from 1 to the most."""
    assert (count({"n": "7"}, "n", 5, 10), count({}, "n", 5, 10)) == (7, 5)
    for word in ("", "0", "11", "-1", "1.5", "²", "9" * 5000):
        with pytest.raises(Refused) as caught:
            count({"n": word}, "n", 5, 10)
        assert len(caught.value.message) < 200
