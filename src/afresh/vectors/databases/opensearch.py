"""OpenSearch with its k-NN plug-in: `opensearch://host:9200` (`opensearch+tls://` with TLS).

A collection is an index, an alias an alias. Not run against the service by our tests: the requests
that its client sends are compared with what OpenSearch 2.17 and 3 document.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from afresh.errors import Unavailable
from afresh.vectors.databases import Access, Field, Hits, Payload, Shape
from afresh.vectors.databases.address import hostname, is_tls
from afresh.vectors.databases.filters import Filter, translated
from afresh.vectors.databases.points import checked_ids, differs, missing, points_of, unit
from afresh.vectors.databases.refusals import in_words

TYPES = {"text": "keyword", "number": "double", "flag": "boolean"}
METRICS = {"cosinesimil": "cosine"}
Values = Sequence[str | float | bool]


class OpensearchDatabase:
    """A VectorDatabase in OpenSearch."""

    def __init__(self, access: Access) -> None:
        try:
            import opensearchpy
        except ImportError as error:
            raise missing("OpenSearch", "opensearch-py", "opensearch") from error
        self._library: Any = opensearchpy
        parts = urlsplit(access.url)
        self.where = f"opensearch://{hostname(access.url)}"
        more: dict[str, Any] = {"ca_certs": str(access.ca)} if access.ca else {}
        if access.key is not None:
            more["http_auth"] = (parts.username or "admin", access.key)
        self._client: Any = opensearchpy.OpenSearch(
            [{"host": parts.hostname, "port": parts.port or 9200}], use_ssl=is_tls(access.url),
            timeout=access.timeout_ms / 1000, max_retries=0, **more,
        )  # fmt: skip

    def make(self, name: str, shape: Shape) -> OpensearchCollection:
        with self._translated():
            if self._client.indices.exists(index=name):
                held = self._client.indices.get_mapping(index=name)[name]["mappings"]
                vector = held.get("properties", {}).get("vector", {})
                space = vector.get("method", {}).get("space_type", vector.get("space_type", "none"))
                differs(
                    name, self.where, int(vector.get("dimension", 0)), METRICS.get(space, space),
                    shape,
                )  # fmt: skip
            else:
                self._client.indices.create(index=name, body=_index(shape))
        return OpensearchCollection(self, name, shape)

    def names(self) -> list[str]:
        with self._translated():
            return sorted(self._client.indices.get_alias(index="*"))

    def drop(self, name: str) -> None:
        with self._translated():
            self._client.indices.delete(index=name, ignore_unavailable=True)

    def switch(self, alias: str, name: str) -> None:
        live = self.live(alias)
        actions = [{"add": {"index": name, "alias": alias}}]
        if live is not None:
            actions.insert(0, {"remove": {"index": live, "alias": alias}})
        with self._translated():
            self._client.indices.update_aliases(body={"actions": actions})

    def live(self, alias: str) -> str | None:
        with self._translated():
            held = self._client.indices.get_alias(index="*")
        return next((name for name, said in held.items() if alias in said["aliases"]), None)

    def close(self) -> None:
        self._client.close()

    def _translated(self) -> AbstractContextManager[None]:
        return in_words(
            f"OpenSearch at {self.where}",
            (self._library.exceptions.OpenSearchException, OSError),
            "Start it, or check `vectors`, vectors_key and vectors_timeout; it needs its "
            "k-NN plug-in.",
        )


class OpensearchCollection:
    """A Collection in an index."""

    def __init__(self, database: OpensearchDatabase, name: str, shape: Shape) -> None:
        self.name, self.shape = name, shape
        self._at = database

    def upsert(
        self, ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload]
    ) -> None:
        lines: list[dict[str, Any]] = []
        for point in points_of(ids, vectors, payloads, self.shape):
            said = {f"f_{name}": value for name, value in point.payload.items()}
            lines += [{"index": {"_id": point.id}}, {"vector": point.vector, **said}]
        self._bulk(lines)

    def delete(self, ids: Sequence[str]) -> None:
        self._bulk([{"delete": {"_id": item}} for item in checked_ids(ids)])

    def search(self, vector: NDArray[Any], k: int, where: Filter | None = None) -> Hits:
        asked: dict[str, Any] = {"vector": unit(vector, self.shape.dims), "k": k}
        if where is not None:
            asked["filter"] = translated(where, self.shape.fields, _Language())
        if k <= 0:
            return Hits()
        body = {"size": k, "_source": False, "query": {"knn": {"vector": asked}}}
        with self._at._translated():
            found = self._at._client.search(index=self.name, body=body)["hits"]["hits"]
        scores = np.array([2 * hit["_score"] - 1 for hit in found], np.float32)  # (1 + cosine) / 2
        return Hits([hit["_id"] for hit in found], scores)

    def count(self) -> int:
        with self._at._translated():
            return int(self._at._client.count(index=self.name)["count"])

    def flush(self) -> None:
        with self._at._translated():
            self._at._client.indices.refresh(index=self.name)

    def _bulk(self, lines: list[dict[str, Any]]) -> None:
        if not lines:
            return
        body = "".join(f"{json.dumps(line)}\n" for line in lines)
        with self._at._translated():
            done = self._at._client.bulk(index=self.name, body=body)
        if done["errors"]:
            said = [each for item in done["items"] for each in item.values() if "error" in each]
            raise Unavailable(
                f"OpenSearch at {self._at.where} did not take {len(said)} items: "
                f"{said[0]['error'] if said else 'it does not say why'}.",
                hint="What is waiting is tried again.",
            )


def _index(shape: Shape) -> dict[str, Any]:
    method = {"name": "hnsw", "engine": "lucene", "space_type": "cosinesimil"}
    vector = {"type": "knn_vector", "dimension": shape.dims, "method": method}
    fields = {f"f_{field.name}": {"type": TYPES[field.kind]} for field in shape.fields}
    mappings = {"dynamic": "strict", "properties": {"vector": vector, **fields}}
    return {"settings": {"index": {"knn": True}}, "mappings": mappings}


class _Language:
    """Filters of OpenSearch's query language, where `must_not` lets pass what is absent."""

    def one_of(self, field: Field, values: Values) -> dict[str, Any]:
        return {"terms": {f"f_{field.name}": list(values)}}

    def none_of(self, field: Field, values: Values) -> dict[str, Any]:
        return {"bool": {"must_not": [self.one_of(field, values)]}}

    def between(self, field: Field, least: float | None, most: float | None) -> dict[str, Any]:
        borders = {"gte": least, "lte": most}
        said = {name: value for name, value in borders.items() if value is not None}
        return {"range": {f"f_{field.name}": said}}

    def outside(self, field: Field, least: float | None, most: float | None) -> dict[str, Any]:
        return {"bool": {"must_not": [self.between(field, least, most)]}}

    def both(self, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"bool": {"filter": list(parts)}}

    def either(self, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"bool": {"should": list(parts), "minimum_should_match": 1}}
