"""The compiled plan: what a definition file means, as plain data.

A plan is what every engine reads. It holds no Python objects of the user's,
only numbers and strings, so it can be printed, hashed, sent to another
process and compared. Equal definitions give equal plans, byte for byte.

Units: every time and width is in milliseconds; `places` is the number of
decimal places by which a fixed-point number is scaled (12.34 with places=2 is
stored as 1234).
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from afresh.events.schema import IDENTIFY, Struct
from afresh.events.schema import PlanEvent as PlanEvent
from afresh.events.schema import PlanField as PlanField

FORMAT = 1
"""Version of this document. A reader refuses a plan with another one."""

DAY_MS = 86_400_000

Op = Literal["n", "weight", "sum", "min", "max", "min_ts", "max_ts", "sq_low", "sq_high"]
"""What a slot keeps, per key and tile, over the events whose type is listed:

`n` how many (with an input: how many have it); `weight` the sum of the event types'
weights; `sum`, `min` and `max` of an input; `min_ts` and `max_ts` of the events' timestamps;
`sq_low` and `sq_high` the sums of the lower 31 bits and of the rest of an input's square.
"""


class PlanCatalog(Struct, frozen=True, kw_only=True):
    name: str = "Catalog"
    fields: tuple[PlanField, ...] = ()


class Input(Struct, frozen=True, kw_only=True):
    """A column the fold reads from events beside the ids.

    `name` is the column's name in an event batch: a property's own name,
    `value`, or `item.<field>` for a catalogue field that the door writes into
    the event. `kind` says whether it is a number (int64, fixed point), a
    group (text), or the hour of the event's timestamp (hour), which no column
    holds. With `bands`, a number is turned into a group: the label of the
    half-open band it falls into.
    """

    name: str
    kind: Literal["number", "text", "hour"]
    places: int = 0
    bands: tuple[int, ...] = ()
    offset: int = 0
    """hour: how many ms the clock is ahead of UTC; group floor((timestamp + offset) / 1 h) mod 24,
    called `0` to `23`."""
    fallback: str | None = None
    """A catalogue column (`item.<field>`) used where the property itself is null."""


class Slot(Struct, frozen=True, kw_only=True):
    op: Op
    types: tuple[int, ...]
    """Type codes of the events that touch this slot."""
    input: int | None = None
    """Index into `Plan.inputs`: for all but weight and timestamps, and the n of a count."""


class Family(Struct, frozen=True, kw_only=True):
    """Tiles that share key, width and split; one row a (key, tile, group).

    An event belongs to tile floor(timestamp / width). A row lives while
    tile_end > F - reach, where F is the greatest timestamp folded.
    """

    key: str
    """`item_id`, `user_id`, `session_id`, or the name of a text input."""
    width: int
    reach: int
    split: int | None = None
    """Index into `Plan.inputs` of the group, or None."""
    slots: tuple[Slot, ...]


class Distinct(Struct, frozen=True, kw_only=True):
    """The distinct values of a field: per key and tile, the `k` least of their hashes.

    A hash is the first 64 bits of the SHA-256 of the value. `value` is an id (`user_id`: of the
    user, or else of the session, `u` or `s` before the name), or `input` is the index of a text
    input. An event without a value touches nothing. Tiles live as those of a family do.
    """

    key: str
    width: int
    reach: int
    types: tuple[int, ...]
    value: str = ""
    input: int | None = None
    k: int = 256


class Sequence(Struct, frozen=True, kw_only=True):
    """The last `n` events per key by (timestamp, event_id), none older than F - within."""

    key: str
    types: tuple[int, ...]
    n: int
    within: int


class Postings(Struct, frozen=True, kw_only=True):
    """Sessions, and beside them the inverted list of each item.

    A session's events are its last `per_session` ones with an item; an item's
    postings are its newest `per_item` events. None older than F - within.
    Events without a session count to their user's one long session.
    """

    types: tuple[int, ...]
    per_session: int
    per_item: int
    within: int


class Window(Struct, frozen=True, kw_only=True):
    """An interval of event time ending at `now`, evaluated when somebody asks.

    tumbling: [floor(now/width)*width, now), or with `previous` the closed one before it.
    sliding:  [ceil((now-size)/width)*width, now).
    daily:    [floor(now/day)*day - days*day, now).
    session:  the last run of activity without a gap greater than `gap`, looked for in
              whole tiles within [ceil((now-within)/width)*width, now).
    decayed:  every tile of the last `len(weights)` ones counts weights[age in tiles].
    """

    kind: Literal["tumbling", "sliding", "daily", "session", "decayed"]
    width: int
    """Tile width."""
    size: int = 0
    """sliding: the size; daily: the number of whole days before today; session: within."""
    gap: int = 0
    previous: bool = False
    half_life: int = 0
    weights: tuple[float, ...] = ()


class Read(Struct, frozen=True, kw_only=True):
    """One number a window merges from a family: slot `slot` of `Plan.families[family]`."""

    family: int
    slot: int
    window: Window
    touch: tuple[int, int] | None = None
    """session windows only: the slots with min_ts and max_ts of all activity."""


class Feature(Struct, frozen=True, kw_only=True):
    """A value as a request sees it, computed from reads by the one reader.

    count, total, min, max: reads[0] (scaled by `places`); mean: reads[0] is the sum and
    reads[1] the count; variance: the same, then the sums of squares sq_low and sq_high;
    ratio: (reads[0] + prior[0]) / (reads[1] + prior[1]), each side a count or a total
    scaled by `places`/`places2`.
    last: sequence `sequence`, a list of item ids, newest first.
    distinct: the values of `Plan.distincts[distinct]` over `window`; `session` is read to find
    where a session begins.
    """

    name: str
    group: str
    """The name of the Features class that declares it."""
    key: str
    kind: Literal["count", "total", "mean", "variance", "min", "max", "ratio", "last", "distinct"]
    reads: tuple[Read, ...] = ()
    places: int = 0
    places2: int = 0
    prior: tuple[float, float] | None = None
    sequence: int | None = None
    distinct: int | None = None
    window: Window | None = None
    session: Read | None = None
    split: int | None = None
    """Index into `Plan.inputs`: the value is one number a group instead of one number."""
    n: int = 0

    @property
    def is_number(self) -> bool:
        """Whether its value is one number, so that a ranker can read it."""
        return self.kind != "last" and self.split is None


class Trend(Struct, frozen=True, kw_only=True):
    """A window over which what is popular can be asked: weighted events per item."""

    name: str
    """As asked for: `1h`, `24h`, `7d`; one that is split, `7d by city`."""
    read: Read
    by: str = ""
    """What it is split by, as a request's context calls it."""
    split: int | None = None
    """Index into `Plan.inputs`: a number an item and group."""


class Plan(Struct, frozen=True, kw_only=True):
    format: int = FORMAT
    app: str
    events: tuple[PlanEvent, ...]
    catalog: PlanCatalog
    inputs: tuple[Input, ...]
    families: tuple[Family, ...]
    sequences: tuple[Sequence, ...]
    postings: Postings
    features: tuple[Feature, ...]
    trends: tuple[Trend, ...]
    distincts: tuple[Distinct, ...] = ()
    history: int = 0
    """Index into `sequences`: what each user did last, over all weighted event types. It is
    the context of a request, and what the filter of seen items looks at."""

    @property
    def accepted(self) -> tuple[PlanEvent, ...]:
        """The event types that the door knows: those declared, and the built-in one."""
        return (*self.events, IDENTIFY)

    def to_json(self) -> bytes:
        """The canonical document: equal plans give equal bytes."""
        return msgspec.json.encode(self, order="deterministic")

    @property
    def hash(self) -> str:
        """16 hex digits of the SHA-256 of what the fold reads; state is versioned by it.

        Names of features and windows are read-time opinions: renaming a feature or
        giving it another window over the same tiles keeps the state.
        """
        facts = (
            self.format,
            [(e.name, e.weight) for e in self.events],
            self.inputs,
            self.families,
            self.sequences,
            self.postings,
            self.distincts,
            [(f.name, f.kind, f.places, f.default) for f in self.catalog.fields],
        )
        return hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()[:16]

    @property
    def reach(self) -> int:
        """The age, in ms, of the oldest fact any part of the plan can read."""
        ages = [f.reach for f in self.families] + [d.reach for d in self.distincts]
        ages += [s.within for s in self.sequences]
        return max([*ages, self.postings.within])


def plan_from_json(document: bytes) -> Plan:
    """Read a plan back. Raises msgspec.ValidationError when the document is not one."""
    return msgspec.json.decode(document, type=Plan)
