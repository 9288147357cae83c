"""racer_adapters/contract.py: it must find a dialect that breaks a rule, and let a good one pass."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from racer_adapters.contract import CALLS, Outcome, Sample, check_dialect, decode
from racer_adapters.dialect import Dialect, Listing
from racer_adapters.errors import Kind, WireError
from racer_adapters.openai import OPENAI
from racer_adapters.types import Answer, Call, End, Installed, Target, Text, WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from racer_adapters.dialect import Decoder, Event

SAMPLE = Sample(
    b'data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    Answer("Hello", finish_reason="stop", ended=True),
)


CHANCE = count()


def test_a_good_dialect_passes() -> None:
    """With samples and without, with a listing and without."""
    check_dialect(OPENAI)
    check_dialect(replace(OPENAI, listing=None), [SAMPLE, replace(SAMPLE, marked=False)])


def test_decode_gives_the_answer_and_the_error() -> None:
    """What came before an error is kept."""
    start, end = SAMPLE.body[:74], SAMPLE.body[74:]

    assert decode(OPENAI, [start, end]) == Outcome(SAMPLE.answer)
    assert decode(OPENAI, [start, b'data: {"error":"boom"}\n\n']) == Outcome(
        replace(SAMPLE.answer, ended=False), WireError(Kind.IN_BAND, "boom")
    )


# ---------------------------------------------------------------- dialects that break a rule


def encoding(change: Callable[[WireRequest, Call, Target], WireRequest]) -> Dialect:
    def encode(call: Call, target: Target) -> WireRequest:
        return change(OPENAI.encode(call, target), call, target)

    return replace(OPENAI, encode=encode)


def with_body(request: WireRequest, change: Callable[[dict[str, Any]], object]) -> WireRequest:
    body = orjson.loads(request.body)
    changed = change(body)
    return replace(request, body=orjson.dumps(body if changed is None else changed))


def with_headers(request: WireRequest, **headers: str) -> WireRequest:
    return replace(
        request, headers={**request.headers, **{name.replace("_", "-"): headers[name] for name in headers}}
    )


def key_of(target: Target) -> str:
    return target.key.reveal() if target.key else ""


def keyless(request: WireRequest, call: Call, target: Target) -> WireRequest:
    return replace(
        request, headers={name: request.headers[name] for name in request.headers if name != "authorization"}
    )


def touching(request: WireRequest, call: Call, target: Target) -> WireRequest:
    if isinstance(call.extra, dict) and call.extra:
        call.extra["touched"] = True
    return request


ENCODERS: dict[str, tuple[Callable[[WireRequest, Call, Target], WireRequest], str]] = {
    "the method": (lambda request, call, target: replace(request, method="GET"), "plain: the method is GET"),
    "the URL": (
        lambda request, call, target: replace(request, url="https://elsewhere.test/"),
        "leaves the base URL",
    ),
    "a double slash": (
        lambda request, call, target: replace(request, url=target.base_url + "/x"),
        "a double slash",
    ),
    "a key in the URL": (
        lambda request, call, target: replace(request, url=request.url + "?key=" + key_of(target)),
        "the key shows",
    ),
    "a key in the body": (
        lambda request, call, target: with_body(request, lambda body: {**body, "key": key_of(target)}),
        "the key is in the body",
    ),
    "no key": (keyless, "the key is not sent"),
    "no headers": (
        lambda request, call, target: replace(request, headers={"authorization": key_of(target)}),
        "headers are not sent",
    ),
    "the transport's headers": (
        lambda request, call, target: with_headers(request, user_agent="me"),
        "sets the transport's headers",
    ),
    "no model": (
        lambda request, call, target: with_body(request, lambda body: body.pop("model") and None),
        "the model is not named",
    ),
    "no object": (
        lambda request, call, target: with_body(request, lambda body: [body]),
        "the body is no JSON object",
    ),
    "chance": (
        lambda request, call, target: with_body(request, lambda body: {**body, "n": next(CHANCE)}),
        "two encodings differ",
    ),
    "touching the call": (touching, "odd text: the call was changed"),
    "no extra": (
        lambda request, call, target: with_body(
            request, lambda body: {key: body[key] for key in body if key != "user"}
        ),
        "odd text: extra is not merged",
    ),
    "a header for no key": (
        lambda request, call, target: with_headers(request, authorization="Bearer " + key_of(target)),
        "a header for no key",
    ),
    "no drops": (
        lambda request, call, target: OPENAI.encode(call, replace(target, drops=frozenset())),
        "plain: model was to be dropped",
    ),
}


@pytest.mark.parametrize(("change", "sentence"), ENCODERS.values(), ids=ENCODERS)
def test_a_bad_encoder_is_found(
    change: Callable[[WireRequest, Call, Target], WireRequest], sentence: str
) -> None:
    """Each rule of a request, broken by itself."""
    calls = {name: dict(call.extra) for name, call in CALLS.items()}
    try:
        with pytest.raises(AssertionError, match=sentence):
            check_dialect(encoding(change))
    finally:
        for name, call in CALLS.items():  # one of the changes touches what all checks share
            assert isinstance(call.extra, dict)
            call.extra.clear()
            call.extra.update(calls[name])


class Fixed:
    """A decoder that gives what it was told to, however it is fed."""

    def __init__(self, fed: Sequence[Event], closed: Sequence[Event]) -> None:
        self._fed = fed
        self._closed = closed

    def feed(self, data: bytes) -> Sequence[Event]:
        return self._fed

    def close(self) -> Sequence[Event]:
        return self._closed


class Gathering:
    """Gives nothing before the end, and then the text of everything."""

    def __init__(self, *, sorts: bool = False, reads_on: bool = False) -> None:
        self._parts: list[bytes] = []
        self._sorts = sorts
        self._reads_on = reads_on
        self._over = False

    def feed(self, data: bytes) -> Sequence[Event]:
        self._parts.append(data)
        return ()

    def close(self) -> Sequence[Event]:
        if self._over:
            return ()
        self._over = True
        body = b"".join(self._parts)
        if not body.strip():
            return [WireError(Kind.EMPTY)]
        shown = repr(self._parts) if self._sorts else repr(body)
        return [Text(shown), End()]


ERROR = WireError(Kind.SERVER, "boom")

DECODERS: dict[str, tuple[Callable[[], Decoder], str]] = {
    "pieces matter": (lambda: Gathering(sorts=True), "byte by byte .* reads otherwise"),
    "an error in the middle": (lambda: Fixed([], [ERROR, Text("late")]), "an error is not the last event"),
    "two errors": (lambda: Fixed([], [ERROR, ERROR]), "several errors"),
    "events after the end": (lambda: Fixed([], [ERROR]), "events after the end"),
    "an empty body passes": (lambda: Fixed([], []), "passes for a reply"),
}


@pytest.mark.parametrize(("decoder", "sentence"), DECODERS.values(), ids=DECODERS)
def test_a_bad_decoder_is_found(decoder: Callable[[], Decoder], sentence: str) -> None:
    """Each rule of a decoder, broken by itself."""
    with pytest.raises(AssertionError, match=sentence):
        check_dialect(replace(OPENAI, decoder=decoder))


def test_what_a_dialect_raises_passes_on() -> None:
    """With its own traceback, which tells more than a sentence of ours."""

    def broken() -> Decoder:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check_dialect(replace(OPENAI, decoder=broken))


class Trusting:
    """A good decoder but for one thing: `junk` behind the end, or a cut before it, deceives it."""

    def __init__(self, *, junk: bool = False, cut: bool = False, split: bool = False) -> None:
        self._inner = OPENAI.decoder()
        self._body = b""
        self._feeds = 0
        self._junk = junk
        self._cut = cut
        self._split = split

    def feed(self, data: bytes) -> Sequence[Event]:
        self._body += data
        self._feeds += 1
        return self._inner.feed(data)

    def close(self) -> Sequence[Event]:
        events = self._inner.close()
        ours = self._body.startswith(SAMPLE.body[:60])
        if self._split and ours and self._feeds > 1:
            return [*events, Text("!")]
        if self._junk and self._body.startswith(SAMPLE.body) and self._body != SAMPLE.body:
            return [Text("!")]
        if self._cut and ours and events and isinstance(events[-1], WireError):
            return [*events[:-1], End()]
        return events


@pytest.mark.parametrize(
    ("decoder", "sample", "sentence"),
    [
        (Trusting, replace(SAMPLE, answer=Answer("Bye")), "the sample .* reads as Outcome"),
        (lambda: Trusting(split=True), SAMPLE, "reads otherwise byte by byte"),
        (lambda: Trusting(junk=True), SAMPLE, "reads otherwise with .* behind"),
        (lambda: Trusting(cut=True), SAMPLE, "cut off at byte 60 passes for whole"),
    ],
)
def test_a_sample_that_reads_wrong_is_found(
    decoder: Callable[[], Decoder], sample: Sample, sentence: str
) -> None:
    """Whole, in pieces, with junk behind and cut off."""
    with pytest.raises(AssertionError, match=sentence):
        check_dialect(replace(OPENAI, decoder=decoder), [sample])


Classify = "Callable[[int, Mapping[str, str], bytes], WireError]"

CLASSIFIERS: dict[str, tuple[Callable[[int], WireError], str]] = {
    "a class": (lambda status: WireError(Kind.SERVER), "status 302 is classified as server"),
    "a long message": (
        lambda status: WireError(OPENAI.classify(status, {}, b"").kind, "x" * 301),
        "a message of 301 characters",
    ),
    "control characters": (
        lambda status: WireError(OPENAI.classify(status, {}, b"").kind, "a\nb"),
        "control characters",
    ),
    "an endless wait": (
        lambda status: WireError(OPENAI.classify(status, {}, b"").kind, retry_after=1e9),
        "asks to wait 1000000000.0 seconds",
    ),
}


@pytest.mark.parametrize(("refuse", "sentence"), CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_a_bad_classifier_is_found(refuse: Callable[[int], WireError], sentence: str) -> None:
    """Each rule of a refusal, broken by itself."""

    def classify(status: int, headers: Mapping[str, str], body: bytes) -> WireError:
        return refuse(status)

    with pytest.raises(AssertionError, match=sentence):
        check_dialect(replace(OPENAI, classify=classify))


def test_a_bad_listing_is_found() -> None:
    """A model needs a name."""
    listing = Listing(("/models",), lambda bodies: (Installed(""),))

    with pytest.raises(AssertionError, match="gives a model without a name"):
        check_dialect(replace(OPENAI, listing=listing))
