"""The items of a page as they are sent: each with its sources, and a reason a person can read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numba
import numpy as np

from afresh.arrange.listed import Listed
from afresh.problems import Place
from afresh.rank.blend import Scored
from afresh.request import Item
from afresh.retrieve import Context
from afresh.stages.reasons import Reasons
from afresh.surfaces.spec import Source, Surface

DIGITS = 6
"""Significant digits of a score as it is sent."""


def items_of(
    texts: Sequence[str], listed: Listed, scored: Scored, surface: Surface, default: str,
    context: Context, reasons: Reasons,
) -> list[Item]:  # fmt: skip
    """The head of a list, whose ids are `texts`. default: the source of what none has found."""
    n, sources, nobody = len(texts), surface.sources, _nobody(default)
    orders = _orders(scored.parts, listed.rows[:n]).tolist()
    named = [[sources[s] for s in order if s >= 0] or [nobody] for order in orders]
    said = reasons(listed.items[:n], [each[0] for each in named], surface, context)
    made = zip(texts, _rounded(listed.scores[:n]).tolist(), named, said, strict=True)
    return [
        Item(text, score, list(dict.fromkeys([source.name for source in each])), reason)
        for text, score, each, reason in made
    ]


def rounded(score: float) -> float:
    """A score as it is sent."""
    return float(_rounded(np.array([score]))[0])


@cache
def _nobody(name: str) -> Source:
    """In the place of a source, where none has found an item."""
    return Source(name, place=Place())


@numba.njit(cache=True, nogil=True)
def _orders(parts, rows):  # type: ignore[no-untyped-def]
    """Which sources add to the candidates at rows int64[n] (-1: no candidate), those that add most
    first: int64[n, sources], -1 behind them. parts: float64[candidates, sources]."""
    out = np.full((len(rows), parts.shape[1]), -1, np.int64)
    for at in range(len(rows)):
        used = 0
        for s in range(parts.shape[1] if rows[at] >= 0 else 0):
            part = parts[rows[at], s]
            if part <= 0.0:
                continue
            place = used
            while place > 0 and parts[rows[at], out[at, place - 1]] < part:
                out[at, place] = out[at, place - 1]
                place -= 1
            out[at, place] = s
            used += 1
    return out


@numba.njit(cache=True, nogil=True)
def _rounded(scores):  # type: ignore[no-untyped-def]
    """float64[n] to DIGITS significant digits: whole numbers over powers of ten, each the double
    that is next to its decimal form."""
    out = np.zeros(len(scores))
    for at in range(len(scores)):
        if not 1e-290 < abs(scores[at]) < np.inf:
            out[at] = scores[at]
            continue
        places = DIGITS - 1 - math.floor(math.log10(abs(scores[at])))
        if places >= 0:
            out[at] = np.rint(scores[at] * 10.0**places) / 10.0**places
        else:
            out[at] = np.rint(scores[at] / 10.0**-places) * 10.0**-places
    return out
