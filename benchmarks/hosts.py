"""A transport that plays a world: whoever is asked answers, fails or is silent as the world has drawn it.

Rule 1: the question's number is the first word of its message; a lane is found by its host's name.
Rule 2: a reply comes as real ones do: its first token when it is due, a piece a second, the rest at its end.
Rule 3: the local host speaks as Ollama does, serves two calls at once and lets others wait. Whoever has not
        been asked for five minutes has to be loaded again, and says so to those who look.
"""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import anyio
import orjson

from racer.core.provider import Account, Limit, Model, Provider

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from benchmarks.worlds import Host, Outcome, World
    from racer_adapters.types import WireRequest

MODEL = "m"
KEPT_LOADED = 300.0
A_PIECE = 1.0  # seconds
REFUSED_FOR = "20"
BYTES_A_TOKEN, TOKENS_A_MESSAGE = 4, 4
ORDER = ("groq", "cerebras", "gemini", "mistral", "local", "nvidia", "github", "openrouter")


def question(world: World, number: int) -> str:
    """The message of this question, about as long as the world says."""
    size = (round(float(world.prompt[number])) - TOKENS_A_MESSAGE) * BYTES_A_TOKEN
    return f"{number} ".ljust(size, "x")


def provider(host: Host, timeout: float) -> Provider:
    dialect, path = ("ollama", "") if host.local else ("openai", "/v1")
    return Provider(
        name=host.name,
        dialect=dialect,
        base_url=f"http://{host.name}.test{path}",
        models=(Model(MODEL),),
        accounts=(Account(host.name),),
        limits=_limits(host),
        priority=ORDER.index(host.name),
        local=host.local,
        timeout=timeout,
        parallel=host.at_once,
        discover=host.local,
    )


def _limits(host: Host) -> tuple[Limit, ...]:
    midnight = "00:00 UTC"
    stated = (
        ("requests", host.a_minute, "minute", None),
        ("requests", host.a_day, "day", midnight),
        ("tokens", host.tokens_a_day, "day", midnight),
        ("requests", host.credits, "once", None),
    )
    return tuple(Limit(unit, amount, per, reset=reset) for unit, amount, per, reset in stated if amount)


class Step(NamedTuple):
    """At this instant these bytes have come."""

    at: float
    data: bytes


class Hosts:
    """All lanes of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lanes = {host.name: lane for lane, host in enumerate(world.lanes)}
        self._attempts: Counter[tuple[int, int]] = Counter()
        self._places = {host.name: anyio.Semaphore(host.at_once) for host in world.lanes if host.at_once}
        self._asked_at = -KEPT_LOADED - 1

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncGenerator[Played]:
        address = urlsplit(request.url)
        name = (address.hostname or "").partition(".")[0]
        if request.method == "GET":
            yield Played(200, {}, [Step(anyio.current_time(), self._listing(address.path))])
            return
        asked = orjson.loads(request.body)
        places = self._places.get(name)
        if places is None:
            yield await self._played(name, asked)
            return
        async with places:
            yield await self._played(name, asked)

    def _listing(self, path: str) -> bytes:
        loaded = anyio.current_time() - self._asked_at <= KEPT_LOADED
        models = [{"name": MODEL, "model": MODEL}] if loaded or path == "/api/tags" else []
        return orjson.dumps({"models": models})

    async def _played(self, name: str, asked: Mapping[str, Any]) -> Played:
        number, lane = int(asked["messages"][-1]["content"].split(maxsplit=1)[0]), self._lanes[name]
        began, host = anyio.current_time(), self._world.lanes[lane]
        cold = host.local and began - self._asked_at > KEPT_LOADED
        if host.local:
            self._asked_at = began
        outcome = self._world.outcome(number, lane, self._attempts[number, lane], began, cold=cold)
        self._attempts[number, lane] += 1
        if not outcome.ok:
            return await _failed(outcome, began)
        usage = round(float(self._world.prompt[number])), round(float(self._world.answer[number]))
        wire = _Lines(*usage) if host.local else _Events(*usage)
        if not asked.get("stream"):
            await anyio.sleep_until(began + outcome.end)
            return Played(200, {}, [Step(began + outcome.end, wire.whole())])
        return Played(200, {}, _streamed(wire, began, outcome))


class Played:
    """One response, step by step."""

    def __init__(self, status: int, headers: Mapping[str, str], steps: list[Step]) -> None:
        self.status = status
        self.headers = headers
        self.ended = False
        self._steps = steps[::-1]

    async def read(self) -> bytes:
        if not self._steps:
            self.ended = True
            return b""
        step = self._steps.pop()
        await anyio.sleep_until(step.at)
        return step.data


async def _failed(outcome: Outcome, began: float) -> Played:
    """After its time, a refusal; or nothing, ever."""
    if not outcome.status:
        await anyio.sleep_forever()
    await anyio.sleep_until(began + outcome.end)
    headers = {"retry-after": REFUSED_FOR} if outcome.status == 429 else {}
    body = orjson.dumps({"error": {"message": f"the world says {outcome.status}"}})
    return Played(outcome.status, headers, [Step(began + outcome.end, body)])


def _streamed(wire: _Wire, began: float, outcome: Outcome) -> list[Step]:
    """The first token, what has been made since with each second, and the rest at the end."""
    first = outcome.end if outcome.first is None else outcome.first
    total, seconds = wire.answer, outcome.end - first
    steps, said = [Step(began + first, wire.piece(1))], 1
    for piece in range(1, int(seconds / A_PIECE) + 1):
        made = max(said + 1, round(total * piece * A_PIECE / seconds))
        steps.append(Step(began + first + piece * A_PIECE, wire.piece(made - said)))
        said = made
    steps.append(Step(began + outcome.end, wire.end(max(0, total - said))))
    return steps


class _Wire:
    """How a reply to so many tokens of prompt is written, that has so many tokens."""

    def __init__(self, prompt: int, answer: int) -> None:
        self.prompt = prompt
        self.answer = answer

    def piece(self, tokens: int) -> bytes:
        raise NotImplementedError

    def end(self, tokens: int) -> bytes:
        raise NotImplementedError

    def whole(self) -> bytes:
        raise NotImplementedError


def _text(tokens: int) -> str:
    return "word" * tokens


class _Events(_Wire):
    """As OpenAI and most others do."""

    def piece(self, tokens: int) -> bytes:
        return _event({"choices": [{"index": 0, "delta": {"content": _text(tokens)}}]})

    def end(self, tokens: int) -> bytes:
        last = {"index": 0, "delta": {"content": _text(tokens)}, "finish_reason": "stop"}
        used: dict[str, Any] = {"choices": [], "usage": self._usage()}
        return _event({"choices": [last]}) + _event(used) + b"data: [DONE]\n\n"

    def whole(self) -> bytes:
        message = {"role": "assistant", "content": _text(self.answer)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return orjson.dumps({"choices": [choice], "usage": self._usage()})

    def _usage(self) -> dict[str, int]:
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.answer,
            "total_tokens": self.prompt + self.answer,
        }


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


class _Lines(_Wire):
    """As Ollama does."""

    def piece(self, tokens: int) -> bytes:
        return orjson.dumps({"message": _said(tokens), "done": False}) + b"\n"

    def end(self, tokens: int) -> bytes:
        counts = {"prompt_eval_count": self.prompt, "eval_count": self.answer}
        return orjson.dumps({"message": _said(tokens), "done": True, "done_reason": "stop", **counts}) + b"\n"

    def whole(self) -> bytes:
        return self.end(self.answer)


def _said(tokens: int) -> dict[str, str]:
    return {"role": "assistant", "content": _text(tokens)}
