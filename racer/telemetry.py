"""Races as spans of OpenTelemetry, where its API is installed: an observer.

A race is a span, and each of its lanes a client's span within it, by the conventions for generative AI
(`gen_ai.…`). No span holds a prompt, a reply, a key, or the text of an error. The span that is current
where a race starts is its parent.

    async with Racer(config, observers=[*filter(None, [telemetry.observer()])]) as racer: ...
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from racer.core.facts import LaneEnded, LaneFirstToken, LaneStarted, RaceEnded, RaceStarted
from racer.core.heat import Ending, Outcome
from racer.core.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span, TracerProvider

    from racer.core.facts import Fact, Observer
    from racer.core.provider import Lane

SCOPE = "racer"
MOST_OPEN = 10_000
# What the conventions call providers, where that is not their name here.
PROVIDERS = {
    "mistral": "mistral_ai",
    "gemini": "gcp.gemini",
    "xai": "x_ai",
}


def observer(provider: TracerProvider | None = None) -> Observer | None:
    """What makes spans of facts; None where OpenTelemetry is not installed.

    `provider` is the one that the program has set, where none is given.
    """
    if not is_installed():
        return None
    return Spans(provider)


def is_installed() -> bool:
    try:
        return find_spec("opentelemetry.trace") is not None
    except ModuleNotFoundError:
        return False


def continue_trace(headers: Mapping[str, str]) -> None:
    """Spans of this task belong to the trace that the headers of a request name, if they name one.

    Only for a task of the request's own: it ends with that. OpenTelemetry has to be installed.
    """
    if not any(name.lower() == "traceparent" for name in headers):
        return
    from opentelemetry import context, propagate

    carrier = {name.lower(): value for name, value in headers.items()}
    context.attach(propagate.extract(carrier))


class Spans:
    """An observer of facts. What is not over in the end is given up with it."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        from opentelemetry import trace

        self._trace = trace
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=provider)
        self._races: dict[str, Span] = {}
        self._lanes: dict[tuple[str, int], Span] = {}

    def __call__(self, fact: Fact) -> None:
        match fact:
            case RaceStarted():
                self._race_started(fact)
            case LaneStarted():
                self._lane_started(fact)
            case LaneFirstToken():
                if span := self._lanes.get((fact.race, fact.attempt)):
                    span.set_attribute("gen_ai.response.time_to_first_chunk", fact.after)
            case LaneEnded():
                if span := self._lanes.pop((fact.race, fact.attempt), None):
                    self._lane_ended(span, fact)
            case RaceEnded():
                if span := self._races.pop(fact.race, None):
                    self._race_ended(span, fact)
            case _:
                pass

    def _race_started(self, fact: RaceStarted) -> None:
        if len(self._races) >= MOST_OPEN:
            return
        span = self._tracer.start_span(f"race {fact.policy}", kind=self._trace.SpanKind.INTERNAL)
        if not span.is_recording():
            return
        span.set_attributes(
            {
                "racer.race.id": fact.race,
                "racer.race.policy": fact.policy,
                "racer.race.width": fact.width,
                "racer.race.deadline": fact.deadline,
                "racer.race.lanes": len(fact.lanes),
            }
        )
        self._races[fact.race] = span

    def _lane_started(self, fact: LaneStarted) -> None:
        race = self._races.get(fact.race)
        if race is None:
            return
        lane = fact.lane
        self._lanes[fact.race, fact.attempt] = self._tracer.start_span(
            f"chat {lane.model.name}",
            context=self._trace.set_span_in_context(race),
            kind=self._trace.SpanKind.CLIENT,
            attributes=_asked(lane)
            | {
                "racer.lane.attempt": fact.attempt,
                "racer.lane.why": fact.why.value,
                "racer.lane.price": fact.price,
            },
        )

    def _lane_ended(self, span: Span, fact: LaneEnded) -> None:
        record = fact.record
        span.set_attribute("gen_ai.request.stream", record.streamed)
        span.set_attribute("racer.lane.outcome", record.outcome.value)
        if record.status is not None:
            span.set_attribute("http.response.status_code", record.status)
        if record.outcome in (Outcome.WON, Outcome.LATE):
            span.set_attribute("gen_ai.response.model", record.model)
        if record.usage is not None:
            span.set_attribute("gen_ai.usage.input_tokens", record.usage.input_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", record.usage.output_tokens)
            span.set_attribute("racer.usage.estimated", record.usage.estimated)
        if record.outcome is Outcome.FAILED:
            self._failed(span, kind_of(record.reason))
        span.end()

    def _race_ended(self, span: Span, fact: RaceEnded) -> None:
        span.set_attributes(
            {
                "racer.race.ending": fact.ending.value,
                "racer.race.attempts": fact.attempts,
                "racer.race.extra_requests": fact.tax.requests,
                "racer.race.saved": fact.tax.saved,
            }
        )
        if fact.winner is not None:
            span.set_attribute("racer.race.winner", fact.winner.id)
        if fact.ending not in (Ending.WON, Ending.ABORTED):
            self._failed(span, fact.ending.value)
        span.end()

    def _failed(self, span: Span, kind: str) -> None:
        span.set_attribute("error.type", kind)
        span.set_status(self._trace.StatusCode.ERROR)


def _asked(lane: Lane) -> dict[str, Any]:
    name = lane.provider.name
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS.get(name, name),
        "gen_ai.request.model": lane.model.name,
        "server.address": lane.host,
        "racer.lane.id": lane.id,
    }
