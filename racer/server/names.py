"""`model`, as clients write it -> who is asked, and by which policy.

auto                       everybody
auto:frugal, auto:fast     the same, by a policy or for a task
groq, groq/llama-3.1-8b    a provider, one of its models, a tag; or a model's name alone
groq,mistral               these
groq,auto                  these first, and then everybody
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from racer.core.field import LATEST
from racer.core.plan import POLICIES
from racer.core.rank import TASKS
from racer.server.question import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from racer.core.options import Options
    from racer.core.provider import Lane

AUTO = "auto"
MOST_NAMES = 64
LONGEST = 2000


def choices(lanes: Iterable[Lane]) -> list[tuple[str, str]]:
    """What `model` can be, each with its owner: the words of ours, then providers and their models."""
    lanes = tuple(lanes)
    own = [AUTO, *(f"{AUTO}:{word}" for word in (*POLICIES, *TASKS))]
    providers = dict.fromkeys(lane.provider.name for lane in lanes)
    models = dict.fromkeys((lane.id, lane.provider.name) for lane in lanes)
    return [
        *((name, "racer") for name in own),
        *((name, name) for name in providers),
        *models,
    ]


def owner_of(name: str, lanes: Iterable[Lane]) -> str | None:
    """Whose it is; also of tags, and of models' names alone, which no list has. None where nobody has it."""
    lanes = tuple(lanes)
    if any(name in lane.model.tags for lane in lanes):
        return "racer"
    alone = {lane.model.name.removesuffix(LATEST): lane.provider.name for lane in lanes}
    whole = {lane.model.name: lane.provider.name for lane in lanes}
    return (alone | whole | dict(choices(lanes))).get(name)


def options_of(model: object, lanes: Sequence[Lane]) -> Options:
    """`lanes` are those that there are. Raises Refused for what is no name at all, or no word of ours.

    A name that nobody has is left to the race, which knows what may yet appear.
    """
    names = _names(model)
    words = [name for name in names if name == AUTO or name.startswith(f"{AUTO}:")]
    others = [each for name in names if name not in words for each in _meant(name, lanes)]
    options: dict[str, Any] = {}
    for word in words:
        options |= _option(word)
    if others:
        options["prefer" if words else "only"] = others
    return cast("Options", options)


def _names(model: object) -> list[str]:
    if model is None:
        raise Refused(400, "model is missing: write auto, or a name that /v1/models lists", param="model")
    if not isinstance(model, str):
        raise Refused(400, "model is no text: write auto, or a name that /v1/models lists", param="model")
    names = list(dict.fromkeys(name for each in model.split(",") if (name := each.strip())))
    if not names or len(names) > MOST_NAMES or len(model) > LONGEST:
        raise Refused(
            400, "model is empty or too long: write auto, or a name that /v1/models lists", param="model"
        )
    return names


def _option(word: str) -> dict[str, str]:
    what = word.partition(":")[2]
    if not what and word == AUTO:
        return {}
    if what in POLICIES:
        return {"policy": what}
    if what in TASKS:
        return {"task": what}
    known = [f"{AUTO}:{each}" for each in (*POLICIES, *TASKS)]
    raise unknown(f"the model {shown(word)} does not exist: use {', '.join(known)}, or {AUTO} alone")


def _meant(name: str, lanes: Sequence[Lane]) -> list[str]:
    """A model's name alone means it wherever it is served."""
    if any(name in (lane.provider.name, lane.id) or name in lane.model.tags for lane in lanes):
        return [name]
    called = [lane.id for lane in lanes if lane.model.name in (name, f"{name}:latest")]
    return list(dict.fromkeys(called)) or [name]


def unknown(message: str) -> Refused:
    return Refused(404, message, param="model", code="model_not_found", again=False)


def nobody_is_called(name: str, lanes: Iterable[Lane]) -> Refused:
    """The refusal for a name that the race does not know."""
    known = [each for each, _ in choices(lanes)]
    near = get_close_matches(name, known, n=3)
    hint = (
        f"did you mean {', '.join(near)}?"
        if near
        else f"GET /v1/models lists them; {AUTO} asks whoever there is"
    )
    return unknown(f"the model {shown(name)} does not exist: {hint}")


def shown(name: str) -> str:
    """A client's own word, so that it can steer nobody's terminal."""
    return repr(name if len(name) <= 100 else f"{name[:100]}…")
