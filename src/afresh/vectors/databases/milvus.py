"""Milvus: `milvus://host:19530` (`milvus+tls://` with TLS), or Milvus Lite, `milvus:///file.db`.

Searches are strongly consistent: what was written before is found.
"""

from __future__ import annotations

import json
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
    LONGEST,
    LONGEST_ID,
    checked_ids,
    differs,
    missing,
    points_of,
    unit,
)
from afresh.vectors.databases.refusals import in_words

MOST = 16_384
"""Milvus answers no more to one search."""
Values = Sequence[str | float | bool]


class MilvusDatabase:
    """A VectorDatabase in Milvus, 2.5 or newer, or Milvus Lite."""

    def __init__(self, access: Access) -> None:
        try:
            import pymilvus
        except ImportError as error:
            raise missing("Milvus", "pymilvus", "milvus") from error
        self._library: Any = pymilvus
        parts = urlsplit(access.url)
        self.is_local = not parts.hostname
        self.where = f"milvus://{hostname(access.url) or parts.path}"
        self._timeout = access.timeout_ms / 1000
        scheme = "https" if is_tls(access.url) else "http"
        remote = f"{scheme}://{parts.hostname}:{parts.port or 19530}"
        said: dict[str, Any] = {"timeout": self._timeout}
        if parts.hostname:
            said |= {"token": access.key or ""}
            if parts.username and access.key:
                said |= {"token": f"{parts.username}:{access.key}"}
            if access.ca is not None:
                said |= {"ca_pem_path": str(access.ca)}
        with self._translated():
            self._client: Any = pymilvus.MilvusClient(
                remote if parts.hostname else parts.path, **said
            )

    def make(self, name: str, shape: Shape) -> MilvusCollection:
        with self._translated():
            if self._client.has_collection(name):
                self._compare(name, shape)
            else:
                self._make(name, shape)
            self._client.load_collection(name)
        return MilvusCollection(self, name, shape)

    def _compare(self, name: str, shape: Shape) -> None:
        fields = self._client.describe_collection(name)["fields"]
        dims = next((f["params"]["dim"] for f in fields if f["name"] == "vector"), 0)
        held = self._client.describe_index(name, "vector") or {}
        differs(name, self.where, int(dims), str(held.get("metric_type", "none")), shape)

    def _make(self, name: str, shape: Shape) -> None:
        client, kinds = self._client, self._library.DataType
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", kinds.VARCHAR, is_primary=True, max_length=LONGEST_ID)
        schema.add_field("vector", kinds.FLOAT_VECTOR, dim=shape.dims)
        types: dict[str, dict[str, Any]] = {
            "text": {"datatype": kinds.VARCHAR, "max_length": LONGEST},
            "number": {"datatype": kinds.DOUBLE},
            "flag": {"datatype": kinds.BOOL},
        }
        for field in shape.fields:
            schema.add_field(column(field), nullable=True, **types[field.kind])
        index = client.prepare_index_params()
        # The graph of Milvus Lite finds a third of what it should where a filter passes a tenth.
        kind = "FLAT" if self.is_local else "AUTOINDEX"
        index.add_index("vector", index_type=kind, metric_type="COSINE")
        client.create_collection(
            name, schema=schema, index_params=index, consistency_level="Strong"
        )

    def names(self) -> list[str]:
        with self._translated():
            return sorted(self._client.list_collections())

    def drop(self, name: str) -> None:
        with self._translated():
            if self._client.has_collection(name):
                self._client.drop_collection(name)

    def switch(self, alias: str, name: str) -> None:
        live = self.live(alias)
        with self._translated():
            make = self._client.create_alias if live is None else self._client.alter_alias
            make(name, alias)

    def live(self, alias: str) -> str | None:
        with self._translated():
            for name in self._client.list_collections():
                if alias in self._client.list_aliases(name)["aliases"]:
                    return str(name)
        return None

    def close(self) -> None:
        self._client.close()

    def _translated(self) -> AbstractContextManager[None]:
        return in_words(
            f"Milvus at {self.where}",
            (self._library.exceptions.MilvusException, OSError, RuntimeError),
            "Start it (or `pip install milvus-lite` for a file), or check `vectors`, "
            "vectors_key and vectors_timeout.",
        )


class MilvusCollection:
    """A Collection in Milvus."""

    def __init__(self, database: MilvusDatabase, name: str, shape: Shape) -> None:
        self.name, self.shape = name, shape
        self._at = database

    def upsert(
        self, ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload]
    ) -> None:
        rows = [
            {"id": point.id, "vector": point.vector}
            | {column(field): point.payload.get(field.name) for field in self.shape.fields}
            for point in points_of(ids, vectors, payloads, self.shape)
        ]
        if rows:
            with self._at._translated():
                self._at._client.upsert(self.name, rows, timeout=self._at._timeout)

    def delete(self, ids: Sequence[str]) -> None:
        gone = ", ".join(map(_literal, checked_ids(ids)))  # the client's `ids` does not escape them
        if gone:
            with self._at._translated():
                said = f"id in [{gone}]"
                self._at._client.delete(self.name, filter=said, timeout=self._at._timeout)

    def search(self, vector: NDArray[Any], k: int, where: Filter | None = None) -> Hits:
        row, said = unit(vector, self.shape.dims), ""
        if where is not None:
            said = translated(where, self.shape.fields, Expressions())
        if k <= 0:
            return Hits()
        with self._at._translated():
            (found,) = self._at._client.search(
                self.name, [row], limit=min(k, MOST), filter=said, output_fields=["id"],
                search_params={"metric_type": "COSINE"}, timeout=self._at._timeout,
                consistency_level="Strong",
            )  # fmt: skip
        scores = np.array([hit["distance"] for hit in found], np.float32)
        return Hits([hit["id"] for hit in found], scores)

    def count(self) -> int:
        with self._at._translated():
            (row,) = self._at._client.query(
                self.name, filter="", output_fields=["count(*)"], consistency_level="Strong"
            )
        return int(row["count(*)"])

    def flush(self) -> None:
        """Searches are strongly consistent. Milvus Lite compares in Python what is in no segment
        yet, some µs a point, so there what was written is made one."""
        if self._at.is_local:
            with self._at._translated():
                self._at._client.flush(self.name)


class Expressions:
    """Filters of Milvus: boolean expressions."""

    def one_of(self, field: Field, values: Values) -> str:
        return f"{column(field)} in [{', '.join(map(_literal, values))}]"

    def none_of(self, field: Field, values: Values) -> str:
        return f"({column(field)} is null or not ({self.one_of(field, values)}))"

    def between(self, field: Field, least: float | None, most: float | None) -> str:
        parts = [f"{column(field)} >= {float(least)!r}"] if least is not None else []
        parts += [f"{column(field)} <= {float(most)!r}"] if most is not None else []
        return f"({' and '.join(parts)})"

    def outside(self, field: Field, least: float | None, most: float | None) -> str:
        return f"({column(field)} is null or not {self.between(field, least, most)})"

    def both(self, parts: Sequence[str]) -> str:
        return f"({' and '.join(parts)})"

    def either(self, parts: Sequence[str]) -> str:
        return f"({' or '.join(parts)})"


def column(field: Field) -> str:
    """What a field is called there: apart from `id` and `vector`."""
    return f"f_{field.name}"


def _literal(value: str | float | bool) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if isinstance(value, bool) else repr(float(value))
