"""Item vectors: the text of every item of the catalogue, embedded and indexed, as it changes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.catalog_state import CatalogState
from afresh.retrieve import Candidates
from afresh.store.replica import Replica
from afresh.vectors import Near, VectorIndex, Vectors
from afresh.vectors.databases import Hits
from afresh.vectors.growing import GrowingIndex
from afresh.vectors.lookups import Lookup
from afresh.vectors.shared import SharedTexts, digest_of, expand
from afresh.vectors.text import TextEncoder, text_encoder, text_fields, text_of

BATCH = 32
"""Changed items that a search embeds before it looks; the others wait for the next one."""
CHUNK = 4096
"""Items embedded together at most."""
EACH = 20
"""Items of one and the same text among the neighbours: the newest ones."""
REMEMBERED = 10_000
"""Texts whose neighbours are kept at hand: 12 bytes a neighbour."""


class ItemVectors:
    """The vectors of one replica's items. The caller holds the replica's lock.

    To be told of what changes: `changed` after item records are folded, `renumber` after a
    sweep gave items new numbers. A replica that was cleared is read anew.
    """

    def __init__(
        self,
        replica: Replica,
        encoder: TextEncoder | None = None,
        make_index: Callable[[int], VectorIndex] = GrowingIndex,
    ) -> None:
        self.replica = replica
        self.encoder = encoder or text_encoder()
        self._make_index = make_index
        self.lookup: Lookup | None = None
        """Who is asked for neighbours first, during the request at hand."""
        self._pending: dict[int, None] = {}
        self._catalog: CatalogState
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
        self._texts.renumber(moved)
        self._drop_empty()
        kept = (n for n in self._pending if n < len(moved) and moved[n] >= 0)
        self._pending = {int(moved[n]): None for n in kept}

    def continued(self, catalog: CatalogState, moved: NDArray[np.int64]) -> None:
        """The replica goes on with another catalogue of the same records, numbered anew."""
        if self.replica.catalog is self._catalog:
            self.renumber(moved)
            self._catalog = catalog

    def refresh(self, most: int | None = None) -> int:
        """Embed what changed, `most` items of it; how many are left.

        To be called without a limit at start, before the first request.
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
        texts = self._texts.of(items)
        known = texts >= 0
        return known, self._index.get(texts[known])

    def near(self, vector: NDArray[np.floating], n: int, *, each: int = EACH) -> Candidates:
        """The n items nearest to a vector [dims]; scores are cosines, above zero.

        Of items with the same text, the `each` newest.
        """
        self.refresh(BATCH)
        hits = None if self.lookup is None else self.lookup(vector, n)
        if hits is not None:
            return self._named(hits, each)
        return self._expanded(self._index.search(vector, n), n, each)

    def near_items(self, items: NDArray[np.int64], n: int, *, each: int = EACH) -> list[Candidates]:
        """As `near`, to the own vector of each of some items; the item may be among them. Empty
        for one without.

        Its nearest texts are remembered until a text comes or goes: clicks change none.
        """
        self.refresh(BATCH)
        return [self._near_text(text, n, each) for text in self._texts.of(items).tolist()]

    def _near_text(self, text: int, n: int, each: int) -> Candidates:
        if text < 0:
            return Candidates()
        if self.lookup is not None:
            hits = self.lookup(self._index.get(np.array([text]))[0], n)
            if hits is not None:
                return self._named(hits, each)
        return self._expanded(self._remembered_near(text, n), n, each)

    def _remembered_near(self, text: int, n: int) -> Near:
        found = self._remembered.pop((text, n), None)
        if found is None:
            found = self._index.search(self._index.get(np.array([text]))[0], n)
        self._remembered[text, n] = found  # the last one now
        if len(self._remembered) > REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return found

    def _named(self, hits: Hits, each: int) -> Candidates:
        """The items that a database found, as far as they are in the catalogue; of one text the
        `each` first."""
        items = self.replica.state.items.find_texts(hits.ids)
        kept = self.replica.catalog.is_present(items) & (hits.cosines > 0)
        items, scores = items[kept], hits.cosines[kept].astype(np.float64)
        texts = self._texts.of(items)
        order = np.argsort(texts, kind="stable")
        _, begin, size = np.unique(texts[order], return_index=True, return_counts=True)
        place = np.empty(len(items), np.int64)
        place[order] = np.arange(len(items)) - np.repeat(begin, size)
        few = (place < each) | (texts < 0)
        return Candidates(items[few], scores[few])

    def _expanded(self, found: Near, n: int, each: int) -> Candidates:
        """The items of the texts found, best first, those of one text by their age."""
        items, scores = np.empty(n, np.int64), np.empty(n)
        used = expand(
            found.keys, found.cosines, self._texts.first, self._texts.following,
            self.replica.catalog.present, each, items, scores,
        )  # fmt: skip
        return Candidates(items[:used], scores[:used])

    def _follow(self) -> None:
        """Begin with the replica's catalogue as it stands."""
        self._catalog = self.replica.catalog
        self._fields = text_fields(list(self._catalog.fields.values()))
        self._index = self._make_index(self.encoder.dims)
        self._texts = SharedTexts()
        self._remembered: dict[tuple[int, int], Near] = {}
        self._pending = dict.fromkeys(sorted(self._catalog.records))

    def _embed(self, numbers: list[int]) -> None:
        texts = [self._text(number) for number in numbers]
        digests = [digest_of(text) for text in texts]
        pairs = zip(digests, texts, strict=True)
        new = {digest: text for digest, text in pairs if digest and digest not in self._texts}
        if new:
            vectors = self.encoder.encode(list(new.values()))
            says = np.asarray(vectors.any(axis=1))
            keys = [self._texts.add(d) for d, said in zip(new, says.tolist(), strict=True) if said]
            self._index.upsert(np.array(keys, np.int64), vectors[says])
            self._remembered.clear()
        for number, digest in zip(numbers, digests, strict=True):
            self._texts.place(number, self._texts.number(digest))
            del self._pending[number]
        self._drop_empty()

    def _drop_empty(self) -> None:
        gone = self._texts.drop_empty()
        if len(gone):
            self._index.delete(gone)
            self._remembered.clear()

    def _text(self, number: int) -> str:
        line = self._catalog.records.get(number)
        return text_of(msgspec.json.decode(line), self._fields) if line else ""
