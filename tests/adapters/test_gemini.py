"""racer_adapters/gemini.py: what is sent, and the dialect as a whole by its golden folders."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from racer_adapters.contract import check_dialect, decode
from racer_adapters.gemini import GEMINI, SIGNED_BY_NOBODY
from racer_adapters.secret import Secret
from racer_adapters.types import Call, ImagePart, Message, Shape, Target, TextPart, Tool, ToolCall
from tests.adapters import goldens
from tests.adapters.chopping import CUTS, bytewise, chopped, mutated

REPLIES = goldens.replies("gemini")
REQUESTS = goldens.requests("gemini")
TARGET = Target("http://127.0.0.1:1/v1beta", "gemini-3.5-flash")
HELLO = (Message("user", "Hi"),)
KEY = "test-key-" + "x" * 12


def test_the_contract_holds() -> None:
    """All that every dialect must satisfy, with our golden replies as samples."""
    assert len(REPLIES) > 30
    check_dialect(GEMINI, goldens.samples("gemini"))


@pytest.mark.parametrize("reply", REPLIES, ids=str)
def test_golden_replies(reply: goldens.Reply) -> None:
    """Each folder's body reads as it says: whole, byte by byte, and with junk behind a marked end."""
    assert decode(GEMINI, [reply.body]) == reply.outcome
    assert decode(GEMINI, bytewise(reply.body)) == reply.outcome
    if reply.marked and reply.outcome.error is None:
        assert decode(GEMINI, [reply.body, b"\x00 junk", b"data: {\n\n"]) == reply.outcome


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_golden_requests(request_: goldens.Request) -> None:
    """Each folder's call is sent as it says, field for field; what cannot be said is told."""
    sent = GEMINI.encode(request_.call, TARGET)

    assert json.loads(sent.body) == request_.body
    assert sent.dropped == request_.dropped


@settings(max_examples=300)
@given(mutated([reply.body for reply in REPLIES]), CUTS)
def test_spoilt_replies_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(GEMINI, chopped(body, cuts)) == decode(GEMINI, [body])


@given(st.binary(max_size=300), CUTS)
def test_any_bytes_read_the_same_in_any_pieces(body: bytes, cuts: list[int]) -> None:
    """Never an exception: an answer, or a WireError."""
    assert decode(GEMINI, chopped(body, cuts)) == decode(GEMINI, [body])


def test_a_long_stream_keeps_nothing_but_its_answer() -> None:
    """10,000 events give 10,000 texts; the decoder holds no more than one event."""
    decoder = GEMINI.decoder()
    piece = b'data: {"candidates":[{"content":{"parts":[{"text":"y"}]}}]}\r\n\r\n'

    assert sum(len(decoder.feed(piece)) for _ in range(10_000)) == 10_000


# ---------------------------------------------------------------- addresses and keys


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3.5-flash", "/models/gemini-3.5-flash"),
        ("models/gemini-3.5-flash", "/models/gemini-3.5-flash"),
        ("tunedModels/mine-1", "/tunedModels/mine-1"),
        ("odd?key=1#a b", "/models/odd%3Fkey%3D1%23a%20b"),
    ],
)
@pytest.mark.parametrize(
    ("stream", "method"), [(True, ":streamGenerateContent?alt=sse"), (False, ":generateContent")]
)
def test_the_address_names_model_and_method(model: str, path: str, stream: bool, method: str) -> None:
    """With or without `models/` before it; a stream is asked for as events."""
    request = GEMINI.encode(Call(HELLO, stream=stream), replace(TARGET, model=model))

    assert request.url == f"http://127.0.0.1:1/v1beta{path}{method}"


def test_the_key_goes_into_a_header_of_its_own() -> None:
    """Never into the address, where Google would take it too; the same for the list of models."""
    keyed = replace(TARGET, key=Secret(KEY))
    listing = GEMINI.listing
    assert listing is not None
    asked = listing.request(keyed, listing.paths[0])

    assert GEMINI.encode(Call(HELLO), keyed).headers == {
        "content-type": "application/json",
        "x-goog-api-key": KEY,
    }
    assert asked.headers == {"x-goog-api-key": KEY}
    assert asked.url == "http://127.0.0.1:1/v1beta/models?pageSize=1000"
    assert KEY not in GEMINI.encode(Call(HELLO), keyed).url


# ---------------------------------------------------------------- quirks, as data


def sent(call: Call, target: Target = TARGET) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(GEMINI.encode(call, target).body)
    return body


GEMMA = replace(TARGET, model="gemma-3-27b-it", drops=frozenset({"systemInstruction"}))
SYSTEM = Message("system", "Be brief.")


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        (
            (SYSTEM, *HELLO),
            [{"role": "user", "parts": [{"text": "Be brief."}, {"text": "Hi"}]}],
        ),
        (
            (SYSTEM, Message("assistant", "Well?"), *HELLO),
            [
                {"role": "user", "parts": [{"text": "Be brief."}]},
                {"role": "model", "parts": [{"text": "Well?"}]},
                {"role": "user", "parts": [{"text": "Hi"}]},
            ],
        ),
        ((SYSTEM,), [{"role": "user", "parts": [{"text": "Be brief."}]}]),
        (HELLO, [{"role": "user", "parts": [{"text": "Hi"}]}]),
    ],
)
def test_a_model_that_takes_no_system_message_gets_it_from_the_user(
    messages: tuple[Message, ...], turns: list[Any]
) -> None:
    """Its row drops `systemInstruction`; nothing is lost by that, so nothing is told."""
    request = GEMINI.encode(Call(messages), GEMMA)

    assert json.loads(request.body) == {"contents": turns}
    assert request.dropped == ()


def test_sampling_is_renamed_and_dropped_by_the_callers_names_or_googles() -> None:
    """What was dropped is told by the caller's name."""
    call = Call(HELLO, max_tokens=9, top_p=0.5, seed=1, stop=("x",), shape=Shape("json"))
    quirks = replace(TARGET, drops=frozenset({"seed", "topP"}), renames={"stop": "stops"})
    request = GEMINI.encode(call, quirks)

    assert json.loads(request.body)["generationConfig"] == {
        "maxOutputTokens": 9,
        "stops": ["x"],
        "responseMimeType": "application/json",
    }
    assert set(request.dropped) == {"seed", "top_p"}


def test_a_row_can_do_without_signatures() -> None:
    """Older models know none; so do not send any."""
    made = ToolCall("c", "f", "{}", signature="c2ln")
    messages = (*HELLO, Message("assistant", "", (made,)), Message("tool", "", tool_call_id="c"))
    older = replace(TARGET, drops=frozenset({"thoughtSignature"}))

    assert sent(Call(messages))["contents"][1]["parts"][0]["thoughtSignature"] == "c2ln"
    assert "thoughtSignature" not in sent(Call(messages), older)["contents"][1]["parts"][0]


def test_only_the_first_call_of_a_turn_must_be_signed() -> None:
    """Later ones are sent as they came: the model signs calls that it makes at once but one time."""
    calls = (ToolCall("c", "f", "{}"), ToolCall("d", "f", "{}"), ToolCall("e", "f", "{}", "c2ln"))
    turn = sent(Call((*HELLO, Message("assistant", "", calls))))["contents"][1]

    assert [part.get("thoughtSignature") for part in turn["parts"]] == [SIGNED_BY_NOBODY, None, "c2ln"]


# ---------------------------------------------------------------- turns


def test_a_result_whose_call_is_unknown_has_some_name() -> None:
    """The message's own, or the id: a result without a name is refused."""
    named = Message("tool", "a", tool_call_id="c", name="f")
    bare = Message("tool", "b", tool_call_id="d")
    (turn,) = sent(Call((named, bare)))["contents"]

    assert [part["functionResponse"]["name"] for part in turn["parts"]] == ["f", "d"]


def test_results_of_two_rounds_stay_apart() -> None:
    """Each turn of calls is answered by the turn behind it."""
    round_ = (Message("assistant", "", (ToolCall("c", "f", "{}"),)), Message("tool", "1", tool_call_id="c"))
    contents = sent(Call((*HELLO, *round_, *round_)))["contents"]

    assert [turn["role"] for turn in contents] == ["user", "model", "user", "model", "user"]


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (Message("user", ""), [{"text": ""}]),
        (Message("user", (TextPart(""), TextPart("a"))), [{"text": "a"}]),
        (
            Message("user", (ImagePart("data:image/webp;base64,AAAA"),)),
            [{"inlineData": {"mimeType": "image/webp", "data": "AAAA"}}],
        ),
        (
            Message("user", (ImagePart("data:,%41"),)),
            [{"inlineData": {"mimeType": "image/png", "data": "QQ=="}}],
        ),
        (Message("user", (ImagePart("http://[/a.png"),)), [{"fileData": {"fileUri": "http://[/a.png"}}]),
    ],
)
def test_parts_of_a_turn(message: Message, parts: list[Any]) -> None:
    """Empty texts are left out where something else is left; no address is too odd to be passed on."""
    assert sent(Call((message,)))["contents"] == [{"role": "user", "parts": parts}]


def test_a_tool_without_parameters_is_declared_without() -> None:
    """No schema of ours is put into the caller's mouth."""
    assert sent(Call(HELLO, tools=(Tool("f"), Tool("g", "", {"type": "object"}))))["tools"] == [
        {"functionDeclarations": [{"name": "f"}, {"name": "g", "parametersJsonSchema": {"type": "object"}}]}
    ]


def test_what_json_cannot_hold_is_the_callers_mistake() -> None:
    """parse_extra finds it earlier; here it is a TypeError."""
    with pytest.raises(TypeError):
        sent(Call(HELLO, extra={"a": object()}))
