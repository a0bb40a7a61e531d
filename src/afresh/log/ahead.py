"""Reading ahead: the next entries come from the disk while those before them are folded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from afresh.log import Entry

DEPTH = 2
"""Entries that are read before they are asked for: one in the reader's hands, one in wait."""


def read_ahead(entries: Iterator[Entry]) -> Iterator[Entry]:
    """The same entries in their order, read in a thread of their own. What reading raises is
    raised where the entry would have come."""
    with ThreadPoolExecutor(1, "afresh-read-ahead") as reader:
        coming: deque[Future[Entry | None]] = deque()
        for _ in range(DEPTH):
            coming.append(reader.submit(next, entries, None))
        while (entry := coming.popleft().result()) is not None:
            coming.append(reader.submit(next, entries, None))
            yield entry
