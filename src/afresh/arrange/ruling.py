"""A request's rules, bound to the catalogue, the context and the pages shown before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from afresh.arrange.cursor import NOTHING, Shown, name_hashes
from afresh.arrange.diversity import alike, mmr
from afresh.arrange.expression import Scene, expression, holds
from afresh.arrange.rules import Pin, Rules, capped, group_codes
from afresh.catalog_state import CatalogState
from afresh.errors import BadRequest
from afresh.events.batch import NULL
from afresh.problems import suggest

VARIED = 100
"""How many items of a list, at least, variety chooses from."""

_NO_RULES = Rules()


class Ruling:
    """Rules that are sound. `shown`: what is on earlier pages.

    Raises BadRequest: an expression that is wrong, a cap on a field that is not there, two pins
    at one position.
    """

    def __init__(self, rules: Rules | None, scene: Scene, shown: Shown = NOTHING) -> None:
        rules = rules or _NO_RULES
        self.scene, self.shown = scene, shown
        items = scene.catalog.items
        self.excluded = items.find_texts(rules.exclude)
        path = "$.rules.filter"
        self.filter = expression(rules.filter, scene, path) if rules.filter is not None else None
        self.boosts = [
            (expression(boost.where, scene, f"$.rules.boost[{at}].where"), boost.by)
            for at, boost in enumerate(rules.boost)
        ]
        for at, cap in enumerate(rules.cap):
            _check_field(cap.field, scene.catalog, f"$.rules.cap[{at}].field")
        self.caps, self.diversity = rules.cap, rules.diversity
        for at, name in enumerate(rules.diversity.fields if rules.diversity else ()):
            _check_field(name, scene.catalog, f"$.rules.diversity.fields[{at}]")
        _check_pins(rules.pin)
        numbers = items.find_texts([pin.item_id for pin in rules.pin])
        self.pins = np.array([p.position for p in rules.pin], np.int64), numbers

    def judged(self, items: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """What each rule lets pass: its name and bool[n]."""
        if len(self.excluded):
            yield "exclude", ~np.isin(items, self.excluded)
        if len(self.shown):
            yield "cursor", ~self._shown(items)
        if len(self.pins[1]):
            yield "pin", ~np.isin(items, self.pins[1])
        if self.filter is not None:
            yield "filter", holds(self.filter, items, self.scene)

    def boosted(self, items: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The scores, multiplied where a boost holds."""
        for tree, by in self.boosts:
            scores = np.where(holds(tree, items, self.scene), scores * by, scores)
        return scores

    def order(
        self, items: NDArray[np.int64], scores: NDArray[np.float64], n: int
    ) -> NDArray[np.int64]:
        """Rows of a list sorted by score, in the order they are shown; some n are looked at."""
        rows = np.arange(len(items))
        top = min(len(items), max(VARIED, 2 * n))
        if self.diversity is None or not top:
            return rows
        catalog, best = self.scene.catalog, scores[:top]
        span = best.max() - best.min()
        scaled = (best - best.min()) / (span if span > 0 else 1.0)
        names = self.diversity.fields
        groups = [group_codes(_values(name, items[:top], catalog)) for name in names]
        varied = mmr(scaled, alike(groups), top, self.diversity.weight)
        return np.concatenate([varied, rows[top:]])

    def capped(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool[n]: which items of an ordered list find room."""
        if not self.caps:
            return np.ones(len(items), np.bool_)
        groups = [_values(cap.field, items, self.scene.catalog) for cap in self.caps]
        return capped(groups, [cap.max for cap in self.caps])

    def pinned(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions and items of the pins that are known, not excluded, not on a page before."""
        positions, numbers = self.pins
        if not len(numbers):
            return positions, numbers
        kept = (numbers >= 0) & ~np.isin(numbers, self.excluded)
        positions, numbers = positions[kept], numbers[kept]
        fresh = ~self._shown(numbers)
        return positions[fresh], numbers[fresh]

    def _shown(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.isin(name_hashes(self.scene.catalog.items, items), self.shown.hashes)


def _values(name: str, items: NDArray[np.int64], catalog: CatalogState) -> NDArray[np.generic]:
    """A field of some items, masked where it is null."""
    values, kind = catalog.take(name, items), catalog.fields[name].kind
    null = (
        values == -1 if kind == "str" else values == NULL if kind != "float" else values != values
    )
    return np.ma.masked_array(values, null)


def _check_field(name: str, catalog: CatalogState, path: str) -> None:
    if name not in catalog.columns:
        hint = suggest(name, catalog.columns) or "The catalogue has no such fields."
        text = f"The catalogue has no field {name!r} to group by."
        raise BadRequest(text, hint=hint, path=path, code="bad_rule")


def _check_pins(pins: list[Pin]) -> None:
    positions: set[int] = set()
    items: set[str] = set()
    for at, pin in enumerate(pins):
        path = f"$.rules.pin[{at}]"
        if pin.position in positions:
            text = f"Two items are pinned to position {pin.position}."
            hint = "Give each a position of its own."
            raise BadRequest(text, hint=hint, path=f"{path}.position", code="bad_rule")
        if pin.item_id in items:
            text = f"{pin.item_id!r} is pinned twice."
            raise BadRequest(text, hint="Leave one.", path=f"{path}.item_id", code="bad_rule")
        positions.add(pin.position)
        items.add(pin.item_id)
