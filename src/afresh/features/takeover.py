"""Takeover: what of one plan's facts another plan's questions can be answered from.

A definition that changed asks mostly the same as before. Facts are the same where key, width,
split, event types, input and number are, whatever place they have in either plan; a window can
be read from tiles that live at least as long as it looks back. What has no such facts warms: it
is null, or answered from what the old definition kept, until the log has been folded again.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from afresh.features.plan import (
    Distinct,
    Family,
    Feature,
    Input,
    Plan,
    Read,
    Sequence,
    Slot,
    Trend,
)
from afresh.features.windows import back

Shape = tuple[str, Input | None, int, Input | None]
Kept = tuple[str, frozenset[tuple[str, int]], Input | None]


@dataclass(frozen=True, slots=True)
class Takeover:
    """An old state under new questions.

    plan: the facts of the old plan, and the new plan's features and trends as far as these facts
    answer them. Warming are `features` and `trends`, by name; trends that the old plan had too
    are meanwhile as it had them. lists: the sessions, postings and histories that most sources
    scan are those of the old plan, and differ.
    """

    plan: Plan
    features: tuple[str, ...] = ()
    trends: frozenset[str] = frozenset()
    lists: bool = False
    farther: tuple[str, ...] = ()


def obstacle(old: Plan, new: Plan) -> str | None:
    """Why a state of the old plan cannot answer meanwhile; None where it can."""
    if old.format != new.format:
        return "the plan's format changed"
    known = {event.name for event in new.events}
    gone = [event.name for event in old.events if event.name not in known]
    if gone:
        return f"the event type {gone[0]} is gone"
    fields = {field.name: field for field in new.catalog.fields}
    for was in old.catalog.fields:
        now = fields.get(was.name)
        if now is not None and (now.kind, now.places) != (was.kind, was.places):
            return f"the catalogue's field {was.name} has another type"
    places = {f.name: f.places for event in old.events for f in event.fields}
    for column in new.inputs:
        if places.get(column.name, 0) > column.places and column.kind == "number":
            return f"the field {column.name} has fewer decimal places"
    return None


def taken_over(old: Plan, new: Plan) -> Takeover:
    """The old plan's facts under the new plan's questions; `obstacle` has to be None."""
    return _Succession(old, new).takeover()


class _Succession:
    """Finds the facts of a new plan among those of an old one."""

    def __init__(self, old: Plan, new: Plan) -> None:
        self.old, self.new = old, new
        self.families = {_shape(old, family): at for at, family in enumerate(old.families)}
        self.inputs = {column: at for at, column in enumerate(old.inputs)}

    def takeover(self) -> Takeover:
        old, new = self.old, self.new
        found = [self.feature(feature) for feature in new.features]
        features = tuple(feature for feature in found if feature is not None)
        warming = (f.name for f, here in zip(new.features, found, strict=True) if here is None)
        trends = {trend.name: self.trend(trend) for trend in new.trends}
        before = {trend.name: trend for trend in old.trends}
        held = [trend or before.get(name) for name, trend in trends.items()]
        plan = msgspec.structs.replace(
            old,
            app=new.app,
            features=features,
            trends=tuple(trend for trend in held if trend is not None),
        )
        cold = frozenset(name for name, trend in trends.items() if trend is None)
        farther = tuple(f.name for f in new.features if _looks_back(new, f) > old.reach)
        return Takeover(plan, tuple(warming), cold, _scanned(old) != _scanned(new), farther)

    def feature(self, feature: Feature) -> Feature | None:
        """A feature over the old plan's facts; None where they do not hold it."""
        reads = [self.read(read) for read in feature.reads]
        sequence = None
        if feature.sequence is not None:
            sequence = self.sequence(self.new.sequences[feature.sequence], feature.n)
            if sequence is None:
                return None
        distinct, session = None, feature.session and self.read(feature.session)
        if feature.distinct is not None:
            distinct = self.distinct(self.new.distincts[feature.distinct], feature)
            if distinct is None or (session is None) != (feature.session is None):
                return None
        held = tuple(read for read in reads if read is not None)
        if len(held) < len(reads):
            return None
        split = None if feature.split is None else self.inputs[self.new.inputs[feature.split]]
        found = {"sequence": sequence, "distinct": distinct, "session": session}
        return msgspec.structs.replace(feature, reads=held, split=split, **found)

    def trend(self, trend: Trend) -> Trend | None:
        """A trend over the old plan's facts; None where they do not hold it."""
        read = self.read(trend.read)
        if read is None:
            return None
        split = None if trend.split is None else self.inputs[self.new.inputs[trend.split]]
        return msgspec.structs.replace(trend, read=read, split=split)

    def read(self, read: Read) -> Read | None:
        family = self.new.families[read.family]
        at = self.families.get(_shape(self.new, family))
        # The oldest tile read holds the moment now - back, and every event is older than now.
        if at is None or self.old.families[at].reach < back(read.window):
            return None
        slots = [_kept(self.old, slot) for slot in self.old.families[at].slots]
        wanted = [_kept(self.new, family.slots[slot]) for slot in (read.slot, *(read.touch or ()))]
        if any(slot not in slots for slot in wanted):
            return None
        slot, *touch = (slots.index(slot) for slot in wanted)
        pair = (touch[0], touch[1]) if touch else None
        return msgspec.structs.replace(read, family=at, slot=slot, touch=pair)

    def distinct(self, wanted: Distinct, feature: Feature) -> int | None:
        """The same values, in tiles that live at least as long as the window looks back."""
        assert feature.window is not None
        for at, distinct in enumerate(self.old.distincts):
            same = _sketched(self.old, distinct) == _sketched(self.new, wanted)
            if same and distinct.reach >= back(feature.window):
                return at
        return None

    def sequence(self, wanted: Sequence, n: int) -> int | None:
        """The same list, at least as long as the feature asks."""
        for at, sequence in enumerate(self.old.sequences):
            same = _listed(self.old, sequence) == _listed(self.new, wanted)
            if same and sequence.n >= n:
                return at
        return None


def _looks_back(plan: Plan, feature: Feature) -> int:
    """The age, in ms, of the oldest event that a feature can count."""
    within = 0 if feature.sequence is None else plan.sequences[feature.sequence].within
    windows = [read.window for read in feature.reads] + [w for w in (feature.window,) if w]
    return max([within, *map(back, windows)])


def _shape(plan: Plan, family: Family) -> Shape:
    """What a family's tiles are keyed by."""
    split = None if family.split is None else plan.inputs[family.split]
    return family.key, _key_column(plan, family.key), family.width, split


def _key_column(plan: Plan, key: str) -> Input | None:
    """The column behind a key that is no id; as the fold finds it."""
    texts = [i for i in plan.inputs if i.name == key and i.kind == "text" and not i.bands]
    return texts[-1] if texts else None


def _kept(plan: Plan, slot: Slot) -> Kept:
    """What a slot keeps, its event types by name; their weights only where it adds them up."""
    events = [plan.events[code] for code in slot.types]
    types = frozenset((e.name, e.weight if slot.op == "weight" else 0) for e in events)
    return slot.op, types, None if slot.input is None else plan.inputs[slot.input]


def _listed(plan: Plan, sequence: Sequence) -> tuple[str, Input | None, frozenset[str], int]:
    types = frozenset(plan.events[code].name for code in sequence.types)
    return sequence.key, _key_column(plan, sequence.key), types, sequence.within


def _sketched(plan: Plan, distinct: Distinct) -> tuple[object, ...]:
    types = frozenset(plan.events[code].name for code in distinct.types)
    value = distinct.value if distinct.input is None else plan.inputs[distinct.input]
    return distinct.key, _key_column(plan, distinct.key), distinct.width, types, value, distinct.k


def _scanned(plan: Plan) -> tuple[object, ...]:
    """What the sources scan: sessions, postings, histories, and the weights of actions."""
    p, history = plan.postings, plan.sequences[plan.history]
    weights = frozenset((e.name, e.weight) for e in plan.events if e.weight)
    return weights, p.per_session, p.per_item, p.within, _listed(plan, history), history.n
