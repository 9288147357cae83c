"""A set of numbers in bits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from racer.batch.bits import Bits

NUMBERS = st.integers(0, 40_000) | st.integers(0, 1 << 48)


@given(st.lists(st.tuples(st.booleans(), NUMBERS)))
def test_it_does_what_a_set_does(steps: list[tuple[bool, int]]) -> None:
    """Numbers that come and go, near each other and far apart."""
    bits, plain = Bits(), set[int]()
    for comes, number in steps:
        if comes:
            assert bits.add(number) is (number not in plain)
            plain.add(number)
        else:
            bits.discard(number)
            plain.discard(number)

    assert bits.count == len(plain)
    assert all((number in bits) == (number in plain) for _, number in steps)


def test_the_ends_of_a_page() -> None:
    """Neighbours do not touch each other."""
    bits = Bits()

    assert bits.add(8191)
    assert bits.add(8192)
    assert not bits.add(8192)
    assert [number for number in range(8180, 8200) if number in bits] == [8191, 8192]

    bits.discard(8191)
    bits.discard(5)
    assert bits.count == 1
