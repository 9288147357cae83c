"""Ways to cut a body into the pieces that a network might bring, and to spoil it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st


def bytewise(body: bytes) -> list[bytes]:
    return [body[index : index + 1] for index in range(len(body))]


def chopped(body: bytes, cuts: list[int]) -> list[bytes]:
    """The body cut at each of `cuts`, which need not be in order nor inside it; empty pieces stay."""
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@st.composite
def mutated(draw: st.DrawFn, bodies: list[bytes]) -> bytes:
    """A golden body with bytes changed, taken out, doubled or put in, or another body behind it."""
    body = bytearray(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(body)))
        piece = draw(st.one_of(st.binary(max_size=6), st.sampled_from(TROUBLE)))
        body[at : at + draw(st.integers(0, 12))] = piece
    return bytes(body + draw(st.sampled_from([b"", *bodies])))


TROUBLE = [
    b"\r",
    b"\n",
    b"\n\n",
    b"\r\n",
    b"\xff",
    b"\x00",
    b"\\",
    b'"',
    b"{",
    b"}",
    b"[",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"\\ud800",
    b"data:",
    b"event: error",
    b"[DONE]",
    b'"error":',
    b"<think>",
    b"</think>",
    b"\xef\xbb\xbf",
]
