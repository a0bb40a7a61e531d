"""Feast as the peer of store.py: run by a Python that has it, which need not be ours.

`_feast.py PORT FOLDER`: FOLDER/values.parquet has a column item_id and one a feature. They are
written into the Redis at PORT; then each line of ids on stdin is read back, and answered by one
JSON object: the µs that get_online_features took and, for the first, the values.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any


def opened(port: str, folder: Path) -> tuple[Any, list[str], float, int]:
    """The store with its features, their names, seconds and rows of writing."""
    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import Float32

    frame = pd.read_parquet(folder / "values.parquet")
    frame["event_timestamp"] = pd.Timestamp.now(tz="UTC")
    names = [name for name in frame.columns if name not in ("item_id", "event_timestamp")]
    frame.to_parquet(folder / "source.parquet")
    config = RepoConfig(
        project="bench",
        registry=str(folder / "registry.db"),
        provider="local",
        online_store={"type": "redis", "connection_string": f"127.0.0.1:{port}"},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    item = Entity(name="item", join_keys=["item_id"], value_type=ValueType.STRING)
    source = FileSource(
        path=str(folder / "source.parquet"), timestamp_field="event_timestamp"
    )  # fmt: skip
    view = FeatureView(
        name="pulse",
        entities=[item],
        ttl=timedelta(days=60),
        schema=[Field(name=name, dtype=Float32) for name in names],
        source=source,
        online=True,
    )
    store.apply([item, view])
    began = time.perf_counter()
    store.write_to_online_store("pulse", frame)
    return store, [f"pulse:{name}" for name in names], time.perf_counter() - began, len(frame)


def main() -> None:
    warnings.filterwarnings("ignore")
    store, features, seconds, rows = opened(sys.argv[1], Path(sys.argv[2]))
    print(json.dumps({"rows": rows, "seconds": seconds}), flush=True)
    first = True
    for line in sys.stdin:
        asked = [{"item_id": name} for name in json.loads(line)]
        began = time.perf_counter()
        got = store.get_online_features(features=features, entity_rows=asked)
        said: dict[str, Any] = {"us": (time.perf_counter() - began) * 1e6}
        if first:
            said["values"] = {k: v for k, v in got.to_dict().items() if k != "item_id"}
            first = False
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
