"""What a line asks, read once: the options of the job, with what the line says itself over them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

import orjson

from racer.batch.case import Suite
from racer.core.latency import size_within
from racer.core.options import read
from racer.core.outlook import Outlook
from racer.core.rank import TASKS, known_names, matches, needs_of, rank, tokens_of
from racer.errors import BadRequest
from racer_adapters.messages import parse_messages
from racer_adapters.placed import shown
from racer_adapters.types import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.batch.line import Prompt
    from racer.batch.parts import Parts
    from racer.core.field import Field
    from racer.core.into import Into
    from racer.core.options import Ask, Messages, Options
    from racer.core.provider import Lane
    from racer.core.rank import Ranking

MOST_KNOWN = 1000
NOBODY: Mapping[str, Any] = {}  # a model that nobody has
POLICY: Literal["frugal"] = "frugal"  # an answer that nobody waits for is worth no second request


class Asks:
    """`options` are those of the job. Whatever is wrong with them is said when this is made: BadRequest."""

    def __init__(self, options: Options, system: str | None, into: Into | None, parts: Parts) -> None:
        self._options: Options = {"policy": POLICY, **options}
        self._into = into
        self._parts = parts
        self._system = () if system is None else parse_messages([{"role": "system", "content": system}])
        self.job = self._read("?", self._options)
        self.unknown_models: dict[str, int] = {}
        self._known: dict[bytes, Ask] = {}
        self._whoms: dict[str | None, Mapping[str, Any]] = {}

    def of(self, prompt: Prompt) -> tuple[Ask, Call]:
        """What is said of a line, and its own question, in place of the one there. Raises BadRequest."""
        ask = self._of(prompt.options, prompt.model) if prompt.options or prompt.model else self.job
        return ask, self._call(ask.call, prompt.messages)

    def forget(self) -> None:
        """Lanes have come or gone: who is meant by a model may have changed."""
        self._known.clear()
        self._whoms.clear()

    def _of(self, options: Mapping[str, Any], model: str | None) -> Ask:
        """Most lines say the same, so that little has to be read anew."""
        whom = self._whom(model)
        try:
            key = orjson.dumps((options, whom))
        except (TypeError, ValueError):
            return self._read("?", cast("Options", {**self._options, **options, **whom}))
        ask = self._known.get(key)
        if ask is None:
            ask = self._read("?", cast("Options", {**self._options, **options, **whom}))
            if len(self._known) < MOST_KNOWN:
                self._known[key] = ask
        return ask

    def _call(self, like: Call, messages: Messages) -> Call:
        """As `replace` would make it, at a quarter of what that costs."""
        try:
            said = (*self._system, *parse_messages(messages))
        except ValueError as error:
            raise BadRequest(str(error)) from None
        return Call(
            said, like.max_tokens, like.temperature, like.top_p, like.stop, like.seed, like.tools,
            like.tool_choice, like.shape, like.extra, like.stream,
        )  # fmt: skip

    def _read(self, messages: Messages, options: Options) -> Ask:
        """An answer in one piece costs less, and nobody reads along."""
        ask = read(messages, options, self._parts.defaults, self._into)
        return replace(ask, call=replace(ask.call, stream=False), proof=None)

    def _whom(self, model: str | None) -> Mapping[str, Any]:
        whom = self._whoms.get(model)
        if whom is None:
            whom = self._meant_by(model)
            if len(self._whoms) < MOST_KNOWN:
                self._whoms[model] = whom
        if whom is NOBODY and model is not None:
            self.unknown_models[model] = self.unknown_models.get(model, 0) + 1
        return whom

    def _meant_by(self, model: str | None) -> Mapping[str, Any]:
        """Who is meant by `model`. One that nobody has is no wish: whoever can answers, and it is told."""
        if model is None:
            return {}
        auto, _, task = model.partition(":")
        if auto == "auto":
            return {"task": task} if task in TASKS else {}
        lanes = self._parts.lineup.field.lanes
        names = [name.strip() for name in model.split(",")]
        meant = [lane for lane in lanes if any(_is_meant(lane, name) for name in names)]
        if not meant and not known_names(self._parts.providers, lanes) & set(names):
            return NOBODY
        wished = self.job.wishes.only
        left = [lane.id for lane in meant if not wished or any(matches(lane, name) for name in wished)]
        if not left:
            raise BadRequest(f"it asks for {shown(model)}, which the options of the batch leave out")
        return {"only": left}


def _is_meant(lane: Lane, name: str) -> bool:
    return lane.model.name == name or matches(lane, name)


class Suites:
    """The lanes for each kind of line: by what it needs, whom it wants, and how long it is."""

    def __init__(self, parts: Parts, field: Field) -> None:
        self._parts = parts
        self._field = field
        self._suites: dict[object, tuple[Suite, Ask, Call]] = {}
        self._contexts = self._all_contexts()

    def of(self, ask: Ask, call: Call) -> Suite:
        """Without a lane where nobody can answer it."""
        long = bisect_left(self._contexts, tokens_of(call)) if self._contexts else 0
        key = (ask.wishes, needs_of(call), size_within(call.max_tokens), ask.policy_name, long)
        known = self._suites.get(key)
        if known is None:
            known = self._suites[key] = self._new(ask, call), ask, call
        return known[0]

    def ranked(self, ask: Ask, call: Call) -> Ranking:
        parts, lanes = self._parts, self._field.lanes
        return rank(lanes, call, ask.wishes, parts.uses, parts.ledger.forms(lanes))

    def refresh(self, field: Field) -> bool:
        """Lanes have come or gone: whether they have."""
        if field is self._field:
            return False
        self._field = field
        self._contexts = self._all_contexts()
        for suite, ask, call in self._suites.values():
            ranking = self.ranked(ask, call)
            suite.lanes, suite.groups, suite.sorted_at = list(ranking.lanes), ranking.groups, -float("inf")
            suite.told = ranking.lanes
        return True

    def _new(self, ask: Ask, call: Call) -> Suite:
        ranking = self.ranked(ask, call)
        return Suite(list(ranking.lanes), ranking.groups, self._prospects(ask, call))

    def _prospects(self, ask: Ask, call: Call) -> Outlook:
        parts = self._parts
        gate = parts.ledger.admission(parts.stage.breakers, call)
        size, allowances = size_within(call.max_tokens), parts.budget.of(ask.policy_name)
        return Outlook(parts.ledger.latencies, gate, allowances, parts.ledger.now, sparing=False, size=size)

    def _all_contexts(self) -> list[int]:
        """Two lines are of one length where the same contexts are too short for both."""
        return sorted({lane.model.context for lane in self._field.lanes if lane.model.context is not None})
