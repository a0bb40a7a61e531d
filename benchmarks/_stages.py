"""Where the time of a request goes: each stage asked for by itself."""

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


def stages(
    surfaces: Surfaces, name: str, asked: Sequence[Query], now: Callable[[], int],
    whole: Callable[[Query], object], between: Callable[[], object] = lambda: None,
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:  # fmt: skip
    """µs of each stage, by the clock and of the processor: every other question is answered by
    `whole`, the rest are asked stage by stage, so that no stage finds what a whole has just looked
    for. `between` is called before each. The first tenth warms up and is left out. `rest` is what
    the stages' medians leave of the whole's: the order, exploration, the page and its reasons."""
    wall, own = Took(), Took()
    surface = surfaces.by_name[name]
    n, weights = share(surface), [source.weight for source in surface.sources]

    def timed(stage: str, work: Callable[[], T]) -> T:
        began, spent = time.perf_counter(), time.thread_time()
        made = work()
        own.setdefault(stage, []).append((time.thread_time() - spent) * 1e6)
        wall.setdefault(stage, []).append((time.perf_counter() - began) * 1e6)
        return made

    for at, query in enumerate(asked):
        between()
        if at % 2:
            timed("all", partial(whole, query))
            continue
        context = timed("context", partial(surfaces.context, query, now()))
        found = [
            timed(source.label, partial(surfaces.sources, source, context, n))
            for source in surface.sources
        ]
        scored = timed("blend", partial(blend, found, weights, surfaces.space))
        items = scored.items
        learned = partial(surfaces.sources.learned, scored, surfaces.beside[name], context, n)
        timed("learned blend", learned)
        timed("filters", partial(surfaces.filters.keep, items, surface, context, Arranged()))
    return _spread(wall), _spread(own)


def _spread(took: Took) -> dict[str, dict[str, float]]:
    found = {name: spread(values[len(values) // 10 :], 1) for name, values in took.items()}
    named = sum(each["p50"] for name, each in found.items() if name != "all")
    return found | {"rest": {"p50": round(found["all"]["p50"] - named, 1)}}
