"""Reading features: one gather of a matrix in process, and the same values over HTTP.

30 numbers of an item from 5 tile families (see _thirty.py), for 1, 100 and 500 items that were
among the last ones touched. The limit copies the finished values out of an array by index;
the peer reads them from a dictionary of dictionaries. Both have nothing to compute.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from afresh.app import App
from afresh.features.reading import Reader
from afresh.loading import load
from afresh.settings import load_settings
from afresh.transfer import import_files
from benchmarks._data import Shopping, shopping
from benchmarks._load import Load, request
from benchmarks._machine import ROOT, arguments, figure, spread
from benchmarks._server import serving
from benchmarks._state import folded, payloads

THIRTY = ROOT / "benchmarks" / "_thirty.py"


def candidates(shop: Shopping, n: int) -> list[str]:
    """n items, the last ones touched, in an order without meaning."""
    names = shop.events["item_id"].reverse().unique(maintain_order=True).head(n)
    return [str(name) for name in names.shuffle(seed=3)]


def in_process(app: App, shop: Shopping, folder: Path, rounds: int) -> None:
    state = folded(app, payloads(app, shop, folder))
    reader, features, now = Reader(state), list(state.plan.features), state.newest + 1
    labels = [feature.name for feature in features]
    took: dict[str, dict[str, list[float]]] = {}
    for n in (1, 100, 500):
        names = candidates(shop, n)
        keys = state.find("item_id", names)
        values = reader.matrix(keys, features, now)
        table = np.zeros((len(state.items), len(features)), np.float32)
        table[keys] = values
        rows = {
            name: dict(zip(labels, row, strict=True))
            for name, row in zip(names, values.tolist(), strict=True)
        }
        works: dict[str, Callable[[], object]] = {
            "matrix": lambda k=keys: reader.matrix(k, features, now),  # type: ignore[misc]
            "limit": lambda k=keys, t=table: t[k],  # type: ignore[misc]
            "peer": lambda m=names, r=rows: [[r[x][y] for y in labels] for x in m],  # type: ignore[misc]
        }
        gc.disable()
        each = took.setdefault(f"entities_{n}", {name: [] for name in works})
        for _ in range(rounds):
            for name, work in works.items():
                began = time.perf_counter()
                work()
                each[name].append((time.perf_counter() - began) * 1e6)
        gc.enable()
    spreads = {size: {k: spread(v, 1) for k, v in each.items()} for size, each in took.items()}
    main = spreads["entities_500"]
    figure(
        "matrix_500x30",
        main["matrix"]["p50"],
        "µs",
        must=300,
        aim=150,
        less=True,
        limit={
            "what": "a copy of the finished 500 × 30 float32 out of an array by index",
            "us": main["limit"],
            "times": round(main["matrix"]["p50"] / main["limit"]["p50"], 1),
        },
        peer={
            "what": "the finished values from a dictionary of dictionaries",
            "us": main["peer"],
            "times": round(main["matrix"]["p50"] / main["peer"]["p50"], 2),
        },
        us={size: each["matrix"] for size, each in spreads.items()},
        limit_us={size: each["limit"] for size, each in spreads.items()},
        peer_us={size: each["peer"] for size, each in spreads.items()},
        families=len(state.plan.families),
        events=shop.events.height,
        rounds=rounds,
        data=shop.source,
        missing=shop.missing,
        sharing="one thread",
    )


def over_http(app: App, shop: Shopping, folder: Path, rounds: int, size: int) -> None:
    events, items = folder / "events.parquet", folder / "items.parquet"
    shop.events.write_parquet(events)
    shop.items.write_parquet(items)
    import_files(app, folder / "data", load_settings(), events=events, items=items)
    asked = {"keys": {"item_id": candidates(shop, 500)}}
    body = request("/v1/features", msgspec.json.encode(asked), "application/json")
    reads, trips = [], []
    with serving(folder / "data", THIRTY) as port:
        load_generator, file = Load(port), folder / "requests"
        load_generator.run(file, [body] * 20, 1, expect=200)
        for _ in range(rounds):
            reads += load_generator.run(file, [body] * size, 1, expect=200)[1]
            trips += load_generator.run(file, [request("/livez")] * size, 1, expect=200)[1]
        load_generator.close()
    figure(
        "http_500x30_p99",
        float(np.percentile(reads, 99)) / 1000,
        "ms",
        must=5.0,
        aim=5.0,
        less=True,
        limit={"what": "GET /livez of the same server", "us": spread(trips, 1)},
        latency_us=spread(reads, 1),
        rounds=rounds,
        samples=len(reads),
        connections=1,
        data=shop.source,
        missing=shop.missing,
        sharing="server and load generator share the cores",
    )


def main() -> None:
    wanted = arguments("Reading features, in process and over HTTP.")
    small = wanted.smoke
    shop = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    app = load(THIRTY)
    with tempfile.TemporaryDirectory(prefix="afresh-read-") as name:
        folder = Path(name)
        in_process(app, shop, folder, 50 if small else 2_000)
        over_http(app, shop, folder, 2 if small else 8, 20 if small else 125)


if __name__ == "__main__":
    main()
