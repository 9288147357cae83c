"""Who takes part in a bench: the lanes that may answer every question, and why each of the others may not."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from typing import TYPE_CHECKING

from racer.bench.contest import Entrant
from racer.core.defeat import nobody
from racer.core.field import LATEST, Skipped
from racer.core.rank import Wishes, known_names, needs_of, tokens_of, why_not
from racer.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from racer.config import Config
    from racer.core.field import Field
    from racer.core.provider import Lane
    from racer_adapters.types import Call


def lanes_for(
    field: Field, config: Config, calls: Sequence[Call], wishes: Wishes
) -> tuple[tuple[Lane, ...], tuple[Skipped, ...]]:
    """Raises BadRequest for a name that nobody has, and where no lane is left."""
    _know((*wishes.only, *wishes.exclude), config, field)
    needs = frozenset[str]().union(*map(needs_of, calls))
    tokens = max(map(tokens_of, calls))
    fit: list[Lane] = []
    skipped: list[Skipped] = []
    for lane in field.lanes:
        reason = why_not(lane, needs, wishes, tokens)
        if reason is None:
            fit.append(lane)
        else:
            skipped.append(Skipped(lane.id, reason))
    if not fit:
        absent = [each for each in field.skipped if wishes.concern(each.name)]
        raise BadRequest(str(nobody(config.providers, [*skipped, *absent], None, 0.0)))
    return tuple(fit), tuple(skipped)


def entrants_of(lanes: Iterable[Lane], local_lanes: int) -> tuple[Entrant, ...]:
    """`local_lanes` may run at once on a machine of the user's own."""
    found: list[Entrant] = []
    at_home: Counter[str] = Counter()
    for lane in lanes:
        seat = lane.id
        if lane.provider.local:
            seat = f"{lane.host} {at_home[lane.host] % local_lanes}"
            at_home[lane.host] += 1
        elif lane.account.pool is not None:
            seat = f"{lane.provider.name} {lane.account.pool} {lane.model.name}"
        found.append(Entrant(lane.id, lane.provider.name, seat, local=lane.provider.local))
    return tuple(found)


def _know(names: Iterable[str], config: Config, field: Field) -> None:
    known = known_names(config.providers, field.lanes)
    for name in names:
        if not known & {name, name.removesuffix(LATEST)}:
            near = get_close_matches(name, known, n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "use a provider, provider/model, or a tag."
            raise BadRequest(f"{name!r} is no lane that is known: {hint}")
