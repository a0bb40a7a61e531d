"""One open list: what was asked for, what was shown last, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from afresh.answers import Answer
from afresh.surface import Item, Query

Write = Callable[[bytes], Coroutine[Any, Any, None]]
"""Sends bytes to the client; it waits while the client does not read, and raises OSError when it
is gone."""


class Listener:
    """A client that holds a list open. end: ends its connection.

    shown: a hash of the item ids it has, in the list and its groups; offset: of the log, when they
    were last computed. Times are the event loop's, in seconds. No list is kept for a client: one
    that is slow to read gets, when it reads again, the list as it is then.
    """

    __slots__ = (
        "computed_at",
        "end",
        "offset",
        "query",
        "shown",
        "stale",
        "timer",
        "write",
        "writing",
    )

    def __init__(self, query: Query, write: Write, end: Callable[[], object]) -> None:
        self.query, self.write, self.end = query, write, end
        self.shown: int | None = None
        self.offset = -1
        self.computed_at = float("-inf")
        self.writing: asyncio.Task[None] | None = None
        self.stale = False
        self.timer: asyncio.TimerHandle | None = None

    def replaced(self, made: Answer) -> bool:
        """Note the list just computed; whether its items or groups, or their order, differ from
        those shown."""
        groups = tuple((group.title, _ids(group.items)) for group in made.groups)
        before, self.shown = self.shown, hash((_ids(made.items), groups))
        return self.shown != before


def _ids(items: Sequence[Item]) -> tuple[str, ...]:
    return tuple([item.item_id for item in items])
