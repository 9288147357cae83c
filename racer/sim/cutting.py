"""The fault `cut`: an answer as it should come, up to an exact place of its body, and how it dies there."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from racer.sim.script import Hang, Reset, Script, Send, healthy_script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from racer.sim.exchange import Answer
    from racer.sim.scene import Scene
    from racer.sim.script import Step

NOWHERE = sys.maxsize


def cut_script(scene: Scene) -> Script:
    """A place behind the end changes nothing. `delay` lies between the last byte and what follows it."""
    script, fault = healthy_script(scene.wire, scene.turn, scene.pace), scene.fault
    place = _place_of(scene) if fault.bytes is None else fault.bytes
    steps = _up_to(script.steps, place)
    if steps is None:
        return script
    at = (steps[-1].at if steps else script.opens or 0.0) + (fault.delay or 0.0)
    if fault.how == "hang":
        return replace(script, steps=(*steps, Hang()))
    if fault.how == "reset":
        return replace(script, steps=(*steps, Reset(at)))
    end = (Send(at, b""),) if fault.delay else ()
    return replace(script, steps=(*steps, *end), length=None if script.length is None else place)


def _up_to(steps: Sequence[Step], place: int) -> tuple[Send, ...] | None:
    """The sends of the first `place` bytes; None: there are not so many."""
    kept: list[Send] = []
    for step in steps:
        assert isinstance(step, Send)
        if place > 0:
            kept.append(replace(step, data=step.data[:place]))
        place -= len(step.data)
    return None if place > 0 else tuple(kept)


def _place_of(scene: Scene) -> int:
    """How many bytes of the body there are when so many tokens were given."""
    if not scene.stream:
        return _place_in_whole(scene)
    frames, count = scene.frames(), scene.fault.tokens
    if count > len(frames.tokens):
        return NOWHERE
    return sum(map(len, [frames.hello, frames.opening, *frames.reasoning, *frames.tokens[:count]]))


def _place_in_whole(scene: Scene) -> int:
    """Where the body begins to differ from one that says so many tokens, or something else behind them."""
    answer, count = scene.turn.answer, scene.fault.tokens
    if count > max(len(answer.tokens), *(len(call.tokens) for call in answer.calls[:1]), 0):
        return NOWHERE
    others = (_saying(answer, count), _saying(answer, count, "\0"))
    bodies = [scene.wire.whole(replace(scene.turn, answer=other)).body for other in others]
    return min(_alike(scene.whole().body, body) for body in bodies)


def _saying(answer: Answer, count: int, *more: str) -> Answer:
    if not answer.calls:
        return replace(answer, tokens=(*answer.tokens[:count], *more))
    first = answer.calls[0]
    return replace(answer, calls=(replace(first, tokens=(*first.tokens[:count], *more)),))


def _alike(one: bytes, other: bytes) -> int:
    """How many first bytes two bodies have in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (left, right) in pairs if left != right), min(len(one), len(other)))
