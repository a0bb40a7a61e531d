"""The embedded engine: the fold of the log in this process.

`State.fold` is the whole of it: number the names, add to tiles, insert into
sequences, sessions and postings. Nothing here depends on the order in which
batches come, nor on how events are grouped into them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import EventBatch
from afresh.features.blocks import Blocks
from afresh.features.columns import group_rows, number_rows, type_table
from afresh.features.facts import Facts
from afresh.features.interning import Interner
from afresh.features.links import Links
from afresh.features.plan import Distinct, Plan
from afresh.features.room import MEMORY, Room
from afresh.features.sequences import Lists
from afresh.features.sketches import Sketches
from afresh.features.tiles import Tiles
from afresh.features.touched import Touched
from afresh.features.value_hashes import ValueHashes

CHUNK = 4096
"""Events folded at a time: small enough that the columns stay in the processor's cache."""

USER, SESSION = b"u", b"s"
"""Prefixes of party names: a party is a user or a session."""

_NO_GROUPS = np.empty(0, np.int64)


class State:
    """What the log says, for one plan. Not safe for use from two threads at once."""

    def __init__(self, plan: Plan, room: Room = MEMORY) -> None:
        self.plan, self.room = plan, room
        self.newest = 0
        """F: the greatest timestamp folded, UTC ms."""
        self.events = 0
        self.sweeps = 0
        """How often `sweep` gave rows, and may have given names, new numbers."""
        self.items = Interner(room=room)
        self.parties = Interner(prefixed=True, room=room)
        self.groups = {
            at: Interner() for at, i in enumerate(plan.inputs) if i.kind == "text" and not i.bands
        }
        self.weights = np.zeros(256, np.int64)
        self.weights[: len(plan.events)] = [event.weight for event in plan.events]
        self.heaviest = self.weights == self.weights.max()
        self.tiles = [Tiles(family, self.weights, room) for family in plan.families]
        self.sketches = [Sketches(spec, room) for spec in plan.distincts]
        self.hashes = {spec.value or spec.input: self._hashes(spec) for spec in plan.distincts}
        p = plan.postings
        self.sequences = [Lists(s.n, s.within, s.types, room) for s in plan.sequences]
        self.sessions = Lists(p.per_session, p.within, p.types, room)
        self.postings = Lists(p.per_item, p.within, p.types, room)
        wanted = np.logical_or.reduce([lists.wanted for lists in self.all_lists])
        self.facts = Facts(wanted, room)
        self.facts_within = max(lists.within for lists in self.all_lists)
        self.links = Links(plan.reach)
        self.touched: Touched | None = None
        """Where the fold notes whose facts it changed, if anybody wants to know."""
        self.facts_kept = 0
        self.names_kept = 0
        self._type_tables: dict[tuple[str, ...], NDArray[np.uint8]] = {}
        self._keyed_by_text = {
            source.name: at for at, source in enumerate(plan.inputs) if at in self.groups
        }

    def _hashes(self, spec: Distinct) -> ValueHashes:
        if spec.input is not None:
            return ValueHashes(self.groups[spec.input])
        return ValueHashes(self.items if spec.value == "item_id" else self.parties)

    @property
    def all_lists(self) -> list[Lists]:
        return [*self.sequences, self.sessions, self.postings]

    def fold(self, batch: EventBatch) -> None:
        """Fold a batch of admitted events, in any order relative to others."""
        if batch.n == 0:
            return
        known, self.newest = self.newest, max(self.newest, int(batch.ts.max()))
        self.events += batch.n
        self.links.fold(batch)
        if batch.types not in self._type_tables:
            self._type_tables[batch.types] = type_table(batch.types, self.plan)
        ts = np.array(batch.ts)  # writable, as kernels of live batches and of the log's share
        kinds = self._type_tables[batch.types][batch.type]
        numbers = number_rows(batch, self.plan)
        groups = group_rows(batch, self.plan, numbers, self.groups)
        users = self.parties.intern(batch.texts["user_id"], batch.n, USER)
        named = self.parties.intern(batch.texts["session_id"], batch.n, SESSION)
        items = self.items.intern(batch.texts["item_id"], batch.n)
        owners = np.where(users >= 0, users, named)
        sessions = np.where(named >= 0, named, users)
        keys = {"item_id": items, "user_id": owners, "session_id": named}
        for name, at in self._keyed_by_text.items():
            keys.setdefault(name, groups[at] - 1)
        if self.touched is not None:
            self.touched.note(keys)
        first_new = self.facts.used
        order, rows = self.facts.append(
            ts, kinds, batch.texts["event_id"], items, sessions,
            self.newest - self.facts_within,
        )  # fmt: skip
        for first in range(0, batch.n, CHUNK):
            cut = slice(first, first + CHUNK)
            self._fold_tiles(ts[cut], kinds[cut], keys, groups, numbers, cut)
        for sketches in self.sketches:
            spec = sketches.spec
            values = keys[spec.value] if spec.input is None else groups[spec.input] - 1
            hashed = self.hashes[spec.value or spec.input].of(values)
            count = self.key_count(spec.key)
            sketches.fold(ts, kinds, keys[spec.key], *hashed, self.newest, count)
        if order is not None:
            keys = {name: column[order] for name, column in keys.items()}
            kinds, sessions = kinds[order], sessions[order]
        self._insert(rows, kinds, keys, sessions, first_new, known)

    def _fold_tiles(
        self,
        ts: NDArray[np.int64],
        kinds: NDArray[np.uint8],
        keys: dict[str, NDArray[np.int64]],
        groups: dict[int, NDArray[np.int64]],
        numbers: NDArray[np.int64],
        cut: slice,
    ) -> None:
        for tiles in self.tiles:
            family = tiles.family
            tiles.fold(
                ts,
                kinds,
                keys[family.key][cut],
                _NO_GROUPS if family.split is None else groups[family.split][cut],
                numbers[:, cut],
                self.newest,
                self.key_count(family.key),
            )

    def _insert(
        self,
        rows: NDArray[np.int64],
        kinds: NDArray[np.uint8],
        keys: dict[str, NDArray[np.int64]],
        sessions: NDArray[np.int64],
        first_new: int,
        known: int,
    ) -> None:
        lists = [
            *((kept, s.key) for kept, s in zip(self.sequences, self.plan.sequences, strict=True)),
            (self.postings, "item_id"),
        ]
        batch = (kinds, self.newest, first_new, known)
        for kept, key in lists:
            kept.insert(self.facts, rows, keys[key], self.key_count(key), *batch)
        self.sessions.insert(self.facts, rows, sessions, len(self.parties), *batch)

    def names(self, key: str) -> Interner:
        """The names behind the numbers of a key field."""
        if key == "item_id":
            return self.items
        if key in ("user_id", "session_id"):
            return self.parties
        return self.groups[self._keyed_by_text[key]]

    def key_count(self, key: str) -> int:
        return len(self.names(key))

    def find(self, key: str, names: list[str]) -> NDArray[np.int64]:
        """The numbers of entities by name, -1 for those never seen.

        For `user_id`, a name starting with `s:` is a session without a user.
        """
        if not names:
            return np.empty(0, np.int64)
        if key == "session_id":
            return self.parties.find_texts(names, SESSION)
        if key != "user_id":
            return self.names(key).find_texts(names)
        users = self.parties.find_texts(names, USER)
        for at, name in enumerate(names):
            if users[at] < 0:
                users[at] = self._session_called(name)
        return users

    def find_one(self, key: str, name: str) -> int:
        """The number of one entity, as `find` has it."""
        if key == "session_id":
            return self.parties.find_one(name, SESSION)
        if key != "user_id":
            return self.names(key).find_one(name)
        user = self.parties.find_one(name, USER)
        return user if user >= 0 else self._session_called(name)

    def _session_called(self, name: str) -> int:
        return self.parties.find_one(name[2:], SESSION) if name.startswith("s:") else -1

    def sweep(self) -> None:
        """Drop what no read can see any more. Reads and the canonical form do not change."""
        self.sweeps += 1
        used = np.zeros(self.facts.used, np.bool_)
        self.links.sweep(self.newest)
        for tiles in self.tiles:
            tiles.sweep(self.newest)
        for sketches in self.sketches:
            sketches.sweep(self.newest)
        for lists in self.all_lists:
            lists.sweep(self.facts, self.newest, used)
        rows = np.flatnonzero(used)
        moved = np.full(self.facts.used, -1, np.int64)
        moved[rows] = np.arange(len(rows))
        for lists in self.all_lists:
            lists.renumber(moved)
        self.facts.keep(rows)
        self.facts_kept = len(rows)

    def pack(self) -> None:
        """Lay every list in the smallest block; nothing that can be read changes."""
        for names in (self.items, self.parties, *self.groups.values()):
            for blocks in self.keyed(names):
                blocks.keep(np.arange(len(names)))

    def keyed(self, names: Interner) -> list[Blocks]:
        """Every set of lists whose keys are numbers of `names`."""
        found = [t.blocks for t in self.tiles if self.names(t.family.key) is names]
        found += [s.blocks for s in self.sketches if self.names(s.spec.key) is names]
        pairs = [(s.key, kept) for s, kept in zip(self.plan.sequences, self.sequences, strict=True)]
        pairs += [("user_id", self.sessions), ("item_id", self.postings)]
        return found + [kept.blocks for key, kept in pairs if self.names(key) is names]

    def memory(self) -> int:
        """The bytes in use, without what is reserved and was never written."""
        blocks = [lists.blocks for lists in self.all_lists]
        blocks += [tiles.blocks for tiles in self.tiles]
        blocks += [sketches.blocks for sketches in self.sketches]
        interners = [self.items, self.parties, *self.groups.values()]
        pools = sum(b.memory() for b in blocks) + sum(i.memory() for i in interners)
        pools += sum(hashes.memory() for hashes in self.hashes.values())
        return pools + self.facts.memory()
