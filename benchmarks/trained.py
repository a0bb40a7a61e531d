"""A trained ranker: what it costs a request, what training costs, and what it is worth.

1. `request`: a request in process whose hundred best candidates a trained ranker orders, of an app
   with thirty numbers about an item. The limit is the same request, ordered by the blend; beside
   it stand the parts: the columns of a hundred candidates, and the trees over them. The peer is
   LightGBM's own predict.
2. `training`: LambdaMART on 2,000,000 rows of 30 made-up features, a hundred to a question, and the
   most memory that was resident. The limit is reading the same rows once, as their sum.
3. With --data FOLDER that holds gce-diginetica/: HR@20 and MRR@20 of the ranker over the hundred
   best candidates of the learned blend, the index as it was at the end of train, learned from the
   last sessions of train with the index as it was before them. An independent computation of the
   same idea reached .5624/.2038. The peer is the learned blend. Without it, on made-up clicks,
   the ranker has to be as good as the peer.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.app import App
from afresh.promoted import FOLDER
from afresh.rank.registry import MODEL, Registry
from afresh.rank.trained import RERANKED
from afresh.request import Arranged, Query
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.stages.reranking import best_rows
from afresh.surface import share
from afresh.train.fit import Lists, fitted, lightgbm
from afresh.train.run import Wanted, trained
from afresh.watch.logging import set_up_logging
from benchmarks import _ranked, _thirty
from benchmarks._clicks import clicks
from benchmarks._machine import figure, spread

FEATURES = 30
START = 1_700_000_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description="A trained ranker: its costs and its worth.")
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--data", type=Path, help="a folder with gce-diginetica/")
    parser.add_argument("--only", choices=["request", "training", "quality"], help="one of them")
    wanted = parser.parse_args()
    set_up_logging(load_settings(log_level="warning"))
    works: dict[str, Callable[[], None]] = {
        "training": lambda: training(40_000 if wanted.smoke else 2_000_000),
        "request": lambda: request(wanted.smoke),
        "quality": lambda: quality(None if wanted.smoke else wanted.data, wanted.smoke),
    }
    for name, work in works.items():
        if wanted.only in (None, name):
            work()


def training(rows: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    worth = (x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(size=rows) * 2).reshape(-1, RERANKED)
    grade = np.zeros(rows, np.int32)
    grade.reshape(-1, RERANKED)[np.arange(len(worth)), worth.argmax(1)] = 1
    cut, none = len(worth) * 9 // 10, np.zeros(rows)
    parts = [
        Lists(
            x[a * 100 : b * 100],
            grade[a * 100 : b * 100],
            np.full(b - a, 100),
            none[a * 100 : b * 100],
        )
        for a, b in ((0, cut), (cut, len(worth)))
    ]
    began = time.perf_counter()
    x.sum()
    read = time.perf_counter() - began
    began = time.perf_counter()
    fit = fitted(parts[0], parts[1], [0.0, 1.0], 0, lambda stage, done, total: None)
    took = time.perf_counter() - began
    figure(
        "training", took, "s", must=90.0, aim=60.0, less=True,
        limit={"what": "the sum of the same rows", "seconds": round(read, 3)},
        rows=rows, features=FEATURES, trees=fit.rounds,
        resident_gib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        data="made-up rows",
    )  # fmt: skip


def shop() -> App:
    """The app of thirty numbers, with the sources that a shop has."""
    app: App = _thirty.app
    if len(app.surfaces) == 1:
        app.surface("ranked", sources=["neighbours", "trending"], filters=[], n=20)
    return app


def events(sessions: int) -> bytes:
    """Walks through the made-up shop of `_clicks`, an event a second until START."""
    made = clicks(None, held=sessions // 8)
    n = len(made.item)
    said = (
        {"event_type": ("view", "view", "view", "cart", "buy")[at % 5], "event_id": str(at),
         "session_id": f"s{session}", "user_id": f"u{session % 5000}", "item_id": f"i{item}",
         "timestamp": START - (n - at) * 1000,
         "properties": {"price_cents": int(item) * 7 % 9000, "quantity": 1}}
        for at, (session, item) in enumerate(zip(made.session, made.item, strict=True))
    )  # fmt: skip
    return b"\n".join(msgspec.json.encode(event) for event in said)


def request(smoke: bool) -> None:
    app, rounds = shop(), 200 if smoke else 4000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = load_settings(
            learn_per_second=0, admission_horizon="9999d", request_budget="60s", traces_kept=0
        )
        runtime = Runtime.open(app, folder, settings)
        body = events(1600 if smoke else 16_000).splitlines()
        for at in range(0, len(body), 1000):
            runtime.ingest(b"\n".join(body[at : at + 1000]))
        report = trained(
            app, folder, Wanted(surface="ranked", name="bench", rows=40_000 if smoke else 500_000)
        )
        Registry(folder / FOLDER).promote("ranked", "bench", 1)
        runtime.promoted.look()
        took = measured(runtime, rounds)
        runtime.close()
    p50 = statistics.median(took["ranked"]) / 1000
    figure(
        "request", p50, "ms", must=1.5, aim=0.8, less=True,
        limit={"what": "the same request, ordered by the blend", "us": spread(took["blend"], 1)},
        peer={"what": "lightgbm's predict of the same rows", "us": spread(took["lightgbm"], 1)},
        us={name: spread(took[name], 1) for name in ("ranked", "columns", "trees")},
        trees=report.trees, candidates=RERANKED, data="made-up clicks",
    )  # fmt: skip


def measured(runtime: Runtime, rounds: int) -> dict[str, list[float]]:
    """µs of requests with and without the ranker in turns, and of its parts."""
    took: dict[str, list[float]] = {
        name: [] for name in ("ranked", "blend", "columns", "trees", "lightgbm")
    }
    surfaces, rng = runtime.surfaces, np.random.default_rng(1)
    rankers = surfaces.rankers
    ranker = rankers["ranked"].ranker
    assert ranker is not None
    files = Registry(runtime.folder / FOLDER).read("bench")[1]
    booster = lightgbm().Booster(model_str=files[MODEL].decode())
    surface, now = surfaces.by_name["ranked"], runtime.replica.state.newest + 1

    def timed(name: str, began: float) -> None:
        took[name].append((time.perf_counter() - began) * 1e6)

    for visitor in rng.integers(0, 5000, rounds).tolist():
        query = Query(surface="ranked", user_id=f"u{visitor}")
        for name, those in (("ranked", rankers), ("blend", {})):
            surfaces.rankers = those
            began = time.perf_counter()
            with runtime.replica.lock:
                runtime.recommended(query, now, "0" * 32)
            timed(name, began)
        context = surfaces.context(query, now)
        scored = surfaces.scored(surface, context, share(surface), Arranged())
        rows = best_rows(scored)
        items, parts = scored.items[rows], scored.parts[rows]
        began = time.perf_counter()
        x = surfaces.sources.matrix(ranker.columns, items, parts, context, share(surface))
        timed("columns", began)
        began = time.perf_counter()
        ranker.model(x)
        timed("trees", began)
        read: NDArray[np.float32] = np.ascontiguousarray(x[:, : booster.num_feature()])
        began = time.perf_counter()
        booster.predict(read, num_threads=1)
        timed("lightgbm", began)
    return {name: each[rounds // 10 :] for name, each in took.items()}


def quality(folder: Path | None, smoke: bool) -> None:
    made = clicks(folder, held=50) if smoke else clicks(folder)
    found = _ranked.judged(made)
    ours, peer = found["ranked"], found["learned"]
    musts = {"hr": (0.565, 0.58), "mrr": (0.205, 0.215)}
    for measure, (must, aim) in musts.items():
        known: dict[str, Any] = {"what": "an independent computation", "hr": 0.5624, "mrr": 0.2038}
        real = not made.missing
        least = must if real else peer["all"][measure]
        figure(
            f"{measure}_20", ours["all"][measure], measure.upper(), must=least,
            aim=aim if real else least, limit=known if real else {"what": "the learned blend"},
            ours=ours, peer={"what": "the learned blend", **peer}, data=made.source,
            missing=made.missing, **found["run"],
        )  # fmt: skip


if __name__ == "__main__":
    main()
