"""A fact as a line of log: the names of docs/events.md, keyword fields, no prompt, no reply, no key.

`RACER_LOG` is `json`, `console` or `off`; unset, people on a terminal get the console and others JSON.
`RACER_LOG_LEVEL` is `debug`, `info`, `warning` (default) or `error`.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, assert_never

from racer.core.consequence import FOREVER
from racer.core.facts import (
    CoolDownEnded,
    CoolDownStarted,
    Fact,
    FieldsDropped,
    LaneEnded,
    LaneFirstToken,
    LaneStarted,
    RaceEnded,
    RaceStarted,
)
from racer.core.heat import Ending, Outcome
from racer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from racer.core.facts import Observer

STYLES = ("json", "console", "off")
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def observer(environ: Mapping[str, str]) -> Observer | None:
    """What writes facts to stderr as `environ` asks; None when nothing would be written."""
    if sys.stderr is None:  # a program without a console
        return None
    style = (environ.get("RACER_LOG") or ("console" if sys.stderr.isatty() else "json")).lower()
    level = (environ.get("RACER_LOG_LEVEL") or "warning").lower()
    if style not in STYLES:
        raise ConfigError(f"RACER_LOG is {style!r}: use {', '.join(STYLES)}")
    if level not in LEVELS:
        raise ConfigError(f"RACER_LOG_LEVEL is {level!r}: use {', '.join(LEVELS)}")
    return None if style == "off" else _writer(style, LEVELS[level])


def _writer(style: str, least: int) -> Observer:
    log: Any = None
    known: set[tuple[str, tuple[str, ...]]] = set()

    def write(fact: Fact) -> None:
        nonlocal log
        level = level_of(fact)
        if level < least:
            return
        if isinstance(fact, FieldsDropped):  # said once, not at every call
            if (fact.lane.id, fact.fields) in known:
                return
            known.add((fact.lane.id, fact.fields))
        log = log or _logger(style)
        with suppress(OSError, ValueError):  # a full disk or a closed stderr ends no race
            log.log(level, name_of(fact), **fields_of(fact))

    return write


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
        case RaceEnded() | CoolDownEnded():
            return LEVELS["info"]
        case CoolDownStarted() | FieldsDropped():
            return LEVELS["warning"]
        case _:
            assert_never(fact)


def name_of(fact: Fact) -> str:
    match fact:
        case RaceStarted():
            return "race.started"
        case LaneStarted():
            return "lane.started"
        case LaneFirstToken():
            return "lane.first_token"
        case FieldsDropped():
            return "lane.dropped"
        case LaneEnded():
            return f"lane.{fact.record.outcome}"
        case RaceEnded():
            return "race.won" if fact.ending is Ending.WON else "race.lost"
        case CoolDownStarted():
            return "cooldown.started"
        case CoolDownEnded():
            return "cooldown.ended"
        case _:
            assert_never(fact)


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
            return {"race": fact.race, "lane": fact.lane.id, "offset": round(fact.offset, 4)}
        case LaneFirstToken():
            return {"race": fact.race, "lane": fact.lane.id, "after": round(fact.after, 4)}
        case FieldsDropped():
            return {"race": fact.race, "lane": fact.lane.id, "fields": list(fact.fields)}
        case LaneEnded():
            return _ended_fields(fact)
        case RaceEnded():
            return {
                "race": fact.race,
                "ending": fact.ending.value,
                "latency": round(fact.latency, 4),
                "attempts": fact.attempts,
                "winner": fact.winner.id if fact.winner else None,
            }
        case CoolDownStarted():
            return {
                "race": fact.race,
                "scope": fact.scope,
                "seconds": round(fact.seconds, 1) if fact.seconds < FOREVER else None,
                "reason": fact.reason,
            }
        case CoolDownEnded():
            return {"race": fact.race, "scope": fact.scope}
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
