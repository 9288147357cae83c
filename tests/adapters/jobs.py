"""Jobs in the tests of codecs: a row of bodies, each read by the decoder that the one before asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from racer_adapters.assembly import Assembly
from racer_adapters.errors import WireError

if TYPE_CHECKING:
    from racer_adapters.dialect import Dialect
    from racer_adapters.types import Answer, FollowUp, Undo


@dataclass
class Told:
    """What a whole job came to, and the requests that it asked for on the way."""

    answer: Answer
    follow_ups: list[FollowUp] = field(default_factory=list["FollowUp"])
    undo: Undo | None = None
    error: WireError | None = None

    @property
    def looks(self) -> list[str]:
        return [follow.url for follow in self.follow_ups]


def told(dialect: Dialect, *bodies: bytes) -> Told:
    """Each body is fed byte by byte. The last may ask for another request."""
    assembly, follow_ups = Assembly(), list["FollowUp"]()
    decoder = dialect.decoder()
    try:
        for body in bodies:
            for index in range(len(body)):
                assembly.add(decoder.feed(body[index : index + 1]))
            assembly.add(decoder.close())
            if assembly.follow_up is not None:
                follow_ups.append(assembly.follow_up)
                decoder, assembly.follow_up = assembly.follow_up.decoder, None
    except WireError as error:
        return Told(assembly.answer(), follow_ups, assembly.undo, error)
    return Told(assembly.answer(), follow_ups, assembly.undo)
