"""Qdrant: `qdrant://host:6333` (`qdrant+tls://` with TLS), or in a folder, `qdrant:///folder`.

Points are named by UUIDs there, so an item's id is its payload's `item_id`. A write is answered
once it can be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from afresh.vectors.databases import Access, Field, Hits, Payload, Shape
from afresh.vectors.databases.address import hostname, is_tls
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

ID = "item_id"
INDEXES = {"text": "keyword", "number": "float", "flag": "bool"}


class QdrantDatabase:
    """A VectorDatabase in Qdrant, 1.10 or newer."""

    def __init__(self, access: Access) -> None:
        try:
            import qdrant_client
            from qdrant_client import models
        except ImportError as error:
            raise missing("Qdrant", "qdrant-client", "qdrant") from error
        parts = urlsplit(access.url)
        self._models: Any = models
        self._local = not parts.hostname
        self.where = f"qdrant://{hostname(access.url) or parts.path}"
        more: dict[str, Any] = {"verify": str(access.ca)} if access.ca else {}
        with self._translated():
            if self._local:
                self._client: Any = qdrant_client.QdrantClient(path=parts.path)
            else:
                self._client = qdrant_client.QdrantClient(
                    host=parts.hostname, port=parts.port or 6333, https=is_tls(access.url),
                    api_key=access.key, timeout=max(access.timeout_ms // 1000, 1),
                    check_compatibility=False,
                    **more,
                )  # fmt: skip

    def make(self, name: str, shape: Shape) -> QdrantCollection:
        m = self._models
        with self._translated():
            if self._client.collection_exists(name):
                held = self._client.get_collection(name).config.params.vectors
                differs(name, self.where, held.size, str(held.distance.value), shape)
            else:
                said = m.VectorParams(size=shape.dims, distance=m.Distance.COSINE)
                self._client.create_collection(name, vectors_config=said)
                for field in () if self._local else shape.fields:
                    self._client.create_payload_index(name, field.name, INDEXES[field.kind])
        return QdrantCollection(self, name, shape)

    def names(self) -> list[str]:
        with self._translated():
            return sorted(each.name for each in self._client.get_collections().collections)

    def drop(self, name: str) -> None:
        with self._translated():
            self._client.delete_collection(name)

    def switch(self, alias: str, name: str) -> None:
        m = self._models
        made = m.CreateAlias(collection_name=name, alias_name=alias)
        steps = [m.CreateAliasOperation(create_alias=made)]
        if self.live(alias) is not None:
            gone = m.DeleteAlias(alias_name=alias)
            steps.insert(0, m.DeleteAliasOperation(delete_alias=gone))
        with self._translated():
            self._client.update_collection_aliases(steps)

    def live(self, alias: str) -> str | None:
        with self._translated():
            held = self._client.get_aliases().aliases
        return next((each.collection_name for each in held if each.alias_name == alias), None)

    def close(self) -> None:
        self._client.close()

    def _translated(self) -> AbstractContextManager[None]:
        from qdrant_client.http.exceptions import ApiException
        from qdrant_client.http.exceptions import ResponseHandlingException as Unreachable

        return in_words(
            f"Qdrant at {self.where}",
            (ApiException, Unreachable, OSError, RuntimeError, ValueError),
        )


class QdrantCollection:
    """A Collection in Qdrant."""

    def __init__(self, database: QdrantDatabase, name: str, shape: Shape) -> None:
        self.name, self.shape = name, shape
        self._at = database

    def upsert(
        self, ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload]
    ) -> None:
        make = self._at._models.PointStruct
        points = [
            make(id=uuid_of(point.id), vector=point.vector, payload={**point.payload, ID: point.id})
            for point in points_of(ids, vectors, payloads, self.shape)
        ]
        if points:
            with self._at._translated():
                self._at._client.upsert(self.name, points, wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        gone = [uuid_of(item) for item in checked_ids(ids)]
        if gone:
            with self._at._translated():
                chosen = self._at._models.PointIdsList(points=gone)
                self._at._client.delete(self.name, chosen, wait=True)

    def search(self, vector: NDArray[Any], k: int, where: Filter | None = None) -> Hits:
        row, said = unit(vector, self.shape.dims), None
        if where is not None:
            said = translated(where, self.shape.fields, _Language(self._at._models))
        if k <= 0:
            return Hits()
        with self._at._translated():
            found = self._at._client.query_points(
                self.name, query=row, limit=k, query_filter=said, with_payload=[ID]
            ).points
        scores = np.array([point.score for point in found], np.float32)
        return Hits([point.payload[ID] for point in found], scores)

    def count(self) -> int:
        with self._at._translated():
            return int(self._at._client.count(self.name, exact=True).count)

    def flush(self) -> None:
        """Each write was waited for."""


class _Language:
    """Filters of Qdrant, where `must_not` lets pass what is absent."""

    def __init__(self, models: Any) -> None:
        self.m = models

    def one_of(self, field: Field, values: Sequence[str | float | bool]) -> Any:
        m = self.m
        if field.kind == "text":
            match = m.MatchAny(any=list(values))
            return m.Filter(must=[m.FieldCondition(key=field.name, match=match)])
        if field.kind == "flag":
            matches = [m.MatchValue(value=value) for value in values]
            return m.Filter(should=[m.FieldCondition(key=field.name, match=x) for x in matches])
        return m.Filter(should=[self.between(field, float(v), float(v)) for v in values])

    def none_of(self, field: Field, values: Sequence[str | float | bool]) -> Any:
        return self.m.Filter(must_not=[self.one_of(field, values)])

    def between(self, field: Field, least: float | None, most: float | None) -> Any:
        said = self.m.FieldCondition(key=field.name, range=self.m.Range(gte=least, lte=most))
        return self.m.Filter(must=[said])

    def outside(self, field: Field, least: float | None, most: float | None) -> Any:
        return self.m.Filter(must_not=[self.between(field, least, most)])

    def both(self, parts: Sequence[Any]) -> Any:
        return self.m.Filter(must=list(parts))

    def either(self, parts: Sequence[Any]) -> Any:
        return self.m.Filter(should=list(parts))
