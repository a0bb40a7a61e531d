"""Stored features: the values of features, computed from what a store holds.

The reading process folds nothing and holds nothing. It fetches the entities of one question,
makes a small state of them, and has the one reader compute the values.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.errors import Unavailable
from afresh.features.engines.embedded import SESSION, USER, State
from afresh.features.links import Links
from afresh.features.plan import Feature, Plan
from afresh.features.reading import Reader, Value
from afresh.store import EntityStore
from afresh.store.fetched import Values, links_in
from afresh.store.unpack import unpacked
from afresh.store.value import Head, Keys, Section, generation_of, read_head


class Asked(NamedTuple):
    """Entities of one key field, and the features that are wanted of them."""

    key: str
    names: Sequence[str]
    features: Sequence[Feature]


class Found(NamedTuple):
    """A state of the entities of one question, and what it reflects.

    head: every entity reflects the log so far, at least; n: the least version of the entities
    themselves, -1 when one has no value. now: the moment at which values are computed, UTC ms.
    held bool[entities]: which have a value, each entity once, in the order asked. values: what
    the state was made of.
    """

    state: State
    head: Head
    n: int
    now: int
    held: NDArray[np.bool_]
    values: Values


class Stored:
    """Reads the features of one plan from a store; from any thread."""

    def __init__(self, plan: Plan, store: EntityStore, prefix: str) -> None:
        self.plan, self.store, self.keys = plan, store, Keys(prefix, plan)
        self._reader = Reader(State(plan))
        self._generation: int | None = None
        self._read: tuple[bytes, Head] = b"", Head(0, "", [], 0)
        """The head as it was read last."""

    def head(self) -> Head:
        """What the store holds. Raises Unavailable when nothing was written of this plan."""
        return self._head(self.store.get([self.keys.head])[0])

    def matrix(
        self, key: str, names: Sequence[str], features: Sequence[Feature], now: int | None = None
    ) -> NDArray[np.float32]:
        """Values of unsplit numeric features for many entities: float32[n, features]; null is
        NaN. now: UTC ms, after everything folded; None: the present.

        Raises Unavailable when the store cannot answer, CorruptData for what it should not hold.
        """
        named = key == "user_id"  # a user is found by name, with their sessions
        found = self.find([Asked(key, names, features)], now, named=named)[0]
        numbers = found.state.find(key, list(names)) if named else _places(names, found.held)
        return self._reader.of(found.state).matrix(numbers, features, found.now)

    def values(self, asked: Asked, found: Found) -> list[dict[str, Value]]:
        """One row an entity, as `Reader.values` has it."""
        reader = self.reader(found)
        return reader.values(asked.key, asked.names, asked.features, found.now)

    def reader(self, found: Found) -> Reader:
        """Reads the state of a question; what was compiled for others like it is used again."""
        return self._reader.of(found.state)

    def find(
        self,
        asked: Sequence[Asked],
        now: int | None = None,
        *,
        named: bool = True,
        newest: int = 0,
        also: Collection[Section] = (),
    ) -> list[Found]:
        """Fetch what some questions need: one round trip, and another one when users have linked
        sessions, or when the store went over to another log. named: as `unpacked`. newest: F, UTC
        ms, where more is known of it than the store has. also: sections wanted besides those that
        the features read. Raises as `matrix`."""
        if self._generation is None:
            self._generation = self.head().generation
        while True:
            generation = self._generation
            entities = [_entities(each.key, each.names) for each in asked]
            wanted = [self.keys.head]
            for each, mine in zip(asked, entities, strict=True):
                prefix = self.keys.prefix(generation, each.key)
                wanted += [prefix + entity for entity in mine]
            fetched = self.store.get(wanted)
            head = self._head(fetched[0])
            if head.generation == generation:
                break
            self._generation = head.generation
        out, at = [], 1
        for each, mine in zip(asked, entities, strict=True):
            values = Values(self.plan, each.key, generation, mine, fetched[at : at + len(mine)])
            at += len(mine)
            sections = {*sections_read(each), *also}
            out.append(self._found(each, values, head, now, named, newest, sections))
        return out

    def _found(
        self, asked: Asked, values: Values, head: Head, now: int | None, named: bool,
        known: int, sections: Collection[Section],
    ) -> Found:  # fmt: skip
        newest = max(head.newest, values.newest, known)
        moment = max(time.time_ns() // 1_000_000, newest + 1) if now is None else now
        if asked.key == "user_id":
            values = self._with_sessions(values, newest, moment)
            newest = max(newest, values.newest)
            moment = max(moment, newest + 1)
        state = unpacked(values, newest, self._reader.state, sections, named=named)
        held = values.n[values.n >= 0]
        n = int(held.min()) if len(held) and len(held) == len(asked.names) else -1
        return Found(state, head, n, moment, values.held, values)

    def _with_sessions(self, values: Values, newest: int, now: int) -> Values:
        """With the values of the sessions that are linked to users, if any are."""
        told = links_in(values)
        if not told:
            return values
        links = Links(self.plan.reach)
        links.load(told)
        known = set(values.entities)
        users = {link.user for link in told if USER + link.user.encode() in known}
        sessions = dict.fromkeys(
            SESSION + session.encode()
            for user in users
            for session in links.sessions(user, newest, now)
        )
        more = [session for session in sessions if session not in known]
        prefix = self.keys.prefix(values.generation, "user_id")
        return values.and_also(more, self.store.get([prefix + entity for entity in more]))

    def _head(self, value: bytes | None) -> Head:
        if value is None:
            raise Unavailable(
                f"The store holds nothing of the app {self.plan.app!r} and this definition.",
                hint="Run `afresh serve` with the same definition, `store` and store_prefix; it "
                "writes when it starts.",
            )
        if value == self._read[0]:
            return self._read[1]
        head = read_head(value)
        if generation_of(self.plan, head.log, head.engine) != head.generation:
            raise Unavailable("The store's head is of another definition.")
        self._read = value, head
        return head


def _places(names: Sequence[str], held: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where each name stands among those asked, -1 for one without a value: int64[names]."""
    places = np.where(held, np.arange(len(held)), -1)
    if len(held) == len(names):
        return places
    at = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return places[[at[name] for name in names]]


def _entities(key: str, names: Sequence[str]) -> list[bytes]:
    """Names as keys of the store end, each once. `s:…` may be a user or a session without one."""
    entities = _as_bytes(list(dict.fromkeys(names)))
    if key != "user_id":
        return entities
    sessions = [entity[2:] for entity in entities if entity[:2] == b"s:"]
    return [USER + entity for entity in entities] + [SESSION + session for session in sessions]


def _as_bytes(names: Sequence[str]) -> list[bytes]:
    """Names that anyone may have sent; one with a NUL is nobody's."""
    column = "\0".join(names).encode("utf-8", "surrogatepass")
    if column.count(b"\0") != len(names) - 1:
        names = ["" if "\0" in name else name for name in names]
        column = "\0".join(names).encode("utf-8", "surrogatepass")
    return column.split(b"\0") if names else []


def sections_read(asked: Asked) -> set[Section]:
    """The sections of values that some features are computed from."""
    sections = {Section("links", 0)}
    for feature in asked.features:
        sections |= {Section("tiles", read.family) for read in feature.reads}
        if feature.session is not None:
            sections.add(Section("tiles", feature.session.family))
        if feature.distinct is not None:
            sections.add(Section("distinct", feature.distinct))
        if feature.sequence is not None:
            sections.add(Section("sequence", feature.sequence))
    return sections
