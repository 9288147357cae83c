"""Races as the database tells them, for tests of `racer why`."""

from __future__ import annotations

from racer.store.readings import Lane, Race, Story
from tests.racer.accounts.ledgers import NOW


def race(ending: str | None = "won", **more: object) -> Race:
    """It began a minute before NOW, took a second, and a/m has won it, unless it is said otherwise."""
    usual = Race("ab12", NOW - 60, "all", 4, 20.0, ("a/m", "b/m"), ending, 1.0, 2, None, ())
    if ending == "won":
        usual = usual._replace(winner="a/m")
    return usual._replace(**more)  # type: ignore[arg-type]


def lane(name: str = "a/m", outcome: str = "won", **more: object) -> Lane:
    """It started at once, spoke after 0.25 s and ended after 0.75 s."""
    provider, _, model = name.partition("/")
    usual = Lane(
        number=0,
        at=NOW - 60,
        lane=name,
        provider=provider,
        model=model,
        account=f"{provider}:KEY",
        start=0.0,
        outcome=outcome,
        reason=None,
        status=None,
        latency=0.75,
        first_token=0.25,
        input_tokens=10,
        output_tokens=20,
        estimated=False,
        usd=None,
    )
    return usual._replace(**more)  # type: ignore[arg-type]


def story(race_: Race, *attempts: Lane, skipped: tuple[tuple[str, str], ...] = ()) -> Story:
    return Story(race_, attempts, skipped)
