"""What trends: the items with most weighted events in a window.

The leaders are found by a walk over all items, now and then; in between, every item
touched since is scored exactly beside them, so the newest click always counts. An item
that is no leader and was not touched can only have sunk.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.errors import NotFound
from afresh.features.plan import Read
from afresh.features.tiles import GROUP_BITS
from afresh.features.windows import tile_range
from afresh.problems import suggest
from afresh.retrieve import Candidates, best
from afresh.store.replica import Replica

LEADERS = 1000
REFRESH_MS = 10_000
TOUCHED = 20_000
"""Facts since the last walk beyond which walking again is cheaper."""


@numba.njit(cache=True, nogil=True)
def _walk(heads, pool, first, slot, out):  # type: ignore[no-untyped-def]
    """out float64[items]: the sum of a slot over tiles from `first` on."""
    for key in range(len(out)):
        total = np.int64(0)
        row = heads[key, 0] + heads[key, 1] - 1
        while row >= heads[key, 0] and pool[row, 0] >> GROUP_BITS >= first:
            total += pool[row, 1 + slot]
            row -= 1
        out[key] = total


_Leaders = tuple[int, int, int, NDArray[np.int64]]


class Trending:
    """The leaders of each window of the plan, over one replica."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self._leaders: dict[str, _Leaders] = {}
        self._held: dict[str, tuple[tuple[int, int, int], _Leaders, Candidates]] = {}

    def top(
        self, window: str, now: int, n: int, only: NDArray[np.bool_] | None = None
    ) -> Candidates:
        """The n leading items of a window. only: bool[items], those that may be named.

        Nothing leads while the window's facts warm. Raises NotFound for a window that the plan
        does not keep.
        """
        read = self.read(window)
        if read is None:
            return Candidates()
        items = self.moving(window, now, only)
        if only is not None:
            return self._best(items, read, now, n)
        # Nothing moves but by an event, by the next tile, or by a walk.
        stands = (self.replica.state.events, tile_range(read.window, now)[0], n)
        held = self._held.get(window)
        if held is None or held[0] != stands or held[1] is not self._leaders[window]:
            held = stands, self._leaders[window], self._best(items, read, now, n)
            self._held[window] = held
        return held[2]

    def read(self, window: str) -> Read | None:
        """How a window is read; None while its facts warm. Raises NotFound."""
        read = next((t.read for t in self.replica.state.plan.trends if t.name == window), None)
        if read is None:
            known = [trend.name for trend in self.replica.plan.trends]
            if window not in known:
                raise NotFound(
                    f"Nothing is kept for a trend over {window!r}.", hint=suggest(window, known)
                )
        return read

    def moving(
        self, window: str, now: int, only: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        """The items that may lead a window: its leaders, and what was touched since they were
        found; with `only`, of these all that the window holds. Nothing while its facts warm."""
        read = self.read(window)
        if read is None:
            return np.empty(0, np.int64)
        if only is None:
            return self._near(window, read, now)
        items = self._all(read, now)
        return items[only[items]]

    def _best(self, items: NDArray[np.int64], read: Read, now: int, n: int) -> Candidates:
        scores = self.replica.reader.merge(items, [read], now)[0]
        held = scores > 0
        return best(items[held], scores[held], n)

    def _near(self, window: str, read: Read, now: int) -> NDArray[np.int64]:
        facts, generation = self.replica.state.facts, self.replica.generation
        at, mark, swept, leaders = self._leaders.get(window, (0, 0, -1, np.empty(0, np.int64)))
        stale = now - at > REFRESH_MS or swept != generation or facts.used - mark > TOUCHED
        if stale:
            items = self._all(read, now)
            scores = self.replica.reader.merge(items, [read], now)[0]
            leaders, mark = best(items, scores, LEADERS).items, facts.used
            self._leaders[window] = now, mark, generation, leaders
        if mark == facts.used:
            return leaders
        touched = np.sort(facts.item[mark : facts.used]).astype(np.int64)
        touched = touched[np.flatnonzero(np.diff(touched, prepend=-1))]
        return np.concatenate([leaders, touched[~np.isin(touched, leaders)]])

    def _all(self, read: Read, now: int) -> NDArray[np.int64]:
        b = self.replica.state.tiles[read.family].blocks
        out = np.zeros(min(len(b.heads), len(self.replica.state.items)))
        _walk(b.heads, b.pool, tile_range(read.window, now)[0], read.slot, out)
        return np.flatnonzero(out > 0)
