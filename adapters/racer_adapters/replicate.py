"""The dialect of Replicate's predictions: a job is made, and then followed to its answer.

Sent: a model `owner/name` has a door of its own; `owner/name:version` and a bare version go through the
common one. A model takes a prompt, not messages: one question goes as it is, a longer conversation is folded
into a text that names the speakers, and system messages become `system_prompt`. Inputs have the names of
Replicate's Llama models; a row's `renames` give a model's own (`max_tokens` = "max_new_tokens", …), and
`extra = { input = { … } }` adds more. One picture goes as `image`, several as `images`. Tools, JSON modes
and stops with a comma in them cannot be said.
Read: a prediction that is done is the answer. Otherwise its stream is followed where it has one, whose events
are plain text; else it is looked at again and again. A stream tells no token counts: they cost one more
request, so they are left to be estimated. Without a stream of ours the provider is asked to hold its answer
back for a second, no longer: until it answers, nobody knows what to cancel.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from racer_adapters import bodies
from racer_adapters.decoding import event_decoder
from racer_adapters.dialect import Dialect
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import NotJson, as_count, as_list, as_object, as_text, dump, parse
from racer_adapters.polling import pause
from racer_adapters.refusals import COMMON, Rules, classify, in_band, rows
from racer_adapters.request import given, post, settled
from racer_adapters.thinking import Thinking
from racer_adapters.turns import system_text, text_of
from racer_adapters.types import End, Finish, FollowUp, ImagePart, Undo, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from racer_adapters.dialect import Decoder, Event
    from racer_adapters.types import Call, Message, Target, WireRequest

RULES: Rules = (
    *rows(Kind.NO_MODEL, (422,), "invalid version or not permitted", "version does not exist"),
    *rows(Kind.TOO_LONG, (), "prompttoolong", "prompt length exceeds"),
    *rows(Kind.SERVER, (), "code=canceled;", "code=aborted;"),
    *COMMON,
)

OURS = frozenset({"version", "input", "stream"})
WAIT = "wait=1"
# The streams of language models lie on another domain than the API.
KIN = frozenset({"replicate.com", "replicate.net"})
EVENTS = {"accept": "text/event-stream", "cache-control": "no-store"}
SPEAKERS = {"user": "User", "assistant": "Assistant", "tool": "Result"}

# ---------------------------------------------------------------- what is asked


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` holds what JSON cannot."""
    inputs, undone = settled(_inputs(call), as_object(call.extra.get("input")), target)
    owned = "/" in target.model and ":" not in target.model
    fields = given(
        version=None if owned else target.model.rpartition(":")[2],
        input=inputs,
        stream=call.stream or None,
    )
    extra = {name: value for name, value in call.extra.items() if name != "input"}
    body, dropped = settled(fields, extra, target, OURS)
    path = f"/models/{quote(target.model)}/predictions" if owned else "/predictions"
    request = post(target, path, body, (*dropped, *undone, *_unsaid(call)))
    return request if call.stream else replace(request, headers={"prefer": WAIT, **request.headers})


def _inputs(call: Call) -> dict[str, Any]:
    system, prompt = system_text(call.messages), _prompt(call.messages)
    parts = (part for message in call.messages for part in message.content)
    pictures = [part.url for part in parts if isinstance(part, ImagePart)]
    return given(
        prompt=prompt or system,
        system_prompt=system if prompt else None,
        image=pictures[0] if len(pictures) == 1 else None,
        images=pictures if len(pictures) > 1 else None,
        max_tokens=call.max_tokens,
        temperature=call.temperature,
        top_p=call.top_p,
        stop_sequences=",".join(call.stop) if _stops_can_be_said(call) else None,
        seed=call.seed,
    )


def _prompt(messages: Sequence[Message]) -> str:
    """One question as it is; a conversation as a text that ends where the assistant is to go on."""
    said = [message for message in messages if message.role != "system"]
    if len(said) == 1 and said[0].role == "user":
        return text_of(said[0])
    lines = [_line(message) for message in said]
    if said and said[-1].role != "assistant":
        lines.append("Assistant:")
    return "\n\n".join(lines)


def _line(message: Message) -> str:
    calls = [f"[calls {call.name} with {call.arguments}]" for call in message.tool_calls]
    return f"{SPEAKERS[message.role]}: " + "\n".join(filter(None, (text_of(message), *calls)))


def _stops_can_be_said(call: Call) -> bool:
    """They go as one text, parted by commas."""
    return not any("," in stop for stop in call.stop)


def _unsaid(call: Call) -> Iterator[str]:
    if not _stops_can_be_said(call):
        yield "stop"
    if call.tools:
        yield "tools"
    if call.tool_choice is not None and call.tool_choice.mode in ("required", "named"):
        yield "tool_choice"
    if call.shape is not None:
        yield "response_format"


# ---------------------------------------------------------------- what comes back


class Prediction:
    """Reads a prediction as it stands. `looks`: how often it was looked at before."""

    __slots__ = ("_looks",)

    complete = False

    def __init__(self, looks: int = 0) -> None:
        self._looks = looks

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        status = as_text(message.get("status"))
        if status == "succeeded":
            return _answer(message)
        if status in ("starting", "processing"):
            return self._unfinished(as_object(message.get("urls")))
        if status in ("failed", "canceled", "aborted"):
            return [_lost(status, message.get("error"))]
        return ()

    def end(self) -> Sequence[Event]:
        return [WireError(Kind.TRUNCATED, "an end without a prediction")]

    def _unfinished(self, urls: dict[str, Any]) -> Sequence[Event]:
        stream, here, cancel = (as_text(urls.get(name)) for name in ("stream", "get", "cancel"))
        undo = [Undo(cancel)] if cancel else []
        if stream:
            output = event_decoder(Output(), RULES, _plain)
            return [*undo, FollowUp(stream, output, headers=EVENTS, kin=KIN)]
        if here:
            look = event_decoder(Prediction(self._looks + 1), RULES)
            return [*undo, FollowUp(here, look, after=pause(self._looks))]
        return [*undo, WireError(Kind.MALFORMED, "a prediction that cannot be followed: it has no address")]


def _answer(prediction: dict[str, Any]) -> list[Event]:
    output = prediction.get("output")
    said = output if isinstance(output, str) else "".join(map(as_text, as_list(output)))
    if isinstance(output, dict):
        said = as_text(as_object(output).get("text")) or dump(as_object(output))
    thinking = Thinking()
    counts = as_object(prediction.get("metrics"))
    usage = Usage(as_count(counts.get("input_token_count")), as_count(counts.get("output_token_count")))
    told = [] if usage == Usage() else [usage]
    return [*(thinking.feed(said) if said else ()), *thinking.close(), *told, Finish("stop"), End()]


class Output:
    """Reads the stream of one prediction; errors in it are the decoder's to tell."""

    __slots__ = ("_thinking",)

    complete = False

    def __init__(self) -> None:
        self._thinking = Thinking()

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        text = as_text(message.get("plain"))
        if name == "output":
            return self._thinking.feed(text) if text else ()
        return self._done(text) if name == "done" else ()

    def end(self) -> Sequence[Event]:
        return [*self._thinking.close(), Finish("stop"), End()]

    def _done(self, text: str) -> Sequence[Event]:
        """Its data is an object, with a reason where it is no good end; half of one is no end at all."""
        try:
            reason = as_text(as_object(parse(text.encode())).get("reason"))
        except NotJson:
            return ()
        return [_lost(reason)] if reason else self.end()


def _plain(data: bytes) -> dict[str, str]:
    """An event's data is text, in a field of its own so that no JSON body is taken for it."""
    return {"plain": data.decode("utf-8", "replace")}


def _lost(how: str, error: Any = None) -> WireError:
    return in_band(RULES, bodies.in_json({"error": error or f"the prediction has ended: {how}", "code": how}))


def _decoder() -> Decoder:
    return event_decoder(Prediction(), RULES)


REPLICATE = Dialect(
    name="replicate",
    encode=encode,
    decoder=_decoder,
    classify=partial(classify, RULES),
    jobs=True,
)
