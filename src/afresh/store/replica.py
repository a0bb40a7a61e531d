"""A replica: state, catalogue, weights, and the offset up to which they follow the log.

One thread folds. Any thread may read under `lock`, which is held for a batch at a
time, so a reader never sees half a fold.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.catalog_state import CatalogState
from afresh.events.batch import EventBatch, decode_batch
from afresh.features.canonical import canonical
from afresh.features.dump import Arrays, dump_state, restore_state
from afresh.features.engines.embedded import State
from afresh.features.forgetting import forget_names
from afresh.features.plan import Plan, plan_from_json
from afresh.features.reading import Reader
from afresh.features.room import MEMORY, Room
from afresh.features.takeover import Takeover, obstacle, taken_over
from afresh.log import Entry
from afresh.store.snapshot import Header, good_snapshots, set_aside

SLACK = 200_000
"""Facts, or names, beyond twice those of the last sweep that bring about the next."""

_log = structlog.get_logger("afresh.store")


class Follower(Protocol):
    """Keeps something of its own about items, and hears what happens to their numbers."""

    def changed(self, numbers: NDArray[np.int64]) -> None:
        """Records of these items were put or deleted."""

    def renumber(self, moved: NDArray[np.int64]) -> None:
        """Items have new numbers: moved[old] = new, -1 for those that no record has."""

    def continued(self, catalog: CatalogState, moved: NDArray[np.int64]) -> None:
        """The replica goes on with another catalogue of the same records, numbered anew; it has
        the old one until this returns."""


class Replica:
    """One plan's state, following one log.

    `offset` is how far it follows; `vector` the same in the partitions of a shared log that this
    one mirrors, else empty.

    `warming` is None, or says how far the state is that of an older plan. `weights` is the last
    record of what was learned online, b"" before there is one. `fold_ms` is how long the newest
    batch took into the state. `generation` grows with each sweep: row numbers of facts from
    before are void then.
    """

    def __init__(self, plan: Plan, room: Room = MEMORY) -> None:
        self.plan, self.room = plan, room
        self.lock = threading.Lock()
        self.followers: list[Follower] = []
        self.clear()

    def clear(self) -> None:
        self.offset = 0
        self.vector: tuple[int, ...] = ()
        self.generation = 0
        self.fold_ms = 0.0
        self.state = State(self.plan, self.room)
        self.catalog = CatalogState(self.plan, self.state.items)
        self.reader = Reader(self.state)
        self.weights = b""
        self.warming: Takeover | None = None

    @property
    def place(self) -> tuple[int, ...]:
        """What answers reflect: the offset of the next record in each partition of the log."""
        return self.vector or (self.offset,)

    def now(self) -> int:
        """The moment of a live request: the wall clock, and after every event folded, UTC ms."""
        return max(time.time_ns() // 1_000_000, self.state.newest + 1)

    def user_of(self, session: str) -> str | None:
        """The user that a session is linked to; None: nobody yet."""
        return self.state.links.user(session, self.state.newest)

    def apply(self, entry: Entry) -> EventBatch | None:
        """Fold an entry read from the log, and return its events if it holds events; one folded
        already is passed over."""
        if entry.end <= self.offset:
            return None
        batch = None
        if entry.kind == "items":
            self.fold_items(entry.payload, entry.end, entry.vector)
        elif entry.kind == "weights":
            self.fold_weights(entry.payload, entry.end, entry.vector)
        else:
            batch = decode_batch(entry.payload)
            self.fold_events(batch, entry.end, entry.vector)
        return batch

    def fold_events(self, batch: EventBatch, offset: int, vector: tuple[int, ...] = ()) -> None:
        """Fold a batch that ends before `offset`; vector: the same in the shared log, if it ends
        what was read of that at one time."""
        state, started = self.state, time.perf_counter()
        with self.lock:
            state.fold(batch)
            self._come_to(offset, vector)
        self.fold_ms = (time.perf_counter() - started) * 1000
        self.room.give_back()

    def tidy(self) -> None:
        """Sweep, if facts or names have doubled since the last time. To be called by the
        folding thread when nobody waits for it: it takes a second for ten million facts."""
        state = self.state
        names = len(state.parties) + len(state.items)
        if state.facts.used > 2 * state.facts_kept + SLACK or names > 2 * state.names_kept + SLACK:
            with self.lock:
                self.sweep()

    def sweep(self) -> None:
        """Drop dead facts and dead names; the caller holds the lock."""
        self.state.sweep()
        moved = forget_names(self.state, self.catalog.present)
        if moved is not None:
            self.catalog.renumber(moved)
            for follower in self.followers:
                follower.renumber(moved)
        self.state.names_kept = len(self.state.parties) + len(self.state.items)
        self.generation += 1

    def pack(self) -> None:
        """Give back the slack that growing left; after much was folded at once."""
        with self.lock:
            self.state.pack()

    def _come_to(self, offset: int, vector: tuple[int, ...]) -> None:
        self.offset, self.vector = offset, vector or self.vector

    def fold_items(self, records: bytes, offset: int, vector: tuple[int, ...] = ()) -> None:
        """Apply item records, NDJSON, that end before `offset`."""
        with self.lock:
            changed = self.catalog.fold(records)
            for follower in self.followers:
                follower.changed(changed)
            self._come_to(offset, vector)

    def fold_weights(self, record: bytes, offset: int, vector: tuple[int, ...] = ()) -> None:
        """A record of weights that ends before `offset` is the one in force."""
        with self.lock:
            self.weights = record
            self._come_to(offset, vector)

    def become(self, other: Replica) -> None:
        """Go on with the state of another replica of the same plan, log and offset; neither may
        be folding."""
        known = self.state.items
        moved = other.state.items.find(known.column(np.arange(len(known))), len(known))
        before = self.state, self.catalog  # freed when nobody waits any more
        with self.lock:
            for follower in self.followers:
                follower.continued(other.catalog, moved)
            self.state, self.catalog, self.reader = other.state, other.catalog, other.reader
            self.weights, self.offset, self.warming = other.weights, other.offset, None
            self.room = other.room
            self.generation += 1
        del before

    def canonical(self) -> bytes:
        """State, catalogue and weights in their canonical form."""
        with self.lock:
            return b"\n".join([canonical(self.state), *self.catalog, self.weights])

    def copy(self, log_id: str) -> tuple[Header, Arrays]:
        """The parts of a snapshot; to be taken by the folding thread, written by any."""
        facts, arrays = dump_state(self.state)
        held = {name: self.room.copied(array) for name, array in arrays.items()}
        held |= {f"catalog/{name}": array for name, array in self.catalog.dump().items()}
        held["weights"] = np.frombuffer(self.weights, np.uint8)
        definition = self.plan.to_json().decode()
        return Header(self.plan.hash, log_id, self.offset, facts, definition=definition), held

    def restore(self, folder: Path, log_id: str, log_start: int, log_end: int) -> bool:
        """Start from the newest good snapshot of this plan and log; False: there is none.

        A damaged one is set aside with a warning; one of another plan or log, or of a time the
        log does not reach, is passed over.
        """
        for path, header, arrays in good_snapshots(folder, log_id, log_start, log_end):
            if header.plan != self.plan.hash:
                continue
            if not _fits(self.state, header, arrays):
                _log.warning("snapshot_set_aside", path=str(set_aside(path)), reason="other layout")
                continue
            self._fill(header, arrays)
            self.catalog.restore(_catalog_of(arrays))
            return True
        return False

    def take_over(self, folder: Path, log_id: str, log_start: int, log_end: int) -> str:
        """Start from the newest good snapshot of another plan, and be `warming`: its facts answer
        what they can of this plan's questions. Why not, where that cannot be; else "".
        """
        for _, header, arrays in good_snapshots(folder, log_id, log_start, log_end):
            try:
                old = plan_from_json(header.definition.encode())
            except msgspec.MsgspecError:
                return "the last snapshot does not say what it was made from"
            why = obstacle(old, self.plan)
            if why:
                return why
            warming = taken_over(old, self.plan)
            state = State(warming.plan, self.room)
            if not _fits(state, header, arrays):
                return "the last snapshot has another layout"
            self.state, self.reader, self.warming = state, Reader(state), warming
            self._fill(header, arrays)
            self.catalog = CatalogState(self.plan, state.items)
            self.catalog.fold(arrays["catalog/records"].tobytes())
            return ""
        return "there is no snapshot to go on from"

    def _fill(self, header: Header, arrays: Arrays) -> None:
        restore_state(self.state, header.facts, arrays)
        self.weights = arrays["weights"].tobytes()
        self.offset = header.offset


def _fits(state: State, header: Header, arrays: Arrays) -> bool:
    """Whether a snapshot holds all that a state needs."""
    facts, needed = dump_state(state)
    return not (facts.keys() - header.facts.keys() or {*needed, "weights"} - arrays.keys())


def _catalog_of(arrays: Arrays) -> Arrays:
    mine = {name: array for name, array in arrays.items() if name.startswith("catalog/")}
    return {name.removeprefix("catalog/"): array for name, array in mine.items()}
