"""Lines of real receipts, as they are sent and as the model reads them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import polars as pl
from tests.model import Event

from afresh.demo.dataset import read_tables
from afresh.demo.prepare import prepare


@dataclass(frozen=True)
class Receipts:
    """Lines of real receipts, the newest one a minute ago. bodies: as they are sent; events: as the
    model reads them; items: records of everything bought."""

    bodies: list[dict[str, Any]]
    events: list[Event]
    items: list[dict[str, Any]]


def receipts(n: int) -> Receipts:
    shop = prepare(read_tables(), time.time_ns() // 1_000_000 - 60_000)
    known = shop.items.filter(pl.col("department") != "")
    lines = shop.events.filter(pl.col("item_id").is_in(known["item_id"].implode())).tail(n)
    bought = known.filter(pl.col("item_id").is_in(lines["item_id"].implode()))
    items = bought.select("item_id", "title", "department").to_dicts()
    floor = {item["item_id"]: item["department"] for item in items}
    bodies, events = [], []
    for row in lines.iter_rows(named=True):
        cents, quantity = round(row["value"] * 100), row["properties.quantity"]
        named = {name: row[name] for name in ("event_id", "user_id", "item_id", "session_id")}
        bodies.append({
            **named, "event_type": "buy", "timestamp": row["timestamp"],
            "value": cents / 100, "properties": {"quantity": quantity},
        })  # fmt: skip
        said = {"value": cents, "quantity": quantity, "item.department": floor[row["item_id"]]}
        events.append(Event(row["event_id"], "buy", row["timestamp"], row["user_id"],
                            row["item_id"], row["session_id"], said))  # fmt: skip
    return Receipts(bodies, events, items)
