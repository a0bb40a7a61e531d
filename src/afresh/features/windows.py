"""Windows: which tiles a read merges at a given moment (design, section 4)."""

from __future__ import annotations

from afresh.features.plan import DAY_MS, Window

OPEN = 1 << 33
"""A tile number past every tile: the window is open at its new end."""


def tile_range(window: Window, now: int) -> tuple[int, int]:
    """[first, past): the tiles, by number, that `window` covers at `now` ms.

    Every event folded is older than `now`, so the tile that holds `now` is taken whole.
    """
    width = window.width
    if window.kind == "tumbling":
        tile = now // width
        return (tile - 1, tile) if window.previous else (tile, OPEN)
    if window.kind == "daily":
        return now // DAY_MS - window.size, OPEN
    if window.kind == "decayed":
        return now // width - len(window.weights) + 1, OPEN
    return -((window.size - now) // width), OPEN


def starts_at(window: Window, now: int) -> int:
    """The oldest moment, UTC ms, that `window` covers at `now`."""
    return tile_range(window, now)[0] * window.width
