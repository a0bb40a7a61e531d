"""Hopsworks, through its own client: a feature group and a feature view for each Features class.

The client hands rows to the service's Kafka as Avro. Written against the client, and not run
against the service.
"""

from __future__ import annotations

import json
import keyword
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from afresh.errors import AfreshError, MissingDependency, Unavailable
from afresh.feast.types import number_type
from afresh.feature_stores import Row
from afresh.feature_stores.tables import MOMENT, TIME, Table, of_key, tables
from afresh.features.plan import Feature, Plan

READ = 100
"""The most entities of one call; no limit is documented."""
VERSION = 1
"""Of groups and views. What is there stays as it is, also when the definition has changed."""
KEY = "varchar(256)"
"""The online type of a key: an id has 256 bytes at most. Without it Hopsworks keeps 100 letters."""
MADE = {
    "time_travel_format": "HUDI",
    "hudi_precombine_key": MOMENT,
    "statistics_config": False,
}
"""How groups are made. Of Delta Lake the client would write an empty table itself, which needs more
packages; each push would have the service compute statistics."""
SERVING = {"init_rest_client": True}
"""How the client reads: over HTTP, from the feature server."""


class Hopsworks:
    """A FeatureStore. Of two pushes of an entity the service is asked to keep the later moment's.

    store: the client's, of `hopsworks.login(...).get_feature_store()`. made: what else
    `get_or_create_feature_group` is told (ttl, online_disk); written: the `write_options` of
    `insert`; serving: what `init_serving` is told. What is given replaces ours.
    """

    def __init__(
        self, plan: Plan, *, store: Any, made: Mapping[str, Any] | None = None,
        written: Mapping[str, Any] | None = None, serving: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        _library()
        self.plan, self._store, self._tables = plan, store, tables(plan)
        for table in self._tables:
            _check([table.column, *(feature.name for feature in table.features)])
        self._made = MADE | dict(made or {})
        self._written, self._serving = dict(written or {}), SERVING | dict(serving or {})
        self._groups: dict[str, Any] = {}
        self._views: dict[str, Any] = {}

    def declare(self) -> list[str]:
        """A group and its view have one name."""
        return [table.name for table in self._tables if self._declared(table)]

    def push(self, key: str, rows: Sequence[Row], moment: int) -> None:
        """Returns when Kafka has confirmed every row; the service reads them from there."""
        held = of_key(self.plan, self._tables, key)
        # Of rows alike the client would hand over the first one.
        last = list({str(row[key]): row for row in rows}.values())
        for table in held if last else ():
            frame = _frame(table, last, moment)
            with _translated():
                self._group(table).insert(frame, write_options=self._told())

    def read(self, key: str, names: Sequence[str]) -> list[Row | None]:
        held = of_key(self.plan, self._tables, key)
        wanted = list(dict.fromkeys(names))
        found: dict[str, dict[str, Any]] = {}
        for table in held:
            for first in range(0, len(wanted), READ):
                asked = wanted[first : first + READ]
                for name, values in zip(asked, self._vectors(table, asked), strict=True):
                    if values.get(MOMENT) is not None:
                        row = found.setdefault(name, _nothing(key, name, held))
                        row |= {f.name: _value(f, values.get(f.name)) for f in table.features}
        return [found.get(name) for name in names]

    def _declared(self, table: Table) -> bool:
        """Whether the group or the view had to be made."""
        with _translated():
            group = self._store.get_or_create_feature_group(
                table.name,
                VERSION,
                primary_key=[table.column],
                event_time=TIME,
                online_enabled=True,
                stream=True,
                features=_features(table),
                **self._made,
            )
            new = group.id is None
            if new:  # until now it is there in the client only
                group.save()
            if self._store.get_feature_view(table.name, VERSION) is not None:
                return new
            query = group.select([MOMENT, *(feature.name for feature in table.features)])
            self._store.create_feature_view(table.name, query, VERSION)
            return True

    def _told(self) -> dict[str, Any]:
        """What each write is told. A dictionary of its own, as the client writes into it."""
        newer = {"upsert_if_newer": True, **self._written.get("online_ingestion_options", {})}
        ours = {"start_offline_materialization": False, **self._written}
        return ours | {"online_ingestion_options": newer}

    def _group(self, table: Table) -> Any:
        if table.name not in self._groups:
            self._groups[table.name] = _there(
                self._store.get_feature_group(table.name, VERSION), f"feature group {table.name}"
            )
        return self._groups[table.name]

    def _view(self, table: Table) -> Any:
        if table.name not in self._views:
            view = _there(
                self._store.get_feature_view(table.name, VERSION), f"feature view {table.name}"
            )
            view.init_serving(**self._serving)
            self._views[table.name] = view
        return self._views[table.name]

    def _vectors(self, table: Table, names: Sequence[str]) -> list[dict[str, Any]]:
        """The values of each entity by name; of one that is not there they are null."""
        with _translated():
            view = self._view(table)
            keys = [{table.column: name} for name in names]
            vectors = view.get_feature_vectors(keys, return_type="list", allow_missing=True)
            columns = [feature.name for feature in view.schema]
        if len(vectors) != len(names) or any(len(vector) != len(columns) for vector in vectors):
            raise _refused(f"the feature view {table.name} gave vectors of another shape")
        return [dict(zip(columns, vector, strict=True)) for vector in vectors]


def _features(table: Table) -> list[Any]:
    from hsfs.feature import Feature as Column

    columns = [
        Column(table.column, "string", online_type=KEY),
        Column(TIME, "timestamp"),
        Column(MOMENT, "bigint"),
    ]
    for feature in table.features:
        if feature.is_number:
            columns.append(Column(feature.name, _type(feature)))
        else:  # no length is known, and text of more than 100 letters would be refused
            columns.append(Column(feature.name, "string", online_type="text"))
    return columns


def _frame(table: Table, rows: Sequence[Row], moment: int) -> Any:
    import pandas as pd

    at = pd.to_datetime([moment] * len(rows), unit="ms")
    columns: dict[str, Any] = {
        table.column: pd.Series([str(row[table.key]) for row in rows], dtype="object"),
        TIME: pd.Series(at),
        MOMENT: pd.Series([moment] * len(rows), dtype="int64"),
    }
    for feature in table.features:
        values = [row[feature.name] for row in rows]
        if feature.is_number:  # the kinds of pandas that have null beside whole numbers
            kind = "Int64" if _type(feature) == "bigint" else "Float64"
            columns[feature.name] = pd.Series(values, dtype=kind)
        else:
            said = [None if v is None else json.dumps(v, ensure_ascii=False) for v in values]
            columns[feature.name] = pd.Series(said, dtype="object")
    return pd.DataFrame(columns)


def _type(feature: Feature) -> str:
    return "bigint" if number_type(feature) == "Int64" else "double"


def _value(feature: Feature, held: Any) -> Any:
    if held is None:
        return None
    if not feature.is_number:
        return json.loads(held)
    return int(held) if _type(feature) == "bigint" else float(held)


def _nothing(key: str, name: str, held: Sequence[Table]) -> dict[str, Any]:
    return {key: name} | {feature.name: None for table in held for feature in table.features}


def _check(names: Sequence[str]) -> None:
    for name in names:
        # The client writes capitals small, and cannot hand over a word of Python's own.
        if name != name.lower() or len(name) > 63 or keyword.iskeyword(name):
            raise AfreshError(
                f"Hopsworks takes no name {name!r}.",
                hint="Up to 63 small letters, digits and _, and no keyword of Python.",
            )


def _there(found: Any, what: str) -> Any:
    if found is None:
        raise _refused(f"there is no {what}: declare() makes it")
    return found


@contextmanager
def _translated() -> Iterator[None]:
    """The errors of the client, and of what it calls, in words for a person."""
    from confluent_kafka import KafkaException
    from hopsworks.client.exceptions import FeatureStoreException, JobException, RestAPIError
    from pymysql import MySQLError
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (FeatureStoreException, JobException, RestAPIError, RequestException) as error:
        raise _refused(str(error)) from error
    except (KafkaException, MySQLError, SQLAlchemyError, OSError, ValueError) as error:
        raise _refused(str(error)) from error


def _refused(text: str) -> Unavailable:
    hint = "Check the login, the project's rights and the ports. What was sent may be sent again."
    return Unavailable(f"Hopsworks: {text}", hint=hint)


def _library() -> None:
    try:
        import confluent_kafka  # noqa: F401
        import fastavro  # noqa: F401
        import hopsworks  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingDependency(
            f"Hopsworks needs the package {error.name}, which is not installed.",
            hint="Install it with the extra `hopsworks`: pip install 'afresh[hopsworks]'.",
        ) from error
