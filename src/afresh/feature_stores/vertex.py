"""Vertex AI Feature Store, over its REST API v1: values are written directly into feature views.

A feature view stands on a BigQuery table, which may be empty; `sources()` is the SQL of it. Written
by the documented API, and not run against the service.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from afresh.errors import AfreshError
from afresh.feast.types import number_type
from afresh.feature_stores import Row
from afresh.feature_stores.calling import Answer, Service, said
from afresh.feature_stores.tables import MOMENT, Table, of_key, rfc3339, tables
from afresh.features.plan import Feature, Plan

WRITTEN = 100
"""The most entities of one call; no limit is documented."""
POLL_S, PATIENCE_S = 2.0, 600.0
"""How often is asked whether a view is made, and for how long."""


class Vertex:
    """A FeatureStore in an online store of Bigtable, which is there already.

    store: its id. dataset: `project.dataset` of BigQuery, where the tables of `sources()` are.
    token: an OAuth access token, or what gives one, asked at each call as it lasts an hour. url:
    another endpoint than the location's. timeout_s: for each call.
    """

    def __init__(
        self, plan: Plan, *, project: str, location: str, store: str, dataset: str,
        token: str | Callable[[], str], url: str | None = None, timeout_s: float = 10.0,
    ) -> None:  # fmt: skip
        if not token:
            raise AfreshError("Vertex AI needs a token.", hint="Give an access token as `token`.")
        get: Callable[[], str] = token if callable(token) else lambda: token
        endpoint = url or f"https://{location}-aiplatform.googleapis.com"
        self._service = Service("Vertex AI", endpoint, lambda: f"Bearer {get()}", timeout_s)
        self.plan, self.dataset, self._tables = plan, dataset, tables(plan)
        self._parent = f"projects/{project}/locations/{location}/featureOnlineStores/{store}"

    def sources(self) -> str:
        """SQL that makes the BigQuery tables, one for each Features class; they may stay empty."""
        return "\n".join(_create(self.dataset, table) for table in self._tables)

    def declare(self) -> list[str]:
        """Make a feature view for each Features class, and wait until they are there: minutes."""
        new = []
        for table in self._tables:
            source = {
                "uri": f"bq://{self.dataset}.{table.name}",
                "entityIdColumns": [table.column],
            }
            answer = self._service.call(
                "POST",
                f"/v1/{self._parent}/featureViews",
                {"bigQuerySource": source},
                {"featureViewId": table.name, "runSyncImmediately": "true"},
            )
            if answer.status == 409:
                continue
            self._made(answer)
            new.append(table.name)
        return new

    def push(self, key: str, rows: Sequence[Row], moment: int) -> None:
        for table in of_key(self.plan, self._tables, key):
            entries = [_entry(table, row, moment) for row in rows]
            for first in range(0, len(entries), WRITTEN):
                self._write(table, entries[first : first + WRITTEN])

    def read(self, key: str, names: Sequence[str]) -> list[Row | None]:
        """One call for each entity and Features class."""
        held = of_key(self.plan, self._tables, key)
        found: dict[str, Row] = {}
        there: set[str] = set()
        for name in dict.fromkeys(names):
            values: dict[str, Any] = {}
            for table in held:
                values |= self._fetch(table, name, there)
            if MOMENT in values:
                features = [feature for table in held for feature in table.features]
                found[name] = {key: name} | {
                    f.name: _value(f, values.get(f.name)) for f in features
                }
        return [found.get(name) for name in names]

    def close(self) -> None:
        """Let go of the connections."""
        self._service.close()

    def _view(self, table: Table) -> str:
        return f"/v1/{self._parent}/featureViews/{table.name}"

    def _made(self, answer: Answer) -> None:
        """Wait for the operation that makes a view."""
        until = time.monotonic() + PATIENCE_S
        while True:
            if answer.status != 200 or not isinstance(answer.body, dict):
                raise self._service.refused(said(answer))
            if answer.body.get("done"):
                break
            if time.monotonic() > until:
                raise self._service.refused(f"{answer.body.get('name')} is not done yet")
            time.sleep(POLL_S)
            answer = self._service.call("GET", f"/v1/{answer.body.get('name')}")
        if "error" in answer.body:
            raise self._service.refused(json.dumps(answer.body["error"]))

    def _write(self, table: Table, entries: list[dict[str, Any]]) -> None:
        asked = {"dataKeyAndFeatureValues": entries}
        answer = self._service.call("POST", f"{self._view(table)}:directWrite", asked)
        # One response, or several where some of the entities failed.
        responses = answer.body if isinstance(answer.body, list) else [answer.body]
        if answer.status != 200 or not all(isinstance(each, dict) for each in responses):
            raise self._service.refused(said(answer))
        written: set[str] = set()
        for response in responses:
            status, keys = response.get("status") or {}, self._keys(response)
            if status.get("code"):
                text = f"{len(keys)} entities of {table.name} were not written"
                raise self._service.refused(f"{text}: {status.get('message')}")
            written |= keys
        sent = {entry["dataKey"]["key"] for entry in entries}
        if sent - written:
            raise self._service.refused(f"{len(sent - written)} writes were not confirmed")

    def _keys(self, response: dict[str, Any]) -> set[str]:
        try:
            return {each["dataKey"]["key"] for each in response.get("writeResponses", [])}
        except (KeyError, TypeError) as error:
            raise self._service.refused("The answer is not as documented") from error

    def _fetch(self, table: Table, name: str, there: set[str]) -> dict[str, Any]:
        """What a view has of an entity, by name. there: the views that are known to exist, as 404
        is the answer for an entity and for a view."""
        asked = {"dataKey": {"key": name}, "dataFormat": "KEY_VALUE"}
        answer = self._service.call("POST", f"{self._view(table)}:fetchFeatureValues", asked)
        if answer.status == 404:
            if table.name not in there:
                self._service.asked("GET", self._view(table))
                there.add(table.name)
            return {}
        try:
            if answer.status == 200:
                held = answer.body.get("keyValues", {}).get("features", [])
                return {each["name"]: each["value"] for each in held if each.get("value")}
        except (AttributeError, KeyError, TypeError) as error:
            raise self._service.refused("The answer is not as documented") from error
        raise self._service.refused(said(answer))


def _entry(table: Table, row: Row, moment: int) -> dict[str, Any]:
    """Every feature is written, as one left out would keep its value of before: no number is NaN,
    no list `null`."""
    values: dict[str, dict[str, Any]] = {MOMENT: {"int64Value": str(moment)}}
    for feature in table.features:
        value = row[feature.name]
        if feature.is_number:
            values[feature.name] = {"doubleValue": "NaN" if value is None else float(value)}
        else:
            values[feature.name] = {"stringValue": json.dumps(value, ensure_ascii=False)}
    at = {"generateTime": rfc3339(moment)}
    return {
        "dataKey": {"key": str(row[table.key])},
        "features": [
            {"name": name, "value": {"metadata": at, **value}} for name, value in values.items()
        ],
    }


def _value(feature: Feature, held: dict[str, Any] | None) -> Any:
    if not feature.is_number:
        return json.loads((held or {}).get("stringValue", "null"))
    number = (held or {}).get("doubleValue", "NaN")
    if number == "NaN":
        return None
    return int(number) if number_type(feature) == "Int64" else float(number)


def _create(dataset: str, table: Table) -> str:
    columns = [(table.column, "STRING NOT NULL"), (MOMENT, "INT64")]
    columns += [(f.name, "FLOAT64" if f.is_number else "STRING") for f in table.features]
    lines = ",\n".join(f"  `{name}` {kind}" for name, kind in columns)
    return f"CREATE TABLE IF NOT EXISTS `{dataset}.{table.name}` (\n{lines}\n);\n"
