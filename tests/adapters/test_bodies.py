"""racer_adapters/bodies.py: what the body of a refusal says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from racer_adapters import bodies
from racer_adapters.bodies import LONGEST_MESSAGE, in_json, one_line, plain, read

MESSAGES: dict[str, tuple[Any, str]] = {
    "OpenAI": ({"error": {"message": "No.", "type": "t", "param": None, "code": "c"}}, "No."),
    "a string": ({"error": "No."}, "No."),
    "flat": ({"object": "error", "message": "No.", "code": 400}, "No."),
    "xAI": ({"code": "Client specified", "error": "Wrong key."}, "Wrong key."),
    "FastAPI": ({"detail": "Not Found"}, "Not Found"),
    "FastAPI's list": (
        {
            "detail": [
                {
                    "loc": ["body", "messages", 0],
                    "msg": "field required",
                    "type": "missing",
                    "input": "secret",
                }
            ]
        },
        "body.messages.0: field required",
    ),
    "DeepInfra": ({"detail": {"error": "No."}}, "No."),
    "NVIDIA": ({"status": 429, "title": "Too Many Requests"}, "Too Many Requests"),
    "RFC 7807": ({"title": "No credit", "detail": "Buy some.", "status": 402}, "Buy some.: No credit"),
    "Cloudflare": (
        {"success": False, "errors": [{"code": 1, "message": "A"}, {"code": 2, "message": "B"}]},
        "A: B",
    ),
    "OpenRouter": (
        {"error": {"message": "Provider returned error", "metadata": {"raw": "busy"}}},
        "Provider returned error: busy",
    ),
    "the same twice": ({"message": "No.", "error": {"message": "No."}}, "No."),
    "an array": ([{"error": {"message": "No."}}], "No."),
    "text alone": ("No.", "No."),
    "nothing": ({}, ""),
    "odd": ({"error": {"message": 7, "detail": None, "errors": [None, 1]}}, ""),
    "blank": ({"error": " \n"}, ""),
}


@pytest.mark.parametrize(("value", "message"), MESSAGES.values(), ids=MESSAGES)
def test_messages(value: Any, message: str) -> None:
    """The explanation, wherever it lies; never what merely echoes the prompt."""
    assert in_json(value).message == message
    assert read(json.dumps(value).encode()).message == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", ""),
        (b"  \n", ""),
        (b"Bad Gateway\n", "Bad Gateway"),
        (b"not \xff utf-8", "not \ufffd utf-8"),
        (b"\xef\xbb\xbf <html><title> A\n B </title><p>C", "A B"),
        (
            b"<html><head><style>p {}</style><script>x()</script></head><!-- c --><h1>502</h1>Bad <b>Gateway",
            "502 Bad Gateway",
        ),
        (b"<title>never closed", "never closed"),
        (b"<", ""),
        (b'{"error": {"message": "cut', '{"error": {"message": "cut'),
        (b'{"error":"No."} junk', "No."),
    ],
)
def test_what_is_no_json_is_shown_as_text(body: bytes, message: str) -> None:
    """A page by its title or its words; a text by its beginning."""
    assert read(body).message == message


def test_codes_and_words() -> None:
    """Texts and codes in lower case, for the rules; a number between 400 and 599 is a status."""
    said = in_json(
        {
            "error": {
                "message": "No Way",
                "code": 3036,
                "type": "Tokens",
                "status": True,
                "details": [{"reason": "API_KEY_INVALID"}, {"violations": [{"quotaId": "PerDay"}]}],
            },
            "status_code": 429,
        }
    )

    assert said.codes == ("api_key_invalid", "perday", "3036", "tokens", "429")
    assert said.words == "no way code=api_key_invalid; code=perday; code=3036; code=tokens; code=429;"
    assert said.status == 429


@pytest.mark.parametrize(
    ("value", "waits"),
    [
        ({"retry_after": 10}, (10.0,)),
        ({"error": {"availability": {"retry_after": "7.5"}}}, (7.5,)),
        ({"error": {"details": [{"retryDelay": "46s"}]}}, (46.0,)),
        ({"error": "retry in 3s", "retry_after": 10}, (10.0, 3.0)),
        ({"error": "retry in 3s", "retry_after": "soon"}, (3.0,)),
        ({"error": "no idea", "retry_after": None}, ()),
    ],
)
def test_waits(value: Any, waits: tuple[float, ...]) -> None:
    """A field for it comes before the text."""
    assert in_json(value).waits == waits


def test_headers_inside_the_body() -> None:
    """OpenRouter puts those of its own refusals there."""
    said = in_json({"error": {"metadata": {"headers": {"X-RateLimit-Reset": "1", "Odd": 7}}}})

    assert said.headers == {"x-ratelimit-reset": "1", "odd": ""}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\n\tb  c\x00d\x1b[31m", "a b c d [31m"),
        ("a\u2028b\u202ec\u200bd", "a b c d"),
        ("é 日本 🎉", "é 日本 🎉"),
        ("x" * LONGEST_MESSAGE, "x" * LONGEST_MESSAGE),
        ("x" * (LONGEST_MESSAGE + 1), "x" * (LONGEST_MESSAGE - 1) + "…"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    """No line ends, no control or direction signs, bounded."""
    assert one_line(text) == line


def test_a_body_of_any_size_says_little() -> None:
    """Deep, wide or long: what is kept is bounded, and finding it takes linear time."""
    wide = in_json({"errors": [{"message": f"m{index}", "code": "c" * 999} for index in range(100_000)]})
    deep: Any = "bottom"
    for _ in range(900):
        deep = {"error": deep}

    assert wide.message.startswith("m0: m1")
    assert len(wide.words) < 20_000
    assert in_json(deep).message == ""
    assert len(in_json({"message": "x " * 500_000}).words) <= 2000
    assert plain(b"<title>" * 100_000) == ""


@given(st.binary(max_size=300))
def test_any_body_is_read(body: bytes) -> None:
    """Never an exception, always one printable line."""
    said = bodies.read(body)

    assert said.message.isprintable()
    assert len(said.message) <= LONGEST_MESSAGE


FIELDS = st.sampled_from(
    [
        "message",
        "error",
        "errors",
        "detail",
        "code",
        "type",
        "metadata",
        "headers",
        "loc",
        "msg",
        "retry_after",
    ]
)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=30,
)


@given(ODD)
def test_any_value_is_read(value: Any) -> None:
    """Never an exception, whatever stands in the known fields."""
    assert in_json(value).message.isprintable()


@pytest.mark.parametrize(
    ("violations", "quotas"),
    [
        ([{"quotaId": "PerDay", "quotaValue": "20"}], (("perday", "20"),)),
        ([{"quotaId": "PerDay", "quotaValue": 20}, {"quotaId": "b"}], (("perday", "20"), ("b", "None"))),
        ([{"quotaId": 7, "quotaValue": "20"}, {"quotaValue": "20"}], ()),
        ([{"quotaId": "q" * 999, "quotaValue": "9" * 999}], (("q" * 160, "9" * 160),)),
    ],
)
def test_quotas_by_their_names(violations: Any, quotas: tuple[tuple[str, str], ...]) -> None:
    """With their sizes as they stand there, in bounded length; without a name there is none."""
    assert in_json({"error": {"details": [{"violations": violations}]}}).quotas == quotas


def test_only_so_many_quotas_are_kept() -> None:
    """Whoever lists more than that is no provider."""
    violations = [{"quotaId": "q"}] * 8

    assert len(in_json({"details": [{"violations": violations}] * 8}).quotas) == 32
