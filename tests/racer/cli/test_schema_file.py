"""`--schema FILE`: read, or refused with the place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from racer.cli.schema_file import schema_in
from racer.errors import BadRequest

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = {"type": "object", "properties": {"größe": {"type": "number"}}}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_schema_is_what_the_file_says(mark: str, tmp_path: Path) -> None:
    """From the folder where the command was typed; a byte order mark is no fault."""
    (tmp_path / "s.json").write_text(mark + json.dumps(SCHEMA, ensure_ascii=False), "utf-8")

    assert schema_in("s.json", tmp_path) == SCHEMA
    assert schema_in(str(tmp_path / "s.json"), tmp_path / "elsewhere") == SCHEMA


NONE = "s.json: it is no JSON schema that can be used. "
WRONG: dict[bytes, str] = {
    b"": "s.json:1:1: not JSON: ",
    b'{"type":\n "object" "a"}': "s.json:2:11: not JSON: Expecting ',' delimiter",
    b'{"minimum": NaN}': "s.json: not JSON: NaN is no number of JSON",
    b'{"minimum": ' + b"9" * 5000 + b"}": "s.json: not JSON: ",
    b"[" * 100_000: "s.json: nested too deep",
    b"\xff": "s.json: not text in UTF-8",
    b"[1]": "s.json: a JSON schema is an object, such as {",
    b"true": "s.json: a JSON schema is an object, such as {",
    b'{"properties": {"a": {"type": 1}}}': f"{NONE}$.properties.a.type: ",
    b'{"$ref": "http://a.test/b"}': f"{NONE}$",
    b'{"minimum": 123456789012345678901234567890}': "s.json: it cannot be written as JSON",
}


@pytest.mark.parametrize(("data", "says"), WRONG.items(), ids=list(WRONG.values()))
def test_what_is_no_schema_is_told_with_its_place(data: bytes, says: str, tmp_path: Path) -> None:
    """The file as it was typed, where in it, and what is wrong there."""
    (tmp_path / "s.json").write_bytes(data)

    with pytest.raises(BadRequest) as caught:
        schema_in("s.json", tmp_path)
    assert str(caught.value).startswith(f"--schema {says}")


@pytest.mark.parametrize(("name", "why"), [("none.json", "No such file"), (".", "Is a directory")])
def test_what_cannot_be_read_says_why(name: str, why: str, tmp_path: Path) -> None:
    """In the system's words."""
    with pytest.raises(BadRequest, match=f"--schema {name}: cannot be read: {why}"):
        schema_in(name, tmp_path)
