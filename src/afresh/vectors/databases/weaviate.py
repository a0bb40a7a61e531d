"""Weaviate 1.32 or newer: `weaviate://host:8080?grpc=50051` (`weaviate+tls://` with TLS).

A collection is a collection whose name begins with a capital there, an alias an alias. Texts are
kept between brackets, as Weaviate trims what it compares whole. Not run against the service by our
tests: the requests that its client sends are compared with what Weaviate documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from numpy.typing import NDArray

from afresh.errors import Unavailable
from afresh.vectors.databases import Access, Field, Hits, Payload, Shape, Value
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
SAYS = "vectors of afresh: {} dimensions"
"""What a collection is described by, as Weaviate knows no dimensions before the first vector."""
Values = Sequence[str | float | bool]


class WeaviateDatabase:
    """A VectorDatabase in Weaviate. Connects at once."""

    def __init__(self, access: Access) -> None:
        try:
            import weaviate
            from weaviate import classes, exceptions
        except ImportError as error:
            raise missing("Weaviate", "weaviate-client", "weaviate") from error
        self._errors: Any = exceptions
        self.classes: Any = classes
        parts, tls = urlsplit(access.url), is_tls(access.url)
        self.where = f"weaviate://{hostname(access.url)}"
        seconds = max(access.timeout_ms // 1000, 1)
        timeout = classes.init.Timeout(init=seconds, query=seconds, insert=seconds)
        with self.translated():
            self.client: Any = weaviate.connect_to_custom(
                http_host=parts.hostname or "", http_port=parts.port or 8080, http_secure=tls,
                grpc_host=parts.hostname or "", grpc_secure=tls,
                grpc_port=int(parse_qs(parts.query).get("grpc", ["50051"])[0]),
                auth_credentials=classes.init.Auth.api_key(access.key) if access.key else None,
                additional_config=classes.init.AdditionalConfig(timeout=timeout),
                skip_init_checks=True,
            )  # fmt: skip

    def make(self, name: str, shape: Shape) -> WeaviateCollection:
        with self.translated():
            if self.client.collections.exists(_capital(name)):
                held = self.client.collections.use(_capital(name)).config.get()
                dims = [int(word) for word in (held.description or "").split() if word.isdigit()]
                index = held.vector_config["default"].vector_index_config
                metric = str(getattr(index.distance_metric, "value", index.distance_metric))
                differs(name, self.where, dims[0] if dims else 0, metric, shape)
            else:
                self._make(name, shape)
        return WeaviateCollection(self, name, shape)

    def _make(self, name: str, shape: Shape) -> None:
        config = self.classes.config
        types = {"text": config.DataType.TEXT, "number": config.DataType.NUMBER,
                 "flag": config.DataType.BOOL}  # fmt: skip
        whole = config.Tokenization.FIELD
        properties = [
            config.Property(
                name=f"f_{f.name}", data_type=types[f.kind], index_searchable=False,
                tokenization=whole if f.kind == "text" else None,
            )
            for f in shape.fields
        ]  # fmt: skip
        own = config.Property(
            name=ID, data_type=config.DataType.TEXT, tokenization=whole, index_searchable=False
        )
        cosine = config.VectorDistances.COSINE
        index = config.Configure.VectorIndex.hnsw(distance_metric=cosine)
        self.client.collections.create(
            _capital(name), description=SAYS.format(shape.dims), properties=[own, *properties],
            vector_config=config.Configure.Vectors.self_provided(vector_index_config=index),
            inverted_index_config=config.Configure.inverted_index(index_null_state=True),
        )  # fmt: skip

    def names(self) -> list[str]:
        with self.translated():
            held = self.client.collections.list_all(simple=True)
        return sorted(name[:1].lower() + name[1:] for name in held)

    def drop(self, name: str) -> None:
        with self.translated():
            self.client.collections.delete(_capital(name))

    def switch(self, alias: str, name: str) -> None:
        is_there = self.live(alias) is not None
        with self.translated():
            if is_there:
                self.client.alias.update(
                    alias_name=_capital(alias), new_target_collection=_capital(name)
                )
            else:
                self.client.alias.create(
                    alias_name=_capital(alias), target_collection=_capital(name)
                )

    def live(self, alias: str) -> str | None:
        with self.translated():
            held = self.client.alias.get(alias_name=_capital(alias))
        return held.collection[:1].lower() + held.collection[1:] if held is not None else None

    def close(self) -> None:
        self.client.close()

    def translated(self) -> AbstractContextManager[None]:
        """Its errors in words for a person."""
        return in_words(f"Weaviate at {self.where}", (self._errors.WeaviateBaseError, OSError))


class WeaviateCollection:
    """A Collection in Weaviate."""

    def __init__(self, database: WeaviateDatabase, name: str, shape: Shape) -> None:
        self.name, self.shape = name, shape
        self._at = database
        self._held: Any = database.client.collections.use(_capital(name))

    def upsert(
        self, ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload]
    ) -> None:
        make = self._at.classes.data.DataObject
        objects = [
            make(uuid=uuid_of(p.id), vector=p.vector, properties={**_named(p.payload), ID: p.id})
            for p in points_of(ids, vectors, payloads, self.shape)
        ]
        if not objects:
            return
        with self._at.translated():
            done = self._held.data.insert_many(objects)
        if done.has_errors:
            first = next(iter(done.errors.values())).message
            raise Unavailable(
                f"Weaviate at {self._at.where} did not take {len(done.errors)} items: {first}.",
                hint="What is waiting is tried again.",
            )

    def delete(self, ids: Sequence[str]) -> None:
        gone = [uuid_of(item) for item in checked_ids(ids)]
        if gone:
            where = self._at.classes.query.Filter.by_id().contains_any(gone)
            with self._at.translated():
                self._held.data.delete_many(where=where)

    def search(self, vector: NDArray[Any], k: int, where: Filter | None = None) -> Hits:
        row, said = unit(vector, self.shape.dims), None
        query = self._at.classes.query
        if where is not None:
            said = translated(where, self.shape.fields, _Language(query.Filter))
        if k <= 0:
            return Hits()
        with self._at.translated():
            found = self._held.query.near_vector(
                row, limit=k, filters=said, return_properties=[ID],
                return_metadata=query.MetadataQuery(distance=True),
            ).objects  # fmt: skip
        scores = np.array([1 - each.metadata.distance for each in found], np.float32)
        return Hits([each.properties[ID] for each in found], scores)

    def count(self) -> int:
        with self._at.translated():
            return int(self._held.aggregate.over_all(total_count=True).total_count)

    def flush(self) -> None:
        """Each write was waited for."""


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _named(payload: Payload) -> dict[str, Any]:
    """Fields apart from our own, as they are kept."""
    return {f"f_{name}": _kept(value) for name, value in payload.items()}


def _kept(value: Value) -> Value:
    return f"[{value}]" if isinstance(value, str) else value


class _Language:
    """Filters of Weaviate."""

    def __init__(self, of: Any) -> None:
        self._of = of

    def one_of(self, field: Field, values: Values) -> Any:
        return self.either([self._on(field).equal(_kept(value)) for value in values])

    def none_of(self, field: Field, values: Values) -> Any:
        others = self.both([self._on(field).not_equal(_kept(value)) for value in values])
        return self.either([self._on(field).is_none(True), others])

    def between(self, field: Field, least: float | None, most: float | None) -> Any:
        on = self._on(field)
        parts = [on.greater_or_equal(float(least))] if least is not None else []
        parts += [on.less_or_equal(float(most))] if most is not None else []
        return self.both(parts)

    def outside(self, field: Field, least: float | None, most: float | None) -> Any:
        on = self._on(field)
        parts = [on.is_none(True)]
        parts += [on.less_than(float(least))] if least is not None else []
        parts += [on.greater_than(float(most))] if most is not None else []
        return self.either(parts)

    def both(self, parts: Sequence[Any]) -> Any:
        return parts[0] if len(parts) == 1 else self._of.all_of(list(parts))

    def either(self, parts: Sequence[Any]) -> Any:
        return parts[0] if len(parts) == 1 else self._of.any_of(list(parts))

    def _on(self, field: Field) -> Any:
        return self._of.by_property(f"f_{field.name}")
