"""The body of a request: read with limits, and parsed strictly."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import orjson
from aiohttp import web

from racer.server.guard import LARGEST_BODY, too_large
from racer.server.question import Refused

STRIDE = 16 * 1024
ROOM = 64  # levels that may be put round what a client has sent, on its way to a provider
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def read_object(request: web.BaseRequest, within: float, pace: float) -> dict[str, Any]:
    """The JSON object in the body, which has `within` seconds to come, and `pace` for each STRIDE of it.

    Raises Refused.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0  # it is no part of the answer
    try:
        data = await _read(request, within, pace)
    except TimeoutError:
        words = f"the body did not come within {within:g} s"
        if pace < within:
            words += f", or {STRIDE // 1024} KiB of it not within {pace:g} s"
        raise Refused(408, words, code="slow_body") from None
    except web.RequestPayloadError:
        raise Refused(400, "the body is not what its headers say", code="bad_body") from None
    return parsed(data)


async def _read(request: web.BaseRequest, within: float, pace: float) -> bytes:
    """Who waits for a body holds a place, so nobody may dawdle."""
    data, stride = bytearray(), STRIDE
    now = asyncio.get_running_loop().time
    end = now() + within
    async with asyncio.timeout(min(within, pace)) as patience:
        async for chunk in request.content.iter_any():
            data += chunk
            if len(data) > LARGEST_BODY:
                raise too_large()
            if len(data) >= stride:
                stride = len(data) + STRIDE
                patience.reschedule(min(end, now() + pace))
    return bytes(data)


def parsed(data: bytes) -> dict[str, Any]:
    """Strictly: what a client of ours sends is not mended."""
    try:
        value: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        why = "it is empty" if not data.strip() else f"{error.msg} at character {error.pos}"
        raise Refused(400, f"the body is not JSON: {why}", code="not_json") from None
    if not isinstance(value, dict):
        raise Refused(400, "the body is JSON, but no object: send {…}", code="not_an_object")
    said = cast("dict[str, Any]", value)
    if not _can_be_written(said):
        raise Refused(400, "the body is nested too deep", code="too_deep")
    return said


def _can_be_written(value: object) -> bool:
    """With room round it. The parser reads deeper than it writes."""
    for _ in range(ROOM):
        value = [value]
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
