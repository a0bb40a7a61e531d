"""Pinecone: `pinecone://index`, an index with the metric cosine that is there already.

A collection is a namespace of the index. There are no aliases, so a namespace of its own holds a
record for each that says what it names. A write is answered before it can be found, so `flush`
writes a point of its own and waits until it can be. Not run against the service by our tests: the
requests that its client sends are compared with what Pinecone documents.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from afresh.errors import AfreshError, Unavailable
from afresh.vectors.databases import Access, Field, Hits, Payload, Shape
from afresh.vectors.databases.filters import Filter, translated
from afresh.vectors.databases.points import (
    checked_ids,
    differs,
    missing,
    points_of,
    unit,
    uuid_of,
)
from afresh.vectors.databases.refusals import in_words

ALIASES = "afresh-aliases"
ID = "item_id"
OWN = "afresh_flush"
MOST = 10_000
LOOK_S = 0.2
MOST_S = 30.0
"""How long `flush` looks for its own point."""
Values = Sequence[str | float | bool]


class PineconeDatabase:
    """A VectorDatabase in a Pinecone index. Connects at the first call."""

    def __init__(self, access: Access) -> None:
        try:
            import pinecone
            from pinecone.errors import exceptions
        except ImportError as error:
            raise missing("Pinecone", "pinecone", "pinecone") from error
        if access.key is None:
            raise AfreshError("Pinecone needs an API key.", hint="Set vectors_key.")
        self._errors: Any = exceptions
        self._index_name = urlsplit(access.url).netloc
        self.where = f"pinecone://{self._index_name}"
        more: dict[str, Any] = {"ssl_ca_certs": str(access.ca)} if access.ca else {}
        with self.translated():
            client: Any = pinecone.Pinecone(
                api_key=access.key, timeout=access.timeout_ms / 1000, **more
            )
            held = client.describe_index(self._index_name)
            self._dims, self._metric = int(held.dimension), str(held.metric)
            self.index: Any = client.index(name=self._index_name)

    def make(self, name: str, shape: Shape) -> PineconeCollection:
        differs(name, self.where, self._dims, self._metric, shape)
        return PineconeCollection(self, name, shape)

    def names(self) -> list[str]:
        with self.translated():
            pages = list(self.index.list_namespaces())
        held = [each.name for page in pages for each in page.namespaces]
        return sorted(name for name in held if name and name != ALIASES)

    def drop(self, name: str) -> None:
        with self.translated(), contextlib.suppress(self._errors.NotFoundError):
            self.index.delete_namespace(name=name)

    def switch(self, alias: str, name: str) -> None:
        vector = [1.0] + [0.0] * (self._dims - 1)
        said = {"id": alias, "values": vector, "metadata": {"collection": name}}
        with self.translated():
            self.index.upsert(vectors=[said], namespace=ALIASES)
            until = time.monotonic() + MOST_S
            while self.live(alias) != name and time.monotonic() < until:
                time.sleep(LOOK_S)

    def live(self, alias: str) -> str | None:
        with self.translated():
            held = self.index.fetch(ids=[alias], namespace=ALIASES).vectors.get(alias)
        return str(held.metadata["collection"]) if held is not None else None

    def close(self) -> None:
        self.index.close()

    def translated(self) -> AbstractContextManager[None]:
        """Its errors in words for a person."""
        return in_words(
            f"The index at {self.where}",
            (self._errors.PineconeError, OSError),
            "Make the index (metric cosine), or check `vectors`, vectors_key and vectors_timeout.",
        )


class PineconeCollection:
    """A Collection in a namespace."""

    def __init__(self, database: PineconeDatabase, name: str, shape: Shape) -> None:
        self.name, self.shape = name, shape
        self._at = database

    def upsert(
        self, ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload]
    ) -> None:
        points = points_of(ids, vectors, payloads, self.shape)
        said: list[dict[str, Any]] = [
            {"id": uuid_of(p.id), "values": p.vector, "metadata": {**_named(p.payload), ID: p.id}}
            for p in points
        ]
        if said:
            with self._at.translated():
                self._at.index.upsert(vectors=said, namespace=self.name)

    def delete(self, ids: Sequence[str]) -> None:
        gone = [uuid_of(item) for item in checked_ids(ids)]
        if gone:
            with self._at.translated(), contextlib.suppress(self._at._errors.NotFoundError):
                self._at.index.delete(ids=gone, namespace=self.name)

    def search(self, vector: NDArray[Any], k: int, where: Filter | None = None) -> Hits:
        row, said = unit(vector, self.shape.dims), None
        if where is not None:
            said = translated(where, self.shape.fields, _Language())
        if k <= 0:
            return Hits()
        with self._at.translated():
            found = self._at.index.query(
                vector=row, top_k=min(k, MOST), namespace=self.name, filter=said,
                include_metadata=True,
            ).matches  # fmt: skip
        found = [hit for hit in found if ID in hit.metadata]  # not what `flush` looks for
        scores = np.array([hit.score for hit in found], np.float32)
        return Hits([hit.metadata[ID] for hit in found], scores)

    def count(self) -> int:
        with self._at.translated():
            held = self._at.index.describe_index_stats().namespaces.get(self.name)
        return int(held.vector_count) if held is not None else 0

    def flush(self) -> None:
        own = str(uuid.uuid4())
        vector = [1.0] + [0.0] * (self.shape.dims - 1)
        point = {"id": own, "values": vector, "metadata": {OWN: own}}
        until = time.monotonic() + MOST_S
        with self._at.translated():
            self._at.index.upsert(vectors=[point], namespace=self.name)
            while not self._at.index.query(
                vector=vector, top_k=1, namespace=self.name, filter={OWN: {"$eq": own}}
            ).matches:
                if time.monotonic() > until:
                    raise Unavailable(f"What was written to {self._at.where} is not to be found.")
                time.sleep(LOOK_S)
            self._at.index.delete(ids=[own], namespace=self.name)


def _named(payload: Payload) -> dict[str, Any]:
    """Fields apart from our own."""
    return {f"f_{name}": value for name, value in payload.items()}


class _Language:
    """Filters of metadata."""

    def one_of(self, field: Field, values: Values) -> dict[str, Any]:
        if field.kind == "flag":
            return self.either([{f"f_{field.name}": {"$eq": value}} for value in values])
        return {f"f_{field.name}": {"$in": list(values)}}

    def none_of(self, field: Field, values: Values) -> dict[str, Any]:
        absent = {f"f_{field.name}": {"$exists": False}}
        if field.kind == "flag":
            rest = [{f"f_{field.name}": {"$ne": value}} for value in values]
            return self.either([absent, self.both(rest)])
        return self.either([absent, {f"f_{field.name}": {"$nin": list(values)}}])

    def between(self, field: Field, least: float | None, most: float | None) -> dict[str, Any]:
        borders = {"$gte": least, "$lte": most}
        said = [{f"f_{field.name}": {s: v}} for s, v in borders.items() if v is not None]
        return self.both(said)

    def outside(self, field: Field, least: float | None, most: float | None) -> dict[str, Any]:
        borders = {"$lt": least, "$gt": most}
        said = [{f"f_{field.name}": {s: v}} for s, v in borders.items() if v is not None]
        return self.either([{f"f_{field.name}": {"$exists": False}}, *said])

    def both(self, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"$and": list(parts)}

    def either(self, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"$or": list(parts)}
