"""The table of dialects, and the one request that every listing is asked with."""

from __future__ import annotations

import pytest

from racer_adapters import DIALECTS
from racer_adapters.dialect import Dialect, Dialects, Listing
from racer_adapters.secret import Secret
from racer_adapters.types import Target


def test_every_name_of_the_table_is_a_dialect() -> None:
    """Each stands in the file of its name, and calls itself so."""
    for name in DIALECTS:
        dialect = DIALECTS[name]

        assert isinstance(dialect, Dialect)
        assert name == dialect.name


def test_a_dialect_is_loaded_once() -> None:
    """Asked twice, the table gives the same one."""
    table = Dialects("openai")

    assert table["openai"] is table["openai"]
    assert 1 == len(table)


def test_an_unknown_dialect_is_a_key_error() -> None:
    """The table is a mapping like any other."""
    with pytest.raises(KeyError):
        DIALECTS["smoke signals"]


def test_a_listing_is_asked_with_the_key_in_a_header() -> None:
    """Never in the address, where it would come back in logs; and no header where there is no key."""
    key = "test-key-" + "x" * 12
    listing = Listing(("/models",), lambda bodies: ())

    request = listing.request(Target("http://a.test/v1/", "", Secret(key), {"x-a": "b"}), "/models")
    keyless = listing.request(Target("http://a.test/v1", ""), "/models")

    assert ("GET", "http://a.test/v1/models") == (request.method, request.url)
    assert f"Bearer {key}" == request.headers["authorization"]
    assert "b" == request.headers["x-a"]
    assert "authorization" not in keyless.headers
