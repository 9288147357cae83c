"""What `into=` asks for: what a provider is told, and how a text becomes a value.

`racer.parsed` makes an `Into` of a type or a schema; nothing here knows a library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from racer.core.unwrap import candidates, flaw

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.core.unwrap import Flaw
    from racer_adapters.types import Shape


class Misfit(ValueError):
    """JSON that is not what was asked for. The message says where and why: "$.steps[2]: expected …"."""


@dataclass(frozen=True, slots=True)
class Into:
    """`target` is what the caller gave. `shape` is of kind "schema".

    `read` makes the value of a text that is one JSON document, and raises Misfit where it does not fit.
    """

    target: object
    shape: Shape
    read: Callable[[str], Any]


def fit(text: str, into: Into, *, cut_off: bool) -> Any:
    """The value of the first JSON in `text` that fits. `cut_off`: the provider ended it for its length.

    Raises Misfit of the longest, which is what was meant as the answer.
    """
    length, told = 0, Misfit("no JSON in the reply")
    for candidate in candidates(text):
        try:
            return into.read(candidate)
        except Misfit as misfit:
            if len(candidate) > length:
                length, told = len(candidate), misfit
    broken = flaw(text)
    if broken is not None and broken.length > length:
        raise Misfit(_why_no_json(broken, cut_off=cut_off))
    if cut_off and not length:
        raise Misfit("cut off before any JSON: allow more max_tokens")
    raise told


def _why_no_json(broken: Flaw, *, cut_off: bool) -> str:
    if not broken.incomplete:
        return f"the reply is not JSON at character {broken.at + 1}: {broken.why}"
    return "cut off in mid-JSON: allow more max_tokens" if cut_off else "the JSON is not complete"
