"""A server in a process of its own: its answer is a stream of 10 MB, as fast as anybody reads."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Generator

BYTES = 10_000_000
WORDS = "lorem ipsum dolor sit amet, "
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def frame(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"object": "chat.completion.chunk", "choices": [choice]}) + b"\n\n"


async def answer(request: web.Request) -> web.StreamResponse:
    await request.read()
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    block = frame({"content": WORDS}) * 100
    with suppress(ConnectionError):  # a reader who has left
        for _ in range(BYTES // len(block)):
            await response.write(block)
        await response.write(frame({}, "stop") + b"data: [DONE]\n\n")
    return response


@contextmanager
def torrent() -> Generator[str]:
    """The server's address, until the block is left."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := ADDRESS.search(line):
                yield found[0]
                break
        else:
            raise RuntimeError("the server did not start")
    finally:
        process.kill()
        process.wait()


def main() -> None:
    app = web.Application()
    app.router.add_post("/torrent/v1/chat/completions", answer)
    web.run_app(app, host="127.0.0.1", port=0, access_log=None, print=shown)


def shown(*words: object, **_: object) -> None:
    """At once: the other process waits for the address."""
    print(*words, flush=True)


if __name__ == "__main__":
    main()
