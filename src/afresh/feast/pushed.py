"""Events that come through Feast's push source, sent to a server.

A push means something else than for other stores: its rows are what happened, not values. The
server admits them as it admits any event, so a row that is pushed twice is one event, and one that
does not fit is refused alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from afresh.client import Client
from afresh.errors import BadRequest


def push(client: Client, rows: Iterable[tuple[Any, dict[str, Any], datetime, Any]]) -> None:
    """Send rows as Feast gives them: key, values, time, and when they were made.

    Raises BadRequest with the first reason when the server refused some; all others are in. What
    the client raises when the server cannot be reached: pushing again does no harm.
    """
    events = [_event(entity, values, moment) for entity, values, moment, _ in rows]
    receipt = client.track_many(events)
    if receipt.rejected:
        first = receipt.rejected[0]
        raise BadRequest(
            f"The server refused {len(receipt.rejected):,} of {len(events):,} events; the first "
            f"is row {first.index}: {first.code}, {first.detail}",
            hint="The others are in. Correct these and push them again.",
        )


def _event(entity: Any, values: dict[str, Any], moment: datetime) -> dict[str, Any]:
    told = {name: value.string_val for name, value in values.items() if value.string_val}
    at = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    event = {
        "event_id": entity.entity_values[0].string_val,
        "timestamp": round(at.timestamp() * 1000),
        **told,
    }
    if "properties" in told:
        try:
            event["properties"] = json.loads(told["properties"])
        except ValueError:
            text = f"The properties of the event {event['event_id']!r} are no JSON object."
            raise BadRequest(text, hint='Write them as text: {"quantity": 2}.') from None
    return event
