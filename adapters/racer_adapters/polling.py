"""How long a job is left alone between two looks at it: a short while at first, longer and longer then."""

from __future__ import annotations

SHORTEST = 0.1
LONGEST = 1.0
GROWTH = 1.5
_MOST_LOOKS = 20


def pause(looks: int) -> float:
    """Seconds to wait after so many looks that brought nothing."""
    return min(SHORTEST * GROWTH ** min(looks, _MOST_LOOKS), LONGEST)
