"""The options of a batch, read and checked: whatever is wrong is found before a file is opened."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from racer.batch.formats import Form
from racer.batch.order import Order
from racer.core.options import Options, as_found
from racer.core.plain import plain
from racer.errors import BadRequest
from racer_adapters.placed import shown

if TYPE_CHECKING:
    import os

    from racer.batch.keep import Sink
    from racer.batch.order import Prompts
    from racer.core.into import Into

MOST_AT_ONCE = 4096
MOST_ATTEMPTS = 1000
FASTEST = 1e9  # lines a minute
LONGEST = 366 * 86_400.0
PER = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86_400.0}

_RATE = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,6}})?)(?:/({'|'.join(PER)}))?", re.ASCII)
_SENSELESS = {
    "wait": "a batch waits for limits by itself: deadline= says how long",
    "decide": "a batch takes whole replies: nobody reads along",
    "proof": "a batch takes whole replies: nobody reads along",
}


class BatchOptions(Options, total=False):
    """Those of a race, for each line, and those of the job; docs/batch.md says what each means.

    `deadline` is the whole job's, and `policy` is `frugal` where nothing else is said.
    """

    concurrency: int
    rate: float | str
    attempts: int
    max_errors: int
    system: str
    format: str
    column: str
    piped: BinaryIO
    sinks: Sink | Sequence[Sink]
    restart: bool
    accept_changes: bool
    errors_only: bool


# `attempts` is of a race, too, and there of lanes; here it is of the line, whose races may be several.
OWN = frozenset(BatchOptions.__annotations__) - frozenset(Options.__annotations__) | {"attempts"}


def order_of(
    prompts: object,
    out: str | os.PathLike[str] | None,
    options: BatchOptions,
    into: Into | None,
    target: object,
) -> Order:
    """`into` is what `target` was read as. Raises BadRequest naming the option, and what is allowed."""
    given: dict[str, Any]
    given = {name: value for name, value in options.items() if value is not None}
    own = {name: given.pop(name) for name in OWN & given.keys()}
    deadline = _number("deadline", given.pop("deadline", None), LONGEST)
    for name, why in _SENSELESS.items():
        if given.pop(name, None) is not None:
            raise BadRequest(f"{name} makes no sense here: {why}")
    _agree(prompts, out, own)
    system, form, column = own.get("system"), own.get("format"), own.get("column", "prompt")
    for name, text in (("system", system), ("column", column)):
        if text is not None and not isinstance(text, str):
            raise BadRequest(f"{name} is {shown(text)}: use a text")
    return Order(
        cast("Prompts", prompts),
        cast("Options", given),
        None if out is None else Path(out),
        into,
        plain(target) if isinstance(target, Mapping) else target and str(target),
        system,
        None if form is None else form_named(form),
        column,
        own.get("piped"),
        _whole("concurrency", own.get("concurrency", 64), 1, MOST_AT_ONCE),
        None if "rate" not in own else rate_of(own["rate"]),
        _whole("attempts", own.get("attempts", 5), 1, MOST_ATTEMPTS),
        None if "max_errors" not in own else _whole("max_errors", own["max_errors"], 0, 2**62),
        float("inf") if deadline is None else deadline,
        _sinks(own.get("sinks", ())),
        restart=_switch("restart", own),
        accept_changes=_switch("accept_changes", own),
        errors_only=_switch("errors_only", own),
    )


def rate_of(given: object) -> float:
    """Lines a second. A number is so many a minute; a text says of what: "10/s", "600/min"."""
    found = _RATE.fullmatch(given.replace(" ", "")) if isinstance(given, str) else None
    if found is not None:
        rate = float(found[1]) / PER[found[2] or "m"]
    elif isinstance(given, (int, float)) and not isinstance(given, bool) and 0 < given < FASTEST:
        rate = given / PER["m"]
    else:
        rate = 0.0
    if 0 < rate < float("inf"):
        return rate
    raise BadRequest(f'rate is {as_found(given)}: use lines a minute, such as 600, or a text like "10/s"')


def form_named(given: object) -> Form:
    try:
        return Form(str(given))
    except ValueError:
        raise BadRequest(f"format is {shown(given)}: use one of {', '.join(Form)}") from None


def _agree(prompts: object, out: object, own: Mapping[str, Any]) -> None:
    told = shown(prompts)
    if isinstance(prompts, (str, bytes, Mapping)) or not isinstance(prompts, (Path, Iterable, AsyncIterable)):
        hint = "for a file, pathlib.Path(...)" if isinstance(prompts, str) else "or the Path of a file"
        raise BadRequest(f"prompts is {told}: use a list of prompts, {hint}")
    for name in ("restart", "accept_changes", "errors_only"):
        if own.get(name) and out is None:
            raise BadRequest(f"{name} is about an earlier run, and without out= there is none")
    if own.get("restart") and own.get("errors_only"):
        raise BadRequest("restart begins anew, and errors_only goes on: choose one")


def _switch(name: str, own: Mapping[str, Any]) -> bool:
    value = own.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"{name} is {shown(value)}: use True or False")
    return value


def _sinks(given: object) -> tuple[Sink, ...]:
    sinks: Sequence[object] = (
        cast("Sequence[object]", given) if isinstance(given, (list, tuple)) else (given,)
    )
    for sink in sinks:
        if not callable(sink):
            raise BadRequest(f"sinks holds {shown(sink)}: use callables that take a Result")
    return cast("tuple[Sink, ...]", tuple(sinks))


def _whole(name: str, value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadRequest(f"{name} is {as_found(value)}: use a whole number from {least} to {most:,}")
    return value


def _number(name: str, value: object, most: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= most:
        raise BadRequest(f"{name} is {as_found(value)}: use a number of seconds above 0, up to {most:g}")
    return float(value)
