"""PostgreSQL with pgvector: `postgresql://user@host:5432/database`, or by a unix socket,
`postgresql://user@/database?host=/folder`.

A collection is a table with an HNSW index, an alias a row of a small table. What was written is
found once it is committed, which each call waits for.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from numpy.typing import NDArray

from afresh.errors import Unavailable
from afresh.vectors.databases import Access, Field, Hits, Payload, Shape
from afresh.vectors.databases.address import hostname, is_tls
from afresh.vectors.databases.filters import Filter, translated
from afresh.vectors.databases.points import checked_ids, differs, missing, points_of, unit

ALIASES = "afresh_vectors_live"
TYPES = {"text": "text", "number": "float8", "flag": "bool"}
BREADTH = 200
"""How many candidates a search of the graph keeps at least (hnsw.ef_search, 1,000 at most)."""
_SESSION = f"SET hnsw.iterative_scan = relaxed_order; SET hnsw.ef_search = {BREADTH}"
"""A filter that lets little pass has the graph searched on, instead of answered with too few. In
strict order what comes late is dropped: .83 of a hundred were found where relaxed finds .95."""
MORE = 2
"""With a filter, so many times the points wanted are fetched, of which the nearest are taken."""


class PgvectorDatabase:
    """A VectorDatabase in PostgreSQL with pgvector 0.8 or newer. One connection a thread."""

    def __init__(self, access: Access) -> None:
        try:
            import pg8000.native
        except ImportError as error:
            raise missing("PostgreSQL", "pg8000", "pgvector") from error
        self._library: Any = pg8000.native
        self._access, self._own = access, threading.local()
        self._all: set[Any] = set()
        parts = urlsplit(access.url)
        self._socket = parse_qs(parts.query).get("host", [""])[0]
        self.where = f"postgresql://{hostname(access.url) or self._socket}{parts.path}"
        self.run("CREATE EXTENSION IF NOT EXISTS vector")
        self.run(f"CREATE TABLE IF NOT EXISTS {ALIASES} (alias text PRIMARY KEY, collection text)")

    def make(self, name: str, shape: Shape) -> PgvectorCollection:
        held = self.run(
            "SELECT a.atttypmod, pg_get_indexdef(i.indexrelid) FROM pg_attribute a "
            "LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND a.attnum = ANY(i.indkey) "
            "WHERE a.attrelid = to_regclass(:name) AND a.attname = 'vector'",
            name=name,
        )
        if held:
            dims, index = held[0]
            metric = "cosine" if "vector_cosine_ops" in str(index) else str(index or "nothing")
            differs(name, self.where, dims, metric, shape)
        else:
            columns = "".join(f", {column(f)} {TYPES[f.kind]}" for f in shape.fields)
            self.run(
                f"CREATE TABLE {name} (id text PRIMARY KEY, vector vector({shape.dims}) NOT NULL"
                f"{columns}); CREATE INDEX ON {name} USING hnsw (vector vector_cosine_ops)"
            )
        return PgvectorCollection(self, name, shape)

    def names(self) -> list[str]:
        rows = self.run(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "JOIN pg_type t ON t.oid = a.atttypid WHERE c.relkind = 'r' AND a.attname = 'vector' "
            "AND t.typname = 'vector' AND pg_table_is_visible(c.oid) ORDER BY c.relname"
        )
        return [row[0] for row in rows]

    def drop(self, name: str) -> None:
        self.run(f"DROP TABLE IF EXISTS {name}")

    def switch(self, alias: str, name: str) -> None:
        self.run(
            f"INSERT INTO {ALIASES} VALUES (:alias, :name) "
            "ON CONFLICT (alias) DO UPDATE SET collection = excluded.collection",
            alias=alias, name=name,
        )  # fmt: skip

    def live(self, alias: str) -> str | None:
        rows = self.run(f"SELECT collection FROM {ALIASES} WHERE alias = :alias", alias=alias)
        return rows[0][0] if rows else None

    def close(self) -> None:
        for connection in list(self._all):
            try:
                connection.close()
            except (self._library.InterfaceError, OSError):
                continue  # the server is gone, and with it the connection

    def run(self, text: str, **said: Any) -> list[Any]:
        """The rows of a statement. A connection that broke is made anew by the next call."""
        try:
            if getattr(self._own, "connection", None) is None:
                self._own.connection = None
                self._own.connection = self._connect()
            return list(self._own.connection.run(text, **said) or ())
        except self._library.DatabaseError as error:
            told = error.args[0] if error.args else error
            reason = told.get("M", told) if isinstance(told, dict) else told
            raise self._refused(str(reason)) from error
        except (self._library.InterfaceError, OSError) as error:
            self._all.discard(self._own.connection)
            self._own.connection = None
            raise self._refused(str(error)) from error

    def _connect(self) -> Any:
        parts, access = urlsplit(self._access.url), self._access
        said: dict[str, Any] = {"database": parts.path.strip("/") or None}
        if self._socket:
            said["unix_sock"] = f"{self._socket}/.s.PGSQL.{parts.port or 5432}"
        else:
            said |= {"host": parts.hostname, "port": parts.port or 5432}
            if is_tls(access.url):
                file = str(access.ca) if access.ca else None
                said["ssl_context"] = ssl.create_default_context(cafile=file)
        made = self._library.Connection(
            parts.username or "postgres", password=access.key, timeout=access.timeout_ms / 1000,
            application_name="afresh", **said,
        )  # fmt: skip
        made.run("LOAD 'vector'")
        made.run(_SESSION)
        self._all.add(made)
        return made

    def _refused(self, reason: str) -> Unavailable:
        return Unavailable(
            f"PostgreSQL at {self.where} does not do as asked: {reason}.",
            hint="Start it, or check `vectors`, vectors_key and vectors_timeout; it needs the "
            "extension pgvector, 0.8 or newer.",
        )


class PgvectorCollection:
    """A Collection in a table."""

    def __init__(self, database: PgvectorDatabase, name: str, shape: Shape) -> None:
        self.name, self.shape = name, shape
        self._at = database
        columns = ["id", "vector", *map(column, shape.fields)]
        kinds = ["text", "text", *(TYPES[field.kind] for field in shape.fields)]
        said = ", ".join(f"{c} {kind}" for c, kind in zip(columns, kinds, strict=True))
        taken = ", ".join(f"{c}::vector" if c == "vector" else c for c in columns)
        sets = ", ".join(f"{c} = excluded.{c}" for c in columns[1:])
        self._upsert = (
            f"INSERT INTO {name} ({', '.join(columns)}) SELECT {taken} "
            f"FROM json_to_recordset(CAST(:rows AS json)) AS said({said}) "
            f"ON CONFLICT (id) DO UPDATE SET {sets}"
        )

    def upsert(
        self, ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload]
    ) -> None:
        rows: list[dict[str, Any]] = [
            {"id": point.id, "vector": json.dumps(point.vector)}
            | {f"f_{field.name}": point.payload.get(field.name) for field in self.shape.fields}
            for point in points_of(ids, vectors, payloads, self.shape)
        ]
        if rows:
            self._at.run(self._upsert, rows=json.dumps(rows))

    def delete(self, ids: Sequence[str]) -> None:
        gone = checked_ids(ids)
        if gone:
            text = f"DELETE FROM {self.name} WHERE id IN (SELECT json_array_elements_text(:ids))"
            self._at.run(text.replace(":ids", "CAST(:ids AS json)"), ids=json.dumps(gone))

    def search(self, vector: NDArray[Any], k: int, where: Filter | None = None) -> Hits:
        row, language = json.dumps(unit(vector, self.shape.dims)), Conditions()
        said = f"WHERE {translated(where, self.shape.fields, language)} " if where else ""
        if k <= 0:
            return Hits()
        wanted = int(k) * (MORE if where else 1)
        rows = self._at.run(
            f"SELECT id, 1 - (vector <=> CAST(:row AS vector)) FROM {self.name} "
            f"{said}ORDER BY vector <=> CAST(:row AS vector) LIMIT {wanted}",
            row=row, **language.values,
        )  # fmt: skip
        rows = sorted(rows, key=lambda row: -row[1])[:k]
        return Hits([row[0] for row in rows], np.array([row[1] for row in rows], np.float32))

    def count(self) -> int:
        return int(self._at.run(f"SELECT count(*) FROM {self.name}")[0][0])

    def flush(self) -> None:
        """Each call committed."""


class Conditions:
    """Filters as conditions of SQL, with their values beside them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def one_of(self, field: Field, values: Sequence[str | float | bool]) -> str:
        names = [self._value(value, field) for value in values]
        return f"{column(field)} IN ({', '.join(names)})"

    def none_of(self, field: Field, values: Sequence[str | float | bool]) -> str:
        return f"({self.one_of(field, values)}) IS NOT TRUE"

    def between(self, field: Field, least: float | None, most: float | None) -> str:
        borders = [(">=", least), ("<=", most)]
        parts = [f"{column(field)} {sign} {self._value(b, field)}" for sign, b in borders
                 if b is not None]  # fmt: skip
        return f"({' AND '.join(parts)})"

    def outside(self, field: Field, least: float | None, most: float | None) -> str:
        return f"{self.between(field, least, most)} IS NOT TRUE"

    def both(self, parts: Sequence[str]) -> str:
        return f"({' AND '.join(parts)})"

    def either(self, parts: Sequence[str]) -> str:
        return f"({' OR '.join(parts)})"

    def _value(self, value: str | float | bool, field: Field) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = float(value) if field.kind == "number" else value
        return f"CAST(:{name} AS {TYPES[field.kind]})"


def column(field: Field) -> str:
    """What a field is called there: apart from `id` and `vector`."""
    return f'"f_{field.name}"'
