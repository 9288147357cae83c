"""Names of environment variables in, accounts out. No value leaves this file but inside a Secret.

Rule 1: a key that could break a header, or that is a placeholder, is refused with the variable's name.
Rule 2: one value is one account, however many variables hold it; the first name wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from racer.core.provider import Account
from racer_adapters.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_PLACEHOLDER = r"""
      <.*> | \{.*\} | \[.*\] | \$.* | .*\.\.\. | .*… | x{3,} | \*+
    | (?:.*[-_])? your (?:[-_].*)? | yourkey | (?:insert|paste|enter|replace)[-_].*
    | change[-_]?(?:me|this|it) | replace[-_]?(?:me|this) | fill[-_]?me.* | placeholder
    | todo | tbd | none | null | undefined | api[-_]?key | key | secret | token | .*[-_]here
"""


@dataclass(frozen=True, slots=True)
class Found:
    """`names` are the variables looked for, `refused` says of those that hold no good key why."""

    names: tuple[str, ...]
    accounts: tuple[Account, ...] = ()
    refused: tuple[str, ...] = ()


def discovered(provider: str, names: Sequence[str], env: Mapping[str, str]) -> Found:
    """NAME and NAME_1 … NAME_N for each of `names`."""
    variables = ((variable, None) for name in names for variable in (name, *_numbered(name, env)))
    return _found(provider, tuple(names), variables, env)


def referenced(provider: str, keys: Sequence[str | Mapping[str, Any]], env: Mapping[str, str]) -> Found:
    """What `keys` of racer.toml names: "$NAME", "$NAME_*", or a pool of these."""
    wanted = tuple(_wanted(keys))
    names = tuple(name for name, _ in wanted)
    variables = ((variable, pool) for name, pool in wanted for variable in _matching(name, env))
    return _found(provider, names, variables, env)


def _wanted(keys: Sequence[str | Mapping[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for entry in keys:
        if isinstance(entry, str):
            yield entry.removeprefix("$"), None
        else:
            for name in entry["use"]:
                yield name.removeprefix("$"), entry["pool"]


def _matching(name: str, env: Mapping[str, str]) -> Sequence[str]:
    if not name.endswith("_*"):
        return (name,)
    prefix = name[:-1]
    return sorted((each for each in env if each.startswith(prefix) and each != prefix), key=_order)


def _numbered(name: str, env: Mapping[str, str]) -> Sequence[str]:
    prefix = f"{name}_"
    return sorted(
        (each for each in env if each.startswith(prefix) and _is_number(each[len(prefix) :])), key=_order
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 6


def _order(name: str) -> tuple[int, str]:
    """Numbers by their size and before words."""
    suffix = name.rpartition("_")[2]
    return (int(suffix) if _is_number(suffix) else 10**6, name)


def _found(
    provider: str, names: tuple[str, ...], variables: Iterable[tuple[str, str | None]], env: Mapping[str, str]
) -> Found:
    accounts: dict[str, Account] = {}
    refused: dict[str, str] = {}
    for variable, pool in variables:
        for label, key in _split(variable, env.get(variable, "")):
            fault = key_fault(key)
            if fault:
                refused.setdefault(label, f"{label} {fault}")
            elif key not in accounts:
                accounts[key] = Account(f"{provider}:{label}", Secret(key), pool)
    return Found(names, tuple(accounts.values()), tuple(refused.values()))


def _split(variable: str, value: str) -> Sequence[tuple[str, str]]:
    """The keys in one variable, each with the name to call it by."""
    keys = [key for key in map(_bare, value.split(",")) if key]
    if len(keys) == 1:
        return [(variable, keys[0])]
    return [(f"{variable}[{number}]", key) for number, key in enumerate(keys, start=1)]


def _bare(value: str) -> str:
    """Without the space and the quotes that came along when the key was copied."""
    return value.strip().strip("'\"").strip()


def key_fault(key: str) -> str | None:
    """Why a value cannot be a key, in words that follow the variable's name; None if it can."""
    if "\n" in key or "\r" in key:
        return "holds a line break and is not used"
    if not key.isascii():
        return "holds a character outside ASCII and is not used"
    if not key.isprintable() or " " in key:
        return "holds white space or a control character and is not used"
    placeholder = re.fullmatch(_PLACEHOLDER, key, re.VERBOSE | re.IGNORECASE)
    return "holds a placeholder, not a key" if placeholder else None
