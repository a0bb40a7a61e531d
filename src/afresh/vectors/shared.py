"""Texts that items share: each distinct text has a number, and its items hang on it as a list.

A catalogue says the same of many items (the demo's 68,000 have 15,668 texts), so vectors are kept a
text. Only these lists hold item numbers, so that a renumbering touches no index.
"""

from __future__ import annotations

import hashlib

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.room import MEMORY
from afresh.vectors import Keys

NONE = -1


@numba.njit(cache=True, nogil=True)
def expand(keys, cosines, first, following, present, each, items, scores):  # type: ignore[no-untyped-def]
    """The present items of texts keys[n] with cosines above zero, `each` a text at most.

    Into items int64[m] and scores float64[m]; returns how many they are.
    """
    used = 0
    for at in range(len(keys)):
        item, taken = first[keys[at]], 0
        while item >= 0 and taken < each and used < len(items) and cosines[at] > 0:
            if item < len(present) and present[item]:
                items[used] = item
                scores[used] = cosines[at]
                used += 1
                taken += 1
            item = following[item]
    return used


@numba.njit(cache=True, nogil=True)
def _move(item, was, number, first, following):  # type: ignore[no-untyped-def]
    """Take an item out of one list and put it in its place in another (NONE: no list)."""
    if was >= 0:
        at = first[was]
        if at == item:
            first[was] = following[item]
        else:
            while following[at] != item:
                at = following[at]
            following[at] = following[item]
    if number >= 0:
        at, after = NONE, first[number]
        while after > item:
            at, after = after, following[after]
        following[item] = after
        if at == NONE:
            first[number] = item
        else:
            following[at] = item


@numba.njit(cache=True, nogil=True)
def _texts(items, text):  # type: ignore[no-untyped-def]
    """text[item] of items int64[n], NONE for one beyond its ends."""
    out = np.full(len(items), NONE, np.int64)
    for at in range(len(items)):
        if 0 <= items[at] < len(text):
            out[at] = text[items[at]]
    return out


class SharedTexts:
    """text int64[items]: the number of each item's text; first int64[texts]: the newest item of
    each; following int64[items]: the one after it. NONE where there is none.

    Newest is what has the highest number, so that the lists are the same however they came to
    be. Numbers of texts that nobody has any more are
    given again.
    """

    def __init__(self) -> None:
        self.first = np.full(64, NONE, np.int64)
        self.following = np.full(64, NONE, np.int64)
        self.text = np.full(64, NONE, np.int64)
        self._numbers: dict[bytes, int] = {}
        self._digests: list[bytes] = []
        self._free: list[int] = []
        self._left: set[int] = set()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._numbers

    def number(self, digest: bytes) -> int:
        """A text's number, NONE for one that has none."""
        return self._numbers.get(digest, NONE)

    def add(self, digest: bytes) -> int:
        """A number for a text that has none."""
        if self._free:
            number = self._free.pop()
            self._digests[number] = digest
        else:
            number = len(self._digests)
            self._digests.append(digest)
        self.first = _roomy(self.first, number + 1)
        self._numbers[digest] = number
        return number

    def of(self, items: NDArray[np.int64]) -> Keys:
        """The texts of items, NONE for those without: int64[n]."""
        return np.asarray(_texts(items, self.text))

    def place(self, item: int, number: int) -> None:
        """Hang an item on a text (NONE: on none), and off the one it had.

        Items in ascending order are put in front, at once; others are walked to.
        """
        self.text = _roomy(self.text, item + 1)
        self.following = _roomy(self.following, item + 1)
        was = int(self.text[item])
        if was == number:
            return
        self.text[item] = number
        _move(item, was, number, self.first, self.following)
        if was >= 0 and self.first[was] < 0:
            self._left.add(was)

    def drop_empty(self) -> Keys:
        """Forget the texts that no item has any more; their numbers, ascending."""
        gone = [number for number in sorted(self._left) if self.first[number] < 0]
        self._left.clear()
        for number in gone:
            del self._numbers[self._digests[number]]
            self._free.append(number)
        return np.array(gone, np.int64)

    def renumber(self, moved: NDArray[np.int64]) -> None:
        """Items have new numbers: moved[old] = new, -1 for those that are gone."""
        known = self.text[: len(moved)] >= 0
        for item in np.flatnonzero(known & (moved[: len(known)] < 0)).tolist():
            self.place(item, NONE)
        held = np.flatnonzero(self.text[: len(moved)] >= 0)
        size = max(int(moved.max(initial=-1)) + 1, 1)
        text, following = np.full(size, NONE, np.int64), np.full(size, NONE, np.int64)
        text[moved[held]] = self.text[held]
        items = np.flatnonzero(text >= 0)
        items = items[np.argsort(text[items], kind="stable")]  # by text, ascending
        same = np.diff(text[items]) == 0
        following[items[1:][same]] = items[:-1][same]
        newest = items[np.append(~same, True)] if len(items) else items
        self.first[text[newest]] = newest
        self.text, self.following = text, following


def digest_of(text: str) -> bytes:
    """What a text is known by; empty for the empty one."""
    return (
        hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() if text else b""
    )


def _roomy(array: Keys, size: int) -> Keys:
    if size <= len(array):
        return array
    larger = MEMORY.grown(array, max(2 * len(array), size))
    larger[len(array) :] = NONE
    return larger
