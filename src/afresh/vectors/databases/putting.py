"""Putting: items of a replica, as they stand, into a collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from afresh.store.replica import Replica
from afresh.vectors.databases import AT_ONCE, Collection
from afresh.vectors.databases.target import payload_of
from afresh.vectors.text import TextEncoder, text_fields, text_of


def records_of(replica: Replica, ids: Sequence[str]) -> dict[str, dict[str, Any] | None]:
    """The records of items as they stand, None for one that is gone; the caller holds the lock."""
    return {item: replica.catalog.record(item) for item in ids}


def put(
    records: dict[str, dict[str, Any] | None],
    replica: Replica,
    encoder: TextEncoder,
    collection: Collection,
) -> int:
    """Write records into a collection, AT_ONCE at most: points for those with a text, and none for
    the others; how many points. Raises Unavailable, and may be tried again then."""
    assert len(records) <= AT_ONCE
    fields = text_fields(replica.plan.catalog.fields)
    there = [(item, record) for item, record in records.items() if record is not None]
    vectors = encoder.encode([text_of(record, fields) for _, record in there])
    says = np.asarray(vectors.any(axis=1)) if there else np.empty(0, np.bool_)
    kept = [pair for pair, said in zip(there, says.tolist(), strict=True) if said]
    if kept:
        payloads = [payload_of(record, collection.shape) for _, record in kept]
        collection.upsert([item for item, _ in kept], vectors[says], payloads)
    gone = records.keys() - {item for item, _ in kept}
    if gone:
        collection.delete(sorted(gone))
    return len(kept)
