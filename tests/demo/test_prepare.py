from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from afresh.demo.dataset import Tables
from afresh.demo.prepare import DAY_MS, Shop, prepare

NOW = 1_800_000_000_000


@pytest.fixture(scope="module")
def shop(tables: Tables) -> Shop:
    return prepare(tables, NOW)


def item(shop: Shop, item_id: str) -> dict[str, Any]:
    return shop.items.row(by_predicate=pl.col("item_id") == item_id, named=True)


def test_the_last_event_is_now_and_distances_stay(shop: Shop, tables: Tables) -> None:
    assert shop.events["timestamp"].max() == NOW == shop.last_ms
    before = tables.transactions["transaction_timestamp"].dt.epoch("ms").sort()
    assert (shop.events["timestamp"].sort() - before).unique().to_list() == [shop.shift_ms]


def test_a_line_of_a_receipt_is_a_buy(shop: Shop) -> None:
    first = shop.events.row(by_predicate=pl.col("event_id") == "10-1", named=True)
    assert first == {
        "event_id": "10-1",
        "event_type": "buy",
        "user_id": "h1",
        "item_id": "1",
        "session_id": "10",
        "timestamp": NOW,
        "value": 3.0,
        "properties.price_cents": 150,
        "properties.quantity": 2,
        "properties.discount_cents": 35,
    }


def test_no_line_is_lost_and_events_come_in_order(shop: Shop, tables: Tables) -> None:
    assert shop.events.height == tables.transactions.height
    assert shop.events["event_id"].n_unique() == shop.events.height
    assert shop.events["timestamp"].is_sorted()


def test_nothing_bought_has_no_unit_price(shop: Shop) -> None:
    row = shop.events.row(by_predicate=pl.col("event_id") == "11-3", named=True)
    assert row["properties.price_cents"] is None


def test_an_item_has_a_title_and_the_median_price(shop: Shop) -> None:
    assert item(shop, "1") == {
        "item_id": "1",
        "title": "Bananas",  # its size is a case's
        "category": "Tropical fruit",
        "department": "Produce",
        "brand": "National brand",
        "price_cents": 125,
        "in_stock": True,
    }
    assert item(shop, "2")["brand"] == "Store brand"
    assert item(shop, "4")["title"] == "Bacon, premium, 16 oz"


def test_what_is_no_product_or_long_not_sold_is_not_in_stock(shop: Shop) -> None:
    stock = dict(shop.items.select("item_id", "in_stock").iter_rows())
    assert stock["5"] is False, "fuel goes in no cart"
    assert stock["7"] is False, "last sold a hundred days ago"
    assert stock["3"] is True
    assert "6" not in stock, "it has no title"
    assert "8" not in stock, "it was never sold"


def test_items_come_in_the_order_of_their_first_sales(shop: Shop) -> None:
    first = dict(shop.events.group_by("item_id").agg(pl.col("timestamp").min()).iter_rows())
    order = shop.items["item_id"].to_list()
    assert order == sorted(order, key=lambda name: (first[name], int(name)))


def test_households_are_those_that_shopped_lately(shop: Shop) -> None:
    about = dict(shop.households.select("user_id", "about").iter_rows())
    assert "h3" not in about
    assert about["h1"] == "Two adults and a child · aged 45–54 · 1 basket this year"
    assert about["h4"] == "One adult · aged 65+ · 3 baskets this year"
    assert about["h2"] == "1 basket this year"
    lately = shop.events.filter(pl.col("timestamp") > NOW - 14 * DAY_MS)["user_id"]
    assert set(about) == set(lately)
