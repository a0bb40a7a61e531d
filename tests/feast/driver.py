"""Run by a Python that has Feast: `driver.py REPOSITORY`, one JSON request and answer a line.

{"call": NAME, …} calls the function below of that name; an error is answered as {"error": …}.
"""

from __future__ import annotations

import json
import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from feast import FeatureService, FeatureStore, Field
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import feast_value_type_to_python_type as python
from feast.types import Int64

from afresh.feast.columns import Column
from afresh.feast.messages import parsed
from afresh.feast.opening import plan_and_settings
from afresh.feast.types import number_type


def online(store: FeatureStore, features: Any, rows: Any, service: bool = False) -> Any:
    wanted = store.get_feature_service(features) if service else features
    got = store.get_online_features(features=wanted, entity_rows=rows)
    named = zip(got.proto.metadata.feature_names.val, got.proto.results, strict=True)
    return {
        "values": got.to_dict(),
        "statuses": {name: sorted(set(result.statuses)) for name, result in named},
        "timestamps": sorted({t.ToMilliseconds() for t in got.proto.results[-1].event_timestamps}),
    }


def aliased(store: FeatureStore, keys: list[str], row: dict[str, Any]) -> Any:
    """The view of items twice, each time of another column."""
    view = store.get_feature_view("by_item")[["days", "cheapest"]]
    projections = [view.with_name(f"of_{key}").with_join_key_map({"item_id": key}) for key in keys]
    service = FeatureService(name="aliased", features=projections)
    store.apply(service)
    full = {"features": service, "full_feature_names": True}
    online = store.get_online_features(entity_rows=[row], **full).to_dict()
    frame = pd.DataFrame([row | {"event_timestamp": pd.Timestamp.now(tz="UTC")}])
    offline = store.get_historical_features(entity_df=frame, **full).to_arrow().to_pylist()[0]
    return {name: values[0] for name, values in online.items()}, {
        name: value for name, value in offline.items() if name != "event_timestamp"
    }


def one_by_one(store: FeatureStore, view: str, key: str, names: list[str]) -> Any:
    """Through `online_read`, as feature servers in other languages and transformations do."""
    keys = [EntityKey(join_keys=[key], entity_values=[Value(string_val=n)]) for n in names]
    table = store.get_feature_view(view)
    read = store._get_provider().online_read(store.config, table, keys)
    return [{f: python(v) for f, v in row.items()} for _, row in read]


def historical(
    store: FeatureStore, features: Any, rows: Any, service: bool = False, full: bool = False
) -> Any:
    frame = pd.DataFrame(rows)
    if "event_timestamp" in frame:
        frame["event_timestamp"] = pd.to_datetime(frame["event_timestamp"], unit="ms", utc=True)
    wanted = store.get_feature_service(features) if service else features
    job = store.get_historical_features(entity_df=frame, features=wanted, full_feature_names=full)
    table = job.to_arrow()
    columns = {name: table[name].to_pylist(maps_as_pydicts="strict") for name in table.column_names}
    del columns["event_timestamp"]
    return {
        "columns": columns,
        "types": {field.name: str(field.type) for field in table.schema},
        "pandas": {name: type(column[0]).__name__ for name, column in job.to_df().items()},
    }


def push(store: FeatureStore, rows: Any) -> Any:
    frame = pd.DataFrame(rows)
    frame["event_timestamp"] = pd.to_datetime(frame["event_timestamp"], unit="ms", utc=True)
    store.push("events", frame)
    return len(frame)


def write(store: FeatureStore, view: str, rows: Any) -> Any:
    frame = pd.DataFrame(rows)
    frame["event_timestamp"] = pd.Timestamp.now(tz="UTC")
    store.write_to_online_store(view, frame)


def update(store: FeatureStore, fields: list[str]) -> Any:
    """What `feast apply` asks of the online store, for a view of these features."""
    view = store.get_feature_view("by_session")
    view.features = [Field(name=name, dtype=Int64) for name in fields]
    store._get_provider().online_store.update(store.config, [], [view], [], [], True)


def materialize(store: FeatureStore) -> Any:
    now = datetime.now(UTC)
    store.materialize(now - timedelta(days=1), now)


def message(store: FeatureStore, values: list[Any], feature: str, now: int) -> Any:
    """A column of one feature as Feast reads it: None is null."""
    plan, _ = plan_and_settings(store.config.repo_path, store.config.online_store.app)
    (found,) = [each for each in plan.features if each.name == feature]
    null = np.array([value is None for value in values])
    numbers = [0 if value is None else value for value in values]
    kind = np.int64 if number_type(found) == "Int64" else np.float32
    made = parsed(Column(found, np.array(numbers, kind), null), now)
    return {
        "values": [python(value) for value in made.values],
        "statuses": list(made.statuses),
        "timestamps": [each.ToMilliseconds() for each in made.event_timestamps],
    }


def declared(store: FeatureStore) -> Any:
    return {
        "entities": {e.name: e.join_key for e in store.list_entities()},
        "views": {
            v.name: {f.name: str(f.dtype) for f in v.features} for v in store.list_feature_views()
        },
        "ttl": {v.name: v.ttl.total_seconds() for v in store.list_feature_views()},
        "services": {
            s.name: [p.name for p in s.feature_view_projections]
            for s in store.list_feature_services()
        },
    }


def main() -> None:
    warnings.filterwarnings("ignore")
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever else is printed is no answer
    store = FeatureStore(repo_path=Path(sys.argv[1]))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            said = {"answer": globals()[request.pop("call")](store, **request)}
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main()
