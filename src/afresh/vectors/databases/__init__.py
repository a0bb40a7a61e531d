"""Vector databases: item vectors where other processes and programs can search them too.

Each backend is a file; `connect.py` finds it by its URL. A database holds collections; a collection
holds points: an item id, a vector of which only the direction counts, and the item's fields that a
search can filter by. An alias names the one collection that is searched, and is moved in one step.
All calls may come from any thread, and all raise Unavailable when the database cannot be reached
or does not do as asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from afresh.vectors import Vectors
from afresh.vectors.databases.filters import Filter

Value = str | int | float | bool | None
Payload = Mapping[str, Value]
Kind = Literal["text", "number", "flag"]

AT_ONCE = 500
"""Points of one call at most."""
METRIC = "cosine"


class Field(NamedTuple):
    """A field that can be filtered by. Numbers are float64; a text of more than
    points.LONGEST bytes counts as absent, and so does a number that is not finite."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Shape:
    """What a collection holds."""

    dims: int
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Hits:
    """ids: distinct; cosines: float32[n], descending."""

    ids: list[str] = field(default_factory=list)
    cosines: Vectors = field(default_factory=lambda: np.empty(0, np.float32))


class Access(NamedTuple):
    """How to reach a database. key: the password or API key; ca: a file with the certificates to
    trust, None: the system's; timeout_ms: the longest that a call may take."""

    url: str
    key: str | None = None
    ca: Path | None = None
    timeout_ms: int = 10_000


class Collection(Protocol):
    """Points by item id. What was written is found by all searches that begin after `flush`.

    Vectors that do not have `shape.dims` numbers, are not finite or have no direction, fields that
    are not of their kind and filters that do not fit are refused with BadRequest, and nothing of
    the call is kept.
    """

    name: str
    shape: Shape

    def upsert(
        self, ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload]
    ) -> None:
        """Put points, AT_ONCE at most, whole; of an id given twice the last one counts. What a
        payload has beyond the shape's fields is left out."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Forget points, AT_ONCE at most; one that is not there is passed over."""
        ...

    def search(self, vector: NDArray[Any], k: int, where: Filter | None = None) -> Hits:
        """The at most k points nearest to a vector [dims] among those that a filter lets pass."""
        ...

    def count(self) -> int:
        """How many points there are, once flushed."""
        ...

    def flush(self) -> None:
        """Wait until all that was written before can be found."""
        ...


class VectorDatabase(Protocol):
    """Collections by name: `[a-z][a-z0-9_]*`, of 60 characters at most. where: its address, without
    anything secret."""

    where: str

    def make(self, name: str, shape: Shape) -> Collection:
        """A collection, made unless it is there. Raises BadRequest when it is there with other
        dimensions (`vector_shape`) or another metric (`vector_metric`)."""
        ...

    def names(self) -> list[str]:
        """The collections there are, in order."""
        ...

    def drop(self, name: str) -> None:
        """Remove a collection, if it is there."""
        ...

    def switch(self, alias: str, name: str) -> None:
        """Have an alias name a collection, from one moment to the next."""
        ...

    def live(self, alias: str) -> str | None:
        """The collection that an alias names; None: there is no such alias."""
        ...

    def close(self) -> None: ...
