"""What rises: the items of which a window holds more than their own usual.

Of x weighted events in the window, where u would be usual, the score is the Poisson-Gamma
posterior mean of their ratio less one,

    (x + P) / (u + P) - 1 = (x - u) / (u + P)

with a Gamma(P, P) prior, by which a ratio is 1 until events say otherwise (DuMouchel: Bayesian data
mining in large frequency tables, The American Statistician 1999, section 3, with one prior). P is
worth five events of the weightiest type, so that one click, or purchase, does not win.

u is the item's mean over its seven whole days before and today so far, less the window itself; an
item that is new had nothing then, and rises.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.errors import BadRequest
from afresh.features.plan import DAY_MS, Plan, Trend, Window
from afresh.features.trends import USUAL, trend_name
from afresh.features.windows import tile_range
from afresh.retrieve import Candidates, best
from afresh.retrieve.trending import Trending

LONGEST_MS = DAY_MS
"""Of a window that is held against it."""
PRIOR_EVENTS = 5


def rising(
    trending: Trending, window: str, now: int, n: int, only: NDArray[np.bool_] | None = None,
    by: str = "", group: int = 0,
) -> Candidates:  # fmt: skip
    """The n items that rise most in a window; those that do not rise are none.

    only: bool[items], those that may be named; by, group: the segment, against what is usual in it.
    Raises NotFound for a window that the plan does not keep, BadRequest for one longer than a day.
    """
    name = trend_name(window, by)
    read, usual = trending.read(name), trending.read(trend_name(USUAL, by))
    if read is None or usual is None or group < 0:  # still being folded; never heard of
        return Candidates()
    lately, days = covered(read.window, now), covered(usual.window, now)
    if read.window.size > LONGEST_MS or read.window.kind == "daily":
        raise BadRequest(
            f"What rises over {window!r} cannot be told from what is usual in a week.",
            hint="Take a window of a day at most.",
            path="$.window",
        )
    items = trending.moving(name, now, only, group)
    x, past = (trending.scores(items, each, now, group) for each in (read, usual))
    u = np.maximum(past - x, 0.0) * (lately / (days - lately))
    prior = PRIOR_EVENTS * max(event.weight for event in trending.replica.plan.events)
    scores = (x - u) / (u + prior)
    up = scores > 0
    return best(items[up], scores[up], n)


def may_rise(trend: Trend, plan: Plan) -> bool:
    """Whether it is kept what is usual in the segments of a trend."""
    if trend.split is not None and plan.inputs[trend.split].kind == "hour":
        return False  # of an hour of day nothing is usual but itself
    return any(each.name == trend_name(USUAL, trend.by) for each in plan.trends)


def covered(window: Window, now: int) -> int:
    """How many ms of the past a window of whole tiles covers, the open one up to now."""
    return now - tile_range(window, now)[0] * window.width
