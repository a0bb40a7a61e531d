"""Item vectors: the text of every item of the catalogue, embedded and indexed, as it changes.

Many items share one text, and with it one vector: the index holds each distinct text once,
under a number of its own, and the items of a text hang on it as a list, the last put first.
Item numbers appear in these lists only, so a renumbering touches no index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import islice

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.interning import grown
from afresh.retrieve import Candidates, best
from afresh.store.replica import Replica
from afresh.vectors import Keys, VectorIndex, Vectors
from afresh.vectors.growing import GrowingIndex
from afresh.vectors.text import TextEncoder, text_encoder, text_fields, text_of

BATCH = 128
"""Changed items that a search embeds before it looks; the others wait for the next one."""
CHUNK = 4096
"""Items embedded together at most."""
EACH = 20
"""Items of one and the same text among the neighbours, the last put ones."""


@numba.njit(cache=True, nogil=True)
def _expand(keys, cosines, first, following, present, each, items, scores):  # type: ignore[no-untyped-def]
    """The present items of texts, best text first, up to len(items); how many there are."""
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


class ItemVectors:
    """The vectors of one replica's items. The caller holds the replica's lock.

    To be told of what changes: `changed` after item records are folded, `renumber` after a
    sweep gave items new numbers. A replica that was cleared is read anew.
    """

    _texts: NDArray[np.int64]
    """[items]: the number of each one's text, -1 for none."""
    _following: NDArray[np.int64]
    """[items]: the next item of the same text, -1 at the end; [texts] `_first` is the first."""
    _first: NDArray[np.int64]
    _pending: dict[int, None]

    def __init__(
        self,
        replica: Replica,
        encoder: TextEncoder | None = None,
        make_index: Callable[[int], VectorIndex] = GrowingIndex,
    ) -> None:
        self.replica = replica
        self.encoder = encoder or text_encoder()
        self._catalog: object = None
        self._make_index = make_index
        self._follow()

    def __len__(self) -> int:
        """The distinct texts held."""
        return len(self._index)

    def changed(self, numbers: NDArray[np.int64]) -> None:
        """Items were put or deleted."""
        self._pending.update(dict.fromkeys(numbers.tolist()))

    def renumber(self, moved: NDArray[np.int64]) -> None:
        """Items have new numbers: moved[old] = new, -1 for items that no record has."""
        if self.replica.catalog is not self._catalog:
            return  # cleared, and not yet read anew
        for number in np.flatnonzero(self._texts[: len(moved)] >= 0).tolist():
            if moved[number] < 0:
                self._place(number, -1)
        self._drop_empty()
        held = np.flatnonzero(self._texts[: len(moved)] >= 0)
        size = max(int(moved.max(initial=-1)) + 1, 1)
        texts, following = np.full(size, -1, np.int64), np.full(size, -1, np.int64)
        texts[moved[held]] = self._texts[held]
        linked = held[self._following[held] >= 0]
        following[moved[linked]] = moved[self._following[linked]]
        begun = np.flatnonzero(self._first >= 0)
        self._first[begun] = moved[self._first[begun]]
        self._texts, self._following = texts, following
        kept = (n for n in self._pending if n < len(moved) and moved[n] >= 0)
        self._pending = {int(moved[n]): None for n in kept}

    def refresh(self, most: int | None = None) -> int:
        """Embed what changed, `most` items of it; how many are left.

        At start, before the first request, without a limit: 68,000 items take two seconds.
        """
        if self.replica.catalog is not self._catalog:
            self._follow()
        wanted = len(self._pending) if most is None else most
        while wanted > 0 and self._pending:
            self._embed(list(islice(self._pending, min(wanted, CHUNK))))
            wanted -= CHUNK
        return len(self._pending)

    def of(self, items: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Vectors]:
        """Which items have a vector, bool[n]; and these: float32[those, dims], of length one."""
        self.refresh(BATCH)
        inside = (items >= 0) & (items < len(self._texts))
        texts = np.where(inside, self._texts[np.where(inside, items, 0)], -1)
        known = texts >= 0
        return known, self._index.get(texts[known])

    def near(self, vector: NDArray[np.floating], n: int, *, each: int = EACH) -> Candidates:
        """The n items nearest to a vector [dims]; scores are cosines, above zero.

        Of items with the same text, `each` at most.
        """
        self.refresh(BATCH)
        found = self._index.search(vector, n)
        items, scores = np.empty(n, np.int64), np.empty(n)
        used = _expand(
            found.keys, found.cosines.astype(np.float64), self._first, self._following,
            self.replica.catalog.present, each, items, scores,
        )  # fmt: skip
        return best(items[:used], scores[:used], n)

    def _follow(self) -> None:
        """Begin with the replica's catalogue as it stands."""
        catalog = self.replica.catalog
        self._catalog = catalog
        self._fields = text_fields(list(catalog.fields.values()))
        self._index = self._make_index(self.encoder.dims)
        self._keys: dict[bytes, int] = {}
        self._digests: list[bytes] = []
        self._free: list[int] = []
        self._emptied: set[int] = set()
        self._first = np.full(64, -1, np.int64)
        self._texts, self._following = np.full(64, -1, np.int64), np.full(64, -1, np.int64)
        self._pending = dict.fromkeys(catalog.records)

    def _embed(self, numbers: list[int]) -> None:
        texts = [self._text(number) for number in numbers]
        digests = [_digest(text) for text in texts]
        new = {d: t for d, t in zip(digests, texts, strict=True) if d and d not in self._keys}
        if new:
            vectors = self.encoder.encode(list(new.values()))
            says = np.asarray(vectors.any(axis=1))
            keys = [self._key(d) for d, said in zip(new, says.tolist(), strict=True) if said]
            self._index.upsert(np.array(keys, np.int64), vectors[says])
        self._reserve(max(numbers) + 1)
        for number, digest in zip(numbers, digests, strict=True):
            self._place(number, self._keys.get(digest, -1))
            del self._pending[number]
        self._drop_empty()

    def _text(self, number: int) -> str:
        line = self.replica.catalog.records.get(number)
        return text_of(msgspec.json.decode(line), self._fields) if line else ""

    def _key(self, digest: bytes) -> int:
        """A number for a text that has none."""
        if self._free:
            key = self._free.pop()
            self._digests[key] = digest
        else:
            key = len(self._digests)
            self._digests.append(digest)
        if key >= len(self._first):
            self._first = _extended(self._first, key + 1)
        self._keys[digest] = key
        return key

    def _place(self, number: int, key: int) -> None:
        """Hang an item on a text (-1: on none), in front of the others, and off its last one."""
        was = int(self._texts[number])
        if was == key:
            return
        if was >= 0:
            self._unlink(number, was)
        self._texts[number] = key
        if key >= 0:
            self._following[number] = self._first[key]
            self._first[key] = number

    def _unlink(self, number: int, key: int) -> None:
        after = self._following[number]
        at = int(self._first[key])
        if at == number:
            self._first[key] = after
        else:
            while self._following[at] != number:
                at = int(self._following[at])
            self._following[at] = after
        if self._first[key] < 0:
            self._emptied.add(key)

    def _drop_empty(self) -> None:
        """Texts that no item has any more leave the index."""
        gone = [key for key in sorted(self._emptied) if self._first[key] < 0]
        self._emptied.clear()
        self._index.delete(np.array(gone, np.int64))
        for key in gone:
            del self._keys[self._digests[key]]
            self._free.append(key)

    def _reserve(self, items: int) -> None:
        if items > len(self._texts):
            self._texts = _extended(self._texts, items)
            self._following = _extended(self._following, items)


def _digest(text: str) -> bytes:
    return (
        hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() if text else b""
    )


def _extended(array: Keys, size: int) -> Keys:
    larger = grown(array, max(2 * len(array), size))
    larger[len(array) :] = -1
    return larger
