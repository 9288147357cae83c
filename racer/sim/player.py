"""Plays a script on one connection: waits, writes, resets. Decides nothing."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web

from racer.sim.script import Flood, Hang, Reset, Send

if TYPE_CHECKING:
    from collections.abc import Callable

    from racer.sim.script import Script, Step

BLOCK = 64 * 1024  # no more than this waits in memory for a slow reader
LINGER_NOTHING = struct.pack("ii", 1, 0)


async def play(
    script: Script, request: web.BaseRequest, start: float, *, opened: Callable[[], None]
) -> web.StreamResponse:
    """Answer `request` by `script`; `start` is the loop time that the script's instants count from.

    Calls `opened` when the head of the answer goes out. Raises CancelledError or ConnectionError when
    the client goes away before the end of the script.
    """
    whole = script.instant
    if whole is not None and len(whole) <= BLOCK:
        return await _send_whole(script, request, whole, opened)
    response = web.StreamResponse(status=script.status or 200, headers=script.headers)
    response.content_length = script.length
    if script.opens is not None:
        await _wait_until(start + script.opens)
        await response.prepare(request)
        opened()
    for step in script.steps:
        await _play_step(step, response, start)
        if isinstance(step, Reset):
            reset(request)
            return response
    await response.write_eof()
    return response


async def _send_whole(
    script: Script, request: web.BaseRequest, body: bytes, opened: Callable[[], None]
) -> web.StreamResponse:
    """Head and body in one write."""
    response = web.Response(status=script.status, headers=script.headers, body=body)
    if script.length is None and request.version >= HttpVersion11:
        response.enable_chunked_encoding()
    opened()
    await response.prepare(request)
    await response.write_eof()
    return response


async def _play_step(step: Step, response: web.StreamResponse, start: float) -> None:
    if isinstance(step, Hang):
        await asyncio.get_running_loop().create_future()
    else:
        await _wait_until(start + step.at)
    if isinstance(step, Send):
        for place in range(0, len(step.data), BLOCK):
            await response.write(step.data[place : place + BLOCK])
    elif isinstance(step, Flood):
        while True:
            await response.write(step.data)
            await asyncio.sleep(step.gap)


def reset(request: web.BaseRequest) -> None:
    """Close the connection so that the other side gets an RST."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOTHING)
    transport.abort()


async def _wait_until(instant: float) -> None:
    delay = instant - asyncio.get_running_loop().time()
    if delay > 0:
        await asyncio.sleep(delay)
