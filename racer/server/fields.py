"""Fields of a body, by their names: which are known, and which lanes a question may come to. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from racer.core.rank import matches
from racer.server.question import wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from racer.core.options import Options
    from racer.core.provider import Lane

LONGEST = 64
_PLAIN = re.compile(r"[^\W\d]\w*(?:\[\d+\]|\.[^\W\d]\w*)*")
ELSEWHERE = "where a request goes, and with which headers and keys, is the server's to say"


def given(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is not null."""
    return {name: value for name, value in said.items() if value is not None}


def check_names(
    said: Mapping[str, Any], known: Collection[str], remedy: str, place: str = "",
    instead: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Raises Refused for a field that is not `known`; `instead` has those of which more can be said."""
    for name in said:
        if name in known:
            continue
        says = (instead or {}).get(name)
        code = "unknown_parameter" if says is None else "unsupported_parameter"
        param, shown = named(f"{place}.{name}" if place else name)
        raise wrong(param, f"{shown} is not taken: {says or remedy}", code)


def named(field: str) -> tuple[str, str]:
    """A client's own name for a field, for `param` and for a sentence: it can steer nobody's terminal."""
    short = field if len(field) <= LONGEST else f"{field[:LONGEST]}…"
    param = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in short)
    plain = _PLAIN.fullmatch(param.removesuffix("…")) is not None
    return param, param if plain else f'"{param}"'


def flag(said: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """Raises Refused."""
    value = said.get(name, default)
    if not isinstance(value, bool):
        raise wrong(name, f"{name} is to be true or false")
    return value


def lanes_for(options: Options, lanes: Sequence[Lane]) -> list[Lane]:
    """Those of `lanes` that the model's name allows."""
    only = options.get("only")
    return [lane for lane in lanes if not only or any(matches(lane, name) for name in only)]


def all_speak(dialect: str, options: Options, lanes: Sequence[Lane]) -> bool:
    """Whether nobody can be asked who would not know a field of this dialect."""
    asked = lanes_for(options, lanes)
    return bool(asked) and all(lane.provider.dialect == dialect for lane in asked)
