"""Of the faults of a union's branches: those of the branch that fits best, which was meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    Sort = Literal["kind", "constant", "other"]

_WORD = re.compile(r"[ ,]+|[^ ,]+")
_MOST_WORDINGS = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """`depth` counts the steps from the union's own place. A wrong kind or constant tells branches apart."""

    branch: Hashable
    depth: int
    sort: Sort


def best(faults: Sequence[Fault]) -> list[list[int]]:
    """The numbers of the faults of that branch; of several where none fits better than the others."""
    branches: dict[Hashable, list[int]] = {}
    for number, fault in enumerate(faults):
        branches.setdefault(fault.branch, []).append(number)
    ranks = [_rank([faults[number] for number in numbers]) for numbers in branches.values()]
    top = max(ranks)
    return [numbers for numbers, rank in zip(branches.values(), ranks, strict=True) if rank == top]


def _rank(faults: Sequence[Fault]) -> tuple[bool, bool, int, int]:
    """A value of the wrong kind is furthest off; then one whose `kind` says another; then by depth."""
    return (
        not any(fault.sort == "kind" and fault.depth == 0 for fault in faults),
        not any(fault.sort == "constant" and fault.depth <= 1 for fault in faults),
        min(fault.depth for fault in faults),
        -len(faults),
    )


def either(wordings: Sequence[str]) -> str:
    """In one: "expected int, got str", "expected array, got str" -> "expected int or array, got str"."""
    different = list(dict.fromkeys(wordings))[:_MOST_WORDINGS]
    words = [_WORD.findall(wording) for wording in different]
    before = _shared(words)
    after = _shared([each[before:][::-1] for each in words])
    middles = ["".join(each[before : len(each) - after]) for each in words]
    end = words[0][len(words[0]) - after :]
    return "".join([*words[0][:before], " or ".join(middles), *end])


def _shared(words: Sequence[Sequence[str]]) -> int:
    """How many of the first words are the same in all; one is left over."""
    most = min(len(each) for each in words) - 1
    return next((at for at in range(most) if len({each[at] for each in words}) > 1), max(most, 0))
