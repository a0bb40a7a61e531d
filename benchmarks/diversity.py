"""Variety: what it costs in hits and what it brings, on real baskets with categories.

The receipts but for the last ones are folded. Of each basket held out, half is the visitor's
session and one of the other half is the answer. The ten scans find 100 candidates, as they do for
a request; a list is the first 20 of these in the order of `arrange.Ruling.order`, the code that
serves `diversity` rules, with the fields category and title (the type of product). Of the lists:

- `hr`: the share in which the answer is, with its standard error;
- `variety`: one less the mean likeness of two items of a list, their share of fields that agree;
- `entropy`: of the categories in a list, in bits; `categories`: how many different ones;
- `coverage`: the share of the catalogue's categories that any list shows.

1. `hits_kept`: HR@20 with maximal marginal relevance at the weight that rules take by themselves,
   of HR@20 without. `variety`: the same of the variety.
2. `beside_dpp`: the same HR@20 of that of determinantal point processes (`_dpp.py`) where their
   lists are as varied, interpolated between two of their weights.
3. `cost`: µs of an order.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.arrange.diversity import alike
from afresh.arrange.expression import Scene
from afresh.arrange.rules import Diversity, Rules
from afresh.arrange.ruling import Ruling
from afresh.events.batch import decode_batch
from afresh.loading import load
from afresh.retrieve.scans import Scans
from afresh.store.replica import Replica
from benchmarks._data import Shopping, shopping
from benchmarks._dpp import dpp
from benchmarks._live import item_lines
from benchmarks._machine import SHOP, arguments, figure, spread
from benchmarks._state import payloads
from benchmarks.quality import context_of

FIRST, CANDIDATES = 20, 100
FIELDS = ["category", "title"]
WEIGHT = Diversity(FIELDS).weight
WEIGHTS = (0.98, 0.95, WEIGHT, 0.8, 0.7, 0.5, 0.3)
TRADES = (0.98, 0.95, 0.92, 0.9, 0.85, 0.8, 0.7, 0.5)

Numbers = NDArray[np.int64]
Order = Callable[[Numbers, NDArray[np.float64]], Numbers]
"""Rows of a list of items and scores, in the order shown."""
Question = tuple[Numbers, int]
"""A session int64[k], by item number, and the answer's number."""


def opened(shop: Shopping, held: int) -> tuple[Replica, pl.DataFrame]:
    """The state of all but the last `held` events, and those."""
    replica, events = Replica(load(SHOP).plan()), shop.events
    replica.fold_items(item_lines(shop), 1)
    with tempfile.TemporaryDirectory(prefix="afresh-diversity-") as folder:
        known = replace(shop, events=events.head(events.height - held))
        for payload in payloads(load(SHOP), known, Path(folder)):
            replica.fold_events(decode_batch(payload), 2)
    return replica, events.tail(held)


def questions(replica: Replica, events: pl.DataFrame, most: int) -> list[Question]:
    """Half of each basket and one of the rest, drawn; of items that have a category."""
    rng, found = np.random.default_rng(3), list[Question]()
    numbers = replica.state.find("item_id", events["item_id"].to_list())
    known = numbers >= 0
    category = replica.catalog.take("category", np.maximum(numbers, 0)).astype(np.int64)
    baskets = pl.DataFrame({"basket": events["session_id"], "item": numbers}).filter(
        pl.Series(known & (category >= 0))
    )
    for items in baskets.group_by("basket", maintain_order=True).agg("item")["item"]:
        mixed = rng.permutation(items.unique(maintain_order=True).to_numpy())
        if len(mixed) >= 4:
            half = len(mixed) // 2
            found.append((mixed[:half], int(mixed[half])))
    return [found[at] for at in np.sort(rng.permutation(len(found))[:most])]


def orders(replica: Replica) -> dict[tuple[str, float], Order]:
    """Every way to order a list, by method and weight."""
    catalog = replica.catalog
    scene = Scene(catalog, {}, replica.state.newest + 1)

    def ruled(weight: float) -> Order:
        ruling = Ruling(Rules(diversity=Diversity(FIELDS, weight)), scene)
        return lambda items, scores: ruling.order(items, scores, FIRST)

    def determinant(trade: float) -> Order:
        def order(items: Numbers, scores: NDArray[np.float64]) -> Numbers:
            span = scores.max() - scores.min()
            scaled = (scores - scores.min()) / (span if span > 0 else 1.0)
            return dpp(scaled, likeness(replica, items), FIRST, trade)

        return order

    made: dict[tuple[str, float], Order] = {("none", 1.0): lambda items, _: np.arange(len(items))}
    made |= {("mmr", weight): ruled(weight) for weight in WEIGHTS}
    return made | {("dpp", trade): determinant(trade) for trade in TRADES}


def likeness(replica: Replica, items: Numbers) -> NDArray[np.float64]:
    """float64[n, n]: the share of the fields in which two items agree."""
    return alike([replica.catalog.take(name, items).astype(np.int64) for name in FIELDS])


def asked(replica: Replica, given: list[Question]) -> dict[tuple[str, float], dict[str, Any]]:
    """Every order's measures over the same questions and candidates."""
    ways, scans, now = orders(replica), Scans(), replica.state.newest + 1
    rows: dict[tuple[str, float], list[tuple[float, ...]]] = {way: [] for way in ways}
    took: dict[tuple[str, float], list[float]] = {way: [] for way in ways}
    shown: dict[tuple[str, float], set[int]] = {way: set() for way in ways}
    for session, answer in given:
        scanned = scans(replica.state, context_of(session, now), CANDIDATES)
        new = ~np.isin(scanned.items, session)
        items, scores = scanned.items[new], scanned.blend[new]
        if not len(items):
            continue
        for way, order in ways.items():
            began = time.thread_time()
            at = order(items, scores)[:FIRST]
            took[way].append((time.thread_time() - began) * 1e6)
            categories = replica.catalog.take("category", items[at]).tolist()
            rows[way].append((float(answer in items[at]), *varied(replica, items[at], categories)))
            shown[way].update(categories)
    all_ = len(replica.catalog.labels["category"])
    return {
        way: {**measures(np.array(rows[way])), "coverage": round(len(shown[way]) / all_, 4),
              "us": spread(took[way], 1)}
        for way in ways
    }  # fmt: skip


def varied(replica: Replica, items: Numbers, categories: list[int]) -> tuple[float, float, int]:
    """Variety, entropy in bits, and categories of one list."""
    n = len(items)
    pairs = max(n * (n - 1), 1)
    alike_ = likeness(replica, items)
    variety = 1.0 - (alike_.sum() - np.trace(alike_)) / pairs
    _, counts = np.unique(categories, return_counts=True)
    shares = counts / n
    return float(variety), float(-(shares * np.log2(shares)).sum()), len(counts)


def measures(rows: NDArray[np.float64]) -> dict[str, float]:
    mean, n = rows.mean(axis=0), len(rows)
    said = dict(zip(("hr", "variety", "entropy", "categories"), mean.tolist(), strict=True))
    said["hr_se"] = float(rows[:, 0].std() / n**0.5)
    return {"n": n, **{name: round(value, 4) for name, value in said.items()}}


def main() -> None:
    wanted = arguments("What variety costs in hits and brings, on real baskets.")
    small = wanted.smoke
    shop = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    replica, held = opened(shop, 1_000 if small else 45_000)
    found = asked(replica, questions(replica, held, 60 if small else 3_000))
    plain, mmr = found["none", 1.0], found["mmr", WEIGHT]
    front = np.array(sorted((found["dpp", t]["variety"], found["dpp", t]["hr"]) for t in TRADES))
    there = float(np.interp(mmr["variety"], front[:, 0], front[:, 1]))
    table = {f"{name} {weight:g}": measured for (name, weight), measured in found.items()}
    more = {"samples": plain["n"], "data": shop.source, "missing": shop.missing,
            "sharing": "one thread"}  # fmt: skip
    limit = {"what": "the order of the scores", **plain}
    figure("hits_kept", mmr["hr"] / max(plain["hr"], 1e-9), "of HR@20 without", must=0.9, aim=0.97,
           limit=limit, ours=mmr, lists=table, **more)  # fmt: skip
    figure("variety", mmr["variety"] / max(plain["variety"], 1e-9), "of that without", must=1.0,
           aim=1.1, limit=limit, ours=mmr, **more)  # fmt: skip
    limit = {"what": "determinantal point processes, as varied", "hr": round(there, 4)}
    figure("beside_dpp", mmr["hr"] / max(there, 1e-9), "of their HR@20", must=0.95, aim=1.0,
           limit=limit, ours=mmr, **more)  # fmt: skip
    near = min(TRADES, key=lambda t: abs(found["dpp", t]["variety"] - mmr["variety"]))
    figure("cost", mmr["us"]["p50"], "µs", must=1000, aim=500, less=True,
           limit={"what": "determinantal point processes", "us": found["dpp", near]["us"]},
           us=mmr["us"], **more)  # fmt: skip


if __name__ == "__main__":
    main()
