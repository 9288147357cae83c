"""`chat.completion` objects and their chunks -> events: the reply of every OpenAI-compatible server.

Reader rules, learned from the servers that speak this dialect:
1. An `error` at the top counts before anything else; also `x_groq.error`, and `object: "error"`.
2. `choices` may be empty or missing, `delta` null, `content` null or a list of typed parts. Only the
   choice of index 0 is read. What has another type than expected is passed over.
3. Usage is taken from any chunk, also from `x_groq`; the last one that says anything counts.
4. Reasoning comes as `reasoning_content`, `reasoning`, `reasoning_details`, as a part of type `thinking`,
   or inline between think tags. It is never the answer. Where two of the fields repeat it, one is read.
5. A finish reason makes the answer complete, whatever follows. "error" is a failure; so is
   "insufficient_system_resource", with which a server admits that it stopped half-way.
6. A refusal is text that ends in `content_filter`. "stop" after tool calls is `tool_calls`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from racer_adapters import bodies
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import as_count, as_list, as_number, as_object, as_text, dump
from racer_adapters.refusals import in_band
from racer_adapters.thinking import Thinking
from racer_adapters.types import End, Finish, FinishReason, Reasoning, Refusal, Text, ToolDelta, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer_adapters.dialect import Event
    from racer_adapters.refusals import Rules

REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
FAILURES: dict[str, tuple[Kind, str]] = {
    "error": (Kind.IN_BAND, "the reply ended with the finish reason error"),
    "insufficient_system_resource": (Kind.OVERLOADED, "the server ran out of resources half-way"),
}


_NOTHING_BESIDE = frozenset({"error", "x_groq"})
_ORDINARY = frozenset({"role", "content"})


class Completions:
    """Reads one reply, streamed or whole."""

    __slots__ = ("_calls", "_ids", "_refused", "_rules", "_thinking", "complete")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._thinking = Thinking()
        self._calls: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._refused = False
        self.complete = False

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        if self._thinking.plain and (text := _text_alone(message)):
            return (Text(text),)
        if message.get("error") or message.get("object") == "error":
            return [in_band(self._rules, bodies.in_json(message))]
        groq = as_object(message["x_groq"]) if "x_groq" in message else message
        if groq.get("error"):
            return [in_band(self._rules, bodies.in_json(groq))]
        usage = message.get("usage") or groq.get("usage")
        events = _usage(as_object(usage)) if usage else []
        for choice in as_list(message.get("choices")):
            if not as_object(choice).get("index"):
                self._choice(as_object(choice), events)
                break
        return events

    def end(self) -> Sequence[Event]:
        return [*self._thinking.close(), End()]

    def _choice(self, choice: dict[str, Any], events: list[Event]) -> None:
        delta = as_object(choice.get("delta"))
        if not delta and "message" in choice:
            delta = as_object(choice["message"])
            self.complete = True
        content = delta.get("content")
        if not (content and _ORDINARY.issuperset(delta)):
            self._others(delta, events)
        if content:
            self._content(content, events)
        finish = choice.get("finish_reason")
        if finish:
            self._finish(as_text(finish), events)

    def _content(self, content: Any, events: list[Event]) -> None:
        if not isinstance(content, str):
            for part in as_list(content):
                self._part(as_object(part), events)
        elif self._thinking.plain:
            events.append(Text(content))
        else:
            events += self._thinking.feed(content)

    def _part(self, part: dict[str, Any], events: list[Event]) -> None:
        """One of a list of typed parts, as Mistral's reasoning models send them."""
        if part.get("type") == "thinking":
            thoughts = part.get("thinking")
            events += _reasoning(as_text(thoughts) or _joined(thoughts))
        elif as_text(part.get("text")):
            events += self._thinking.feed(as_text(part["text"]))

    def _others(self, delta: dict[str, Any], events: list[Event]) -> None:
        """Everything in a delta beside its content."""
        details = delta.get("reasoning_details")
        thought = as_text(delta.get("reasoning_content")) or as_text(delta.get("reasoning"))
        events += _reasoning(thought or (_joined(details) if details else ""))
        for call in as_list(delta.get("tool_calls")):
            events.append(self._tool(as_object(call)))
        refusal = as_text(delta.get("refusal"))
        if refusal:
            self._refused = True
            events.append(Refusal(refusal))

    def _tool(self, call: dict[str, Any]) -> ToolDelta:
        function = as_object(call.get("function"))
        arguments = function.get("arguments")
        id_, name = as_text(call.get("id")), as_text(function.get("name"))
        return ToolDelta(
            index=self._index(call.get("index"), id_, name),
            id=id_,
            name=name,
            arguments=arguments if isinstance(arguments, str) else dump(arguments) if arguments else "",
        )

    def _index(self, index: Any, id_: str, name: str) -> int:
        """Which call a fragment belongs to. Servers that give no index tell a new call by its id or name."""
        calls = self._calls
        if isinstance(index, int) and index >= 0:
            return self._numbered(f"#{index}", index, id_, name)
        if id_ in calls:
            return calls[id_]
        if id_ or name or not calls:
            calls[id_ or f"#{len(calls)}"] = len(calls)
        return len(calls) - 1

    def _numbered(self, place: str, index: int, id_: str, name: str) -> int:
        """Some servers give every call the same index: another id with a name begins another call."""
        number = self._calls.setdefault(place, index)
        known = self._ids.setdefault(number, id_)
        if known and id_ and name and id_ != known:
            number = self._calls[place] = max(self._ids) + 1
            self._ids[number] = id_
        return number

    def _finish(self, finish: str, events: list[Event]) -> None:
        failure = FAILURES.get(finish)
        if failure is not None:
            events.append(WireError(*failure))
            return
        self.complete = True
        reason = REASONS.get(finish, "other")
        if reason == "stop" and self._calls:
            reason = "tool_calls"
        events.append(Finish("content_filter" if self._refused else reason))


def _text_alone(message: dict[str, Any]) -> str:
    """The text of a chunk with nothing else in it: nearly every chunk is one, so it has a short way."""
    if message.get("usage") or message.get("object") == "error":  # a reply in one piece ends here
        return ""
    choices = as_list(message.get("choices"))
    if len(choices) != 1 or not _NOTHING_BESIDE.isdisjoint(message):
        return ""
    choice = as_object(choices[0])
    if choice.get("finish_reason") or choice.get("index"):
        return ""
    delta = as_object(choice.get("delta"))
    return as_text(delta.get("content")) if len(delta) == 1 else ""


def _reasoning(text: str) -> list[Event]:
    return [Reasoning(text)] if text else []


def _joined(parts: Any) -> str:
    objects = (as_object(part) for part in as_list(parts))
    return "".join(as_text(part.get("text")) or as_text(part.get("summary")) for part in objects)


def _usage(usage: dict[str, Any]) -> list[Event]:
    came = as_count(usage.get("prompt_tokens")) or as_count(usage.get("input_tokens"))
    went = as_count(usage.get("completion_tokens")) or as_count(usage.get("output_tokens"))
    neurons = _amount(usage.get("neurons"))
    usd = _amount(usage.get("cost")) or _amount(usage.get("estimated_cost"))
    says_nothing = not (came or went) and neurons is None and usd is None
    return [] if says_nothing else [Usage(came, went, False, neurons, usd)]


def _amount(value: Any) -> float | None:
    if value is None:  # as it nearly always is
        return None
    number = as_number(value)
    return number if number is not None and number >= 0 else None
