"""Which form the input of a batch has, told by its beginning and its name."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

import orjson

from racer.errors import BadRequest
from racer_adapters.jsontext import NotJson

if TYPE_CHECKING:
    from collections.abc import Sequence


class Form(StrEnum):
    REQUESTS = "requests"  # OpenAI's batch lines
    PROMPTS = "prompts"  # JSON lines with `prompt` or `messages`
    TEXT = "text"  # a prompt a line
    TABLE = "table"  # CSV or Parquet


MARK = b"\xef\xbb\xbf"  # that some programs put in front of UTF-8
BLANK = frozenset({b"", MARK})
PARQUET = b"PAR1"
TO_UTF_8 = "convert it: iconv -f {} -t UTF-8 IN > OUT"

_JSON = frozenset({".jsonl", ".ndjson", ".jsonlines", ".json"})
_TABLES = frozenset({".csv", ".tsv", ".parquet"})
_TEXTS = frozenset({".txt", ".text", ".md"})
_MARKS = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive, or a document of an office program", "unpack it, or save it as CSV"),
    (b"%PDF-", "a PDF", "give its text, a prompt a line"),
    (b"SQLite format 3\0", "an SQLite database", "export what is asked as CSV"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it: zstd -dc IN | racer batch -"),
    (b"\xfd7zXZ\0", "packed with xz", "unpack it: xz -dc IN | racer batch -"),
    (b"BZh91AY&SY", "packed with bzip2", "unpack it: bzip2 -dc IN | racer batch -"),
    (b"\x1f\x8b", "packed twice with gzip", "unpack it once: gzip -dc IN | racer batch -"),
)
_KEY = re.compile(rb'"(body|prompt|messages)"\s*:')
_OBJECT = re.compile(rb'\{\s*(?:"|\}|$)')
_ARRAY = re.compile(rb"\[\s*(?:\{|\]|$)")


def form_of(head: bytes, suffix: str) -> Form:
    """Of an input that begins with `head`, by that and by the `suffix` of its name, such as ".csv".

    Raises BadRequest where it is no text in UTF-8, or JSON that is not one object a line.
    """
    head, suffix = head.removeprefix(MARK), suffix.lower()
    if head.startswith(PARQUET) and (suffix == ".parquet" or b"\0" in head):
        return Form.TABLE
    _refuse_foreign(head, suffix)
    lines = [line for line in map(bytes.strip, head.split(b"\n")) if line not in BLANK]
    _refuse_encoding(lines if head.endswith(b"\n") else lines[:-1])  # the last one may be cut off
    if suffix in _TABLES:
        return Form.TABLE
    first = lines[0] if lines else b""
    if suffix not in _TEXTS:
        _refuse_layout(first, head.lstrip())
    if suffix in _JSON:
        return _form_of_rows(lines) or Form.PROMPTS
    if not _OBJECT.match(first):
        return Form.TEXT
    return _form_of_rows(lines) or (Form.TEXT if suffix in _TEXTS else Form.PROMPTS)


def _refuse_foreign(head: bytes, suffix: str) -> None:
    for mark, name in _MARKS:
        if head.startswith(mark):
            raise BadRequest(f"the input is {name}: {TO_UTF_8.format(name)}")
    for mark, name, remedy in _FOREIGN:
        if head.startswith(mark):
            raise BadRequest(f"the input is {name}: {remedy}")
    if suffix == ".parquet":
        raise BadRequest(
            "the input is no Parquet file, though its name says so: give one, or name it rightly"
        )
    if b"\0" in head:
        half = max(head[::2].count(0), head[1::2].count(0))
        if 5 * half > len(head):  # every second byte, or nearly
            raise BadRequest(f"the input looks like UTF-16: {TO_UTF_8.format('UTF-16LE')} (or UTF-16BE)")
        raise BadRequest("the input is no text, it has NUL bytes: give text in UTF-8, JSON lines or CSV")
    if b"\n" not in head and len(re.findall(rb"\r(?=.)", head)) > 1:
        raise BadRequest("the lines of the input end in CR alone: convert it: tr '\\r' '\\n' < IN > OUT")


def _refuse_encoding(lines: Sequence[bytes]) -> None:
    """One line that is not UTF-8 is a bad line; where no line is, it is the input."""
    foreign = [line for line in lines if not line.isascii()]
    if len(foreign) > 1 and all(misfit(line) for line in foreign):
        raise BadRequest(
            f"the input {misfit(foreign[0])}: {TO_UTF_8.format('LATIN1')}, if that is what it is"
        )


def _refuse_layout(first: bytes, head: bytes) -> None:
    if _ARRAY.match(head):
        raise BadRequest("the input is one JSON array: write one object a line: jq -c '.[]' IN > OUT")
    if first == b"{":
        raise BadRequest("its JSON runs over several lines: write one object a line: jq -c . IN > OUT")


def _form_of_rows(lines: Sequence[bytes]) -> Form | None:
    """By the first line that tells. A line that is longer than what is here is told by its first field."""
    for line in lines:
        row = object_in(line)
        if row is not None and ("prompt" in row or "messages" in row):
            return Form.PROMPTS
        if row is not None and "body" in row:
            return Form.REQUESTS
    found = _KEY.search(lines[0]) if lines else None
    if found is None:
        return None
    return Form.REQUESTS if found[1] == b"body" else Form.PROMPTS


def object_in(line: bytes) -> dict[str, Any] | None:
    """The JSON object that a line is, if it is one."""
    try:
        row = orjson.loads(line)
    except NotJson:
        return None
    return cast("dict[str, Any]", row) if isinstance(row, dict) else None


def misfit(line: bytes) -> str:
    """What keeps it from being UTF-8; nothing where it is."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"is not UTF-8 (byte 0x{line[error.start]:02X} at position {error.start + 1} of a line)"
    return ""
