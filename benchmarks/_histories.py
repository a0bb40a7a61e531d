"""Histories to evaluate on, as files that `afresh evaluate` reads.

Real ones come from a folder given with --data: rsc15-100k, gce-diginetica, online-retail,
completejourney, s3rec-beauty, ml-100k, each with an events.parquet. Without it, walks through a
made-up shop. Where a source has an order and no time, a time is made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

START_MS = 1_400_000_000_000
EVENT_MS = 8_640
"""diginetica's events have a place and no time: 10,000 of them are taken for a day, which are some
2,000 of its sessions."""
STEP_MS = 60_000
"""Beauty's events have a place in their user's history alone."""


def _events(
    frame: pl.DataFrame, kind: str, ts: pl.Expr, *, user: str | None = None,
    session: str | None = None, more: tuple[pl.Expr, ...] = (),
) -> pl.DataFrame:  # fmt: skip
    columns = [
        pl.lit(kind).alias("event_type"),
        pl.col("item").cast(pl.String).alias("item_id"),
        ts.cast(pl.Int64).alias("timestamp"),
    ]
    if user is not None:
        known = pl.col(user).cast(pl.String)
        columns.append(pl.when(known != "-1").then(known).alias("user_id"))
    if session is not None:
        columns.append(pl.col(session).cast(pl.String).alias("session_id"))
    return frame.select(*columns, *more)


def _rsc15(frame: pl.DataFrame) -> pl.DataFrame:
    return _events(frame, "view", pl.col("ts"), session="session")


def _diginetica(frame: pl.DataFrame) -> pl.DataFrame:
    ts = START_MS + EVENT_MS * pl.col("order")
    split = pl.col("split").cast(pl.String)
    return _events(frame.sort("order"), "view", ts, session="session", more=(split,))


def _retail(frame: pl.DataFrame) -> pl.DataFrame:
    bought = frame.filter((pl.col("quantity") > 0) & (pl.col("price") > 0))
    return _events(bought, "buy", pl.col("ts"), user="user", session="basket")


def _journey(frame: pl.DataFrame) -> pl.DataFrame:
    return _events(frame, "buy", pl.col("ts"), user="user", session="basket")


def _beauty(frame: pl.DataFrame) -> pl.DataFrame:
    return _events(frame, "view", START_MS + STEP_MS * pl.col("order").cast(pl.Int64), user="user")


def _movies(frame: pl.DataFrame) -> pl.DataFrame:
    return _events(frame, "view", pl.col("ts"), user="user")


FOLDERS: dict[str, tuple[str, Callable[[pl.DataFrame], pl.DataFrame]]] = {
    "rsc15": ("rsc15-100k", _rsc15),
    "diginetica": ("gce-diginetica", _diginetica),
    "online_retail": ("online-retail", _retail),
    "completejourney": ("completejourney", _journey),
    "beauty": ("s3rec-beauty", _beauty),
    "ml100k": ("ml-100k", _movies),
}


def history(name: str, data: Path | None, folder: Path) -> tuple[Path, str]:
    """The file of a history, written into `folder`, and what is missing, if it is made up."""
    where, shaped = FOLDERS[name.removesuffix("_whole").removesuffix("_day")]
    path = folder / f"{name}.parquet"
    if data is not None and (data / where / "events.parquet").exists():
        shaped(pl.read_parquet(data / where / "events.parquet")).write_parquet(path)
        return path, ""
    _made(name).write_parquet(path)
    return path, f"{where}/events.parquet ({data or 'no folder was given with --data'})"


def _made(name: str, visits: int = 500) -> pl.DataFrame:
    """Walks: a group of 20 items, and from each item to one of the next three or back."""
    rng = np.random.default_rng(2)
    rows: list[tuple[str, int, str, str]] = []
    baskets = name.startswith(("online_retail", "completejourney"))
    for visit in range(visits):
        group, at = 20 * rng.zipf(1.5) % 400, rng.integers(20)
        for step in range(3 + rng.poisson(3)):
            ts = START_MS + visit * 600_000 + (0 if baskets else step * 5_000)
            rows.append((f"v{visit}", ts, f"i{group + at % 20}", f"u{visit % 80}"))
            at += rng.choice([1, 2, 3, -1], p=[0.5, 0.2, 0.1, 0.2])
    frame = pl.DataFrame(
        rows, schema=["session_id", "timestamp", "item_id", "user_id"], orient="row"
    )
    kind = pl.lit("buy" if baskets else "view").alias("event_type")
    if name in ("beauty", "ml100k"):
        return frame.select(pl.exclude("session_id"), kind)
    if name == "rsc15" or name.startswith("diginetica"):
        frame = frame.drop("user_id")
    if name.startswith("diginetica"):
        late = pl.col("timestamp") >= START_MS + visits * 480_000
        frame = frame.with_columns(pl.when(late).then(pl.lit("test")).otherwise(pl.lit("train"))
                                   .alias("split"))  # fmt: skip
    return frame.with_columns(kind)
