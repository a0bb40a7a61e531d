"""The whole meaning once more, in dictionaries and loops, to hold against the engine.

Written from the definitions alone: values come straight from the events a window covers,
never from tiles; facts come from the plan's description of them. It shares the plan (plain
data) with the engine, and no code. Slow, and meant to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import msgspec
import numpy as np
from tests.distinct_model import distinct_values, sketches

from afresh.features.plan import Family, Feature, Input, Plan, Read, Slot, Window

DAY = 86_400_000
HIGH, LOW = 2**63 - 1, -(2**63)
NOTHING = {"n": 0, "weight": 0, "sum": 0, "min": HIGH, "max": LOW, "min_ts": HIGH, "max_ts": LOW,
           "sq_low": 0, "sq_high": 0}  # fmt: skip

Number = float | int | None


@dataclass(frozen=True)
class Event:
    """An event as the log holds it. fields: column -> scaled integer, or text."""

    id: str
    type: str
    ts: int
    user: str | None = None
    item: str | None = None
    session: str | None = None
    fields: dict[str, int | str | None] = field(default_factory=dict, hash=False)

    @property
    def owner(self) -> str | None:
        """Whose event it is: the user's, or else the session's."""
        return f"u:{self.user}" if self.user else f"s:{self.session}" if self.session else None

    @property
    def visit(self) -> str | None:
        """The session it belongs to; without one, the user's one long session."""
        return f"s:{self.session}" if self.session else self.owner

    @property
    def order(self) -> tuple[int, bytes]:
        return self.ts, self.id.encode()


class Model:
    """What a plan says of a collection of events, whatever their order."""

    def __init__(self, plan: Plan, events: Iterable[Event]) -> None:
        self.plan = plan
        self.codes = {event.name: code for code, event in enumerate(plan.events)}
        self.events = sorted(events, key=lambda e: e.order)
        self.newest = max((e.ts for e in self.events), default=0)

    # What an event says.

    def column(self, event: Event, at: int) -> int | str | None:
        source = self.plan.inputs[at]
        value = event.fields.get(source.name)
        if value in (None, "") and source.fallback is not None:
            value = event.fields.get(source.fallback)
        return None if value == "" else value

    def group(self, event: Event, at: int) -> str | None:
        source = self.plan.inputs[at]
        if source.kind == "hour":
            return str((event.ts + source.offset) % DAY // 3_600_000)
        bands, value = source.bands, self.column(event, at)
        if value is None or not bands:
            return value  # type: ignore[return-value]
        assert isinstance(value, int)
        if value < bands[0]:
            return f"<{bands[0]}"
        for low, high in pairwise(bands):
            if low <= value < high:
                return f"{low}-{high - 1}"
        return f">={bands[-1]}"

    def key(self, event: Event, key: str) -> str | None:
        if key == "item_id":
            return event.item
        if key == "user_id":
            return event.owner
        if key == "session_id":
            return f"s:{event.session}" if event.session else None
        at = next(i for i, s in enumerate(self.plan.inputs) if s.name == key and not is_number(s))
        return self.column(event, at)  # type: ignore[return-value]

    def touches(self, event: Event, slot: Slot) -> bool:
        said = slot.input is None or self.column(event, slot.input) is not None
        return self.codes.get(event.type, -1) in slot.types and said

    # Values.

    def value(self, feature: Feature, key: str, now: int) -> object:
        """A feature of one entity at a moment after every event. key: `u:…` or `s:…` for people."""
        owners = {key}
        if feature.key == "user_id" and key.startswith("u:"):
            owners |= {f"s:{session}" for session in self.sessions(key[2:], now)}
        mine = [e for e in self.events if self.key(e, feature.key) in owners]
        if feature.kind == "last":
            return self._last(feature, mine, now)
        if feature.distinct is not None:
            active = [e.ts for e in mine if e.type in self.codes]
            assert feature.window is not None
            return once(distinct_values(self, feature, mine, covered(feature.window, now, active)))
        if feature.split is None:
            return self._finish(feature, [self._read(r, mine, mine, now) for r in feature.reads])
        groups = {self.group(e, feature.split) for e in mine}
        values = {}
        for group in groups:
            here = [e for e in mine if self.group(e, feature.split) == group]
            parts = [self._read(read, here, mine, now) for read in feature.reads]
            if any(parts):  # a group of which no read knows anything is not there
                values[group] = self._finish(feature, parts)
        return values

    def links(self) -> list[Event]:
        """What says that a session is a user, as far back as anything can be read."""
        told = [e for e in self.events if e.type == "identify" and e.user and e.session]
        return [e for e in told if e.ts > self.newest - self.plan.reach]

    def sessions(self, user: str, now: int) -> list[str]:
        """The 16 sessions linked last to a user; a session's first link is the one that counts."""
        first: dict[str, Event] = {}
        for event in self.links():
            first.setdefault(str(event.session), event)
        mine = [e for e in first.values() if e.user == user and e.ts < now]
        return [str(e.session) for e in sorted(mine, key=lambda e: e.order)[-16:]]

    def _last(self, feature: Feature, mine: list[Event], now: int) -> list[str]:
        assert feature.sequence is not None
        spec = self.plan.sequences[feature.sequence]
        held = [e for e in mine if self.codes.get(e.type, -1) in spec.types]
        newest = [e for e in held if e.item and e.owner][-spec.n :]
        recent = [e for e in newest if e.ts >= now - spec.within]
        return [str(e.item) for e in recent[::-1]][: feature.n]

    def _read(self, read: Read, here: list[Event], mine: list[Event], now: int) -> Number:
        """One number over the events `here`; a session is one of all declared that is `mine`."""
        slot = self.plan.families[read.family].slots[read.slot]
        touching = [e for e in here if self.touches(e, slot)]
        if read.window.kind == "decayed":
            return self._decayed(slot, touching, read.window, now)
        active = [e.ts for e in mine if e.type in self.codes]  # identify is no activity
        start, end = covered(read.window, now, active)
        return self._merged(slot, [e for e in touching if start <= e.ts < end])

    def _decayed(self, slot: Slot, events: list[Event], window: Window, now: int) -> float:
        by_tile: dict[int, int] = {}
        for event in events:
            tile = event.ts // window.width
            by_tile[tile] = by_tile.get(tile, 0) + self._amount(slot, event)
        sum_ = 0.0
        for tile in sorted(by_tile):  # ascending, as the design says
            age = now // window.width - tile
            if age < -(-16 * window.half_life // window.width):
                sum_ += by_tile[tile] * 2.0 ** (-(age * window.width) / window.half_life)
        return sum_

    def _amount(self, slot: Slot, event: Event) -> int:
        if slot.op == "n":
            return 1
        if slot.op == "weight":
            return self.plan.events[self.codes[event.type]].weight
        assert slot.input is not None
        if slot.op.startswith("sq_"):
            square = int(self.column(event, slot.input)) ** 2  # type: ignore[arg-type]
            return square % 2**31 if slot.op == "sq_low" else square // 2**31
        return int(self.column(event, slot.input))  # type: ignore[arg-type]

    def _merged(self, slot: Slot, events: list[Event]) -> Number:
        if slot.op not in ("min", "max"):
            return sum(self._amount(slot, e) for e in events)
        values = [self._amount(slot, e) for e in events]
        pick = min if slot.op == "min" else max
        return pick(values, default=None)

    def _finish(self, feature: Feature, parts: Sequence[Number]) -> Number:
        first, scale = parts[0], 10.0**feature.places
        if first is None:
            return None
        if feature.kind == "mean":
            return once(first / scale / parts[1]) if parts[1] else None
        if feature.kind == "variance":
            squares, n = (parts[3] << 31) + parts[2], parts[1]  # type: ignore[operator]
            exact = Fraction(squares * n - first * first, n * n) if n else None  # type: ignore[operator,arg-type]
            return None if exact is None else once(float(exact) / scale**2)
        if feature.kind == "ratio":
            above, below = feature.prior or (0.0, 0.0)
            under = float(parts[1] or 0) / 10.0**feature.places2 + below
            return once((first / scale + above) / under) if under else None
        return once(first / scale)

    # Facts.

    def canonical(self) -> bytes:
        """The bytes that the engine's canonical form must be."""
        links = [["link", e.session, e.user, e.ts, e.id] for e in self.links()]
        facts = (*self._tiles(), *sketches(self), *self._lists(), *links)
        lines = [msgspec.json.encode(fact) for fact in facts]
        return b"\n".join([msgspec.json.encode(["F", self.newest]), *sorted(lines)])

    def _tiles(self) -> Iterable[list[object]]:
        for at, family in enumerate(self.plan.families):
            rows: dict[tuple[str, int, str | None], list[int]] = {}
            for event in self.events:
                tile, key = event.ts // family.width, self.key(event, family.key)
                touched = any(self.touches(event, slot) for slot in family.slots)
                alive = (tile + 1) * family.width > self.newest - family.reach
                if key is not None and touched and alive:
                    group = None if family.split is None else self.group(event, family.split)
                    row = rows.setdefault((key, tile, group), [NOTHING[s.op] for s in family.slots])
                    self._add(family, row, event)
            for (key, tile, group), row in rows.items():
                yield ["tile", at, key, tile, group, row]

    def _add(self, family: Family, row: list[int], event: Event) -> None:
        for at, slot in enumerate(family.slots):
            if not self.touches(event, slot):
                continue
            if slot.op.endswith("_ts"):
                row[at] = (min if slot.op == "min_ts" else max)(row[at], event.ts)
            elif slot.op in ("min", "max"):
                row[at] = (min if slot.op == "min" else max)(row[at], self._amount(slot, event))
            else:
                row[at] += self._amount(slot, event)

    def _lists(self) -> Iterable[list[object]]:
        for at, spec in enumerate(self.plan.sequences):
            for key, events in self._newest(spec.key, spec.types, spec.n, spec.within):
                yield ["sequence", at, key, events]
        p = self.plan.postings
        for key, events in self._newest("visit", p.types, p.per_session, p.within):
            yield ["session", key, events]
        for key, events in self._newest("item_id", p.types, p.per_item, p.within):
            yield ["posting", key, events]

    def _newest(
        self, key: str, types: Sequence[int], n: int, within: int
    ) -> Iterable[tuple[str, list[list[object]]]]:
        lists: dict[str, list[list[object]]] = {}
        for e in self.events:
            name = e.visit if key == "visit" else self.key(e, key)
            known = self.codes.get(e.type, -1) in types and e.item and e.visit
            if name is not None and known and e.ts > self.newest - within:
                lists.setdefault(name, []).append([e.ts, e.id, e.type, e.item, e.visit])
        for name, rows in lists.items():
            yield name, rows[-n:]


def covered(window: Window, now: int, activity: Sequence[int]) -> tuple[int, int]:
    """[start, end) in ms: what a window covers at `now`. activity: a key's timestamps, sorted."""
    width = window.width
    if window.kind == "tumbling":
        start = now // width * width
        return (start - width, start) if window.previous else (start, now)
    if window.kind == "daily":
        return now // DAY * DAY - window.size * DAY, now
    start = -(-(now - window.size) // width) * width
    if window.kind == "sliding":
        return start, now
    edge, first = now, now
    for ts in reversed(activity):
        if ts < start or edge - ts > window.gap:
            break
        edge = first = ts
    return first, now


def once(value: float) -> float:
    """Rounded once, to float32."""
    return float(np.float32(value))


def is_number(source: Input) -> bool:
    return source.kind == "number"
