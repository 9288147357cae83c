"""One answer as a script: what is sent when. The player only plays it.

A script that ends without Reset, Hang or Flood ends in a clean end of the body. Instants are seconds
since the request came in, so that pauses do not add up to a drift.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from racer.sim.exchange import Frames, Reply, Turn, Wire
    from racer.sim.profile import Pace


@dataclass(frozen=True, slots=True)
class Send:
    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection ends in an RST."""

    at: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing more comes, until the client goes."""


@dataclass(frozen=True, slots=True)
class Flood:
    """`data` again and again, every `gap` seconds, until the client goes."""

    at: float
    data: bytes
    gap: float


Step = Send | Reset | Hang | Flood


@dataclass(frozen=True, slots=True)
class Script:
    """`opens`: when status and headers go out; None: never. `length`: None means chunked."""

    status: int
    headers: Mapping[str, str]
    steps: tuple[Step, ...]
    opens: float | None = 0.0
    length: int | None = None

    @property
    def instant(self) -> bytes | None:
        """The whole body, where all of it goes out at once and without delay."""
        data: list[bytes] = []
        for step in self.steps:
            if not isinstance(step, Send) or step.at > 0:
                return None
            data.append(step.data)
        return b"".join(data) if len(data) <= 1 and self.opens is not None and self.opens <= 0 else None


def reply_script(reply: Reply, at: float = 0.0, chunks: int = 1) -> Script:
    """A whole body at one instant."""
    steps = split([Send(at, reply.body)] if reply.body else [], chunks)
    return Script(reply.status, reply.headers, steps, opens=at, length=len(reply.body))


def healthy_script(wire: Wire, turn: Turn, pace: Pace) -> Script:
    """The answer as it should come."""
    chunks = turn.moment.provider.chunks
    if not turn.ask.stream or turn.ask.warm_up:
        last = pace.first + pace.gap * max(turn.answer.output_tokens - 1, 0)
        return reply_script(wire.whole(turn), last, chunks)
    frames = wire.stream(turn)
    return stream_script(frames, [*timed_frames(frames, pace)], pace, chunks)


def stream_script(frames: Frames, sends: Sequence[Step], pace: Pace, chunks: int = 1) -> Script:
    """A stream of `sends`; a flavour that opens early sends its headers and its `hello` at once."""
    steps = [Send(0.0, frames.hello), *sends] if frames.hello else sends
    return Script(200, frames.headers, split(steps, chunks), opens=0.0 if frames.early else pace.first)


def timed_frames(frames: Frames, pace: Pace) -> Iterable[Send]:
    """Every frame at its instant: those of one instant are joined."""
    pieces = [*frames.reasoning, *frames.tokens]
    if pace.gap <= 0 or len(pieces) < 2:
        return [Send(pace.first, b"".join([frames.opening, *pieces, frames.closing]))]
    pieces[0] = frames.opening + pieces[0]
    pieces[-1] += frames.closing
    return [Send(pace.first + n * pace.gap, piece) for n, piece in enumerate(pieces)]


def split(steps: Sequence[Step], chunks: int) -> tuple[Step, ...]:
    """Each send as `chunks` sends at the same instant."""
    if chunks <= 1:
        return tuple(steps)
    done: list[Step] = []
    for step in steps:
        if isinstance(step, Send) and len(step.data) > 1:
            size = -(-len(step.data) // chunks)
            done += [
                Send(step.at, step.data[place : place + size]) for place in range(0, len(step.data), size)
            ]
        else:
            done.append(step)
    return tuple(done)


def moved(script: Script, by: float) -> Script:
    """The same `by` seconds later, or earlier; what lies before the request then is sent at once."""
    opens = None if script.opens is None else max(script.opens + by, 0.0)
    steps = tuple(
        step if isinstance(step, Hang) else replace(step, at=max(step.at + by, 0.0)) for step in script.steps
    )
    return replace(script, opens=opens, steps=steps)
