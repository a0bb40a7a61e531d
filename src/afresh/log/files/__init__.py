"""Events and items in files: Parquet, CSV, NDJSON (also .gz), told apart by the file's ending.

Reading is in portions, so memory does not grow with the file. A row that
cannot be read is a `Reject` and the rest goes on. What the readers give is a
Polars frame with the contract's column names; `columns.py` turns it into the
columns of an `EventBatch`, `records.py` into item records.
"""

from __future__ import annotations

from afresh.log.files.columns import batch_to_frame, frame_to_columns
from afresh.log.files.reading import Reading, read_events, read_items
from afresh.log.files.records import frame_to_records, records_to_frame
from afresh.log.files.rejects import Reject, Rejects
from afresh.log.files.writing import write_events, write_items

__all__ = [
    "Reading",
    "Reject",
    "Rejects",
    "batch_to_frame",
    "frame_to_columns",
    "frame_to_records",
    "read_events",
    "read_items",
    "records_to_frame",
    "write_events",
    "write_items",
]
