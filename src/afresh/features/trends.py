"""Windows over which it can be asked what is popular."""

from __future__ import annotations

from typing import NamedTuple

from afresh.features.durations import milliseconds
from afresh.features.plan import DAY_MS, Window
from afresh.features.window_declaration import compile_window, daily, sliding
from afresh.problems import Place

DEFAULT_TRENDS = ("1h", "24h", "7d")
"""Kept for every app; surfaces can ask for more."""


class Trending(NamedTuple):
    """A window that a surface names, as it is written there."""

    name: str
    place: Place


def trend_window(name: str) -> tuple[Window, int]:
    """The window of a length of time, and its reach in ms.

    Whole days from two on are daily; a shorter time slides, a day in half hours.
    Raises DefinitionError when it is not a length of time.
    """
    ms = milliseconds(name)
    if ms >= 2 * DAY_MS and ms % DAY_MS == 0:
        return compile_window(daily(ms // DAY_MS))
    return compile_window(sliding(ms, hop="30m" if ms == DAY_MS else None))
