"""The dialect of RunPod's job queues, for workers that serve a model with vLLM; their OpenAI door is better.

The base URL ends before the endpoint; what stands for the model is the endpoint's id.
Sent: messages, and sampling always with `max_tokens`, since the worker's own default is 16.
`extra = { input = { … } }` adds to the job's input. Tools, JSON modes and pictures cannot be said.
Read: the state of a job, and its output as far as it has come. A job of `/run` is asked for the pieces that
are new, one of `/runsync` for its state. The worker tells no reason why it stopped: it counts as "stop".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from racer_adapters import bodies
from racer_adapters.decoding import event_decoder
from racer_adapters.dialect import Dialect
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import as_count, as_list, as_number, as_object, as_text
from racer_adapters.polling import pause
from racer_adapters.refusals import COMMON, Rules, classify, in_band, rows
from racer_adapters.request import given, post, settled
from racer_adapters.thinking import Thinking
from racer_adapters.turns import arguments_object, text_of
from racer_adapters.types import End, Finish, FollowUp, ImagePart, Undo, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from racer_adapters.dialect import Decoder, Event
    from racer_adapters.types import Call, Message, Target, ToolCall, WireRequest

RULES: Rules = (
    *rows(Kind.TIMEOUT, (), "code=timed_out;"),
    *rows(Kind.SERVER, (), "code=cancelled;"),
    *COMMON,
)

OURS = frozenset({"input", "messages", "stream"})
MAX_TOKENS = 4096
# How long the provider may hold its answer back: until it answers, nobody knows what to cancel.
WAIT_MILLISECONDS = 1000
SYNCHRONOUS = "sync-"
WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS", "RUNNING"})
LOST = frozenset({"FAILED", "CANCELLED", "TIMED_OUT"})

# ---------------------------------------------------------------- what is asked


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` holds what JSON cannot."""
    more = as_object(call.extra.get("input"))
    sampling, undone = settled(_sampling(call), as_object(more.get("sampling_params")), target)
    fields = given(
        messages=[_message(message) for message in call.messages],
        sampling_params=sampling,
        stream=call.stream or None,
    )
    job, unsent = settled(fields, _without("sampling_params", more), target, OURS)
    body, dropped = settled({"input": job}, _without("input", call.extra), target, OURS)
    door = "run" if call.stream else f"runsync?wait={WAIT_MILLISECONDS}"
    path = f"/{quote(target.model, safe='')}/{door}"
    return post(target, path, body, (*dropped, *unsent, *undone, *_unsaid(call)))


def _sampling(call: Call) -> dict[str, Any]:
    return given(
        max_tokens=MAX_TOKENS if call.max_tokens is None else call.max_tokens,
        temperature=call.temperature,
        top_p=call.top_p,
        stop=call.stop,
        seed=call.seed,
    )


def _without(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {each: value for each, value in fields.items() if each != name}


def _message(message: Message) -> dict[str, Any]:
    calls = [_tool_call(call) for call in message.tool_calls]
    more = given(tool_calls=calls, tool_call_id=message.tool_call_id, name=message.name)
    return {"role": message.role, "content": text_of(message), **more}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    """As chat templates want it, with the arguments as an object."""
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments_object(call)},
    }


def _unsaid(call: Call) -> Iterator[str]:
    if any(isinstance(part, ImagePart) for message in call.messages for part in message.content):
        yield "image_url"
    if call.tools:
        yield "tools"
    if call.tool_choice is not None and call.tool_choice.mode in ("required", "named"):
        yield "tool_choice"
    if call.shape is not None:
        yield "response_format"


# ---------------------------------------------------------------- what comes back


class Job:
    """Reads one job, from one look at it to the next."""

    __slots__ = ("_cost", "_id", "_idle", "_spoke", "_thinking")

    complete = False

    def __init__(self) -> None:
        self._thinking = Thinking()
        self._id = ""
        self._idle = 0
        self._spoke = False
        self._cost: float | None = None

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        status = as_text(message.get("status"))
        self._id = self._id or quote(as_text(message.get("id")), safe="")
        pieces = [as_object(piece).get("output") for piece in as_list(message.get("stream"))]
        if status in WAITING:
            return self._waiting(pieces)
        if status == "COMPLETED":
            return self._completed(pieces, message)
        if status in LOST:
            error = message.get("error") or f"the job is {status}"
            return [in_band(RULES, bodies.in_json({"error": error, "status": status}))]
        return ()

    def end(self) -> Sequence[Event]:
        return [WireError(Kind.TRUNCATED, "an end without a job")]

    def _waiting(self, pieces: list[Any]) -> Sequence[Event]:
        if not self._id:
            return [WireError(Kind.MALFORMED, "a job that cannot be followed: it has no id")]
        wait = pause(0 if pieces else self._idle)
        self._idle = 0 if pieces else self._idle + 1
        events = self._read(pieces)
        follow = self._look("status" if self._id.startswith(SYNCHRONOUS) else "stream", wait)
        return events if _failed(events) else [*events, Undo(f"cancel/{self._id}"), follow]

    def _completed(self, pieces: list[Any], message: dict[str, Any]) -> Sequence[Event]:
        """Pieces come until a look brings none. Of a worker that gives none, the output is asked for."""
        if pieces:
            events = self._read(pieces)
            return events if _failed(events) else [*events, self._look("stream")]
        if "stream" in message and not (self._spoke or message.get("output")):
            return [self._look("status")]
        events = () if self._spoke else self._read([message.get("output")])
        return events if _failed(events) else [*events, *self._thinking.close(), Finish("stop"), End()]

    def _look(self, door: str, after: float = 0.0) -> FollowUp:
        return FollowUp(f"{door}/{self._id}", event_decoder(self, RULES), after=after)

    def _read(self, outputs: list[Any]) -> Sequence[Event]:
        """Each is a batch, a text, or a list of these. An error among them is the last event."""
        events: list[Event] = []
        for output in outputs:
            for part in as_list(output) or [output]:
                events += (
                    self._batch(as_object(part)) if isinstance(part, dict) else self._text(as_text(part))
                )
                if _failed(events):
                    return events
        return events

    def _batch(self, batch: dict[str, Any]) -> Sequence[Event]:
        """Some tokens of a worker, or all; older workers give one text, and their counts beside it."""
        if batch.get("error"):
            return [in_band(RULES, bodies.in_json(batch))]
        choices = as_list(batch.get("choices"))
        tokens = as_object(choices[0] if choices else batch).get("tokens" if choices else "text")
        if tokens is None:
            return [WireError(Kind.MALFORMED, "an output in a form of its own")]
        text = as_text(tokens) or "".join(map(as_text, as_list(tokens)))
        return [*self._text(text), *self._usage(batch)]

    def _text(self, text: str) -> Sequence[Event]:
        self._spoke = self._spoke or text != ""
        return self._thinking.feed(text) if text else ()

    def _usage(self, batch: dict[str, Any]) -> Sequence[Event]:
        """The counts grow from batch to batch; the cost comes with the last."""
        counts = as_object(batch.get("usage"))
        cost = as_number(batch.get("cost"))
        self._cost = self._cost if cost is None or cost < 0 else cost
        said = Usage(
            as_count(counts.get("input")) or as_count(batch.get("input_tokens")),
            as_count(counts.get("output")) or as_count(batch.get("output_tokens")),
            usd=self._cost,
        )
        return [] if said == Usage() else [said]


def _failed(events: Sequence[Event]) -> bool:
    return bool(events) and isinstance(events[-1], WireError)


def _decoder() -> Decoder:
    return event_decoder(Job(), RULES)


RUNPOD = Dialect(
    name="runpod",
    encode=encode,
    decoder=_decoder,
    classify=partial(classify, RULES),
    jobs=True,
)
