"""What trends: the items with most weighted events in a window, of a segment or of all.

The leaders are found by a walk over all items, now and then; in between, every item
touched since is scored exactly beside them, so the newest click always counts. An item
that is no leader and was not touched can only have sunk.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.errors import NotFound
from afresh.features.plan import Read, Trend
from afresh.features.windows import tile_range
from afresh.problems import suggest
from afresh.retrieve import Candidates, best, without
from afresh.retrieve.walks import LEADERS, Standing, Walk, walked
from afresh.store.replica import Replica

REFRESH_MS = 10_000
TOUCHED = 20_000
"""Facts since the last walk beyond which walking again is cheaper."""
FEW = 64
"""Items that are each looked for among the others; more are sorted."""
SEGMENTS = 256
"""Segments of a trend whose leaders are held at a time."""


class Trending:
    """The leaders of each trend of the plan, over one replica.

    A trend is asked for by its name, `7d` or `7d by city`; of one that is split, `group` is the
    segment's number, of another 0.
    """

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self._walks: dict[str, Walk] = {}
        self._walked_last = 0
        """The moment of the request that walked last, UTC ms."""

    def top(
        self, name: str, now: int, n: int, only: NDArray[np.bool_] | None = None, group: int = 0
    ) -> Candidates:
        """The n leading items of a trend. only: bool[items], those that may be named.

        Nothing leads while its facts warm. Raises NotFound for one that the plan does not keep.
        """
        read = self.read(name)
        if read is None or group < 0:
            return Candidates()
        if only is not None:
            items = self.moving(name, now, only, group)
            return _positive(items, self.scores(items, read, now, group), n)
        here = self._standing(name, read, now, group)
        if here.n != n:
            here.n, here.found = n, _positive(here.items, here.scores, n)
        return here.found

    def trend(self, name: str) -> Trend | None:
        """A trend of the plan; None while its facts warm. Raises NotFound."""
        found = next((t for t in self.replica.state.plan.trends if t.name == name), None)
        if found is None:
            known = [trend.name for trend in self.replica.plan.trends]
            if name not in known:
                raise NotFound(
                    f"Nothing is kept for a trend over {name!r}.", hint=suggest(name, known)
                )
        return found

    def read(self, name: str) -> Read | None:
        """How a trend is read; None while its facts warm. Raises NotFound."""
        found = self.trend(name)
        return None if found is None else found.read

    def moving(
        self, name: str, now: int, only: NDArray[np.bool_] | None = None, group: int = 0
    ) -> NDArray[np.int64]:
        """The items that may lead a trend: its leaders, and what was touched since they were
        found; with `only`, of these all that the window holds. Nothing while its facts warm."""
        read = self.read(name)
        if read is None:
            return np.empty(0, np.int64)
        if only is None:
            return self._standing(name, read, now, group).items
        items = walked(self.replica, read, now).of(group)
        return items[only[items]]

    def scores(
        self, items: NDArray[np.int64], read: Read, now: int, group: int
    ) -> NDArray[np.float64]:
        """What a trend's window holds of each item, in a segment or whole: float64[n]."""
        reader = self.replica.reader
        if group:
            return reader.merge_group(items, read, group, now)
        return reader.merge(items, [read], now)[0]

    def _standing(self, name: str, read: Read, now: int, group: int) -> Standing:
        """What may lead now: nothing moves but by an event, by the next tile, or by a walk."""
        facts, walk = self.replica.state.facts, self._walks.get(name)
        # One that is merely old can wait for the next request, where this one walked already.
        old = walk is not None and now - walk.at > REFRESH_MS and now != self._walked_last
        if (
            walk is None
            or old
            or walk.generation != self.replica.generation
            or facts.used - walk.mark > TOUCHED
        ):
            walk, self._walked_last = walked(self.replica, read, now), now
            self._walks[name] = walk
        first, here = tile_range(read.window, now)[0], walk.standing.get(group)
        if here is None:
            items = walk.of(group)
            leaders = best(items, self.scores(items, read, now, group), LEADERS)
            here = Standing(first, walk.mark, leaders.items, leaders.scores)
            if len(walk.standing) >= SEGMENTS:
                del walk.standing[next(iter(walk.standing))]
            walk.standing[group] = here
        if here.first != first:
            here.first, here.n = first, -1
            here.scores = self.scores(here.items, read, now, group)
        if here.mark != facts.used:
            touched = np.unique(facts.item[here.mark : facts.used]).astype(np.int64)
            items, scores = here.items, here.scores
            if len(touched) <= FEW:
                items, scores = without(items, scores, touched, len(items))
            else:
                others = ~np.isin(items, touched)
                items, scores = items[others], scores[others]
            fresh = self.replica.reader.merge_group(touched, read, group, now)
            here.items = np.concatenate([items, touched])
            here.scores = np.concatenate([scores, fresh])
            here.mark, here.n = facts.used, -1
        return here


def _positive(items: NDArray[np.int64], scores: NDArray[np.float64], n: int) -> Candidates:
    held = scores > 0
    return best(items[held], scores[held], n)
