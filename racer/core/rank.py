"""Which lanes may answer this call, and in which order they are asked. Every lane left out has its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from racer.core.field import LATEST, Skipped
from racer.core.tokens import prompt_tokens
from racer_adapters.types import ImagePart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from racer.core.provider import Lane, Provider
    from racer_adapters.types import Call, Message

Form = tuple[float, float]
UNKNOWN: Form = (0.0, 0.0)
_NO_FORMS: Mapping[str, Form] = {}
TASKS = ("chat", "fast", "deep", "creative", "code")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller asks of the lanes. Names are a provider, `provider/model`, or a tag."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    task: str | None = None
    private: bool = False

    def concern(self, provider: str) -> bool:
        """Whether `only` leaves anything of `provider`, as far as its name can tell."""
        names = [name.partition("/")[0] for name in self.only]
        return not names or provider in names


@dataclass(frozen=True, slots=True)
class Ranking:
    """`groups`: by a lane's id, how the caller's wishes part the lanes: one of a lower group goes first."""

    lanes: tuple[Lane, ...]
    skipped: tuple[Skipped, ...] = field(default=())
    groups: Mapping[str, int] = field(default_factory=dict[str, int])


def rank(
    lanes: Sequence[Lane],
    call: Call,
    wishes: Wishes,
    uses: Mapping[str, int],
    forms: Mapping[str, Form] = _NO_FORMS,
) -> Ranking:
    """`forms` holds, by a lane's id, how slow it was of late and how much of its limits is used.

    Little of either is good. `uses` counts the calls made on each account so far: among equals the least
    used goes first.
    """
    needs, tokens = needs_of(call), tokens_of(call)
    fit: list[Lane] = []
    skipped: list[Skipped] = []
    for lane in lanes:
        reason = why_not(lane, needs, wishes, tokens)
        if reason is None:
            fit.append(lane)
        else:
            skipped.append(Skipped(lane.id, reason))
    fit.sort(key=lambda lane: _place(lane, wishes, uses, forms))
    wished = bool(wishes.prefer) or wishes.task is not None
    groups = {lane.id: _group(lane, wishes) for lane in fit} if wished else {}
    return Ranking(tuple(fit), tuple(skipped), groups)


def _group(lane: Lane, wishes: Wishes) -> int:
    return 2 * _liking(lane, wishes) + _is_off_task(lane, wishes)


def _liking(lane: Lane, wishes: Wishes) -> int:
    liked = (place for place, name in enumerate(wishes.prefer) if matches(lane, name))
    return next(liked, len(wishes.prefer))


def _is_off_task(lane: Lane, wishes: Wishes) -> bool:
    return wishes.task is not None and wishes.task not in lane.model.tags


def _place(
    lane: Lane, wishes: Wishes, uses: Mapping[str, int], forms: Mapping[str, Form]
) -> tuple[int, bool, bool, bool, int, Form, int]:
    return (
        _liking(lane, wishes),
        _is_off_task(lane, wishes),
        not lane.provider.local,
        lane.is_cold,
        lane.provider.priority,
        forms.get(lane.id, UNKNOWN),
        uses.get(lane.account.name, 0),
    )


def why_not(lane: Lane, needs: frozenset[str], wishes: Wishes, tokens: int = 0) -> str | None:
    """Why `lane` must not answer, or None when it may. `tokens`: what its context would have to hold."""
    if wishes.only and not any(matches(lane, name) for name in wishes.only):
        return "not in only"
    if any(matches(lane, name) for name in wishes.exclude):
        return "excluded"
    if wishes.private and not is_private(lane):
        return "private: not local, and not known to keep its hands off the data"
    lacking = needs - lane.model.can - ({"json"} if "schema" in lane.model.can else frozenset())
    if lacking:
        return f"cannot do {', '.join(sorted(lacking))}"
    context = lane.model.context
    if context is not None and tokens > context:
        return f"too long: about {tokens:,} tokens with the answer, and its context has {context:,}"
    return None


def is_private(lane: Lane) -> bool:
    return lane.provider.local or lane.provider.trains_on_data is False


def needs_of(call: Call) -> frozenset[str]:
    """The capabilities that a model must have for this call."""
    if not call.tools and call.shape is None and all(map(_is_plain, call.messages)):
        return frozenset()
    needs: set[str] = set()
    if call.tools or any(message.tool_calls or message.role == "tool" for message in call.messages):
        needs.add("tools")
    if call.shape is not None:
        needs.add("json" if call.shape.kind == "json" else "schema")
    if any(_shows_an_image(message) for message in call.messages):
        needs.add("vision")
    return frozenset(needs)


def tokens_of(call: Call) -> int:
    """About how many the prompt has, and the answer may have where the call says so."""
    return prompt_tokens(call) + (call.max_tokens or 0)


def _is_plain(message: Message) -> bool:
    return type(message.content) is str and not message.tool_calls and message.role != "tool"


def _shows_an_image(message: Message) -> bool:
    content = message.content
    return not isinstance(content, str) and any(isinstance(part, ImagePart) for part in content)


def matches(lane: Lane, name: str) -> bool:
    if name in (lane.provider.name, lane.id) or name in lane.model.tags:
        return True
    return name.removesuffix(LATEST) == f"{lane.provider.name}/{lane.model.name}".removesuffix(LATEST)


def known_names(providers: Iterable[Provider], lanes: Iterable[Lane]) -> frozenset[str]:
    """Everything that `only`, `exclude` and `prefer` may hold."""
    names: set[str] = set(TASKS)
    for provider in providers:
        names.add(provider.name)
        for model in provider.models:
            names.add(f"{provider.name}/{model.name.removesuffix(LATEST)}")
            names.update(model.tags)
    for lane in lanes:
        names.add(lane.id)
        names.add(f"{lane.provider.name}/{lane.model.name.removesuffix(LATEST)}")
    return frozenset(names)
