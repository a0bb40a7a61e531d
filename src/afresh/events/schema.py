"""The shape of events and records, as plain data: what the door checks against."""

from __future__ import annotations

from typing import Literal

import msgspec


class Struct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The base of everything in a plan: immutable, written as JSON, defaults left out."""


class PlanField(Struct, frozen=True, kw_only=True):
    """A typed field of an event type or of the catalogue."""

    name: str
    kind: Literal["int", "decimal", "float", "str", "bool", "list[str]"]
    places: int = 0
    """Decimal places of a fixed-point number: 12.34 with places=2 is kept as 1234."""
    optional: bool = True
    default: bool | int | float | str | None = None
    """What stands where a record says nothing; None: null does."""


class PlanEvent(Struct, frozen=True, kw_only=True):
    """An event type. Its position in the plan is its type code."""

    name: str
    weight: int = 1
    fields: tuple[PlanField, ...] = ()
    value_places: int = 2


IDENTIFY = PlanEvent(name="identify", weight=0)
"""Every app knows it: a session turned out to be this user. It counts for no feature."""
