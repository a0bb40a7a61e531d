"""What a surface never shows: what was seen, what is not available, what is in no catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.features.people import latest, parties_of
from afresh.request import Arranged, Query
from afresh.store.replica import Replica
from afresh.surface_spec import Filter, Surface

_log = structlog.get_logger("afresh.surface")


class Filters:
    """The filters of surfaces, over one replica."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.by_name: dict[str, Callable[[Filter, Query, NDArray[np.int64]], NDArray[Any]]] = {
            "seen": self._unseen,
            "available": self._available,
        }

    def keep(
        self, items: NDArray[np.int64], surface: Surface, query: Query, out: Arranged
    ) -> NDArray[np.bool_]:
        """bool[n]: which items may be shown to this visitor; a filter that fails is left out."""
        kept = self._in_catalog(items, out)
        for spec in surface.filters:
            kept &= self._judged(spec, query, items, kept, out)
        return kept

    def showable(
        self, items: NDArray[np.int64], surface: Surface, out: Arranged
    ) -> NDArray[np.bool_]:
        """bool[n]: which items may be shown to anybody: they are there, and available."""
        kept = self._in_catalog(items, out)
        for spec in surface.filters:
            if spec.name == "available":
                kept &= self._judged(spec, Query(), items, kept, out)
        return kept

    def _judged(
        self, spec: Filter, query: Query, items: NDArray[np.int64], before: Any, out: Arranged
    ) -> NDArray[np.bool_]:
        """One filter's verdict on the items that were left before it."""
        try:
            kept = self.by_name[spec.name](spec, query, items)
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

    def _unseen(self, spec: Filter, query: Query, items: NDArray[np.int64]) -> NDArray[Any]:
        state = self.replica.state
        names = spec.params["events"]
        kinds = [c for c, e in enumerate(state.plan.events) if not names or e.name in names]  # type: ignore[operator]
        rows = np.empty(0, np.int64)
        if query.user_id:
            user = int(state.find("user_id", [query.user_id])[0])
            people = parties_of(state, user, state.newest + 1)
            rows = latest(state, state.sequences[state.plan.history], people)
        if query.session_id:
            session = int(state.find("session_id", [query.session_id])[0])
            visit = state.sessions.rows(state.facts, session, state.newest)
            rows = np.concatenate([rows, visit.astype(np.int64)])
        rows = rows[np.isin(state.facts.kind[rows], kinds)]
        return ~np.isin(items, state.facts.item[rows])

    def _available(self, spec: Filter, query: Query, items: NDArray[np.int64]) -> NDArray[Any]:
        column = self.replica.catalog.take(str(spec.params["field"]), items)
        return np.asarray(column != 0)
