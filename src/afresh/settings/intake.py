"""What the settings say of a topic, and the formats that are known out of the box."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Paths = str | tuple[str, ...]
"""A path into a message, or several of which the first that leads anywhere counts."""


class Intake(BaseModel):
    """One `[[intake]]` of `afresh.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: str = Field(min_length=1, description="The topic to read; it is never written.")
    servers: str = Field("", description="Its brokers, `host:port,…`; none: those of `log`.")
    format: Literal["json", "segment", "cloudevents"] = Field(
        "json", description="What its messages look like; `fields` and `types` add to that."
    )
    fields: dict[str, Paths] = Field(
        {}, description='Where each field of an event stands: `user_id = "$.user.id"`.'
    )
    types: dict[str, str] = Field(
        {}, description="The event type that each of the topic's own names means."
    )
    each: str = Field(
        "", description="The path of a list of which every element is an event of its own (`@`)."
    )
    seconds: bool = Field(False, description="Whether numbers as timestamps are seconds.")
    start: Literal["earliest", "latest"] = Field(
        "earliest", description="Where reading begins the first time."
    )


FIELDS: dict[str, Mapping[str, Paths]] = {
    # As `POST /v1/events` takes them.
    "json": {
        "event_id": "$.event_id",
        "event_type": "$.event_type",
        "timestamp": "$.timestamp",
        "user_id": "$.user_id",
        "session_id": "$.session_id",
        "item_id": "$.item_id",
        "value": "$.value",
        "properties": "$.properties",
    },
    # Segment's spec: track calls of its e-commerce events, and identify calls.
    "segment": {
        "event_id": "$.messageId",
        "event_type": ("$.event", "$.type"),
        "timestamp": ("$.timestamp", "$.originalTimestamp"),
        "user_id": "$.userId",
        "session_id": "$.anonymousId",
        "item_id": ("@.product_id", "$.properties.product_id"),
        "value": ("@.price", "$.properties.price"),
        "properties": "$.properties",
    },
    # CloudEvents 1.0, structured as JSON, or binary with headers.
    "cloudevents": {
        "event_id": "$.id",
        "event_type": "$.type",
        "timestamp": "$.time",
        "user_id": "$.data.user_id",
        "session_id": "$.data.session_id",
        "item_id": ("$.data.item_id", "$.subject"),
        "value": "$.data.value",
        "properties": "$.data.properties",
    },
}

TYPES: dict[str, Mapping[str, str]] = {
    "segment": {
        "Product Viewed": "view",
        "Product Clicked": "click",
        "Product Added": "cart",
        "Order Completed": "buy",
        "identify": "identify",
    },
}

EACH: dict[str, str] = {"segment": "$.properties.products"}
