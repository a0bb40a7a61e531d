"""Lengths of time, and the tile widths that divide a UTC day."""

from __future__ import annotations

import re
from datetime import timedelta

from afresh.errors import DefinitionError
from afresh.features.plan import DAY_MS

SECOND_MS = 1000
UNITS = {"s": SECOND_MS, "m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}

Duration = str | int | timedelta
"""`"30s"`, `"5m"`, `"1h"`, `"90d"`, `"2w"`; a timedelta; or whole milliseconds."""

_TEXT = re.compile(r"\s*([0-9]{1,9})\s*([smhdw])\s*")
_DIVISORS = [d * SECOND_MS for d in range(86_400, 0, -1) if 86_400 % d == 0]
MAX_MS = 3_660 * DAY_MS


def milliseconds(duration: object) -> int:
    """A duration in ms. Raises DefinitionError unless it is whole seconds, 1 s to ten years."""
    ms = None
    if isinstance(duration, str):
        match = _TEXT.fullmatch(duration)
        ms = int(match[1]) * UNITS[match[2]] if match else None
    elif isinstance(duration, timedelta):
        whole, rest = divmod(duration, timedelta(milliseconds=1))
        ms = None if rest else whole
    elif isinstance(duration, int) and not isinstance(duration, bool):
        ms = duration
    if ms is None:
        raise DefinitionError(
            f"{duration!r} is not a length of time",
            hint='Write "30s", "5m", "1h" or "90d", a timedelta, or whole milliseconds.',
        )
    if ms == 0:
        raise DefinitionError("This window is empty", hint='Give it a length, such as "1h".')
    if not SECOND_MS <= ms <= MAX_MS or ms % SECOND_MS:
        raise DefinitionError(
            f"{duration!r} is not a whole number of seconds between 1 s and 10 years",
            hint='Write "30s", "5m", "1h" or "90d".',
        )
    return ms


def is_whole(number: object) -> bool:
    """Whether it is an int and not a bool, whatever was annotated."""
    return isinstance(number, int) and not isinstance(number, bool)


def is_number(number: object) -> bool:
    """Whether it is an int or a float and not a bool."""
    return isinstance(number, int | float) and not isinstance(number, bool)


def divides_day(ms: int) -> bool:
    """Whether tiles of this width meet every UTC midnight."""
    return DAY_MS % ms == 0


def widest_divisor(limit: float) -> int:
    """The largest whole-second divisor of a day not above `limit` ms, at least 1 s."""
    return next((width for width in _DIVISORS if width <= limit), SECOND_MS)


def nearest_divisors(ms: int) -> tuple[int, int]:
    """The divisors of a day just below and just above `ms`, in the unit it is written in."""
    unit = next((u for u in (UNITS["h"], UNITS["m"]) if ms % u == 0), SECOND_MS)
    widths = [width for width in _DIVISORS if width % unit == 0]
    below = next((width for width in widths if width <= ms), widths[-1])
    above = next((width for width in reversed(widths) if width >= ms), DAY_MS)
    return below, above


def text(ms: int) -> str:
    """A duration for people: 5400000 is `90m`, 86400000 is `1d`."""
    for unit in ("d", "h", "m", "s"):
        if ms % UNITS[unit] == 0:
            return f"{ms // UNITS[unit]}{unit}"
    return f"{ms}ms"
