"""What Gemini answers -> events: responses, whole or in pieces, refusals, and its list of models.

Reader rules:
1. A stream has no end marker: the end of the body after a finish reason is its end. Some models give a finish
   reason with every piece, so that it is no reason to stop reading.
2. Parts marked as thoughts are reasoning. A candidate may have no parts, and no content at all.
3. Thoughts are counted apart from the answer and are paid like it, so they are added. The last usage counts.
4. A prompt that was blocked has no candidates, but a reason.
5. A call of a tool comes whole in one part, often without an id, and signed where the model thinks.
6. A reply that stopped because the model wrote a call that cannot be used is the model's failure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from racer_adapters import bodies
from racer_adapters.errors import Kind, WireError
from racer_adapters.jsontext import NotJson, as_count, as_list, as_object, as_text, dump, parse_first
from racer_adapters.refusals import COMMON, Rules, in_band, rows
from racer_adapters.types import End, Finish, FinishReason, Installed, Reasoning, Text, ToolDelta, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer_adapters.dialect import Event

RULES: Rules = (
    # A limit of zero: this project is not let to this model, however long it is told to wait.
    *rows(Kind.DENIED, (429,), "limit: 0,", "limit: 0 ", least_wait=math.inf),
    *rows(Kind.CREDIT, (403, 429), "credits are depleted", "spending cap"),
    *rows(Kind.OVERLOADED, (429,), "model_capacity_exhausted"),
    # Google counts for each project and model. A wait of a minute is that of the minute's limit.
    *rows(Kind.QUOTA, (429,), "perday", model_only=True, least_wait=120.0),
    *rows(Kind.RATE, (429,), "perminute", model_only=True),
    *rows(Kind.AUTH, (400, 403), "code=api_key_"),
    *rows(Kind.DENIED, (400,), "code=failed_precondition;"),
    *rows(Kind.NO_MODEL, (400,), "unexpected model name format"),
    *rows(Kind.TOO_LONG, (400,), "request payload size exceeds"),
    # Only Gemini wants signatures, so the caller's conversation is well enough for the others.
    *rows(Kind.INVALID, (400,), "thought_signature", "thought signature"),
    *COMMON,
    *rows(Kind.RATE, (429,), "code=resource_exhausted;", model_only=True),
)

REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(
        (
            "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
            "ESCALATION", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
        ),
        "content_filter",
    ),
}  # fmt: skip
FAILURES: dict[str, tuple[Kind, str]] = {
    "MALFORMED_FUNCTION_CALL": (Kind.INVALID, "the model wrote a tool call that cannot be read"),
    "UNEXPECTED_TOOL_CALL": (Kind.INVALID, "the model called a tool that it was not given"),
    "TOO_MANY_TOOL_CALLS": (Kind.INVALID, "the model made too many tool calls"),
    "MALFORMED_RESPONSE": (Kind.INVALID, "the model wrote a reply that cannot be read"),
    "MISSING_THOUGHT_SIGNATURE": (Kind.INVALID, "the conversation lacks the signature of a tool call"),
    "PUP_LIMITED_DISABLED": (Kind.AUTH, "the account is limited for breaking the rules of use"),
}
UNFINISHED = "FINISH_REASON_UNSPECIFIED"


class Candidates:
    """Reads one reply, streamed or whole."""

    __slots__ = ("_calls", "complete")

    def __init__(self) -> None:
        self._calls = 0
        self.complete = False

    def frame(self, name: str, message: dict[str, Any]) -> Sequence[Event]:
        if message.get("error"):
            return [in_band(RULES, bodies.in_json(message))]
        events = _usage(as_object(message.get("usageMetadata")))
        feedback = as_object(message.get("promptFeedback"))
        if as_text(feedback.get("blockReason")):
            return [*events, _blocked(feedback)]
        for candidate in as_list(message.get("candidates")):
            if not as_object(candidate).get("index"):
                self._candidate(as_object(candidate), events)
                break
        return events

    def end(self) -> Sequence[Event]:
        return [End()]

    def _candidate(self, candidate: dict[str, Any], events: list[Event]) -> None:
        for part in as_list(as_object(candidate.get("content")).get("parts")):
            self._part(as_object(part), events)
        finish = as_text(candidate.get("finishReason"))
        if finish in FAILURES:
            kind, words = FAILURES[finish]
            said = bodies.one_line(as_text(candidate.get("finishMessage")))
            events.append(WireError(kind, said or words))
        elif finish and finish != UNFINISHED:
            self.complete = True
            reason = REASONS.get(finish, "other")
            events.append(Finish("tool_calls" if reason == "stop" and self._calls else reason))

    def _part(self, part: dict[str, Any], events: list[Event]) -> None:
        text = as_text(part.get("text"))
        if text:
            events.append(Reasoning(text) if part.get("thought") is True else Text(text))
        if "functionCall" in part:
            call = as_object(part["functionCall"])
            events.append(
                ToolDelta(
                    index=self._calls,
                    id=as_text(call.get("id")),
                    name=as_text(call.get("name")),
                    arguments=dump(call.get("args") or {}),
                    signature=as_text(part.get("thoughtSignature")),
                )
            )
            self._calls += 1


def _blocked(feedback: dict[str, Any]) -> WireError:
    why = as_text(feedback.get("blockReasonMessage")) or as_text(feedback.get("blockReason"))
    return WireError(Kind.BLOCKED, bodies.one_line(f"the prompt was blocked: {why}"))


def _usage(usage: dict[str, Any]) -> list[Event]:
    """What tools of Google's own put into the prompt is counted apart from it as well."""
    said = Usage(
        input_tokens=as_count(usage.get("promptTokenCount")) + as_count(usage.get("toolUsePromptTokenCount")),
        output_tokens=as_count(usage.get("candidatesTokenCount")) + as_count(usage.get("thoughtsTokenCount")),
    )
    return [] if said == Usage() else [said]


def read_models(listed: Sequence[bytes]) -> tuple[Installed, ...]:
    """Those that can generate text, in the server's order, under their bare names. Never raises."""
    try:
        models = as_list(as_object(parse_first(listed[0]) if listed else None).get("models"))
    except NotJson:
        return ()
    able = [
        m for m in map(as_object, models) if "generateContent" in as_list(m.get("supportedGenerationMethods"))
    ]
    names = (as_text(model.get("name")).removeprefix("models/") for model in able)
    return tuple(Installed(name) for name in names if name)
