"""Windows: which tiles a read merges at a given moment (design, section 4).

Every window begins `back` ms before now, at floor((now - back) / width): a session's at the
earliest, since its activity decides.
"""

from __future__ import annotations

from afresh.features.plan import DAY_MS, Window

OPEN = 1 << 33
"""A tile number past every tile: the window is open at its new end."""


def back(window: Window) -> int:
    """How far before now, in ms, stands the moment whose tile is a window's first."""
    width = window.width
    if window.kind == "tumbling":
        return width if window.previous else 0
    if window.kind == "daily":
        return window.size * DAY_MS
    if window.kind == "decayed":
        return (len(window.weights) - 1) * width
    return window.size - width + 1  # the first tile that begins within the size


def tile_range(window: Window, now: int) -> tuple[int, int]:
    """[first, past): the tiles, by number, that `window` covers at `now` ms.

    Every event folded is older than `now`, so the tile that holds `now` is taken whole.
    """
    first = (now - back(window)) // window.width
    return first, first + 1 if window.previous else OPEN
