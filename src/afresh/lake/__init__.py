"""The lake: events and facts of whole days as Parquet files in a folder, for batch work.

    LAKE/lake.json                                what was brought from the log, and up to where
    LAKE/plans/HASH.json                          each plan of which there are facts
    LAKE/events/day=2026-01-31/OFFSET.parquet     events of a UTC day, canonical columns
    LAKE/facts/day=2026-01-31/revision=1/         tiles, lists, distincts and links of that day,
                                                  and facts.json: what they were made of

A file that stands under its name is whole and never changes.
"""

from afresh.lake.reading import state_at, values_at
from afresh.lake.run import Report, run

__all__ = ["Report", "run", "state_at", "values_at"]
