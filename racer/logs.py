"""A fact as a line of log: the names of docs/events.md, keyword fields, no prompt, no reply, no key.

`RACER_LOG` is `json`, `console` or `off`; unset, people on a terminal get the console and others JSON.
`RACER_LOG_LEVEL` is `debug`, `info`, `warning` (default) or `error`.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, assert_never

from racer.core.consequence import FOREVER
from racer.core.facts import (
    CacheHit,
    ClockJumped,
    CoolDownEnded,
    CoolDownStarted,
    Fact,
    FieldsDropped,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    QuotaAlert,
    QuotaExhausted,
    QuotaReset,
    RaceEnded,
    RaceStarted,
    StoreHealed,
    StoreTroubled,
)
from racer.core.heat import Ending, Outcome
from racer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from racer.core.facts import Observer

    Lines = Callable[[str, str, Mapping[str, Any]], None]

STYLES = ("json", "console", "off")
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
# Of what happens in every race, the highest level that it is written at.
_USUAL: dict[type[Fact], int] = {
    RaceStarted: LEVELS["debug"],
    LaneStarted: LEVELS["debug"],
    LaneFirstToken: LEVELS["debug"],
    LaneEnded: LEVELS["info"],
    RaceEnded: LEVELS["info"],
}
YEAR_10000 = 253402300800.0


def observer(environ: Mapping[str, str]) -> Observer | None:
    """What writes facts to stderr as `environ` asks; None when nothing would be written."""
    form = _form(environ)
    return None if form is None else _Writer(*form)


def lines(environ: Mapping[str, str]) -> Lines | None:
    """The same for what is no fact: a level's name, the name of the event, its fields."""
    form = _form(environ)
    if form is None:
        return None
    style, least = form
    log: Any = None

    def write(level: str, name: str, fields: Mapping[str, Any]) -> None:
        nonlocal log
        if LEVELS[level] < least:
            return
        log = log or _logger(style)
        with suppress(OSError, ValueError):
            log.log(LEVELS[level], name, **fields)

    return write


def _form(environ: Mapping[str, str]) -> tuple[str, int] | None:
    """Style and least level. Raises ConfigError."""
    if sys.stderr is None:  # a program without a console
        return None
    style = (environ.get("RACER_LOG") or ("console" if sys.stderr.isatty() else "json")).lower()
    level = (environ.get("RACER_LOG_LEVEL") or "warning").lower()
    if style not in STYLES:
        raise ConfigError(f"RACER_LOG is {style!r}: use {', '.join(STYLES)}")
    if level not in LEVELS:
        raise ConfigError(f"RACER_LOG_LEVEL is {level!r}: use {', '.join(LEVELS)}")
    return None if style == "off" else (style, LEVELS[level])


class _Writer:
    """`ignores`: what happens in every race, where it is never written at this level."""

    def __init__(self, style: str, least: int) -> None:
        self.ignores = frozenset(kind for kind, highest in _USUAL.items() if highest < least)
        self._style = style
        self._least = least
        self._log: Any = None
        self._known: set[tuple[str, tuple[str, ...]]] = set()

    def __call__(self, fact: Fact) -> None:
        level = level_of(fact)
        if level < self._least:
            return
        if isinstance(fact, FieldsDropped):  # said once, not at every call
            if (fact.lane.id, fact.fields) in self._known:
                return
            self._known.add((fact.lane.id, fact.fields))
        self._log = self._log or _logger(self._style)
        with suppress(OSError, ValueError):  # a full disk or a closed stderr ends no race
            self._log.log(level, name_of(fact), **fields_of(fact))


def _logger(style: str) -> Any:
    """Made at the first line: a program that logs nothing does not pay for loading structlog."""
    import structlog

    render: Any
    if style == "json":
        render = structlog.processors.JSONRenderer(sort_keys=False)
    else:
        render = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.wrap_logger(
        structlog.PrintLogger(file=sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _printable,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS["debug"]),
    )


def _printable(_: object, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Names and reasons come from servers: none of them may steer a terminal."""
    for name, value in fields.items():
        if isinstance(value, str) and not value.isprintable():
            fields[name] = repr(value)
    return fields


def level_of(fact: Fact) -> int:
    match fact:
        case RaceStarted() | LaneStarted() | LaneFirstToken():
            return LEVELS["debug"]
        case LaneEnded():
            return LEVELS["info" if fact.record.outcome in (Outcome.FAILED, Outcome.WON) else "debug"]
        case RaceEnded() | CoolDownEnded() | QuotaReset() | CacheHit() | StoreHealed():
            return LEVELS["info"]
        case QuotaAlert() | QuotaExhausted():
            return LEVELS["info" if fact.brief else "warning"]
        case CoolDownStarted() | FieldsDropped() | ClockJumped():
            return LEVELS["warning"]
        case StoreTroubled():
            return LEVELS["error"]
        case _:
            assert_never(fact)


_NAMES: dict[type[Fact], str] = {
    RaceStarted: "race.started",
    LaneStarted: "lane.started",
    LaneFirstToken: "lane.first_token",
    FieldsDropped: "lane.dropped",
    CoolDownStarted: "cooldown.started",
    CoolDownEnded: "cooldown.ended",
    QuotaAlert: "quota.alert",
    QuotaExhausted: "quota.exhausted",
    QuotaReset: "quota.reset",
    CacheHit: "cache.hit",
    StoreTroubled: "store.troubled",
    StoreHealed: "store.healed",
    ClockJumped: "clock.jumped",
}


def name_of(fact: Fact) -> str:
    if isinstance(fact, LaneEnded):
        return f"lane.{fact.record.outcome}"
    if isinstance(fact, RaceEnded):
        return "race.won" if fact.ending is Ending.WON else "race.lost"
    return _NAMES[type(fact)]


def fields_of(fact: Fact) -> dict[str, Any]:
    """Keyword fields, the same for the log, for server-sent events and for metrics."""
    match fact:
        case RaceStarted():
            return {
                "race": fact.race,
                "policy": fact.policy,
                "width": fact.width,
                "lanes": [lane.id for lane in fact.lanes],
            }
        case LaneStarted():
            return {
                "race": fact.race,
                "lane": fact.lane.id,
                "offset": round(fact.offset, 4),
                "price": round(fact.price, 4),
                "why": fact.why.value,
            }
        case LaneFirstToken():
            return {"race": fact.race, "lane": fact.lane.id, "after": round(fact.after, 4)}
        case FieldsDropped():
            return {"race": fact.race, "lane": fact.lane.id, "fields": list(fact.fields)}
        case LaneEnded():
            return _ended_fields(fact)
        case RaceEnded():
            return _result_fields(fact)
        case CoolDownStarted() | CoolDownEnded():
            return _cooldown_fields(fact)
        case QuotaAlert() | QuotaExhausted() | QuotaReset():
            return _quota_fields(fact)
        case CacheHit() | StoreTroubled() | StoreHealed() | ClockJumped():
            return _other_fields(fact)
        case _:
            assert_never(fact)


def _ended_fields(fact: LaneEnded) -> dict[str, Any]:
    record = fact.record
    fields: dict[str, Any] = {
        "race": fact.race,
        "lane": record.lane,
        "latency": round(record.latency, 4),
        "reason": record.reason,
        "status": record.status,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _result_fields(fact: RaceEnded) -> dict[str, Any]:
    return {
        "race": fact.race,
        "ending": fact.ending.value,
        "latency": round(fact.latency, 4),
        "attempts": fact.attempts,
        "winner": fact.winner.id if fact.winner else None,
        "extra_requests": fact.tax.requests,
        "saved": round(fact.tax.saved, 4),
    }


def _cooldown_fields(fact: CoolDownStarted | CoolDownEnded) -> dict[str, Any]:
    scope: dict[str, Any] = {"race": fact.race, "scope": fact.scope}
    if isinstance(fact, CoolDownEnded):
        return scope
    return scope | {
        "seconds": round(fact.seconds, 1) if fact.seconds < FOREVER else None,
        "reason": fact.reason,
    }


def _quota_fields(fact: QuotaAlert | QuotaExhausted | QuotaReset) -> dict[str, Any]:
    meter: dict[str, Any] = {"meter": fact.meter, "limit": fact.limit}
    match fact:
        case QuotaAlert():
            part = {"share": fact.level, "used": round(fact.used, 4)}
            return meter | part | {"resets_at": _instant(fact.resets_at)}
        case QuotaExhausted():
            return meter | {"resets_at": _instant(fact.resets_at), "foreseen": fact.foreseen}
        case QuotaReset():
            return meter
        case _:
            assert_never(fact)


def _other_fields(fact: CacheHit | StoreTroubled | StoreHealed | ClockJumped) -> dict[str, Any]:
    match fact:
        case CacheHit():
            age = round(fact.age, 3)
            return {"race": fact.race, "entry": fact.key, "age": age, "shared": fact.shared}
        case StoreTroubled():
            return {"reason": fact.reason, "lost": fact.lost}
        case StoreHealed():
            return {"after": round(fact.after, 1)}
        case ClockJumped():
            return {"seconds": round(fact.seconds, 1)}
        case _:
            assert_never(fact)


def _instant(seconds: float | None) -> str | None:
    """As the views of the database give it; None is an instant that never comes."""
    if seconds is None or not seconds < YEAR_10000:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
