"""The answer to a request: deterministic, by seed, provider, model and prompt; cut as was asked."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from racer.sim.exchange import Answer
from racer.sim.instance import Maker
from racer.sim.words import cut, pieces

if TYPE_CHECKING:
    from racer.sim.exchange import Ask
    from racer.sim.profile import Chance, Profile, Provider

CHARACTERS_PER_TOKEN = 4


def compose(ask: Ask, provider: Provider, profile: Profile) -> Answer:
    """The whole answer. With `same` in the profile neither provider nor model has a say in it."""
    speaker = "" if profile.same else f"{provider.name}\0{ask.model}"
    key = f"{profile.seed}\0{speaker}\0{ask.prompt}".encode()
    answer = Answer(tokens=(), prompt_tokens=count_tokens(ask.prompt + ask.prefix))
    if ask.warm_up:
        return answer
    if ask.reasoning and provider.reasoning:
        answer = replace(answer, reasoning=pieces(_noise(b"reasoning" + key, 2 * provider.reasoning)))
    if ask.tool is not None:
        arguments = orjson.dumps(Maker(ask.tool.parameters, _noise(key, 256)).make()).decode()
        return _capped(replace(answer, tool=ask.tool.name, tokens=cut(arguments), finish="tool_calls"), ask)
    tokens = _json_tokens(ask, key) if ask.json else _word_tokens(key, provider, profile)
    tokens = _stopped(_after(tokens, ask.prefix), ask.stop)
    return _capped(replace(answer, tokens=tokens), ask)


def count_tokens(text: str) -> int:
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


def _noise(key: bytes, size: int) -> bytes:
    return hashlib.shake_128(key).digest(size)


def _word_tokens(key: bytes, provider: Provider, profile: Profile) -> tuple[str, ...]:
    spread = profile.length if profile.same or provider.length is None else provider.length
    length = max(1, round(spread.sample(_chance(_noise(b"length" + key, 32)))))
    return pieces(_noise(key, 2 * length))


def _json_tokens(ask: Ask, key: bytes) -> tuple[str, ...]:
    schema = ask.schema or {
        "type": "object",
        "required": ["answer", "sure"],
        "properties": {"answer": {"type": "string"}, "sure": {"type": "boolean"}},
    }
    return cut(orjson.dumps(Maker(schema, _noise(key, 256)).make()).decode())


def _chance(noise: bytes) -> Chance:
    """Uniform numbers out of noise, eight bytes each."""
    numbers = (int.from_bytes(noise[place : place + 8], "big") / 2**64 for place in range(0, len(noise), 8))
    return numbers.__next__


def _after(tokens: tuple[str, ...], prefix: str) -> tuple[str, ...]:
    """What is left of the text when the caller has its beginning; all of it if that is another text."""
    text = "".join(tokens)
    if not prefix or not text.startswith(prefix):
        return tokens
    place = 0
    for n, token in enumerate(tokens):
        place += len(token)
        if place > len(prefix):
            return (token[len(prefix) - place :], *tokens[n + 1 :])
    return ()


def _stopped(tokens: tuple[str, ...], stops: tuple[str, ...]) -> tuple[str, ...]:
    text = "".join(tokens)
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    if not places:
        return tokens
    end = min(places)
    kept: list[str] = []
    for token in tokens:
        if end <= 0:
            break
        kept.append(token[:end])
        end -= len(token)
    return tuple(kept)


def _capped(answer: Answer, ask: Ask) -> Answer:
    """The cap counts reasoning too, as providers do."""
    if ask.max_tokens is None or answer.output_tokens <= ask.max_tokens:
        return answer
    reasoning = answer.reasoning[: ask.max_tokens]
    tokens = answer.tokens[: ask.max_tokens - len(reasoning)]
    return replace(answer, reasoning=reasoning, tokens=tokens, finish="length")
