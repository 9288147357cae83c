"""A set of whole numbers in a bit each: which lines of a batch are done."""

from __future__ import annotations

_SHIFT = 13  # 8,192 numbers a page: a million lines are 123 of them, and a wild number costs one
_PAGE = 1 << (_SHIFT - 3)
_WITHIN = _PAGE - 1


class Bits:
    """Numbers from 0. It takes room only around those that are in it."""

    __slots__ = ("_pages", "count")

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}
        self.count = 0

    def __contains__(self, number: int) -> bool:
        page = self._pages.get(number >> _SHIFT)
        return page is not None and bool(page[number >> 3 & _WITHIN] >> (number & 7) & 1)

    def add(self, number: int) -> bool:
        """Was it new?"""
        page = self._pages.get(number >> _SHIFT)
        if page is None:
            page = self._pages[number >> _SHIFT] = bytearray(_PAGE)
        at, bit = number >> 3 & _WITHIN, 1 << (number & 7)
        if page[at] & bit:
            return False
        page[at] |= bit
        self.count += 1
        return True

    def discard(self, number: int) -> None:
        if number in self:
            self._pages[number >> _SHIFT][number >> 3 & _WITHIN] &= ~(1 << (number & 7))
            self.count -= 1
