"""The least that one could write by hand on bare aiohttp; what all others stand beside.

Tasks, first completed, the first that has not failed wins, the rest are cancelled. No check of what is said.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import orjson

from benchmarks.peers.child import serve

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Lane

HEADERS = {"content-type": "application/json"}


class ByHand:
    def __init__(self, lanes: tuple[Lane, ...], mode: str) -> None:
        self._urls = [f"{lane.url}/chat/completions" for lane in lanes]
        self._stream = mode == "stream"
        self._session: aiohttp.ClientSession | None = None

    async def race(self, prompt: str) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        question = {"model": "m", "messages": [{"role": "user", "content": prompt}], "stream": self._stream}
        body = orjson.dumps(question)
        ask = self._streamed if self._stream else self._whole
        tasks = {asyncio.create_task(ask(self._session, url, body)) for url in self._urls}
        try:
            pending = tasks
            while True:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                good = [task for task in done if task.exception() is None]
                if good or not pending:
                    return (good or list(done))[0].result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _whole(self, session: aiohttp.ClientSession, url: str, body: bytes) -> str:
        async with session.post(url, data=body, headers=HEADERS) as response:
            response.raise_for_status()
            answer = orjson.loads(await response.read())
        return answer["choices"][0]["message"]["content"] or ""

    async def _streamed(self, session: aiohttp.ClientSession, url: str, body: bytes) -> str:
        pieces: list[str] = []
        async with session.post(url, data=body, headers=HEADERS) as response:
            response.raise_for_status()
            async for line in response.content:
                if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                    continue
                choices = orjson.loads(line[6:])["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    pieces.append(text)
        return "".join(pieces)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


if __name__ == "__main__":
    serve(ByHand, "aiohttp")
