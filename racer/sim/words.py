"""Plausible English out of noise: the same noise gives the same words, as word pieces."""

from __future__ import annotations

import struct

TEXT = """
the of and to in is that it as was for on are with they be at this from have or by one had not but what
all were when we there can an your which their said if do will each about how up out them then she many
some so these would other into has more her two like him see time could no make than first been its who
now people my made over did down only way find use may water long little very after words called just
where most know get through back much before go good new write our used me man too any day same right
look think also around another came come work three word must because does part even place well such
here take why things help put years different away again off went old number great tell men say small
every found still between name should home big give air line set own under read last never us left end
along while might next sound below saw something thought both few those always looked show large often
together asked house world going want school important until form food keep children feet land side
without boy once animals life enough took sometimes four head above kind began almost live page got
earth need far hand high year mother light parts country father let night following picture being study
second eyes soon times story boys since white days ever paper hard near sentence better best across
during today however sure means knew try told young miles sun ways thing whole hear example heard
several change answer room sea against top turned learn point city play toward five using himself
usually café naïve
"""
VOCABULARY = tuple(TEXT.split())
SENTENCE = 11
PIECE = 7


def _split(word: str) -> tuple[str, ...]:
    """Long words are two pieces, as a tokenizer would have it."""
    return (word,) if len(word) <= PIECE else (word[: PIECE - 1], word[PIECE - 1 :])


INSIDE: tuple[tuple[str, ...], ...] = tuple(_split(f" {word}") for word in VOCABULARY)
OPENING: tuple[tuple[str, ...], ...] = tuple(_split(f" {word.capitalize()}") for word in VOCABULARY)


def pieces(noise: bytes) -> tuple[str, ...]:
    """One piece for each two bytes of `noise`, in sentences; the last piece ends the text."""
    numbers: tuple[int, ...] = struct.unpack(f">{len(noise) // 2}H", noise)
    found: list[str] = []
    for place, number in enumerate(numbers):
        opens = place % SENTENCE == 0
        if opens and found:
            found[-1] += "."
        found.extend((OPENING if opens else INSIDE)[number % len(VOCABULARY)])
        if len(found) >= len(numbers):
            break
    return _trimmed(found[: len(numbers)])


def _trimmed(found: list[str]) -> tuple[str, ...]:
    if found:
        found[0] = found[0].lstrip()
        found[-1] = found[-1].rstrip(".") + "."
    return tuple(found)


def beyond(tokens: tuple[str, ...], place: int) -> tuple[str, ...]:
    """What comes after the first `place` characters of the text."""
    end = 0
    for n, token in enumerate(tokens):
        end += len(token)
        if end > place:
            return (token[place - end :], *tokens[n + 1 :])
    return ()


def cut(text: str, size: int = 4) -> tuple[str, ...]:
    """`text` in pieces of `size` characters: how JSON comes out of a model."""
    return tuple(text[place : place + size] for place in range(0, len(text), size))
