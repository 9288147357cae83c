"""Lanes for tests of the pure core: `lane("groq/small")`, local ones on a host of their own."""

from __future__ import annotations

from racer.core.provider import Account, Lane, Model, Provider


def lane(
    name: str,
    *,
    local: bool = False,
    loaded: bool | None = False,
    account: str | None = None,
    pool: str | None = None,
) -> Lane:
    """`name` is provider/model; `account` tells two keys of one provider apart, `pool` ties them together."""
    provider, _, model = name.partition("/")
    return Lane(
        id=name if account is None else f"{name}@{account}",
        provider=Provider(provider, "openai", f"https://{provider}.test", local=local),
        model=Model(model or "m", loaded=loaded),
        account=Account(account or provider, pool=pool),
        host=f"{provider}.test",
    )
