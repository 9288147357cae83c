"""racer/batch/form.py: the form is told by the first line that tells, and what is no text is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.batch.form import Form, form_of, misfit, object_in
from racer.errors import BadRequest

REQUEST = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": []}}\n'
PROMPT = b'{"prompt": "Hi"}\n'

TOLD: list[tuple[bytes, str, Form]] = [
    (REQUEST, ".jsonl", Form.REQUESTS),
    (REQUEST, "", Form.REQUESTS),
    (REQUEST, ".txt", Form.REQUESTS),
    (PROMPT, ".jsonl", Form.PROMPTS),
    (PROMPT, "", Form.PROMPTS),
    (b'{"messages": []}', ".NDJSON", Form.PROMPTS),
    (b"\xef\xbb\xbf\r\n \n" + PROMPT, "", Form.PROMPTS),
    (b"not JSON\n" + REQUEST, ".jsonl", Form.REQUESTS),
    (b'{"question": "?"}\n' + PROMPT, "", Form.PROMPTS),
    (b'{"question": "?"}\n', "", Form.PROMPTS),
    (b'{"question": "?"}\n', ".txt", Form.TEXT),
    (b"[1, 2]\n", ".jsonl", Form.PROMPTS),
    (b"", ".jsonl", Form.PROMPTS),
    (b'{"custom_id": "a", "body": {"messages": [{"content": "cut off', "", Form.REQUESTS),
    (b'{"custom_id": "a", "prompt": "cut off', "", Form.PROMPTS),
    (b"Tell me of {name}\n", "", Form.TEXT),
    (b"{name}, who are you?\n", "", Form.TEXT),
    (b"[\n", ".txt", Form.TEXT),
    (b"", "", Form.TEXT),
    (b"caf\xe9\ncaf\xc3\xa9\nna\xefve\n", "", Form.TEXT),
    (b"caf\xe9\nplain\n", "", Form.TEXT),
    (b"two\rhalves\n", "", Form.TEXT),
    (b"prompt,id\nHi,1\n", ".csv", Form.TABLE),
    (b"prompt\tid\nHi\t1\n", ".TSV", Form.TABLE),
    (b"PAR1\x15\0", "", Form.TABLE),
    (b"PAR1", ".parquet", Form.TABLE),
    (b"PAR1 is a name\n", ".txt", Form.TEXT),
]

REFUSED: list[tuple[bytes, str, str]] = [
    ("Hi\n".encode("utf-16"), ".jsonl", "is UTF-16: convert it: iconv -f UTF-16"),
    ("Hi\n".encode("utf-32"), ".jsonl", "is UTF-32"),
    (b"\xfe\xff\0H", "", "is UTF-16"),
    (b"\0\0\xfe\xff", "", "is UTF-32"),
    ('{"prompt": "Hi"}\n'.encode("utf-16-le"), "", "looks like UTF-16"),
    ('{"prompt": "Hi"}\n'.encode("utf-16-be"), "", "looks like UTF-16"),
    (b"some text, and a \0 in it", "", "NUL"),
    (b"PK\x03\x04rest", ".xlsx", "zip archive"),
    (b"%PDF-1.7", "", "a PDF"),
    (b"SQLite format 3\0", "", "SQLite"),
    (b"\x28\xb5\x2f\xfdrest", ".zst", "zstd"),
    (b"\xfd7zXZ\0", ".xz", "packed with xz"),
    (b"BZh91AY&SYrest", ".bz2", "bzip2"),
    (b"\x1f\x8b\x08", "", "packed twice"),
    (b"prompt\nHi\n", ".parquet", "no Parquet file"),
    (b"one\rtwo\rthree", "", "CR alone"),
    (b"caf\xe9\nna\xefve\n\n", "", r"is not UTF-8 \(byte 0xE9 at position 4 of a line\): convert it"),
    (b"prompt\ncaf\xe9\nna\xefve\nend", ".csv", "is not UTF-8"),
    (b'[{"prompt": "Hi"}]', ".json", "one JSON array"),
    (b'[\n  {"prompt": "Hi"}\n]', "", "one JSON array"),
    (b"[]", "", "one JSON array"),
    (b'{\n  "prompt": "Hi"\n}', ".json", "over several lines"),
]


@pytest.mark.parametrize(("head", "suffix", "form"), TOLD)
def test_form(head: bytes, suffix: str, form: Form) -> None:
    """The beginning tells the form, and the name where the beginning does not."""
    assert form_of(head, suffix) is form


@pytest.mark.parametrize(("head", "suffix", "why"), REFUSED)
def test_refused(head: bytes, suffix: str, why: str) -> None:
    """What is no text in UTF-8, or not one object a line, is refused with what to do."""
    with pytest.raises(BadRequest, match=why):
        form_of(head, suffix)


@given(st.binary(), st.sampled_from(["", ".jsonl", ".txt", ".csv", ".parquet"]))
def test_anything(head: bytes, suffix: str) -> None:
    """Whatever it begins with has a form or is refused."""
    with suppress(BadRequest):
        assert form_of(head, suffix) in Form


def test_misfit() -> None:
    """The byte that is not UTF-8 is named, and where it stands."""
    assert misfit("é".encode()) == ""
    assert misfit(b"ab\xe9") == "is not UTF-8 (byte 0xE9 at position 3 of a line)"


def test_object_in() -> None:
    """Only an object is one."""
    assert object_in(b'{"a": 1}') == {"a": 1}
    assert object_in(b"[1]") is None
    assert object_in(b"{") is None
