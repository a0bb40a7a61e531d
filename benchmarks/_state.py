"""States to read from and fold into: shopping as the log would keep it."""

from __future__ import annotations

from pathlib import Path

from afresh.app import App
from afresh.catalog_state import CatalogState
from afresh.events.batch import decode_batch
from afresh.features.engines.embedded import State
from afresh.items import ItemDecoder
from afresh.log.files import frame_to_columns, read_events
from afresh.transfer import CHUNK, ENTRY
from benchmarks._data import Shopping
from benchmarks._live import item_lines


def payloads(app: App, shop: Shopping, folder: Path) -> list[bytes]:
    """The events in entries of 10,000, with their items' fields written into them."""
    plan = app.plan()
    catalog = CatalogState(plan, State(plan).items)
    records = ItemDecoder(plan.catalog).lines(item_lines(shop)).records
    catalog.fold(b"\n".join(record for _, record in records))
    path = folder / "shopping.parquet"
    shop.events.write_parquet(path)
    out = []
    for frame in read_events(path, chunk=CHUNK):
        batch = frame_to_columns(frame, plan.events).batch
        catalog.write_into(batch)
        out += [part.encode() for part in batch.cut(ENTRY)]
    return out


def folded(app: App, stored: list[bytes]) -> State:
    state = State(app.plan())
    for payload in stored:
        state.fold(decode_batch(payload))
    return state
