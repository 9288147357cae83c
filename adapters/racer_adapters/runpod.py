"""The dialect of RunPod's job queues, for workers that serve a model with vLLM; their OpenAI door is better.

The base URL ends before the endpoint; what stands for the model is the endpoint's id.
Sent: messages, and sampling always with `max_tokens`, since the worker's own default is 16.
`extra = { input = { … } }` adds to the job's input. Tools, JSON modes and pictures cannot be said.
Read: the state of a job, with its output as far as it has come. A job of `/run` is asked for the pieces that
are new, one of `/runsync` for its state. The worker tells no reason why it stopped: it counts as "stop".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from racer_adapters import bodies
from racer_adapters.completions import Completions
from racer_adapters.decoding import event_decoder
from racer_adapters.dialect import Dialect
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import as_count, as_list, as_number, as_object, as_text
from racer_adapters.polling import pause
from racer_adapters.refusals import COMMON, Rules, classify, in_band
from racer_adapters.request import given, post, settled
from racer_adapters.thinking import Thinking
from racer_adapters.turns import arguments_object, text_of
from racer_adapters.types import End, Finish, FollowUp, ImagePart, Text, Undo, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from racer_adapters.dialect import Decoder, Event
    from racer_adapters.types import Call, Message, Target, WireRequest

RULES: Rules = COMMON

OURS = frozenset({"input"})
MAX_TOKENS = 4096
# How long the provider may hold its answer back: until it answers, nobody knows what to cancel.
WAIT_MILLISECONDS = 5000

WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS", "RUNNING"})
LOST: dict[str, Kind] = {
    "FAILED": Kind.IN_BAND,
    "CANCELLED": Kind.SERVER,
    "TIMED_OUT": Kind.TIMEOUT,
}

# ---------------------------------------------------------------- what is asked


def encode(call: Call, target: Target) -> WireRequest:
    """Raises TypeError where `extra` holds what JSON cannot."""
    more = as_object(call.extra.get("input"))
    sampling, undone = settled(_sampling(call), as_object(more.get("sampling_params")), target)
    inputs = given(messages=[_message(message) for message in call.messages], stream=call.stream or None)
    job, unsent = settled({**inputs, "sampling_params": sampling}, _without(more, "sampling_params"), target)
    body, dropped = settled({"input": job}, _without(call.extra, "input"), target, OURS)
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


def _without(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {each: value for each, value in fields.items() if each != name}


def _message(message: Message) -> dict[str, Any]:
    """As chat templates want it: text alone, and the arguments of a call as an object."""
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments_object(call)}}
        for call in message.tool_calls
    ]
    more = given(tool_calls=calls, tool_call_id=message.tool_call_id, name=message.name)
    return {"role": message.role, "content": text_of(message), **more}


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
    """Reads one job, from one look to the next."""

    __slots__ = ("_cost", "_finished", "_idle", "_spoke", "_thinking")

    complete = False

    def __init__(self) -> None:
        self._thinking = Thinking()
        self._idle = 0
        self._cost = 0.0
        self._spoke = False
        self._finished = False

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        status = as_text(message.get("status"))
        if status not in WAITING and status not in LOST and status != "COMPLETED":
            return ()
        pieces = [as_object(piece).get("output") for piece in as_list(message.get("stream"))]
        self._idle = 0 if pieces else self._idle + 1
        events = self._output(pieces)
        if events and isinstance(events[-1], WireError):
            return events
        id_ = quote(as_text(message.get("id")), safe="")
        if status in LOST:
            said = bodies.in_json({"error": message.get("error") or f"the job is {status}"})
            return [*events, in_band(RULES, said) if status == "FAILED" else WireError(LOST[status], said.message)]
        if status in WAITING:
            return [*events, Undo(f"cancel/{id_}"), self._look(id_, pause(self._idle - 1))]
        return self._completed(events, id_, message)
