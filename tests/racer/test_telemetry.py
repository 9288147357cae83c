"""Races as spans, as OpenTelemetry's own SDK collects them."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from racer import Racer, telemetry
from racer.core.facts import ClockJumped
from racer.core.heat import Ending, Outcome
from racer.errors import RaceLost
from racer.telemetry import Spans, observer
from racer.testing import ScriptedTransport, config_of, fails, hangs, says
from racer_adapters.errors import Kind, WireError
from tests.racer.server.rooms import WON, begins, ends, over, speaks, started

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from racer.core.facts import Fact
    from racer.testing import Script

SECRET = "a word that nobody may read"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Collected:
    """A tracer provider, and what has come of it."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def finished(self) -> Sequence[ReadableSpan]:
        """In the order of their ends."""
        return self._exporter.get_finished_spans()

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """By name; of several the last one."""
        return {span.name: span for span in self.finished}

    def __len__(self) -> int:
        return len(self.finished)

    def see(self, *facts: Fact) -> None:
        seen = Spans(self.provider)
        for fact in facts:
            seen(fact)

    async def race(self, scripts: Mapping[str, Script], **options: Any) -> None:
        transport = ScriptedTransport(scripts)
        seen = Spans(self.provider)
        config = config_of(*scripts, env={"RACER_LOG": "off"})
        async with Racer(config, transport=transport, observers=[seen]) as racer:
            await racer.race(SECRET, **options)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def context_of(span: ReadableSpan) -> Any:
    return span.get_span_context()


def test_names_of_the_conventions() -> None:
    """A race, and its lane as a client's span in it."""
    collected = Collected()
    collected.see(*WON, ClockJumped(1.0))
    race, lane = collected.spans["race all"], collected.spans["chat m"]

    assert (race.kind, lane.kind) == (trace.SpanKind.INTERNAL, trace.SpanKind.CLIENT)
    assert parent_of(lane) == context_of(race).span_id
    assert attributes(lane) == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "a", "gen_ai.request.model": "m",
        "gen_ai.request.stream": True, "gen_ai.response.model": "m", "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4, "gen_ai.response.time_to_first_chunk": 0.5,
        "server.address": "a.test", "racer.lane.id": "a/m", "racer.lane.attempt": 0,
        "racer.lane.why": "first", "racer.lane.price": 0.0,
        "racer.lane.outcome": "won", "racer.usage.estimated": False,
    }  # fmt: skip
    assert attributes(race) == {
        "racer.race.id": "r", "racer.race.policy": "all", "racer.race.width": 4, "racer.race.deadline": 60.0,
        "racer.race.lanes": 2, "racer.race.ending": "won", "racer.race.attempts": 1,
        "racer.race.extra_requests": 1, "racer.race.saved": 0.25, "racer.race.winner": "a/m",
    }  # fmt: skip
    assert (race.status.status_code, lane.status.status_code) == (trace.StatusCode.UNSET,) * 2


def test_names_of_attributes_are_those_of_the_package() -> None:
    """The conventions may still change: then this fails, and one file is looked at."""
    names_of: Any = import_module("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    known: set[str] = {getattr(names_of, name) for name in dir(names_of) if name.startswith("GEN_AI")}
    providers = {each.value for each in names_of.GenAiProviderNameValues}
    collected = Collected()
    collected.see(*WON)

    names = {name for name in attributes(collected.spans["chat m"]) if name.startswith("gen_ai.")}
    assert names <= known
    assert set(telemetry.PROVIDERS.values()) <= providers


def test_failures() -> None:
    """By class; what was said of them stays away. Lanes that were stopped or came late are well."""
    collected = Collected()
    said = f"rate 429: {SECRET}"
    collected.see(started(), begins(), ends(Outcome.FAILED, reason=said, status=429), over(Ending.EXHAUSTED))
    race, lane = collected.spans["race all"], collected.spans["chat m"]

    assert (race.status.status_code, lane.status.status_code) == (trace.StatusCode.ERROR,) * 2
    assert [attributes(span)["error.type"] for span in (race, lane)] == ["exhausted", "rate"]
    assert attributes(lane)["http.response.status_code"] == 429
    assert SECRET not in f"{race.to_json()}{lane.to_json()}"

    for outcome in (Outcome.LOST, Outcome.LATE):
        collected.see(started(), begins(), over(Ending.ABORTED), ends(outcome))
        assert collected.spans["chat m"].status.status_code is trace.StatusCode.UNSET
        assert collected.spans["race all"].status.status_code is trace.StatusCode.UNSET


def test_what_nobody_saw_begin() -> None:
    """There is no span of it, and none that nobody records."""
    collected = Collected()
    collected.see(begins(), speaks(), ends(), over())
    unrecorded = Spans(trace.NoOpTracerProvider())
    for fact in WON:
        unrecorded(fact)

    assert len(collected) == 0


def test_what_is_kept_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Races that never end do not fill the memory."""
    monkeypatch.setattr(telemetry, "MOST_OPEN", 2)
    seen = Spans(Collected().provider)
    for number in range(5):
        seen(started(str(number)))

    assert len(seen._races) == 2  # pyright: ignore[reportPrivateUsage]


@pytest.mark.anyio
async def test_a_race() -> None:
    """Each lane that ran has its span, and all are in one trace."""
    collected = Collected()
    tracer = collected.provider.get_tracer("caller")
    with tracer.start_as_current_span("caller") as caller:
        await collected.race({"a": says("hello", after=1.0), "b": hangs()})

    assert len(collected) == 4
    race = collected.spans["race all"]
    assert parent_of(race) == caller.get_span_context().span_id
    assert {context_of(span).trace_id for span in collected.spans.values()} == {
        caller.get_span_context().trace_id
    }
    assert SECRET not in "".join(span.to_json() for span in collected.spans.values())


@pytest.mark.anyio
async def test_a_race_that_is_lost() -> None:
    """Its spans end, too."""
    collected = Collected()
    with pytest.raises(RaceLost):
        await collected.race({"a": fails(WireError(Kind.SERVER, SECRET, status=500))})

    assert attributes(collected.spans["race all"])["error.type"] == "exhausted"
    assert SECRET not in "".join(span.to_json() for span in collected.spans.values())


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is no observer, and nobody asks for one."""
    assert isinstance(observer(), Spans)
    for name in [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})

    assert observer() is None


def test_the_trace_that_headers_name() -> None:
    """Without one, nothing is loaded and nothing changes."""
    telemetry.continue_trace({"accept": "*/*"})
    assert not trace.get_current_span().get_span_context().is_valid
