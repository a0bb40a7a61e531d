"""Reasons a person can read, true to what is in the postings: why each item of a page is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.durations import UNITS
from afresh.retrieve import Context, Workspace
from afresh.retrieve.passages import passages
from afresh.store.replica import Replica
from afresh.surfaces.spec import TRENDS, Source, Surface

USUAL: dict[str, Callable[[Source], str]] = {
    "sessions": lambda source: "People with sessions like this one chose it too",
    "similar": lambda source: "Often chosen next to what you looked at",
    "trending": lambda source: popular(str(source.params["window"]), ""),
    "rising": lambda source: risen(str(source.params["window"]), ""),
    "neighbours": lambda source: "People who did what you did went on to this",
    "next_item": lambda source: "What people go on to from your last item",
    "covisits": lambda source: "Looked at together with your latest items",
    "two_hops": lambda source: "Close to what goes with your latest items",
    "preference": lambda source: "Like the things you care for most",
    "embeddings": lambda source: "Near what you looked at, in what people do",
    "text": lambda source: "Described like what you looked at",
    "repeats": lambda source: "You have taken it before",
    "newcomers": lambda source: "New here",
    "catalogue": lambda source: "From the catalogue",
    "request": lambda source: "Named by the request",
}
"""Why an item is shown, by the source that adds most to its score."""
NEIGHBOURS = frozenset({"sessions", "similar", "neighbours", "next_item", "covisits", "two_hops"})
"""Sources of which the postings say more."""
FROM = 3
"""Of how many of the visitor's latest items passages are counted."""
MANY = 3
"""Visits that are enough to speak of a short time."""
WINDOWS_MS = (3_600_000, 86_400_000, 7 * 86_400_000)


class Reasons:
    """Says why, over one replica; the caller holds its lock."""

    def __init__(self, replica: Replica, space: Workspace) -> None:
        self.replica, self.space = replica, space
        within = replica.plan.postings.within
        windows = [*(ms for ms in WINDOWS_MS if ms < within), within]
        self._windows = np.array(windows, np.int64)
        self._spans = [_span(ms) for ms in windows]

    def __call__(
        self, items: NDArray[np.int64], leading: Sequence[Source], surface: Surface,
        context: Context,
    ) -> list[str]:  # fmt: skip
        """The reasons of items int64[n], distinct, each led to by a source."""
        said = [_usual(source, context) for source in leading]
        counted = [at for at, source in enumerate(leading) if source.name in NEIGHBOURS]
        if not counted or not len(context.items):
            return said
        counts, whole = passages(
            self.replica.state, context, items[counted], self._windows, self.space, items=FROM
        )
        told = _told(counts).tolist()
        names = {at: self.name(int(context.items[at]), surface) for at in {t[0] for t in told}}
        for row, (begun, window, visits) in zip(counted, told, strict=True):
            if visits:
                least = "" if whole[begun, window] else "At least "
                said[row] = (
                    f"{least}{visits} {'visit' if visits == 1 else 'visits'} went on from "
                    f"{names[begun]} to this in the last {self._spans[window]}"
                )
        return said

    def name(self, item: int, surface: Surface) -> str:
        """What a person calls an item: its title, where it has one, else its id."""
        catalog = self.replica.catalog
        if surface.title is not None:
            column = catalog.columns[surface.title]
            label = int(column[item]) if item < len(column) else -1
            if label >= 0:
                return catalog.labels[surface.title].text(label)
        return self.replica.state.items.text(item)


def popular(window: str, where: str) -> str:
    """The reason of a trend's leader. where: the segment it leads, in words; "" of all."""
    return f"Popular {where}, in the last {window}" if where else f"Popular in the last {window}"


def risen(window: str, where: str) -> str:
    """The reason of what rises; where: as of `popular`."""
    said = "More than usual"
    return f"{said} {where}, in the last {window}" if where else f"{said} in the last {window}"


def _usual(source: Source, context: Context) -> str:
    where = context.segments.get(source.label) if context.segments else None
    if not where or source.name not in TRENDS:
        return USUAL[source.name](source)
    say = popular if source.name == "trending" else risen
    return say(str(source.params["window"]), where)


@numba.njit(cache=True, nogil=True)
def _told(counts):  # type: ignore[no-untyped-def]
    """Of counts int64[items, n, windows], for each of n the item begun from, the window, and how
    many visits, int64[n, 3]: of the shortest window of many visits, else of the longest; of equals
    the latest item."""
    _, n, windows = counts.shape
    out = np.zeros((n, 3), np.int64)
    for at in range(n):
        for window in range(windows):
            begun = np.argmax(counts[:, at, window])
            out[at] = begun, window, counts[begun, at, window]
            if out[at, 2] >= MANY:
                break
    return out


def _span(ms: int) -> str:
    """A length of time, to follow "in the last": hour, 24 hours, 7 days."""
    if ms == UNITS["d"]:
        return "24 hours"
    names = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
    unit = next(unit for unit in names if ms % UNITS[unit] == 0)
    n = ms // UNITS[unit]
    return names[unit] if n == 1 else f"{n} {names[unit]}s"
