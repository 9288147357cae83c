"""racer/batch/formats.py: a line becomes what it asks, or says what is wrong with it; nothing raises."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer.batch.form import Form
from racer.batch.formats import FIELDS, row_understood, understood
from racer.batch.line import Bad, Prompt

SAID = [{"role": "user", "content": "Hi"}]
TEXTS = st.text(max_size=20)


def line_of(row: object) -> bytes:
    return orjson.dumps(row)


def request(**fields: Any) -> dict[str, Any]:
    return {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"messages": SAID},
    } | fields


def asked(row: object, form: Form = Form.PROMPTS) -> Prompt:
    found = understood(line_of(row), 7, form)
    assert isinstance(found, Prompt)
    return found


def why(raw: bytes, form: Form = Form.PROMPTS) -> str:
    found = understood(raw, 7, form)
    assert isinstance(found, Bad)
    assert found.line == 7
    assert found.code == "bad_line"
    start, _, rest = found.message.partition("line 7: ")
    assert start == ""
    return rest


# ---------------------------------------------------------------- JSON lines with a prompt


def test_prompt() -> None:
    """A prompt, with the name of its line where it brings no id."""
    assert asked({"prompt": "Hi"}) == Prompt(7, "line-7", "Hi")


def test_messages() -> None:
    """Messages are kept as they are."""
    assert asked({"messages": SAID, "custom_id": 12}) == Prompt(7, 12, SAID)


def test_ids() -> None:
    """custom_id comes before id; one that is null says nothing."""
    assert asked({"prompt": "Hi", "custom_id": "a", "id": "b"}).id == "a"
    assert asked({"prompt": "Hi", "custom_id": None, "id": "b"}).id == "b"
    assert asked({"prompt": "Hi", "id": 0}).id == 0
    assert asked({"prompt": "Hi", "id": None}).id == "line-7"


def test_system() -> None:
    """A system text stands before the rest; an empty one says nothing."""
    system = {"role": "system", "content": "Be kind."}
    assert asked({"prompt": "Hi", "system": "Be kind."}).messages == [system, *SAID]
    assert asked({"messages": SAID, "system": "Be kind."}).messages == [system, *SAID]
    assert asked({"prompt": "Hi", "system": ""}).messages == "Hi"
    assert asked({"prompt": "Hi", "system": None}).messages == "Hi"


def test_options() -> None:
    """Options by their names, others are left alone, and null says nothing."""
    found = asked({"prompt": "Hi", "seed": 3, "top_p": None, "stop": ["x"], "color": "red", "model": "m"})
    assert found == Prompt(7, "line-7", "Hi", {"seed": 3, "stop": ["x"]}, "m")
    assert asked({"prompt": "Hi", "model": ""}).model is None


@pytest.mark.parametrize(
    "names", [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")]
)
def test_limits(names: tuple[str, str]) -> None:
    """Of the two names of the limit the newer one holds, wherever it stands."""
    numbers = {"max_tokens": 1, "max_completion_tokens": 2}
    limits = {name: numbers[name] for name in names}
    assert asked({"prompt": "Hi", **limits}).options == {"max_tokens": 2}
    assert asked(request(body={"messages": SAID, **limits}), Form.REQUESTS).options == {"max_tokens": 2}


BAD_PROMPTS: list[tuple[object, str]] = [
    ({"question": "?", "n": 1}, 'it has "question", "n", and neither prompt nor messages: write an object'),
    ({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, 'it has "a", "b", "c", "d", …, and neither'),
    ({}, "it is an empty object, and neither prompt nor messages"),
    ({"prompt": None}, 'it has "prompt", and neither prompt nor messages'),
    ({"prompt": "Hi", "messages": SAID}, 'it has both "prompt" and "messages": give one'),
    ({"prompt": ["Hi"]}, "prompt is a list: give a text"),
    ({"messages": "Hi"}, 'messages is "Hi": give a list of messages'),
    ({"prompt": "Hi", "system": 1}, "system is an int: give a text"),
    ({"prompt": "Hi", "model": 1}, "model is an int: give its name"),
    ({"prompt": "Hi", "custom_id": 1.5}, "custom_id is 1.5: give a text or a whole number"),
    ({"prompt": "Hi", "custom_id": True}, "custom_id is True: give"),
    ({"prompt": "Hi", "id": ["x"]}, "custom_id is a list: give"),
    ({"body": {}}, 'it has a "body" but no prompt, and the file began with JSON lines with "prompt"'),
    ([1], "it is a list, but the file began with JSON lines"),
    ("Hi", 'it is "Hi", but the file began with JSON lines'),
    (None, "it is null, but the file began"),
]


@pytest.mark.parametrize(("row", "message"), BAD_PROMPTS)
def test_bad_prompts(row: object, message: str) -> None:
    """What is wrong is said with what was found and what to write."""
    assert why(line_of(row)).startswith(message)


def test_bad_keeps_its_id() -> None:
    """A bad line is known by its custom_id where that can be read."""
    found = understood(b'{"custom_id": "x", "prompt": 1}', 7, Form.PROMPTS)
    assert isinstance(found, Bad)
    assert found.id == "x"
    found = understood(b'{"custom_id": [], "prompt": 1}', 7, Form.PROMPTS)
    assert isinstance(found, Bad)
    assert found.id == "line-7"


# ---------------------------------------------------------------- requests in OpenAI's form


def test_request() -> None:
    """The body's fields become options, its model the one that is wished for, the rest goes on as it is."""
    body = {
        "model": "m",
        "messages": SAID,
        "temperature": 0.5,
        "user": "u",
        "stream": True,
        "n": 1,
        "seed": None,
    }
    found = asked(request(body=body), Form.REQUESTS)
    assert found == Prompt(7, "a", SAID, {"temperature": 0.5, "extra": {"user": "u"}}, "m")


def test_request_with_little() -> None:
    """Of a request only the body is needed."""
    assert asked({"body": {"messages": SAID}}, Form.REQUESTS) == Prompt(7, "line-7", SAID)
    found = {
        "body": {"messages": SAID},
        "method": "post",
        "url": "https://api.example.com/x/chat/completions/",
    }
    assert asked(found, Form.REQUESTS) == Prompt(7, "line-7", SAID)


BAD_REQUESTS: list[tuple[object, str]] = [
    (request(method="GET"), 'method is "GET": only "POST" is done here'),
    (request(method=[]), "method is a list: only"),
    (
        request(url="/v1/embeddings"),
        'url is "/v1/embeddings": only chat completions are done here; write "/v1/chat',
    ),
    (request(url=7), "url is an int: only"),
    (request(body=None), "body is missing: give an object"),
    (request(body=[]), "body is a list: give an object"),
    (request(body={}), "body.messages is missing: give a list"),
    (request(body={"messages": SAID, "n": 3}), "body.n is 3: a line has one reply"),
    (request(body={"messages": SAID, "n": "many"}), 'body.n is "many": a line'),
    (request(body={"messages": SAID, "model": {}}), "model is a dict: give"),
    (request(custom_id={}), "custom_id is a dict: give"),
    ({"prompt": "Hi"}, 'it has no "body" but "prompt", and the file began with requests in OpenAI'),
    (7, "it is an int, but the file began with requests in OpenAI"),
]


@pytest.mark.parametrize(("row", "message"), BAD_REQUESTS)
def test_bad_requests(row: object, message: str) -> None:
    """What is wrong is said with what was found and what to write."""
    assert why(line_of(row), Form.REQUESTS).startswith(message)


# ---------------------------------------------------------------- plain text


def test_text() -> None:
    """A line is a prompt, without its end and the mark of UTF-8, and with its blanks."""
    assert understood(b"\xef\xbb\xbf Hi \r\n", 1, Form.TEXT) == Prompt(1, "line-1", " Hi ")
    assert understood(b"{name}?", 1, Form.TEXT) == Prompt(1, "line-1", "{name}?")
    assert understood(b'{"a": 1}', 1, Form.TEXT) == Prompt(1, "line-1", '{"a": 1}')
    assert understood(b"[1]", 1, Form.TEXT) == Prompt(1, "line-1", "[1]")


def test_text_that_is_none() -> None:
    """JSON that asks does not belong among plain text, nor does what is not UTF-8."""
    assert why(b'{"prompt": "Hi"}', Form.TEXT).startswith(
        'it is JSON with "prompt", but the file began with plain'
    )
    assert why(b'{"custom_id": "a", "body": {}}', Form.TEXT).startswith('it is JSON with "body", but')
    assert why(b"caf\xe9", Form.TEXT).startswith(
        "it is not UTF-8 (byte 0xE9 at position 4 of a line): convert it"
    )


# ---------------------------------------------------------------- tables


def test_table() -> None:
    """Cells are texts: numbers and JSON are read out of them, and an empty one says nothing."""
    row = {
        "prompt": "7",
        "custom_id": "3",
        "seed": "5",
        "temperature": "0.5",
        "top_p": "",
        "tool_choice": "auto",
    }
    options = {"seed": 5, "temperature": 0.5, "tool_choice": "auto"}
    assert asked(row, Form.TABLE) == Prompt(7, "3", "7", options)
    assert asked({"messages": line_of(SAID).decode(), "custom_id": 4.0}, Form.TABLE) == Prompt(7, 4, SAID)
    assert asked({"prompt": "Hi", "seed": "null", "max_tokens": "9.0"}, Form.TABLE).options == {
        "max_tokens": 9
    }


def test_table_without_a_prompt() -> None:
    """An empty cell is no prompt."""
    assert why(b'{"prompt": ""}', Form.TABLE) == "its prompt is empty: write one, or take the row out"


def test_cell_with_half_a_character() -> None:
    """A cell that cannot be written is no JSON, and left to whoever checks it."""
    found = understood(b'{"prompt": "Hi", "tool_choice": "\\ud800"}', 7, Form.TABLE)
    assert isinstance(found, Prompt)
    assert found.options == {"tool_choice": "\ufffd"}


# ---------------------------------------------------------------- JSON that is none


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("raw", [b"", b" \t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_blank(raw: bytes, form: Form) -> None:
    """A blank line asks nothing, and is not bad."""
    assert understood(raw, 7, form) is None


def test_mended() -> None:
    """The mark and the line's end are nothing; half a character becomes U+FFFD; the last key holds."""
    assert understood(b'\xef\xbb\xbf{"prompt": "Hi"}\r\n', 7, Form.PROMPTS) == Prompt(7, "line-7", "Hi")
    assert understood(b'{"prompt": "\\ud83d"}', 7, Form.PROMPTS) == Prompt(7, "line-7", "\ufffd")
    assert understood(b'{"prompt": "a", "prompt": "b"}', 7, Form.PROMPTS) == Prompt(7, "line-7", "b")


def test_not_json() -> None:
    """The place of the fault is named, and the form of the file."""
    assert why(b"Hello").startswith('it is "Hello", not JSON (unexpected character')
    assert "unexpected end of data" in why(b'{"prompt": "cut')
    assert "not JSON" in why(b'{"prompt": NaN}')
    assert "not JSON" in why(b'{"prompt": ' + b"[" * 2000 + b"]" * 2000 + b"}")
    assert "not UTF-8" in why(b'{"prompt": "caf\xe9"}')
    assert "not UTF-8" in why(b'{"prompt": "caf\xe9"}', Form.REQUESTS)


@given(st.binary(), st.sampled_from(Form))
def test_any_bytes(raw: bytes, form: Form) -> None:
    """Bytes of any kind are a prompt, a bad line or a blank one."""
    assert isinstance(understood(raw, 7, form), Prompt | Bad | None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.dictionaries(st.sampled_from([*sorted(FIELDS), "body", "method", "url"]), VALUES)
BODIES = st.dictionaries(st.sampled_from([*sorted(FIELDS), "n", "stream", "user"]), VALUES)


@given(ROWS | BODIES.map(lambda body: {"body": body}), st.sampled_from(Form))
def test_any_row(row: dict[str, Any], form: Form) -> None:
    """Fields of any type raise nothing, and the id of a prompt is a text or a whole number."""
    found = understood(line_of(row), 7, form)
    assert isinstance(found, Prompt | Bad)
    assert type(found.id) in (str, int)
    assert isinstance(row_understood(row, 7), Prompt | Bad | None)


# ---------------------------------------------------------------- mappings


def test_mappings() -> None:
    """A mapping is a line of either form; an empty one is a blank line."""
    assert row_understood({"prompt": "Hi", "id": 3}, 2) == Prompt(2, 3, "Hi")
    assert row_understood(MappingProxyType({"body": MappingProxyType({"messages": SAID})}), 2) == Prompt(
        2, "line-2", SAID
    )
    assert row_understood({"prompt": "Hi", "body": "text"}, 2) == Prompt(2, "line-2", "Hi")
    assert row_understood({}, 2) is None


def test_ids_that_cannot_be_written() -> None:
    """A number that JSON does not hold is no id."""
    found = row_understood({"prompt": "Hi", "custom_id": 2**64}, 2)
    assert isinstance(found, Bad)
    assert found.message == "line 2: custom_id is an int: give a text or a whole number of at most 64 bits"
