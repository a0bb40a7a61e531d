"""What a surface never shows: what was seen, what is not available, what is in no catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.request import Arranged
from afresh.retrieve import Context, Workspace
from afresh.stages.budgets import LATE, Budgets, named_apart
from afresh.store.replica import Replica
from afresh.surfaces.spec import Filter, Param, Surface

_log = structlog.get_logger("afresh.surface")


@numba.njit(cache=True, nogil=True)
def _untouched(items, rows, item, kind, kinds, row):  # type: ignore[no-untyped-def]
    """bool[n]: which of items int64[n] no fact of rows int64[f] names whose kind counts, kinds
    bool[256]; row int32[items] is that of a Workspace."""
    out = np.ones(len(items), np.bool_)
    for r in rows:
        if kinds[kind[r]]:
            row[item[r]] = 0
    for at in range(len(items)):
        out[at] = items[at] < 0 or row[items[at]] < 0
    for r in rows:
        row[item[r]] = -1
    return out


_NOBODY = Context(np.empty(0, np.int64), np.empty(0, np.int64), 0)


class Filters:
    """The filters of surfaces, over one replica; `space` is scratch that fits its state."""

    def __init__(self, replica: Replica, space: Workspace, budgets: Budgets) -> None:
        self.replica, self.space, self.budgets = replica, space, budgets
        self._kinds: dict[Param, NDArray[np.bool_]] = {}
        self.by_name: dict[str, Callable[[Filter, Context, NDArray[np.int64]], NDArray[Any]]] = {
            "seen": self._unseen,
            "available": self._available,
        }

    def keep(
        self, items: NDArray[np.int64], surface: Surface, context: Context, out: Arranged
    ) -> NDArray[np.bool_]:
        """bool[n]: which items may be shown to this visitor; a filter that fails, or is late, is
        left out."""
        kept = self._in_catalog(items, out)
        if not surface.filters:
            return kept
        names = named_apart("filter", tuple([spec.name for spec in surface.filters]))
        for part, spec in zip(names, surface.filters, strict=True):
            if self.budgets.late(part, spec.budget_ms):
                out.left_out(part + LATE)
                continue
            began = self.budgets.clock()
            self._judge(spec, context, items, kept, out)
            self.budgets.ran(part, began)
        return kept

    def showable(
        self, items: NDArray[np.int64], surface: Surface, out: Arranged
    ) -> NDArray[np.bool_]:
        """bool[n]: which items may be shown to anybody: they are there, and available."""
        kept = self._in_catalog(items, out)
        for spec in surface.filters:
            if spec.name == "available":
                self._judge(spec, _NOBODY, items, kept, out)
        return kept

    def _judge(
        self, spec: Filter, context: Context, items: NDArray[np.int64], kept: NDArray[np.bool_],
        out: Arranged,
    ) -> None:  # fmt: skip
        """Take from the kept, bool[n], what one filter does not let pass."""
        try:
            passed = self.by_name[spec.name](spec, context, items)
        except Exception:
            _log.exception("filter_failed", filter=spec.name)
            out.left_out(f"filter:{spec.name}")
            return
        out.took(spec.name, kept, passed)

    def _in_catalog(self, items: NDArray[np.int64], out: Arranged) -> NDArray[np.bool_]:
        catalog = self.replica.catalog
        if not len(catalog):  # without one, everything that was ever touched can be shown
            return np.ones(len(items), np.bool_)
        kept = catalog.is_present(items)
        out.lost("catalogue", len(items) - int(np.count_nonzero(kept)))
        return kept

    def _unseen(self, spec: Filter, context: Context, items: NDArray[np.int64]) -> NDArray[Any]:
        names, facts = spec.params["events"], self.replica.state.facts
        kinds = self._kinds.get(names)
        if kinds is None:
            events = self.replica.plan.events
            kinds = self._kinds[names] = np.ones(256, np.bool_)
            if names:
                kinds[: len(events)] = [e.name in names for e in events]  # type: ignore[operator]
        self.space.fit(self.replica.state)
        return np.asarray(
            _untouched(items, context.facts, facts.item, facts.kind, kinds, self.space.row)
        )

    def _available(self, spec: Filter, context: Context, items: NDArray[np.int64]) -> NDArray[Any]:
        column = self.replica.catalog.take(str(spec.params["field"]), items)
        return np.asarray(column != 0)
