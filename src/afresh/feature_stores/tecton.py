"""Tecton, over its HTTP API: values by the Stream Ingest API, and back by the feature server.

Tecton's objects are Python that `tecton apply` reads, so `definitions()` is that text. Written
by the documented API and what Tecton's own clients send, and not run against the service.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from afresh.errors import AfreshError
from afresh.feast.types import number_type
from afresh.feature_stores import Row
from afresh.feature_stores.calling import Service
from afresh.feature_stores.tables import (
    MOMENT,
    TIME,
    Table,
    column,
    of_key,
    rfc3339,
    small,
    tables,
)
from afresh.feature_stores.tecton_objects import objects
from afresh.features.plan import Feature, Plan

WRITTEN, READ = 10, 10
"""The most records, and the most entities, of one call: what Tecton recommends, and the most that
its clients ask for."""
SERVING = "/api/v1/feature-service"


class Tecton:
    """A FeatureStore. Of two pushes of an entity Tecton keeps the one that came last.

    url: the cluster's, `https://<cluster>.tecton.ai`. ingest: where `/ingest` is, if elsewhere.
    key: of a service account; TECTON_API_KEY where none is given. timeout_s: for each call.
    """

    def __init__(
        self, plan: Plan, *, url: str, workspace: str, ingest: str | None = None,
        key: str | None = None, timeout_s: float = 10.0,
    ) -> None:  # fmt: skip
        secret = key or os.environ.get("TECTON_API_KEY", "")
        if not secret:
            raise AfreshError("Tecton needs a key.", hint="Set TECTON_API_KEY, or give `key`.")
        self.plan, self.workspace, self._tables = plan, workspace, tables(plan)
        self._serving = Service("Tecton", url, lambda: f"Tecton-key {secret}", timeout_s)
        self._ingest = Service("Tecton", ingest or url, lambda: f"Tecton-key {secret}", timeout_s)

    def definitions(self, days: int = 30) -> str:
        """Python for a Tecton repository: an entity and a FeatureService for each key, a push
        source and a StreamFeatureView for each Features class. days: how long values are kept."""
        return objects(self.plan, self._tables, days)

    def declare(self) -> list[str]:
        """Nothing is made: `tecton apply` does that. Raises Unavailable when what is applied lacks
        a feature service, or a feature of it."""
        for key in dict.fromkeys(table.key for table in self._tables):
            asked = {"params": self._named(key)}
            said = self._serving.asked("POST", f"{SERVING}/metadata", asked)
            there = {feature["name"] for feature in said.get("featureValues", [])}
            lacking = [name for name in self._names(key) if name not in there]
            if lacking:
                raise self._serving.refused(
                    f"The workspace {self.workspace!r} lacks {', '.join(lacking)}: apply the text "
                    "of definitions()"
                )
        return []

    def push(self, key: str, rows: Sequence[Row], moment: int) -> None:
        for table in of_key(self.plan, self._tables, key):
            records = [{"record": _record(table, row, moment)} for row in rows]
            for first in range(0, len(records), WRITTEN):
                asked = {
                    "workspace_name": self.workspace,
                    "dry_run": False,
                    "records": {table.name: records[first : first + WRITTEN]},
                }
                self._write(asked)

    def read(self, key: str, names: Sequence[str]) -> list[Row | None]:
        held = of_key(self.plan, self._tables, key)
        features = {f"{t.name}.{f.name}": f for t in held for f in t.features}
        moments = {f"{table.name}.{MOMENT}" for table in held}
        wanted = list(dict.fromkeys(names))
        found: dict[str, Row] = {}
        for first in range(0, len(wanted), READ):
            asked = wanted[first : first + READ]
            for name, values in zip(asked, self._get(key, asked), strict=True):
                if any(values.get(moment) is not None for moment in moments):
                    row = {f.name: _value(f, values.get(at)) for at, f in features.items()}
                    found[name] = {key: name, **row}
        return [found.get(name) for name in names]

    def close(self) -> None:
        """Let go of the connections."""
        self._serving.close()
        self._ingest.close()

    def _write(self, asked: dict[str, Any]) -> None:
        said = self._ingest.asked("POST", "/ingest", asked)
        errors = [said["requestError"]] if said.get("requestError") else said.get("recordErrors")
        if errors:
            text = f"{errors[0].get('errorType')}: {errors[0].get('errorMessage')}"
            raise self._ingest.refused(f"{len(errors)} errors, the first {text}")

    def _get(self, key: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """The values of each entity, by the names that the service has for them."""
        asked = self._named(key) | {
            "metadata_options": {"include_names": True, "include_data_types": True},
            "request_data": [{"join_key_map": {column(key): name}} for name in names],
        }
        said = self._serving.asked("POST", f"{SERVING}/get-features-batch", {"params": asked})
        try:
            called = [feature["name"] for feature in said["metadata"]["features"]]
            rows = [dict(zip(called, r["features"], strict=True)) for r in said["result"]]
        except (KeyError, TypeError, ValueError) as error:
            raise self._serving.refused("The answer is not as documented") from error
        if len(rows) != len(names):
            raise self._serving.refused(f"{len(rows)} of {len(names)} entities were answered")
        return rows

    def _named(self, key: str) -> dict[str, Any]:
        service = f"{small(self.plan.app)}_{column(key)}"
        return {"feature_service_name": service, "workspace_name": self.workspace}

    def _names(self, key: str) -> list[str]:
        held = of_key(self.plan, self._tables, key)
        return [
            f"{t.name}.{name}" for t in held for name in (MOMENT, *(f.name for f in t.features))
        ]


def _record(table: Table, row: Row, moment: int) -> dict[str, Any]:
    said: dict[str, Any] = {table.column: str(row[table.key]), TIME: rfc3339(moment)}
    said[MOMENT] = moment
    for feature in table.features:
        value = row[feature.name]
        if value is not None and not feature.is_number:
            value = json.dumps(value, ensure_ascii=False)
        elif value is not None and number_type(feature) != "Int64":
            value = float(value)
        said[feature.name] = value
    return said


def _value(feature: Feature, said: Any) -> Any:
    """Int64 is answered as text."""
    if said is None:
        return None
    if not feature.is_number:
        return json.loads(said)
    return int(said) if number_type(feature) == "Int64" else said
