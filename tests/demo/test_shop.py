from __future__ import annotations

from pathlib import Path

import polars as pl

import afresh.demo
from afresh.demo.dataset import Tables
from afresh.demo.prepare import prepare
from afresh.loading import check, load
from afresh.log.files import frame_to_columns, frame_to_records, read_events, read_items

SHOP = Path(afresh.demo.__file__).with_name("shop.py")


def test_the_definition_is_sound() -> None:
    assert check(SHOP) == []


def test_every_prepared_line_fits_the_definition(tmp_path: Path, tables: Tables) -> None:
    shop, plan = prepare(tables, 1_800_000_000_000), load(SHOP).plan()
    shop.events.write_parquet(tmp_path / "events.parquet")
    shop.items.write_parquet(tmp_path / "items.parquet")
    (frame,) = read_events(tmp_path / "events.parquet")
    columns = frame_to_columns(frame, plan.events)
    assert columns.rejected == []
    assert columns.batch.n == tables.transactions.height
    (frame,) = read_items(tmp_path / "items.parquet")
    records = frame_to_records(frame, plan.catalog.fields)
    assert records.rejected == []
    assert len(records.lines) == shop.items.height
    assert set(shop.items.columns) == {"item_id", *(f.name for f in plan.catalog.fields)}


def test_the_page_asks_for_features_that_exist() -> None:
    script = (SHOP.parent / "static" / "facts.js").read_text()
    names = script.partition("FEATURES = [")[2].partition("]")[0].replace('"', "").split(", ")
    assert names
    assert set(names) <= {f.name for f in load(SHOP).plan().features if f.key == "user_id"}


def test_prices_are_in_cents(tables: Tables) -> None:
    assert prepare(tables, 1_800_000_000_000).items["price_cents"].dtype == pl.Int64
