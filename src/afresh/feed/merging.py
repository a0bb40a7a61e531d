"""Merging: rows that changed go into the values of their entities, in two round trips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from afresh.features.engines.embedded import SESSION, State
from afresh.features.from_facts import state_of
from afresh.features.plan import Plan
from afresh.feed.kept import KNOWN, REFUSED, TAKEN, Facts, Kept, decoded, encoded
from afresh.feed.rows import Change, Entity, entity_of, link_of
from afresh.store import EntityStore, Put
from afresh.store.fetched import Values
from afresh.store.pack import pack
from afresh.store.value import HEADER, SIZE, Head, Keys, sections_of, ttl_of

AT_ONCE = 500
"""Entities that are read and written together."""

Changes = dict[Entity, list[Change]]


class Merging:
    """Merges rows into a store. newest: F as far as it is known, UTC ms."""

    def __init__(self, plan: Plan, store: EntityStore, keys: Keys, generation: int) -> None:
        self.plan, self.store, self.keys, self.generation = plan, store, keys, generation
        self.newest = self.written = 0
        self.counts = dict.fromkeys((TAKEN, KNOWN, REFUSED), 0)
        self._facts, self._ttl_ms = Facts(plan), ttl_of(plan)

    def merge(self, changes: Iterable[Change]) -> None:
        """Have the values of all entities hold these rows. Merging a row again changes nothing,
        so when this raises (Unavailable, CorruptData), all of it is to be merged again."""
        rows = list(changes)
        # A session keeps its links, and each of its users keeps all of them, whosever they are.
        sessions = self._merged([row for row in rows if row.kind == "links"])
        to_users = [row for kept in sessions for row in _to_users(kept)]
        self._merged([row for row in rows if row.kind != "links"] + to_users)

    def _merged(self, rows: Sequence[Change]) -> list[Kept]:
        """Merge rows; what the entities hold then."""
        waiting: Changes = {}
        for row in rows:
            waiting.setdefault(row.entity, []).append(row)
        done: list[Kept] = []
        while waiting:  # who was overtaken by another feeder is read again
            due = list(waiting)[:AT_ONCE]
            fetched = self.store.get([self._key(entity) for entity in due])
            held = [self._held(e, value) for e, value in zip(due, fetched, strict=True)]
            made: dict[Entity, tuple[Kept, int]] = {}
            for entity, (kept, n) in zip(due, held, strict=True):
                if self._took(kept, waiting[entity]):
                    made[entity] = kept, n + 1
                else:
                    del waiting[entity]
                    done.append(kept)
            puts = self._puts(made)
            advanced = self.store.advance(list(puts.values()), self._ttl_ms)
            for entity, kept_it in zip(puts, advanced, strict=True):
                if kept_it:
                    self.written += 1
                    del waiting[entity]
                    done.append(made[entity][0])
        return done

    def _took(self, kept: Kept, rows: Sequence[Change]) -> bool:
        verdicts = [kept.take(row) for row in rows]
        for verdict in verdicts:
            self.counts[verdict] += 1
        return TAKEN in verdicts

    def _key(self, entity: Entity) -> bytes:
        return self.keys.prefix(self.generation, entity.field) + entity.name

    def _held(self, entity: Entity, value: bytes | None) -> tuple[Kept, int]:
        """The rows of a value and its version."""
        if value is None:
            return Kept(), 0
        values = Values(self.plan, entity.field, self.generation, [entity.name], [value])
        self.newest = max(self.newest, values.newest)
        start = int(values.last[-1, 0]) if len(values.sections) else HEADER + SIZE
        return decoded(value[start:], entity), int(values.n[0])

    def _puts(self, made: dict[Entity, tuple[Kept, int]]) -> dict[Entity, Put]:
        """The values of these rows, by the code that packs the values of a server."""
        if not made:
            return {}
        plan = self.plan
        for kept, _ in made.values():
            self.newest = max(self.newest, max(kept.moments(plan), default=0))
        facts: list[list[Any]] = []
        links: set[tuple[int, str, str, str]] = set()
        for entity, (kept, _) in made.items():
            kept.trim(plan, self.newest)
            facts += self._facts.of(fact_key(entity), kept)
            links |= kept.links
        facts += [["link", session, user, ts, event] for ts, event, session, user in links]
        state = state_of(plan, self.newest, facts)
        head = Head(self.generation, "", [], self.newest)
        puts: dict[Entity, Put] = {}
        for field in {entity.field for entity in made}:
            mine = [entity for entity in made if entity.field == field]
            numbers = np.array([_number(state, entity) for entity in mine], np.int64)
            packed = pack(state, field, numbers, head, self.keys)
            sections = len(sections_of(plan, field))
            for entity, put in zip(mine, packed, strict=True):
                kept, n = made[entity]
                puts[entity] = Put(put.key, with_rows(put.value, sections, n, encoded(kept)))
        return puts


def with_rows(value: bytes, sections: int, n: int, rows: bytes) -> bytes:
    """A value without partitions as version n, with one more section."""
    body = HEADER + SIZE * sections
    end = (len(value) - body + len(rows)).to_bytes(SIZE, "little")
    counted = (sections + 1).to_bytes(2, "little") + value[6:8] + n.to_bytes(8, "little")
    return value[:4] + counted + value[16:body] + end + value[body:] + rows


def fact_key(entity: Entity) -> str:
    """As facts name an entity."""
    name = entity.name.decode()
    if entity.field == "user_id":
        return f"{name[0]}:{name[1:]}"
    return f"s:{name}" if entity.field == "session_id" else name


def _to_users(kept: Kept) -> list[Change]:
    users = {link[3] for link in kept.links}
    return [link_of(entity_of("user_id", f"u:{u}"), link) for u in users for link in kept.links]


def _number(state: State, entity: Entity) -> int:
    """The number of an entity in a state that may not know it."""
    if entity.field == "user_id":
        return int(state.parties.intern(entity.name[1:], 1, entity.name[:1])[0])
    kind = SESSION if entity.field == "session_id" else b"\0"
    return int(state.names(entity.field).intern(entity.name, 1, kind)[0])
