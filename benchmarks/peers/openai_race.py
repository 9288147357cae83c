"""OpenAI's SDK raced by hand: a client for each lane, tasks, the first that has not failed wins.

Its clients are told not to retry: in a race another lane is the retry.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.child import serve

if TYPE_CHECKING:
    from benchmarks.peers.protocol import Lane

openai: Any = import_module("openai")  # not there where the types are checked


class OpenAIRace:
    def __init__(self, lanes: tuple[Lane, ...], mode: str) -> None:
        self._stream = mode == "stream"
        self._clients = [openai.AsyncOpenAI(base_url=lane.url, api_key="k", max_retries=0) for lane in lanes]

    async def race(self, prompt: str) -> str:
        tasks = {asyncio.create_task(self._ask(client, prompt)) for client in self._clients}
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

    async def _ask(self, client: Any, prompt: str) -> str:
        messages = [{"role": "user", "content": prompt}]
        if not self._stream:
            answer = await client.chat.completions.create(model="m", messages=messages)
            return answer.choices[0].message.content or ""
        async with await client.chat.completions.create(model="m", messages=messages, stream=True) as chunks:
            pieces = [chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices]
        return "".join(pieces)

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


if __name__ == "__main__":
    serve(OpenAIRace, "openai")
