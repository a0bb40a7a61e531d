"""The rules a caller sends with a request, and what they do to a list, as pure functions.

Boosts come before the order is made, diversity changes it, caps walk the ordered list, pins are
put in last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
import numba
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from afresh.arrange.syntax import MAX_LENGTH

LONGEST = 2000
"""Items that a list has at most, over all its pages."""

Id = Annotated[str, Meta(min_length=1, max_length=256)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Condition = Annotated[
    str, Meta(min_length=1, max_length=MAX_LENGTH, description="A filter expression.")
]


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item that stands at a position, from 0, counted over all pages."""

    item_id: Id
    position: Annotated[int, Meta(ge=0, lt=LONGEST)]


class Boost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores are multiplied by `by` where the expression holds; below 1 it buries."""

    where: Condition
    by: Annotated[float, Meta(gt=0, le=1000)]


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most `max` items of one value of a catalogue field on a page."""

    field: Name
    max: Annotated[int, Meta(ge=1, le=1000)]


class Diversity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Items that agree in these catalogue fields are kept apart: maximal marginal relevance.

    weight: of the score; the rest is of variety. 1 changes nothing. (docs/design/arranging.md has
    what each costs in hits.)
    """

    fields: Annotated[list[Name], Meta(min_length=1, max_length=10)]
    weight: Annotated[float, Meta(ge=0, le=1)] = 0.9


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller wants of one list, beyond what the surface does by itself."""

    exclude: Annotated[list[Id], Meta(max_length=LONGEST)] = []
    filter: Condition | None = None
    pin: Annotated[list[Pin], Meta(max_length=100)] = []
    boost: Annotated[list[Boost], Meta(max_length=20)] = []
    cap: Annotated[list[Cap], Meta(max_length=10)] = []
    diversity: Diversity | None = None


@numba.njit(cache=True, nogil=True)
def _capped(codes, limits, out):  # type: ignore[no-untyped-def]
    """out bool[n]: whether each item finds room. codes int64[caps, n]: its group, -1 for none;
    limits int64[caps]."""
    counts = np.zeros((len(limits), codes.max() + 1 if codes.size else 0), np.int64)
    for i in range(len(out)):
        fits = True
        for c in range(len(limits)):
            if codes[c, i] >= 0 and counts[c, codes[c, i]] >= limits[c]:
                fits = False
        out[i] = fits
        if fits:
            for c in range(len(limits)):
                if codes[c, i] >= 0:
                    counts[c, codes[c, i]] += 1


def capped(groups: Sequence[NDArray[np.generic]], limits: Sequence[int]) -> NDArray[np.bool_]:
    """bool[n]: which items stay of a list walked from its head, so that no cap is broken.

    groups: for each cap the items' values of its field [n], masked where they are null.
    """
    out = np.zeros(len(groups[0]), np.bool_)
    codes = np.stack([group_codes(values) for values in groups])
    _capped(codes, np.array(limits, np.int64), out)
    return out


def group_codes(values: NDArray[np.generic]) -> NDArray[np.int64]:
    """int64[n]: each value's number among the distinct ones, -1 where it is masked."""
    codes = np.full(len(values), -1, np.int64)
    known = ~np.ma.getmaskarray(values)
    codes[known] = np.unique(np.ma.getdata(values)[known], return_inverse=True)[1]
    return codes


def placed(
    organic: Sequence[int], pins: Mapping[int, int], begin: int, n: int, *, last: bool
) -> tuple[list[tuple[int, bool]], bool]:
    """The page of positions begin to begin + n: items, each with whether it is pinned.

    organic: the items without pins, best first, from this page on; last: nothing follows them.
    pins: position -> item. Where the whole list is too short for a pin's position, the pin
    follows at its end. Also returned: whether anything is left for another page.
    """
    waiting = sorted(position for position in pins if position >= begin)
    page: list[tuple[int, bool]] = []
    used = 0
    while len(page) < n:
        ended = used == len(organic)
        if waiting and (waiting[0] <= begin + len(page) or (ended and last)):
            page.append((pins[waiting.pop(0)], True))
        elif ended:
            break
        else:
            page.append((organic[used], False))
            used += 1
    return page, bool(waiting) or used < len(organic) or not last
