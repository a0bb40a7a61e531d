"""People: a user's facts and those of the sessions linked to them, read as one.

The facts stay where they are, by owner; what is read is laid out once more, as if one key
had had them all. Only users with linked sessions take this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afresh.features.blocks import Blocks
from afresh.features.engines.embedded import SESSION, State
from afresh.features.event_order import sort_ties
from afresh.features.sequences import Lists
from afresh.features.tiles import Tiles

_LEAST, _MOST = ("min", "min_ts"), ("max", "max_ts")


def parties_of(state: State, user: int, now: int) -> NDArray[np.int64]:
    """A user and the sessions linked to them before `now`, by number: int64[at least 1]."""
    if user < 0 or not len(state.links):
        return np.array([user], np.int64)
    key = state.parties.key(user)
    if key[:1] == SESSION:
        return np.array([user], np.int64)
    sessions = state.links.sessions(key[1:].decode(), state.newest, now)
    found = state.parties.find_texts(sessions, SESSION)
    return np.concatenate([[user], found[found >= 0]]).astype(np.int64)


def latest(state: State, lists: Lists, parties: NDArray[np.int64]) -> NDArray[np.int64]:
    """The living facts of several parties' lists as one, oldest first: int64[at most keep]."""
    facts = state.facts
    rows = [lists.rows(facts, int(party), state.newest) for party in parties]
    if len(rows) == 1:
        return rows[0].astype(np.int64)
    merged = np.unique(np.concatenate(rows)).astype(np.int64)
    order = merged[np.argsort(facts.ts[merged], kind="stable")]
    sort_ties(order, facts.ts, facts.tag, facts.hi, facts.lo, facts.arena)
    return order[-lists.keep :]


@dataclass(slots=True)
class Merged:
    """The tiles of one family, laid out for some entities: key i is entity i."""

    blocks: Blocks


Held = Tiles | Merged
"""Tiles as the kernels of the reader take them."""


def merged_tiles(
    tiles: Sequence[Tiles], key: str, people: Sequence[NDArray[np.int64]]
) -> list[Held]:
    """Every family by `key` with one list an entity, merged from those of its parties; the
    other families as they are."""
    return [_merged(t, people) if t.family.key == key else t for t in tiles]


def _merged(tiles: Tiles, people: Sequence[NDArray[np.int64]]) -> Merged:
    made = Blocks(1 + len(tiles.family.slots))
    rows = [_rows(tiles, parties) for parties in people]
    sizes = np.array([len(each) for each in rows], np.int64)
    made.heads = np.stack([np.cumsum(sizes) - sizes, sizes, np.zeros_like(sizes)], axis=1)
    made.pool = np.concatenate(rows) if rows else made.pool
    return Merged(made)


def _rows(tiles: Tiles, parties: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of several keys by cell, those of one cell added up: int64[n, 1 + slots]."""
    heads, pool = tiles.blocks.heads, tiles.blocks.pool
    known = parties[(parties >= 0) & (parties < len(heads))]
    spans = [pool[heads[p, 0] : heads[p, 0] + heads[p, 1]] for p in known]
    rows = np.concatenate([pool[:0], *spans]).astype(np.int64)
    if len(spans) < 2 or not len(rows):
        return rows
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    first = np.flatnonzero(np.diff(rows[:, 0], prepend=-1))
    out = np.add.reduceat(rows, first, axis=0)
    out[:, 0] = rows[first, 0]
    for at, slot in enumerate(tiles.family.slots):
        if slot.op in _LEAST:
            out[:, 1 + at] = np.minimum.reduceat(rows[:, 1 + at], first)
        elif slot.op in _MOST:
            out[:, 1 + at] = np.maximum.reduceat(rows[:, 1 + at], first)
    return out
