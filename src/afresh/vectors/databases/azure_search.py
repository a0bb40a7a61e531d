"""Azure AI Search: `azure-search://name.search.windows.net`, with an API key.

A collection is an index, whose name has dashes there; an alias an index alias. A write is answered
before it can be found, so `flush` writes a point of its own and waits until it can be. Not run
against the service by our tests: the requests that its client sends are compared with what Azure
documents for the API version 2026-04-01.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from numpy.typing import NDArray

from afresh.errors import Unavailable
from afresh.vectors.databases import Access, Field, Hits, Payload, Shape
from afresh.vectors.databases.address import hostname
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

TYPES = {"text": "Edm.String", "number": "Edm.Double", "flag": "Edm.Boolean"}
LOOK_S = 0.2
MOST_S = 30.0
"""How long `flush` looks for its own point."""
Values = Sequence[str | float | bool]


class AzureSearchDatabase:
    """A VectorDatabase in Azure AI Search."""

    def __init__(self, access: Access) -> None:
        try:
            from azure.core import exceptions
            from azure.core.credentials import AzureKeyCredential
            from azure.search import documents
            from azure.search.documents import indexes
            from azure.search.documents.indexes import models
            from azure.search.documents.models import VectorizedQuery
        except ImportError as error:
            raise missing("Azure AI Search", "azure-search-documents", "azure-search") from error
        self._errors: Any = exceptions
        self._documents: Any = documents
        self._models: Any = models
        self.query: Any = VectorizedQuery
        self.where = f"azure-search://{hostname(access.url)}"
        scheme = parse_qs(urlsplit(access.url).query).get("scheme", ["https"])[0]
        self._endpoint = f"{scheme}://{hostname(access.url)}"
        self._credential = AzureKeyCredential(access.key or "none")
        seconds = access.timeout_ms / 1000
        self._options: dict[str, Any] = {
            "retry_total": 0, "connection_timeout": seconds, "read_timeout": seconds,
        }  # fmt: skip
        if access.ca is not None:
            self._options["connection_verify"] = str(access.ca)
        if scheme == "http":
            self._options["enforce_https"] = False
        self._client: Any = indexes.SearchIndexClient(
            self._endpoint, self._credential, **self._options
        )

    def make(self, name: str, shape: Shape) -> AzureSearchCollection:
        with self._translated():
            try:
                held = self._client.get_index(_dashed(name))
            except self._errors.ResourceNotFoundError:
                self._client.create_index(_index(self._models, _dashed(name), shape))
            else:
                vector = next((f for f in held.fields if f.name == "vector"), None)
                dims = vector.vector_search_dimensions if vector else 0
                kinds = held.vector_search.algorithms if held.vector_search else []
                metric = str(kinds[0].parameters.metric) if kinds and kinds[0].parameters else "?"
                differs(name, self.where, dims or 0, metric.rsplit(".", 1)[-1], shape)
        client = self._documents.SearchClient(
            self._endpoint, _dashed(name), self._credential, **self._options
        )
        return AzureSearchCollection(self, client, name, shape)

    def names(self) -> list[str]:
        with self._translated():
            return sorted(name.replace("-", "_") for name in self._client.list_index_names())

    def drop(self, name: str) -> None:
        with self._translated():
            self._client.delete_index(_dashed(name))  # of none it says nothing

    def switch(self, alias: str, name: str) -> None:
        said = self._models.SearchAlias(name=_dashed(alias), indexes=[_dashed(name)])
        with self._translated():
            self._client.create_or_update_alias(said)

    def live(self, alias: str) -> str | None:
        with self._translated():
            try:
                held = self._client.get_alias(_dashed(alias)).indexes
            except self._errors.ResourceNotFoundError:
                return None
        return str(held[0]).replace("-", "_")

    def close(self) -> None:
        self._client.close()

    def _translated(self) -> AbstractContextManager[None]:
        return in_words(
            f"Azure AI Search at {self.where}",
            (self._errors.AzureError, OSError),
            "Check `vectors`, vectors_key (an admin key where it is written) and vectors_timeout.",
        )


class AzureSearchCollection:
    """A Collection in an index."""

    def __init__(self, database: AzureSearchDatabase, client: Any, name: str, shape: Shape) -> None:
        self.name, self.shape = name, shape
        self._at, self._client = database, client

    def upsert(
        self, ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload]
    ) -> None:
        documents = [
            {"id": uuid_of(point.id), "item_id": point.id, "vector": point.vector}
            | {f"f_{field.name}": point.payload.get(field.name) for field in self.shape.fields}
            for point in points_of(ids, vectors, payloads, self.shape)
        ]
        if documents:
            with self._at._translated():
                _taken(self._client.upload_documents(documents))

    def delete(self, ids: Sequence[str]) -> None:
        gone = [{"id": uuid_of(item)} for item in checked_ids(ids)]
        if gone:
            with self._at._translated():
                _taken(self._client.delete_documents(gone))

    def search(self, vector: NDArray[Any], k: int, where: Filter | None = None) -> Hits:
        row, said = unit(vector, self.shape.dims), None
        if where is not None:
            said = translated(where, self.shape.fields, _Language())
        if k <= 0:
            return Hits()
        asked = self._at.query(vector=row, k_nearest_neighbors=k, fields="vector")
        with self._at._translated():
            pages = self._client.search(
                search_text=None, vector_queries=[asked], vector_filter_mode="preFilter",
                filter=said, select=["item_id"], top=k,
            )  # fmt: skip
            found = list(pages)
        found = [hit for hit in found if hit["item_id"]]  # not what `flush` looks for
        scores = [2 - 1 / hit["@search.score"] for hit in found]  # 1 / (2 - cosine)
        return Hits([hit["item_id"] for hit in found], np.array(scores, np.float32))

    def count(self) -> int:
        with self._at._translated():
            return int(self._client.get_document_count())

    def flush(self) -> None:
        own = f"flush-{uuid.uuid4()}"
        vector = [1.0] + [0.0] * (self.shape.dims - 1)
        with self._at._translated():
            _taken(self._client.upload_documents([{"id": own, "item_id": "", "vector": vector}]))
            until = time.monotonic() + MOST_S
            said = f"id eq '{own}'"
            while not list(self._client.search(search_text=None, filter=said, select=["id"])):
                if time.monotonic() > until:
                    raise Unavailable(f"What was written to {self._at.where} is not to be found.")
                time.sleep(LOOK_S)
            _taken(self._client.delete_documents([{"id": own}]))


def _taken(results: Sequence[Any]) -> None:
    refused = [each for each in results if not each.succeeded]
    if refused:
        raise Unavailable(
            f"Azure AI Search did not take {len(refused)} items: {refused[0].error_message}.",
            hint="What is waiting is tried again.",
        )


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _index(models: Any, name: str, shape: Shape) -> Any:
    fields = [
        models.SearchField(name="id", type="Edm.String", key=True, filterable=True),
        models.SearchField(name="item_id", type="Edm.String", searchable=False),
        models.SearchField(
            name="vector", type="Collection(Edm.Single)", searchable=True, hidden=True,
            vector_search_dimensions=shape.dims, vector_search_profile_name="cosine",
        ),
        *(
            models.SearchField(
                name=f"f_{field.name}", type=TYPES[field.kind], filterable=True, searchable=False
            )
            for field in shape.fields
        ),
    ]  # fmt: skip
    parameters = models.HnswParameters(metric="cosine")
    search = models.VectorSearch(
        profiles=[models.VectorSearchProfile(name="cosine", algorithm_configuration_name="hnsw")],
        algorithms=[models.HnswAlgorithmConfiguration(name="hnsw", parameters=parameters)],
    )
    return models.SearchIndex(name=name, fields=fields, vector_search=search)


class _Language:
    """Filters as OData expressions; what is absent is null there."""

    def one_of(self, field: Field, values: Values) -> str:
        return self.either([f"f_{field.name} eq {_literal(value)}" for value in values])

    def none_of(self, field: Field, values: Values) -> str:
        others = self.both([f"f_{field.name} ne {_literal(value)}" for value in values])
        return self.either([f"f_{field.name} eq null", others])

    def between(self, field: Field, least: float | None, most: float | None) -> str:
        parts = [f"f_{field.name} ge {_literal(least)}"] if least is not None else []
        parts += [f"f_{field.name} le {_literal(most)}"] if most is not None else []
        return self.both(parts)

    def outside(self, field: Field, least: float | None, most: float | None) -> str:
        parts = [f"f_{field.name} eq null"]
        parts += [f"f_{field.name} lt {_literal(least)}"] if least is not None else []
        parts += [f"f_{field.name} gt {_literal(most)}"] if most is not None else []
        return self.either(parts)

    def both(self, parts: Sequence[str]) -> str:
        return f"({' and '.join(parts)})"

    def either(self, parts: Sequence[str]) -> str:
        return f"({' or '.join(parts)})"


def _literal(value: str | float | bool) -> str:
    if isinstance(value, str):
        return f"'{value.replace(chr(39), chr(39) * 2)}'"
    return str(value).lower() if isinstance(value, bool) else repr(float(value))
