"""Reading `distinct`: one feature, of many entities, merged from their sketches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afresh.features import merge
from afresh.features.blocks import Blocks
from afresh.features.engines.embedded import State
from afresh.features.people import Held, merged_tiles, parties_of
from afresh.features.plan import Feature, Read
from afresh.features.sketches import Sketches, count_distinct
from afresh.features.windows import tile_range


def distinct_values(
    state: State, keys: NDArray[np.int64], feature: Feature, now: int
) -> NDArray[np.float64]:
    """How many distinct values each entity's window saw: float64[n], 0 of nothing.

    keys: int64[n], -1 for an entity never seen. A user is read with the sessions linked to them.
    """
    assert feature.distinct is not None
    assert feature.window is not None
    sketches = state.sketches[feature.distinct]
    blocks, tiles = sketches.blocks, state.tiles
    held: Sequence[Held] = tiles
    if feature.key == "user_id" and len(state.links):
        people = [parties_of(state, number, now) for number in keys.tolist()]
        if any(len(parties) > 1 for parties in people):
            blocks, keys = _merged(sketches, people), np.arange(len(keys))
            if feature.session is not None:
                held = merged_tiles(tiles, "user_id", people)
    first, past = tile_range(feature.window, now)
    firsts = np.full(len(keys), first, np.int64)
    if feature.session is not None:
        firsts = _session_starts(held, keys, feature.session, first, past, now)
    out = np.empty(len(keys))
    count_distinct(keys, blocks.heads, blocks.pool, firsts, past, sketches.spec.k, out)
    return out


def _session_starts(
    tiles: Sequence[Held], keys: NDArray[np.int64], read: Read, first: int, past: int, now: int
) -> NDArray[np.int64]:
    """The first tile of each key's session; `past` where there is none."""
    b = tiles[read.family].blocks
    assert read.touch is not None
    starts = [
        merge.session_start(key, b.heads, b.pool, now, read.window.gap, first, *read.touch)
        for key in keys
    ]
    return np.array([start if start >= 0 else past for start in starts], np.int64)


def _merged(sketches: Sketches, people: Sequence[NDArray[np.int64]]) -> Blocks:
    """One list an entity, of the rows of its parties; a tile may hold more than k of them."""
    rows = [
        np.unique(np.concatenate([sketches.rows(party) for party in parties.tolist()]), axis=0)
        for parties in people
    ]
    made = Blocks(2)
    sizes = np.array([len(each) for each in rows], np.int64)
    made.heads = np.stack([np.cumsum(sizes) - sizes, sizes, np.zeros_like(sizes)], axis=1)
    made.pool = np.concatenate([made.pool[:0], *rows]).astype(np.int64)
    return made
