"""Every fault as a script, in both dialects, streamed and whole: what goes over the wire, exactly."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer.sim.exchange import Ask
from racer.sim.fault import KINDS
from racer.sim.profile import Pace, Provider
from racer.sim.script import Flood, Hang, Reset, Send
from racer.sim.spoil import spoiled_script
from racer.sim.wire import ollama, openai
from tests.racer.sim.scenes import calling, events, fault, flavoured, lines, sent, turn

if TYPE_CHECKING:
    from racer.sim.exchange import Wire
    from racer.sim.script import Script

PACE = Pace(first=0.5, gap=0.1)
STREAM = Ask(model="m", prompt="hi", stream=True)
WHOLE = Ask(model="m", prompt="hi", stream=False)
LOCAL = Provider("ollama", dialect="ollama", flavour="ollama", models=("m",))
WIRES = [
    pytest.param(openai.WIRE, flavoured("generic"), id="openai"),
    pytest.param(ollama.WIRE, LOCAL, id="ollama"),
]
TOKENS = ("One", " two", " three", " four.")


def spoiled(
    kind: str, *, wire: Wire = openai.WIRE, of: Provider | None = None, ask: Ask = STREAM, **more: Any
) -> Script:
    return spoiled_script(wire, turn(of or flavoured("generic"), *TOKENS, ask=ask), PACE, fault(kind, **more))


def contents(data: bytes) -> str:
    """The text of a stream of either dialect."""
    if data.startswith((b"data:", b":")):
        return "".join(
            choice["delta"].get("content") or "" for event in events(data) for choice in event["choices"]
        )
    return "".join(line["message"]["content"] for line in lines(data))


@pytest.mark.parametrize(("wire", "of"), WIRES)
@pytest.mark.parametrize("ask", [STREAM, WHOLE], ids=["stream", "whole"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fault_is_a_script_that_ends_or_says_why_not(
    wire: Wire, of: Provider, ask: Ask, kind: str
) -> None:
    """Instants never go back, nothing comes after a step that ends all, and the length told is right."""
    script = spoiled(kind, wire=wire, of=of, ask=ask)
    instants = [step.at for step in script.steps if not isinstance(step, Hang)]

    assert instants == sorted(instants)
    assert all(isinstance(step, Send) for step in script.steps[:-1])
    whole = not script.steps or isinstance(script.steps[-1], Send)
    if whole and script.length is not None:
        assert script.length == len(sent(script))


@pytest.mark.parametrize(
    "kind", ["400", "401", "402", "403", "404", "413", "429", "500", "502", "503", "504", "529"]
)
def test_statuses(kind: str) -> None:
    """The status is the fault's name, with a body in the provider's form, when the first token was due."""
    script = spoiled(kind)

    assert script.status == int(kind)
    assert orjson.loads(sent(script))["error"]["message"]
    assert script.opens == 0.5


@pytest.mark.parametrize(
    ("retry_after", "header"), [(1.5, "2"), ("Fri, 31 Dec 2027 23:59:59 GMT", None), (None, "")]
)
def test_retry_after(retry_after: float | str | None, header: str | None) -> None:
    """Whole seconds, a text as it is, or no header."""
    headers = spoiled("429", retry_after=retry_after).headers

    assert headers.get("retry-after", "") == (retry_after if header is None else header)


def test_insufficient_quota_is_a_429_that_is_no_rate_limit() -> None:
    """OpenAI's way to say that there is no money."""
    script = spoiled("insufficient_quota", of=flavoured("openai"))

    assert (script.status, orjson.loads(sent(script))["error"]["code"]) == (429, "insufficient_quota")


def test_reset_before_opens_nothing() -> None:
    """No head, no byte, an RST."""
    script = spoiled("reset_before")

    assert (script.opens, script.steps) == (None, (Reset(0.5),))


@pytest.mark.parametrize(("wire", "of"), WIRES)
def test_reset_mid_stream(wire: Wire, of: Provider) -> None:
    """Half of the tokens, then an RST."""
    script = spoiled("reset_mid", wire=wire, of=of)

    assert contents(sent(script)) == "One two"
    assert isinstance(script.steps[-1], Reset)


def test_reset_mid_body() -> None:
    """Half of a body whose whole length was told, then an RST."""
    script = spoiled("reset_mid", ask=WHOLE)

    assert script.length is not None
    assert len(sent(script)) == script.length // 2
    assert isinstance(script.steps[-1], Reset)


@pytest.mark.parametrize(("kind", "opens"), [("hang", None), ("hang_after_headers", 0.0)])
def test_hangs(kind: str, opens: float | None) -> None:
    """No byte at all, or headers at once and no body."""
    script = spoiled(kind)

    assert (script.opens, script.steps) == (opens, (Hang(),))


@pytest.mark.parametrize(
    ("flavour", "comment"), [("generic", b": keep-alive\n\n"), ("openrouter", b": OPENROUTER PROCESSING\n\n")]
)
def test_keepalive_only(flavour: str, comment: bytes) -> None:
    """The provider's own comment, for ever."""
    script = spoiled("keepalive_only", of=flavoured(flavour), gap=0.2)

    assert script.steps == (Flood(0.0, comment, 0.2),)


def test_slow_drip_streams_a_token_at_a_time() -> None:
    """All comes, at the fault's own pace."""
    script = spoiled("slow_drip", gap=9.0)

    assert [step.at for step in script.steps if isinstance(step, Send)] == [0.5, 9.5, 18.5, 27.5]
    assert contents(sent(script)) == "".join(TOKENS)


def test_slow_drip_of_a_body() -> None:
    """A whole body comes a byte at a time."""
    script = spoiled("slow_drip", ask=WHOLE, gap=1.0)

    assert len(script.steps) == script.length
    assert orjson.loads(sent(script))["choices"]


def test_empty_200_has_the_right_type_and_no_byte() -> None:
    """Nothing but the head."""
    script = spoiled("empty_200")

    assert (script.status, script.length, script.steps) == (200, 0, ())
    assert script.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(("wire", "of"), WIRES)
@pytest.mark.parametrize(
    ("kind", "text"), [("empty_content", ""), ("whitespace", " \n \n"), ("reasoning_only", "")]
)
def test_well_formed_but_worthless(wire: Wire, of: Provider, kind: str, text: str) -> None:
    """The stream is whole, with its end, and says nothing."""
    data = sent(spoiled(kind, wire=wire, of=of))

    assert contents(data) == text
    assert data.endswith(b"data: [DONE]\n\n") or lines(data)[-1]["done"]


@pytest.mark.parametrize("kind", ["empty_content", "whitespace", "reasoning_only"])
def test_well_formed_but_worthless_whole(kind: str) -> None:
    """The same in one body."""
    choice = orjson.loads(sent(spoiled(kind, ask=WHOLE)))["choices"][0]

    assert not choice["message"]["content"].strip()
    assert choice["finish_reason"] == "stop"
    assert bool(choice["message"].get("reasoning_content")) is (kind == "reasoning_only")


def test_done_only() -> None:
    """The end marker alone."""
    assert sent(spoiled("done_only")) == b"data: [DONE]\n\n"
    assert lines(sent(spoiled("done_only", wire=ollama.WIRE, of=LOCAL)))[0]["done"] is True


@pytest.mark.parametrize("ask", [STREAM, WHOLE], ids=["stream", "whole"])
def test_error_200(ask: Ask) -> None:
    """An error body under a 200, as JSON even where a stream was asked for."""
    script = spoiled("error_200", ask=ask)

    assert (script.status, script.headers["content-type"]) == (200, "application/json")
    assert orjson.loads(sent(script))["error"]["code"] == 500


@pytest.mark.parametrize(("tokens", "text"), [(0, ""), (2, "One two")])
def test_error_frame(tokens: int, text: str) -> None:
    """An error after the role chunk or after some tokens; then the stream ends without an end."""
    *before, last = events(sent(spoiled("error_frame", tokens=tokens)))

    assert "".join(event["choices"][0]["delta"]["content"] for event in before) == text
    assert last["error"]["message"]


def test_error_frame_of_ollama_is_a_line() -> None:
    """NDJSON: the last line is the error."""
    *before, last = lines(sent(spoiled("error_frame", wire=ollama.WIRE, of=LOCAL, tokens=1)))

    assert [line["message"]["content"] for line in before] == ["One"]
    assert last.keys() == {"error"}


def test_error_frame_of_a_whole_answer_is_an_error_200() -> None:
    """There is no frame to put it in."""
    script = spoiled("error_frame", ask=WHOLE)

    assert (script.status, "error" in orjson.loads(sent(script))) == (200, True)


def test_html_200() -> None:
    """A page for people."""
    script = spoiled("html_200")

    assert script.headers["content-type"].startswith("text/html")
    assert sent(script).startswith(b"<!DOCTYPE html>")


def test_wrong_type() -> None:
    """Plain words under a type that is not the right one."""
    script = spoiled("wrong_type")

    assert script.headers["content-type"] == "text/plain; charset=utf-8"
    assert sent(script).startswith(b"upstream connect error")
    assert spoiled("wrong_type", content_type="image/png").headers["content-type"] == "image/png"


@pytest.mark.parametrize(("wire", "of"), WIRES)
@pytest.mark.parametrize("ask", [STREAM, WHOLE], ids=["stream", "whole"])
def test_half_json(wire: Wire, of: Provider, ask: Ask) -> None:
    """The last thing sent is JSON cut in the middle, and the end is clean."""
    data = sent(spoiled("half_json", wire=wire, of=of, ask=ask))
    last = data.rpartition(b"\n\n" if data.startswith(b"data:") else b"\n")[2].removeprefix(b"data: ")

    assert last.startswith(b"{")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(last)


@pytest.mark.parametrize(("wire", "of"), WIRES)
def test_role_then_silence(wire: Wire, of: Provider) -> None:
    """A first frame without a word, then nothing."""
    script = spoiled("role_then_silence", wire=wire, of=of)

    assert contents(sent(script)) == ""
    assert sent(script)
    assert script.steps[-1] == Hang()
    assert spoiled("role_then_silence", wire=wire, of=of, ask=WHOLE).steps == (Hang(),)


@pytest.mark.parametrize(("wire", "of"), WIRES)
def test_truncated(wire: Wire, of: Provider) -> None:
    """Half of the tokens in whole frames, then a clean end without finish or end marker."""
    script = spoiled("truncated", wire=wire, of=of)
    data = sent(script)

    assert contents(data) == "One two"
    assert isinstance(script.steps[-1], Send)
    assert b"[DONE]" not in data
    assert b'"done":true' not in data
    assert b'"stop"' not in data


def test_truncated_whole_is_half_json() -> None:
    """A body that ends too early."""
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(sent(spoiled("truncated", ask=WHOLE)))


def test_redirect() -> None:
    """To another host, with the method kept."""
    script = spoiled("redirect", location="http://elsewhere.invalid/v1")

    assert (script.status, script.headers, script.length) == (
        307,
        {"location": "http://elsewhere.invalid/v1"},
        0,
    )


@pytest.mark.parametrize(("wire", "of"), WIRES)
@pytest.mark.parametrize("ask", [STREAM, WHOLE], ids=["stream", "whole"])
def test_too_large_never_ends(wire: Wire, of: Provider, ask: Ask) -> None:
    """It goes on for ever, without a pause, and every frame of a stream is well-formed."""
    flood = spoiled("too_large", wire=wire, of=of, ask=ask).steps[-1]

    assert isinstance(flood, Flood)
    assert (flood.gap, len(flood.data) > 10_000) == (0.0, True)
    if ask.stream:
        assert len(contents(flood.data)) > 10_000


def test_gzip_bomb() -> None:
    """Small on the wire, `size` when unpacked, and what comes out is blanks."""
    size = 8 * 1024 * 1024
    script = spoiled("gzip_bomb", size=size)
    data = sent(script)

    unpacked = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data)

    assert script.headers["content-encoding"] == "gzip"
    assert len(unpacked) == size + 1
    assert not unpacked.strip()
    assert len(data) < size / 500


def test_early_flavours_open_early_in_faults_too() -> None:
    """OpenRouter's comment is out before the error comes."""
    script = spoiled("error_frame", of=flavoured("openrouter"))

    assert script.opens == 0.0
    assert script.steps[0] == Send(0.0, b": OPENROUTER PROCESSING\n\n")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_bad_arguments(*, stream: bool) -> None:
    """Every call breaks off, and is said to be whole."""
    both = calling(ask=Ask(model="m", prompt="hi", stream=stream))
    data = sent(spoiled_script(openai.WIRE, both, PACE, fault("bad_arguments")))

    assert b'"finish_reason":"tool_calls"' in data
    texts = arguments(data, stream=stream)
    assert texts == {0: '{"a', 1: "{"}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_unknown_tool(*, stream: bool) -> None:
    """The arguments are well, the names are not."""
    both = calling(ask=Ask(model="m", prompt="hi", stream=stream))
    data = sent(spoiled_script(openai.WIRE, both, PACE, fault("unknown_tool")))

    assert arguments(data, stream=stream) == {0: '{"a":1}', 1: "{}"}
    assert b'"name":"no_such_add"' in data
    assert b'"name":"now"' not in data


def arguments(data: bytes, *, stream: bool) -> dict[int, str]:
    """Those of each call, joined."""
    found: dict[int, str] = {}
    messages = (
        [choice["delta"] for event in events(data) for choice in event["choices"]]
        if stream
        else [orjson.loads(data)["choices"][0]["message"]]
    )
    for call in (call for message in messages for call in enumerate(message.get("tool_calls", ()))):
        place, said = call
        at = said.get("index", place)
        found[at] = found.get(at, "") + said["function"]["arguments"]
    return found


@pytest.mark.parametrize("kind", ["bad_arguments", "unknown_tool"])
def test_faults_of_tools_spare_an_answer_in_words(kind: str) -> None:
    """There is no call to spoil."""
    assert contents(sent(spoiled(kind))) == "".join(TOKENS)
