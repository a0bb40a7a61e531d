"""Live traffic made of shopping: the bytes that clients would send, in the order of time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import polars as pl

from benchmarks._data import Shopping, ids

BLOCK = 2_000
"""Baskets are stirred within blocks of so many events: people shop at the same time."""
PER_MS = 20
"""Events of one millisecond."""


class Traffic:
    """Events of about 165 bytes, each with an id of its own, without end.

    Their clock starts two minutes ago and goes on from call to call.
    """

    def __init__(self, shop: Shopping) -> None:
        self._rng = np.random.default_rng(int(time.time()))
        self._events = shop.newest(400_000)
        self._at = 0
        self._clock = int(time.time() * 1000) - 120_000

    def lines(self, n: int) -> list[bytes]:
        """The next n events as JSON. A purchase says its price; others take their item's."""
        taken = [self._take(min(BLOCK, n - at)) for at in range(0, n, BLOCK)]
        frame = pl.concat(taken)
        stamps = self._clock + np.arange(n) // PER_MS
        self._clock = int(stamps[-1]) + 1
        columns = ("event_type", "user_id", "item_id", "session_id", "properties.price_cents")
        rows: Iterator[tuple[str, str, str, str, int]] = frame.select(columns).iter_rows()
        return [
            _line(*row, event_id, ts)
            for row, event_id, ts in zip(rows, ids(n, self._rng), stamps.tolist(), strict=True)
        ]

    def bodies(self, n: int, size: int = 1000) -> list[bytes]:
        """n NDJSON bodies of `size` events."""
        lines = self.lines(n * size)
        return [b"\n".join(lines[at : at + size]) for at in range(0, len(lines), size)]

    def _take(self, n: int) -> pl.DataFrame:
        if self._at + n > self._events.height:
            self._at = 0
        taken = self._events.slice(self._at, n)
        self._at += n
        return taken.sample(fraction=1, shuffle=True, seed=int(self._rng.integers(1 << 31)))


def _line(
    kind: str, user: str, item: str, session: str, cents: int, event_id: str, ts: int
) -> bytes:
    text = (
        f'{{"event_id":"{event_id}","event_type":"{kind}","timestamp":{ts},"user_id":"{user}",'
        f'"item_id":"{item}","session_id":"{session}"'
    )
    more = f',"properties":{{"price_cents":{cents}}}}}' if kind == "buy" else "}"
    return (text + more).encode()


def item_lines(shop: Shopping, n: int | None = None) -> bytes:
    """Item records as NDJSON."""
    frame = shop.items if n is None else shop.items.head(n)
    return frame.write_ndjson().encode()
