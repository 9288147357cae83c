"""The rows of OUT: one JSON line for each line of the input, in the form of OpenAI's batch output."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson

from racer.core.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from racer.batch.line import Id, Result
    from racer.core.reply import Attempt, Reply

BEGINNING = b'{"id":"batch_req_'  # of every row: what a torn one is known by
DIGEST = 8  # bytes
LAST_LINE = 1 << 48  # no input is longer: a greater number is damage
_DEEPEST = 200
_WIDEST = 1 << 63


class Row(NamedTuple):
    """A row to be written: `data` is its JSON, without the newline."""

    line: int
    digest: bytes
    id: Id
    failed: bool
    data: bytes


class Seen(NamedTuple):
    """What a row of OUT says of its line."""

    line: int
    digest: bytes
    id: Id
    failed: bool


def row_of(result: Result, digest: bytes, *, parsed: bool) -> bytes:
    """The row of what became of a line, an answer or an error."""
    failure = result.failure
    if result.reply is not None:
        attempts = result.attempts or None
        return answer_row(result.line, result.id, digest, result.reply, attempts=attempts, parsed=parsed)
    code, message = ("unknown", "") if failure is None else (failure.code, failure.message)
    return error_row(result.line, result.id, digest, code, message, attempts=result.attempts)


def answer_row(
    line: int,
    id: Id,  # noqa: A002 - what a Row calls it
    digest: bytes,
    reply: Reply[Any],
    *,
    attempts: Sequence[Attempt] | None = None,
    parsed: bool = False,
) -> bytes:
    """The row of a line that is answered. `digest` is that of the line as it was read.

    `attempts`: all requests that were made for the line, where those of the reply are not all. `parsed`: an
    `into=` was given, so the row has its value.
    """
    made = reply.attempts if attempts is None else attempts
    racer: dict[str, Any] = {
        "line": line,
        "digest": digest.hex(),
        "provider": reply.provider,
        "model": reply.model,
        "lane": _winner(made) or f"{reply.provider}/{reply.model}",
        "latency": round(reply.latency, 6),
        "attempts": len(made),
        "input_tokens": reply.usage.input_tokens,
        "output_tokens": reply.usage.output_tokens,
        "estimated": reply.usage.estimated,
        "cached": reply.cached,
    }
    if parsed:
        racer["parsed"] = plain(reply.parsed)
    response = {"status_code": 200, "request_id": reply.race_id, "body": reply.to_openai()}
    return _row(reply.race_id, id, response, None, racer)


def error_row(
    line: int,
    id: Id,  # noqa: A002 - what a Row calls it
    digest: bytes,
    code: str,
    message: str,
    *,
    attempts: Iterable[Attempt] = (),
    race_id: str = "",
) -> bytes:
    """The row of a line that has no answer: why, and which lanes were asked."""
    lanes = [{"lane": each.lane, "reason": each.reason or str(each.outcome)} for each in attempts]
    racer = {"line": line, "digest": digest.hex(), "attempts": len(lanes), "lanes": lanes}
    return _row(race_id or f"line-{line}", id, None, {"code": code, "message": message}, racer)


def line_of(row: bytes) -> Seen | None:
    """Of which line a row is; None for what is no row of ours, or not a whole one."""
    try:
        found: Any = orjson.loads(row)
        racer = found["racer"]
        line, digest, id_ = racer["line"], bytes.fromhex(racer["digest"]), found["custom_id"]
        failed = found["error"] is not None
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    right = type(line) is int and 0 < line < LAST_LINE and len(digest) == DIGEST
    return Seen(line, digest, id_ if isinstance(id_, (str, int)) else str(id_), failed) if right else None


def begins_a_row(piece: bytes) -> bool:
    """Whether `piece`, without its end, is what a crash leaves: the beginning of a row, or zeros."""
    piece = piece.rstrip(b"\0")  # some disks give them for what was not written yet when the power went
    return BEGINNING.startswith(piece[: len(BEGINNING)])


def _winner(attempts: Iterable[Attempt]) -> str | None:
    return next((each.lane for each in attempts if each.outcome == "won"), None)


def _row(number: str, id_: Id, response: object, error: object, racer: Mapping[str, Any]) -> bytes:
    row = {
        "id": f"batch_req_{number}",
        "custom_id": id_,
        "response": response,
        "error": error,
        "racer": racer,
    }
    try:
        return orjson.dumps(row)
    except orjson.JSONEncodeError:  # an answer that was paid for is worth a slower way
        text = json.dumps(_mended(row), ensure_ascii=False, separators=(",", ":"))
        return text.encode()


def _mended(value: object, depth: int = 0) -> object:
    """`value` as what every JSON reader takes: half characters replaced, no wild numbers, not too deep."""
    if depth > _DEEPEST:
        return "[nested too deep]"
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            return {str(_mended(key)): _mended(each, depth + 1) for key, each in items}
        case list() | tuple():
            return [_mended(each, depth + 1) for each in cast("list[object]", value)]
        case None | bool():
            return value
        case int():
            # As a text where it has more than 64 bits: readers would round it.
            return value if -_WIDEST <= value < _WIDEST else str(value)
        case _:
            return _mended(str(value))
