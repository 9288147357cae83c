"""The least that a batch takes: a loop on bare aiohttp, which `racer batch` stands beside.

    python benchmarks/byhand.py IN OUT URL…

Reads lines of an OpenAI batch, asks the addresses in turn, 64 at a time, and writes output lines. It has no
limits, no pace, no second attempt, nothing durable; whatever goes wrong ends it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

AT_ONCE = 64
HEADERS = {"content-type": "application/json"}


async def worker(
    session: aiohttp.ClientSession, lines: Iterator[bytes], out: BinaryIO, urls: Sequence[str], number: int
) -> None:
    for turn, raw in enumerate(lines, number):
        line = orjson.loads(raw)
        body = orjson.dumps(line["body"])
        async with session.post(urls[turn % len(urls)], data=body, headers=HEADERS) as response:
            response.raise_for_status()
            answer = orjson.loads(await response.read())
        told = {"status_code": response.status, "request_id": answer["id"], "body": answer}
        row = {"id": answer["id"], "custom_id": line["custom_id"], "response": told, "error": None}
        out.write(orjson.dumps(row) + b"\n")


async def run(source: Path, target: Path, urls: Sequence[str]) -> None:
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:
        with source.open("rb") as lines, target.open("wb") as out:
            await asyncio.gather(*(worker(session, lines, out, urls, number) for number in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
