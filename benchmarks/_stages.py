"""Where the time of a request goes: each stage asked for by itself, after the whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from afresh.rank.blend import blend
from afresh.request import Arranged, Query
from afresh.surface import Surfaces, share
from benchmarks._machine import spread

T = TypeVar("T")
Took = dict[str, list[float]]
NO_STAGES = ("all", "rest", "candidates")


def stages(
    surfaces: Surfaces, name: str, asked: Sequence[Query], now: Callable[[], int],
    whole: Callable[[Query], object], between: Callable[[], object] = lambda: None,
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:  # fmt: skip
    """µs of each stage over the same questions, one after the other: by the clock, and of the
    processor. `whole` answers a question; of all of them first, so that no stage finds what the
    whole has just looked for. `between` is called before each. The first tenth warms up and is left
    out. `rest` is what the stages do not say of the whole: the order, exploration, the page and its
    reasons."""
    wall, own = Took(), Took()
    surface = surfaces.by_name[name]
    n, weights = share(surface), [source.weight for source in surface.sources]

    def timed(stage: str, work: Callable[[], T]) -> T:
        began, spent = time.perf_counter(), time.thread_time()
        made = work()
        own.setdefault(stage, []).append((time.thread_time() - spent) * 1e6)
        wall.setdefault(stage, []).append((time.perf_counter() - began) * 1e6)
        return made

    for query in asked:
        between()
        timed("all", partial(whole, query))
    for at, query in enumerate(asked):
        between()
        context = timed("context", partial(surfaces.context, query, now()))
        found = [
            timed(source.label, partial(surfaces.sources, source, context, n))
            for source in surface.sources
        ]
        scored = timed("blend", partial(blend, found, weights, surfaces.space))
        items = scored.items
        timed("learned blend", partial(surfaces.sources.learned, items, context, n))
        timed("filters", partial(surfaces.filters.keep, items, surface, context, Arranged()))
        for took in (own, wall):
            named = sum(each[at] for stage, each in took.items() if stage not in NO_STAGES)
            rest = took["all"][at] - named
            took.setdefault("rest", []).append(rest)
            took.setdefault("candidates", []).append(float(len(items)))
    return _spread(wall), _spread(own)


def _spread(took: Took) -> dict[str, dict[str, float]]:
    return {name: spread(values[len(values) // 10 :], 1) for name, values in took.items()}
