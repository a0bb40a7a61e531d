"""Batches of the log as frames with canonical columns: the form in which events lie in files.

`event_id, event_type, user_id, item_id, session_id` text; `timestamp`, `sent_timestamp` int64 UTC
ms; then `value`, `properties.<name>` and `item.<field>`, each text or int64 fixed point. What is
absent is null.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.events.batch import NULL, TEXT_IDS, EventBatch
from afresh.features.plan import DAY_MS

Places = dict[str, int]
"""Decimal places by which a frame's number columns are scaled."""


def column(name: str) -> str:
    """What a column of a batch is called in a frame."""
    plain = name == "value" or name in TEXT_IDS or name.startswith("item.")
    return name if plain else f"properties.{name}"


def frame_of(batch: EventBatch) -> tuple[pl.DataFrame, Places]:
    """The events of a batch, in its order, with the decimal places of each number column.

    `day` is the UTC day, counted from the epoch: int32.
    """
    types = pl.Series(batch.types, dtype=pl.String)
    columns = [_text(batch, "event_id"), types.gather(batch.type).alias("event_type")]
    columns += [_text(batch, name) for name in TEXT_IDS if name != "event_id"]
    columns.append(pl.Series("timestamp", np.array(batch.ts), pl.Int64))
    columns.append(_number("sent_timestamp", batch.sent_ts, batch.n))
    columns += [_number(column(name), said, batch.n) for name, said in batch.numbers.items()]
    columns += [_text(batch, name) for name in batch.texts if name not in TEXT_IDS]
    columns.append(pl.Series("day", batch.ts // DAY_MS, pl.Int32))
    places = {column(name): batch.places.get(name, 0) for name in batch.numbers}
    return pl.DataFrame(columns), places


def _text(batch: EventBatch, name: str) -> pl.Series:
    series = pl.Series(column(name), batch.strings(name), pl.String)
    return series.set(series == "", None)


def _number(name: str, said: NDArray[np.int64] | None, n: int) -> pl.Series:
    if said is None:
        return pl.Series(name, [None], pl.Int64).new_from_index(0, n)
    return pl.Series(name, np.array(said), pl.Int64).set(pl.Series(said == NULL), None)
