"""Receipts to a shop: items with titles and prices, purchases whose last one is now.

Events are lines of receipts; a basket is a session, a household a user. All times are
shifted by one constant, so the distances between events stay what they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from afresh.demo.dataset import Tables
from afresh.demo.titles import department, phrase, title

DAY_MS = 86_400_000
NOT_GOODS = (
    "CHARITABLE CONT", "CNTRL/STORE SUP", "COUPON", "FUEL", "GM MERCH EXP", "MISCELLANEOUS",
    "POSTAL CENTER", "TRAVEL & LEISURE",
)  # fmt: skip
AGE_RESTRICTED = (
    "BEERS/ALES", "CIGARETTES", "CIGARS", "DOMESTIC WINE", "IMPORTED WINE", "LIQUOR", "MISC WINE",
    "TOBACCO OTHER",
)  # fmt: skip
SOLD_WITHIN = 56 * DAY_MS
"""A product nobody bought for so long is out of stock; so is what no web shop may or can send."""


@dataclass(frozen=True, slots=True)
class Shop:
    """items and events in the columns that `afresh import` reads.

    households: user_id, about (one line for people), baskets; those that shopped in the
    last two weeks, in an order without meaning. shift_ms was added to every time.
    """

    items: pl.DataFrame
    events: pl.DataFrame
    households: pl.DataFrame
    shift_ms: int
    last_ms: int


def prepare(tables: Tables, now_ms: int) -> Shop:
    """The shop whose last event is at `now_ms` (UTC milliseconds)."""
    lines = tables.transactions.with_columns(
        pl.col("transaction_timestamp").cast(pl.Datetime("ms")).to_physical().alias("ts")
    )
    latest = lines["ts"].max()
    assert isinstance(latest, int), "there are transactions"
    shift = now_ms - latest
    lines = lines.with_columns(pl.col("ts") + shift)
    return Shop(
        items=_items(tables.products, lines, now_ms),
        events=_events(lines),
        households=_households(tables.demographics, lines, now_ms),
        shift_ms=shift,
        last_ms=now_ms,
    )


def _events(lines: pl.DataFrame) -> pl.DataFrame:
    """The id is basket and product, so that importing twice adds nothing."""
    basket, product = pl.col("basket_id").cast(pl.String), pl.col("product_id").cast(pl.String)
    discount = pl.col("retail_disc") + pl.col("coupon_disc") + pl.col("coupon_match_disc")
    return lines.sort("ts", "basket_id", "product_id").select(
        pl.concat_str(basket, pl.lit("-"), product).alias("event_id"),
        pl.lit("buy").alias("event_type"),
        pl.concat_str(pl.lit("h"), pl.col("household_id").cast(pl.String)).alias("user_id"),
        product.alias("item_id"),
        basket.alias("session_id"),
        pl.col("ts").alias("timestamp"),
        pl.col("sales_value").round(2).alias("value"),
        _unit_cents().alias("properties.price_cents"),
        pl.col("quantity").cast(pl.Int64).alias("properties.quantity"),
        (discount * 100).round().cast(pl.Int64).alias("properties.discount_cents"),
    )


def _unit_cents() -> pl.Expr:
    """What was paid for one, in cents; null where nothing was bought or nothing paid."""
    quantity, paid = pl.col("quantity"), pl.col("sales_value") * 100
    each = (paid / quantity).round().cast(pl.Int64, strict=False)
    return pl.when((quantity > 0) & (paid > 0)).then(each)


def _items(products: pl.DataFrame, lines: pl.DataFrame, now_ms: int) -> pl.DataFrame:
    """What was ever bought, in the order of first sales, so that the newest item is a new one;
    a product without a title cannot be shown and is left out."""
    sold = lines.group_by("product_id").agg(
        _unit_cents().median().round().cast(pl.Int64).alias("price_cents"),
        pl.col("ts").max().alias("sold"),
        pl.col("ts").min().alias("first"),
    )
    known = products.join(sold, on="product_id", how="inner").sort("first", "product_id")
    kinds = ["product_type", "product_category", "package_size", "department"]
    titles = {key: _title(*key) for key in known.select(kinds).unique().iter_rows()}
    goods = (
        ~pl.col("department").is_in(NOT_GOODS)
        & ~pl.col("product_category").is_in((*AGE_RESTRICTED, "COUPON/MISC ITEMS")).fill_null(False)
        & (pl.col("price_cents") > 0)
    )
    words = {c: phrase(c) for c in known["product_category"].unique() if c}
    floors = {d: department(d) for d in known["department"].unique()}
    return (
        known.with_columns(
            pl.Series("title", [titles[key] for key in known.select(kinds).iter_rows()])
        )
        .filter(pl.col("title") != "")
        .select(
            pl.col("product_id").cast(pl.String).alias("item_id"),
            "title",
            pl.col("product_category").replace_strict(words, default="").alias("category"),
            pl.col("department").replace_strict(floors).alias("department"),
            pl.when(pl.col("brand") == "Private")
            .then(pl.lit("Store brand"))
            .otherwise(pl.lit("National brand"))
            .alias("brand"),
            "price_cents",
            (goods & (pl.col("sold") > now_ms - SOLD_WITHIN)).fill_null(False).alias("in_stock"),
        )
    )


def _title(kind: str | None, category: str | None, package: str | None, floor: str) -> str:
    """Produce is packed in cases: `40 LB` is not what a person carries home."""
    by_case = floor == "PRODUCE" and not (package or "").endswith(("OZ", " 1 LB", " 2 LB", "PT"))
    return title(kind, category, None if by_case else package)


def _households(people: pl.DataFrame, lines: pl.DataFrame, now_ms: int) -> pl.DataFrame:
    fields = ("age", "household_comp", "kids_count")
    told = people.select("household_id", *(pl.col(f).cast(pl.String) for f in fields))
    active = (
        lines.group_by("household_id")
        .agg(pl.col("basket_id").n_unique().alias("baskets"), pl.col("ts").max().alias("last"))
        .filter(pl.col("last") > now_ms - 14 * DAY_MS)
        .join(told, on="household_id", how="left")
        .sort(pl.col("age").is_null(), pl.col("household_id").hash(seed=7))
        .head(500)
    )
    about = [_about(*row) for row in active.select(*fields, "baskets").iter_rows()]
    return active.select(
        pl.concat_str(pl.lit("h"), pl.col("household_id").cast(pl.String)).alias("user_id"),
        pl.Series("about", about, pl.String),
        "baskets",
    )


def _about(age: str | None, who: str | None, kids: str | None, baskets: int) -> str:
    """Two adults, 1 child · 35-44 · 214 baskets this year."""
    parts = []
    if who and not who.startswith("Unknown"):
        family = {"1 Adult Kids": "one adult", "2 Adults Kids": "two adults"}.get(who)
        children = {"1": "a child", "2": "two children", "3+": "three children or more"}
        known = children.get(kids or "")
        plain = {"1 Adult No Kids": "one adult", "2 Adults No Kids": "two adults"}
        parts.append(f"{family} and {known or 'children'}" if family else plain.get(who, who))
    if age:
        parts.append(f"aged {age.replace('-', '–')}")
    parts.append(f"{baskets} {'basket' if baskets == 1 else 'baskets'} this year")
    text = " · ".join(parts)
    return text[:1].upper() + text[1:]
