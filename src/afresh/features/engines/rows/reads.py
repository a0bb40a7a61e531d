"""How an engine reads what it makes facts of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reads:
    """group: its consumer group; between: topics of its own, which it writes from the events and
    makes facts from, each from the one before."""

    group: str
    between: tuple[str, ...] = ()
