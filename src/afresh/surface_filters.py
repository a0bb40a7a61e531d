"""What a surface never shows: what was seen, what is not available, what is in no catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.request import Arranged
from afresh.retrieve import Context, Workspace
from afresh.store.replica import Replica
from afresh.surface_spec import Filter, Surface

_log = structlog.get_logger("afresh.surface")

_NOBODY = Context(np.empty(0, np.int64), np.empty(0, np.int64), 0)


class Filters:
    """The filters of surfaces, over one replica; `space` is scratch that fits its state."""

    def __init__(self, replica: Replica, space: Workspace) -> None:
        self.replica, self.space = replica, space
        self.by_name: dict[str, Callable[[Filter, Context, NDArray[np.int64]], NDArray[Any]]] = {
            "seen": self._unseen,
            "available": self._available,
        }

    def keep(
        self, items: NDArray[np.int64], surface: Surface, context: Context, out: Arranged
    ) -> NDArray[np.bool_]:
        """bool[n]: which items may be shown to this visitor; a filter that fails is left out."""
        kept = self._in_catalog(items, out)
        for spec in surface.filters:
            kept &= self._judged(spec, context, items, kept, out)
        return kept

    def showable(
        self, items: NDArray[np.int64], surface: Surface, out: Arranged
    ) -> NDArray[np.bool_]:
        """bool[n]: which items may be shown to anybody: they are there, and available."""
        kept = self._in_catalog(items, out)
        for spec in surface.filters:
            if spec.name == "available":
                kept &= self._judged(spec, _NOBODY, items, kept, out)
        return kept

    def _judged(
        self, spec: Filter, context: Context, items: NDArray[np.int64], before: Any, out: Arranged
    ) -> NDArray[np.bool_]:
        """One filter's verdict on the items that were left before it."""
        try:
            kept = self.by_name[spec.name](spec, context, items)
        except Exception:
            _log.exception("filter_failed", filter=spec.name)
            out.left_out(f"filter:{spec.name}")
            return np.ones(len(items), np.bool_)
        out.took(spec.name, kept[before])
        return kept

    def _in_catalog(self, items: NDArray[np.int64], out: Arranged) -> NDArray[np.bool_]:
        catalog = self.replica.catalog
        if not len(catalog):  # without one, everything that was ever touched can be shown
            return np.ones(len(items), np.bool_)
        kept = catalog.is_present(items)
        out.took("catalogue", kept)
        return kept

    def _unseen(self, spec: Filter, context: Context, items: NDArray[np.int64]) -> NDArray[Any]:
        facts, names = self.replica.state.facts, spec.params["events"]
        rows = context.facts
        if names:
            kinds = np.zeros(256, np.bool_)
            for code, event in enumerate(self.replica.plan.events):
                kinds[code] = event.name in names  # type: ignore[operator]
            rows = rows[kinds[facts.kind[rows]]]
        self.space.fit(self.replica.state)
        return self.space.rows(facts.item[rows].astype(np.int64), items) < 0

    def _available(self, spec: Filter, context: Context, items: NDArray[np.int64]) -> NDArray[Any]:
        column = self.replica.catalog.take(str(spec.params["field"]), items)
        return np.asarray(column != 0)
