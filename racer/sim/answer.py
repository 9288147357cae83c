"""The answer to a request: deterministic, by seed, provider, model and prompt; cut as was asked."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from racer.sim.exchange import Answer, Call
from racer.sim.instance import Maker
from racer.sim.resumption import carried_on, quoted_end, resumed
from racer.sim.stated import stated_schema, wants_json
from racer.sim.words import cut, pieces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from racer.sim.exchange import Ask, Unfinished
    from racer.sim.profile import Chance, Profile, Provider

CHARACTERS_PER_TOKEN = 4


def compose(ask: Ask, provider: Provider, profile: Profile) -> Answer:
    """The whole answer. With `same` in the profile neither provider nor model has a say in it."""
    speaker = "" if profile.same else f"{provider.name}\0{ask.model}"
    words = quoted_end(ask.broken) if ask.broken and provider.continues != "deaf" else ""
    key = f"{profile.seed}\0{speaker}\0{_heard(ask, provider, words)}".encode()
    answer = Answer(tokens=(), prompt_tokens=count_tokens(ask.prompt + ask.prefix))
    if ask.warm_up:
        return answer
    if ask.reasoning and provider.reasoning:
        answer = replace(answer, reasoning=pieces(_noise(b"reasoning" + key, 2 * provider.reasoning)))
    if ask.tools:
        return _capped(replace(answer, calls=_calls(ask, key), finish="tool_calls"), ask)
    unfinished = ask.broken if words else None
    tokens = (
        _json_tokens(ask, unfinished, key)
        if wants_json(ask, unfinished)
        else _word_tokens(key, provider, profile)
    )
    if unfinished is not None:
        tokens = resumed(tokens, unfinished, words, provider.continues)
    elif provider.continues != "deaf":
        tokens = carried_on(tokens, ask, provider.continues)
    return _capped(replace(answer, tokens=_stopped(tokens, ask.stop)), ask)


def _heard(ask: Ask, provider: Provider, words: str) -> str:
    """The conversation that is answered: the one before, where the end of a broken answer is wanted."""
    if ask.broken and words:
        return ask.broken.prompt
    return f"{ask.prompt}\0{ask.prefix}" if ask.prefix and provider.continues == "deaf" else ask.prompt


def count_tokens(text: str) -> int:
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


def _noise(key: bytes, size: int) -> bytes:
    return hashlib.shake_128(key).digest(size)


def _word_tokens(key: bytes, provider: Provider, profile: Profile) -> tuple[str, ...]:
    spread = profile.length if profile.same or provider.length is None else provider.length
    length = max(1, round(spread.sample(_chance(_noise(b"length" + key, 32)))))
    return pieces(_noise(key, 2 * length))


def _json_tokens(ask: Ask, unfinished: Unfinished | None, key: bytes) -> tuple[str, ...]:
    schema = (
        ask.schema
        or stated_schema(ask, unfinished)
        or {
            "type": "object",
            "required": ["answer", "sure"],
            "properties": {"answer": {"type": "string"}, "sure": {"type": "boolean"}},
        }
    )
    return _made(schema, key)


def _calls(ask: Ask, key: bytes) -> tuple[Call, ...]:
    """The first call has the noise that it would have alone."""
    keys = [key, *(b"%d\0" % n + key for n in range(1, len(ask.tools)))]
    asked = zip(ask.tools, keys, strict=True)
    return tuple(Call(tool.name, _made(tool.parameters, own)) for tool, own in asked)


def _made(schema: Mapping[str, Any], key: bytes) -> tuple[str, ...]:
    return cut(orjson.dumps(Maker(schema, _noise(key, 256)).make()).decode())


def _chance(noise: bytes) -> Chance:
    """Uniform numbers out of noise, eight bytes each."""
    numbers = (int.from_bytes(noise[place : place + 8], "big") / 2**64 for place in range(0, len(noise), 8))
    return numbers.__next__


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
    left = ask.max_tokens - len(reasoning)
    calls: list[Call] = []
    for call in answer.calls:
        if not calls or left > 0:
            calls.append(replace(call, tokens=call.tokens[:left]))
        left -= len(call.tokens)
    tokens = answer.tokens[: ask.max_tokens - len(reasoning)]
    return replace(answer, reasoning=reasoning, tokens=tokens, calls=tuple(calls), finish="length")
