"""The past: a state as it would have been at a moment, folded again from the log.

The slow way, and the exact one: live state is never asked about the past.
"""

from __future__ import annotations

from collections.abc import Iterator

from afresh.errors import BadRequest
from afresh.events.batch import decode_batch
from afresh.features.plan import Plan
from afresh.log import Entry, Log
from afresh.store.replica import Replica


def replica_as_of(plan: Plan, log: Log, as_of: int, until: int) -> Replica:
    """Of what stands in the log before the offset `until`, the events with timestamp < as_of (UTC
    ms), whenever they arrived; records of items, and of what was learned, that had arrived.

    Where no record of an item had arrived yet, because history was imported later, all count.
    Raises BadRequest when retention has dropped what some answer of that moment may rest on.
    """
    held = _first_arrival(log)
    _check(as_of - plan.reach, held)
    imported_later = _only_later_items(log, as_of, until)
    replica = Replica(plan)
    for entry in log.read(0, until):
        if entry.kind == "events":
            if entry.held and entry.min_ts < as_of:
                batch = decode_batch(entry.payload)
                replica.fold_events(batch.take(batch.ts < as_of), entry.end)
        elif entry.arrival < as_of or (entry.kind == "items" and imported_later):
            replica.apply(entry)
        replica.offset = entry.end
    replica.offset = until
    _check(replica.state.newest - plan.reach, held)
    return replica


def _first_arrival(log: Log) -> int:
    """When the first entry arrived that is held whole; 0 where nothing was ever dropped."""
    if not log.start:
        return 0
    first = next(iter(log.read(log.start)), None)
    return log.arrival if first is None else first.arrival


def _check(oldest: int, held: int) -> None:
    """Whether events from `oldest` on, UTC ms, are all held: one arrives after its time."""
    if held and oldest < held:
        raise BadRequest(
            "The log no longer reaches back to what an answer at that moment rests on.",
            hint="log_retention_age and log_max_bytes say how far back it reaches.",
            path="$.as_of",
            code="out_of_reach",
        )


def _only_later_items(log: Log, as_of: int, until: int) -> bool:
    """Whether the records of items in the log all arrived from as_of on."""
    entries: Iterator[Entry] = log.read(0, until)
    first = next((entry for entry in entries if entry.kind == "items"), None)
    return first is not None and first.arrival >= as_of
