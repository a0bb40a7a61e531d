"""Feature stores of others, which keep values: one file each.

A value there is of the moment at which it was pushed, and stays so until the next push; windows do
not move on by themselves. Where Feast will do, our own stores behind it answer with live values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Row = Mapping[str, Any]
"""An entity's id under its key field, and its features: as `POST /v1/features` answers."""


class FeatureStore(Protocol):
    """Where the features of one definition are kept, an entity a row.

    Every call raises Unavailable, with a hint, when the service refuses or does not answer; what it
    keeps may then be part of what was sent, and sending it again does no harm.
    """

    def declare(self) -> list[str]:
        """Have the service know the features of the definition; the names of what was made. What it
        has already stays as it is."""

    def push(self, key: str, rows: Sequence[Row], moment: int) -> None:
        """Keep rows of a key field with all its features, as they were at a moment (UTC ms). Of two
        pushes of an entity the one of the later moment counts, or else the last one: each says."""

    def read(self, key: str, names: Sequence[str]) -> list[Row | None]:
        """What is kept of entities, in their order; None of whom nothing is."""
