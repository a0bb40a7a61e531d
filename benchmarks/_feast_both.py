"""Two online stores in one process of Feast: run by a Python that has it, and our code beside it.

`_feast_both.py PORT FOLDER ROUNDS`: FOLDER/values.parquet has a column item_id and one a feature,
which go into Feast's own Redis store; FOLDER/features is a repository of `afresh feast init`, over
facts that are in the same server. Reads of both alternate. One JSON object: the µs of each read,
and the values that each store gave.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
from _feast import opened  # type: ignore[import-not-found]
from feast import FeatureStore

IN_A_ROW = 5
"""Reads of a store in each round, as under load."""


def main() -> None:
    warnings.filterwarnings("ignore")
    port, folder, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    theirs, features, *_ = opened(port, folder)
    ours = FeatureStore(repo_path=str(folder / "features"))
    names = [ref.split(":")[1] for ref in features]
    views = {field.name: view.name for view in ours.list_feature_views() for field in view.features}
    mine = [f"{views[name]}:{name}" for name in names]
    items = pd.read_parquet(folder / "values.parquet")["item_id"].tolist()
    asked = [{"item_id": item} for item in items]
    stores = {"ours": (ours, mine), "theirs": (theirs, features)}
    took: dict[str, list[float]] = {f"{s}{w}": [] for s in stores for w in ("", "_to_dict")}
    values: dict[str, Any] = {}
    for name, (store, refs) in stores.items():
        got = store.get_online_features(features=refs, entity_rows=asked).to_dict()
        values[name] = [got[feature] for feature in names]
    gc.disable()
    for _ in range(rounds):
        for name, (store, refs) in stores.items():
            for _ in range(IN_A_ROW):
                began = time.perf_counter()
                got = store.get_online_features(features=refs, entity_rows=asked)
                took[name].append((time.perf_counter() - began) * 1e6)
                del got  # what frees it is not the next one's to pay
            began = time.perf_counter()
            store.get_online_features(features=refs, entity_rows=asked).to_dict()
            took[f"{name}_to_dict"].append((time.perf_counter() - began) * 1e6)
            gc.collect()
    print(json.dumps({"us": took, "values": values, "in_a_row": IN_A_ROW}), flush=True)


if __name__ == "__main__":
    main()
