"""How long the answers of a model are, in tokens: the guess for a call that states no most. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 50
EDGES: tuple[int, ...] = tuple(math.ceil(8 * 2.0 ** (edge / 4)) for edge in range(BINS))
ANSWERS = 500
PRIOR, PRIOR_ANSWERS = 1024, 2.0
HEAVY = 1e9


class Lengths:
    """About the last 500 answers, in bins of 19 % from 8 to 38,968 tokens.

    To begin with two answers of 1,024 tokens are taken as seen, so that few short ones do not say much.
    """

    __slots__ = ("_counts", "_weight")

    def __init__(self) -> None:
        self._counts = [0.0] * BINS
        self._weight = 1.0

    def observe(self, tokens: int) -> None:
        """An answer had so many. Newer ones weigh more, instead of all older ones less."""
        self._counts[_bin_of(tokens)] += self._weight
        self._weight /= 1 - 1 / ANSWERS
        if self._weight > HEAVY:
            self._even()

    def high(self, q: float = 0.95) -> int:
        """As many tokens as the share `q` of all answers does not exceed, rounded up to the bin's end."""
        counts = self.numbers()
        counts[_bin_of(PRIOR)] += PRIOR_ANSWERS
        sums = list(accumulate(counts))
        return EDGES[min(bisect_left(sums, q * sums[-1]), BINS - 1)]

    def numbers(self) -> list[float]:
        """Everything it knows, as `restore` takes it."""
        self._even()
        return list(self._counts)

    def restore(self, numbers: Sequence[float]) -> Sequence[float]:
        """Know what `numbers` say. Returns those that it does not need."""
        self._counts, self._weight = list(numbers[:BINS]), 1.0
        return numbers[BINS:]

    def _even(self) -> None:
        self._counts = [count / self._weight for count in self._counts]
        self._weight = 1.0


def _bin_of(tokens: int) -> int:
    return min(bisect_left(EDGES, tokens), BINS - 1)
