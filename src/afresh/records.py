"""Changes to the catalogue, resolved to the full records that are written."""

from __future__ import annotations

from afresh.catalog_state import CatalogState
from afresh.errors import AfreshError, NotFound
from afresh.items import ItemDecoder, deletion
from afresh.submission import ItemChange, Outcome, Submission

Written = dict[str, bytes | None]
"""Records that the catalogue may not have yet, by item; None: deleted."""


def resolved(
    group: list[Submission], items: ItemDecoder, catalog: CatalogState, written: Written
) -> tuple[list[tuple[str, bytes]], list[Outcome | AfreshError]]:
    """The records of the changes of some submissions, in order, by item, and what to say to each.

    `written` holds records on their way, and learns these.
    """
    outcomes: list[Outcome | AfreshError] = []
    records: list[tuple[str, bytes]] = []
    for submission in group:
        try:
            lines = [
                (change.item_id, _record(change, items, catalog, written))
                for change in submission.changes
            ]
        except AfreshError as error:
            outcomes.append(error)
            continue
        records += lines
        outcomes.append(Outcome(accepted=len(lines)))
    return records, outcomes


def _record(
    change: ItemChange, items: ItemDecoder, catalog: CatalogState, written: Written
) -> bytes:
    record = change.record
    if record is None:
        here = change.item_id in written
        current = written[change.item_id] if here else catalog.line(change.item_id)
        if current is None:
            raise NotFound(
                f"There is no item {change.item_id!r}.",
                hint="PUT it whole first; the catalogue knows only what was put.",
            )
        if change.patch is None:
            written[change.item_id] = None
            return deletion(change.item_id)
        record = items.merged(current, change.patch)
    written[change.item_id] = record
    return record
