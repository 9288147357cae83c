"""Bodies, parsed strictly. How they are read is tried on the wire: test_app.py."""

from __future__ import annotations

import pytest

from racer.server.body import parsed
from racer.server.question import Refused


def test_an_object() -> None:
    """Any JSON object, in UTF-8."""
    assert parsed('{"a": "é", "b": [1]}'.encode()) == {"a": "é", "b": [1]}


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"", "not_json", "it is empty"),
        (b"  ", "not_json", "it is empty"),
        (b"{", "not_json", "at character"),
        (b"{} {}", "not_json", "at character"),
        (b'{"a": NaN}', "not_json", "at character"),
        (b'{"a": "\xff"}', "not_json", "at character"),
        (b'{"a": "\xed\xa0\x80"}', "not_json", "at character"),
        (b'{"a": "\\ud800"}', "not_json", "at character"),
        ('{"a": "é"}'.encode("utf-16"), "not_json", "at character"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "not_json", "at character"),
        (b"[" * 100_000, "not_json", "at character"),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "too_deep", "nested too deep"),
        (b"[]", "not_an_object", "no object"),
        (b"null", "not_an_object", "no object"),
        (b'"text"', "not_an_object", "no object"),
        (b"4", "not_an_object", "no object"),
    ],
)
def test_what_is_none(data: bytes, code: str, says: str) -> None:
    """400, without a word of what was sent: nothing is mended, and the depth has a bound."""
    with pytest.raises(Refused, match=says) as caught:
        parsed(data)

    assert (caught.value.status, caught.value.code) == (400, code)
