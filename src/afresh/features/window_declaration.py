"""Windows as a user writes them, and the tiles each one needs.

A window is evaluated when somebody asks (`windows`), by merging tiles. Here it is
decided how wide those tiles are and how long they are kept (the reach).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from afresh.errors import DefinitionError
from afresh.features import durations
from afresh.features.durations import Duration, milliseconds, widest_divisor
from afresh.features.plan import DAY_MS
from afresh.features.plan import Window as PlanWindow
from afresh.problems import Place, here

HALF_LIVES = 16
"""A decayed window forgets after this many half-lives (2^-16 of a weight is left)."""

MAX_TILES = 100_000
"""Tiles a window may merge at one read."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window before it is compiled: its kind and what was written between the brackets."""

    kind: str
    given: Mapping[str, Duration | None]
    shifted: bool = False
    place: Place = field(default_factory=here, compare=False)

    @property
    def previous(self) -> Window:
        """The last closed one, for tumbling windows."""
        return replace(self, shifted=True)


def tumbling(width: Duration) -> Window:
    """Since the last full `width` of UTC: `tumbling("5m")` at 12:07 starts at 12:05."""
    return Window("tumbling", {"width": width})


def sliding(size: Duration, hop: Duration | None = None) -> Window:
    """The last `size`, never older, in whole hops plus the open one.

    `hop` is the step in which it moves; without one, about a sixtieth of the size.
    """
    return Window("sliding", {"size": size, "hop": hop})


def daily(days: int) -> Window:
    """The last `days` whole UTC days and today so far."""
    return Window("daily", {"days": days})


def session(gap: Duration, within: Duration = "24h") -> Window:
    """The present run of activity: back from now to the first pause longer than `gap`.

    Looked for within the last `within`.
    """
    return Window("session", {"gap": gap, "within": within})


def decayed(half_life: Duration) -> Window:
    """Everything so far, where an event counts half as much after each `half_life`."""
    return Window("decayed", {"half_life": half_life})


def compile_window(window: Window) -> tuple[PlanWindow, int]:
    """The plan's window and its reach in ms. Raises DefinitionError when it cannot be."""
    if window.shifted and window.kind != "tumbling":
        raise DefinitionError(
            f"A {window.kind} window has no previous one", hint="Only tumbling windows close."
        )
    given = {k: v for k, v in window.given.items() if v is not None or k != "hop"}
    if window.kind == "daily":
        return _daily(given.get("days"))
    ms = {name: milliseconds(duration) for name, duration in given.items()}
    if window.kind == "tumbling":
        width = _width(ms["width"], "A window")
        return PlanWindow(kind="tumbling", width=width, previous=window.shifted), 2 * width
    if window.kind == "sliding":
        return _sliding(ms["size"], ms.get("hop"))
    if window.kind == "session":
        return _session(ms["gap"], ms["within"])
    return _decayed(ms["half_life"])


def _daily(days: object) -> tuple[PlanWindow, int]:
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 3_659:
        raise DefinitionError(
            f"daily takes a number of whole days from 1 to 3659, not {days!r}",
            hint='For today so far write tumbling("1d").',
        )
    return PlanWindow(kind="daily", width=DAY_MS, size=days), (days + 1) * DAY_MS


def _sliding(size: int, hop: int | None) -> tuple[PlanWindow, int]:
    hop = widest_divisor(size / 60) if hop is None else _width(hop, "A hop")
    if hop > size:
        raise DefinitionError(
            f"The hop ({durations.text(hop)}) is longer than the window ({durations.text(size)})",
            hint="Leave the hop out, or make it shorter.",
        )
    _few(size // hop, "hop")
    return PlanWindow(kind="sliding", width=hop, size=size), size


def _session(gap: int, within: int) -> tuple[PlanWindow, int]:
    if within < gap:
        raise DefinitionError(
            f"The gap ({durations.text(gap)}) is longer than within ({durations.text(within)})",
            hint="A session is looked for within that time: make it several gaps long.",
        )
    width = widest_divisor(gap)
    _few(within // width, "gap")
    reach = -(-(within + gap) // width) * width
    return PlanWindow(kind="session", width=width, size=within, gap=gap), reach


def _decayed(half_life: int) -> tuple[PlanWindow, int]:
    """Ages 0 .. ceil(16 half-lives / width) - 1 in whole tiles have a weight."""
    if half_life < HALF_LIVES * durations.SECOND_MS:
        raise DefinitionError(
            f"A half-life of {durations.text(half_life)} is too short for tiles of a second",
            hint=f"The shortest is {HALF_LIVES}s.",
        )
    width = widest_divisor(half_life / HALF_LIVES)
    ages = -(-HALF_LIVES * half_life // width)
    _few(ages, "half-life", shorter=True)
    weights = tuple(2.0 ** (-(age * width) / half_life) for age in range(ages))
    window = PlanWindow(kind="decayed", width=width, half_life=half_life, weights=weights)
    return window, ages * width


def _width(ms: int, what: str) -> int:
    if not durations.divides_day(ms):
        below, above = (durations.text(width) for width in durations.nearest_divisors(ms))
        near = f"{below} or {above}" if below != above else below
        raise DefinitionError(
            f"{what} of {durations.text(ms)} does not divide a day",
            hint=f"Tiles must meet every UTC midnight: take {near}.",
        )
    return ms


def _few(tiles: int, what: str, *, shorter: bool = False) -> None:
    if tiles > MAX_TILES:
        raise DefinitionError(
            f"This window would read {tiles} tiles; {MAX_TILES} are allowed",
            hint=f"Take a {'shorter' if shorter else 'longer'} {what}.",
        )
