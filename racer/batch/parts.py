"""What a batch has of the Racer that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from racer.cache import Cache
    from racer.core.allowance import Budget
    from racer.core.field import Field
    from racer.core.options import Defaults
    from racer.core.provider import Provider
    from racer.core.rank import Wishes
    from racer.ledger import Ledger
    from racer.lineup import Lineup
    from racer.stage import Stage


@dataclass(frozen=True, slots=True)
class Parts:
    """`check_names` raises BadRequest for wishes that name nobody; `start` runs what ends with the Racer.

    `guests` are races that have no lane yet, each with the instant of its start. `uses` counts the calls on
    each account; `new_id` gives the id of a race.
    """

    providers: Sequence[Provider]
    defaults: Defaults
    stage: Stage
    ledger: Ledger
    lineup: Lineup
    cache: Cache
    budget: Budget
    uses: Counter[str]
    check_names: Callable[[Wishes, Field], None]
    start: Callable[[Coroutine[Any, Any, None]], Any]
    new_id: Callable[[], str]
    guests: Mapping[str, float]
