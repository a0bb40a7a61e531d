"""Beyond accuracy: how much of the catalogue is shown, how evenly, how well known, how varied.

- Coverage: the share of the items that stand in any list (Ge, Delgado-Battenfeld, Jannach, RecSys
  2010). Of the catalogue where there is one, else of the items that have an event.
- Gini: of how often each of these items was shown; 0 when all are shown alike, 1 when one has all
  (Fleder, Hosanagar, Management Science 2009).
- Novelty: the mean of -log2 of an item's share of the events (Zhou et al., PNAS 2010), in bits; an
  item without events counts as one with half an event.
- Diversity inside a list: the mean over pairs of its items of the share of text fields in which
  they differ (after Ziegler et al., WWW 2005). Of a catalogue with text fields only.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.evaluation.measures import Measure, mean

Lists = NDArray[np.int64]


class Beyond(msgspec.Struct, frozen=True):
    """Of the first k of every list. shown: distinct items; of: how many there are."""

    k: int
    shown: int
    of: int
    coverage: float
    gini: float
    novelty: Measure
    diversity: Measure | None
    empty: float
    """The share of places that had nothing to show."""


def beyond(
    lists: Lists, popularity: NDArray[np.int64], of: int, fields: NDArray[np.int64] | None
) -> Beyond:
    """lists int64[n, k], -1 past the end; popularity int64[items], events of each; of: how many
    items there are; fields int64[items, f], the number of each item's text, -1 for none."""
    shown = lists[lists >= 0]
    counts = np.bincount(shown, minlength=0)
    counts = counts[counts > 0]
    return Beyond(
        k=lists.shape[1],
        shown=len(counts),
        of=of,
        coverage=round(len(counts) / max(of, 1), 6),
        gini=round(gini(counts, max(of, len(counts))), 6),
        novelty=_mean(_novelty(lists, popularity)),
        diversity=None if fields is None else _mean(_diversity(lists, fields)),
        empty=round(1 - len(shown) / max(lists.size, 1), 6),
    )


def _mean(values: NDArray[np.float64]) -> Measure:
    return mean(values, np.arange(len(values)))


def gini(counts: NDArray[np.int64], of: int) -> float:
    """Of `of` items, of which all but those with counts were never shown."""
    if not len(counts) or not counts.sum():
        return 0.0
    ordered = np.sort(counts).astype(np.float64)
    places = np.arange(of - len(ordered) + 1, of + 1)
    return float((2 * places - of - 1) @ ordered / (of * ordered.sum()))


def _novelty(lists: Lists, popularity: NDArray[np.int64]) -> NDArray[np.float64]:
    """A list's mean: float64[lists that have items]."""
    bits = -np.log2(np.maximum(popularity, 0.5) / max(popularity.sum(), 1))
    held = lists >= 0
    some = held.any(axis=1)
    sums = np.where(held, bits[np.maximum(lists, 0)], 0.0).sum(axis=1)[some]
    return np.asarray(sums / held.sum(axis=1)[some])


def _diversity(lists: Lists, fields: NDArray[np.int64]) -> NDArray[np.float64]:
    """A list's mean: float64[lists of two or more]."""
    out = []
    for row in lists:
        held = row[row >= 0]
        if len(held) < 2:
            continue
        values = fields[held]
        same = (values[:, None, :] == values[None, :, :]).mean(axis=2)
        pairs = len(held) * (len(held) - 1)
        out.append(1 - (same.sum() - np.trace(same)) / pairs)
    return np.array(out)
