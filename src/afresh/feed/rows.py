"""Rows of the facts' topic: whose value each belongs to, and under what name it is kept there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from afresh.features.engines.rows.atoms import LOG, slot_input
from afresh.features.engines.rows.identity import distinct_name, family_name, sequence_name
from afresh.features.plan import Plan
from afresh.store.value import keys_of

Row = dict[str, Any]
Known = dict[str, tuple[int, str]]
"""By the names of the topic: which one of the plan, and its key field."""


class Entity(NamedTuple):
    """An entity of a key field, as keys of the store name it."""

    field: str
    name: bytes


class Change(NamedTuple):
    """A row of one entity. kind: the part of `Kept` it is in; at: family, sketch or sequence;
    name: of the row there; row: what it says, None: it is no more."""

    entity: Entity
    kind: str
    at: int
    name: tuple[Any, ...]
    row: tuple[Any, ...] | None


class LogRow(NamedTuple):
    """What is known of a partition of the events. newest: greatest timestamp, UTC ms."""

    partition: int
    newest: int


class RowReader:
    """Reads the rows of one plan; those of others, and what the store does not hold, are None."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.types = {event.name: code for code, event in enumerate(plan.events)}
        self.inputs = inputs_of(plan)
        self._families, self._sequences, self._distincts = _known(plan)
        self._kinds: dict[str, Callable[[Row, Row | None], Change | LogRow | None]] = {
            "tile": self._tile,
            "list": self._list,
            "distinct": self._distinct,
            "link": self._link,
        }

    def read(self, key: bytes, value: bytes | None) -> Change | LogRow | None:
        """Raises msgspec.MsgspecError, KeyError or ValueError for what is no row."""
        named: Row = msgspec.json.decode(key)
        said: Row | None = None if value is None else msgspec.json.decode(value)
        return self._kinds[named["fact"]](named, said)

    def _tile(self, key: Row, said: Row | None) -> Change | LogRow | None:
        if key["family"] == LOG:
            return None if said is None else LogRow(int(key["key"]), said["max"])
        known = self._families.get(key["family"])
        kind, source = self.types.get(key["type"]), self.inputs.get(key["input"])
        if known is None or kind is None or source is None:
            return None
        name = key["tile"], key["group"], kind, source
        atom = None if said is None else tuple(said.get(column) for column in ATOM)
        return Change(entity_of(known[1], key["key"]), "tiles", known[0], name, atom)

    def _list(self, key: Row, said: Row | None) -> Change | None:
        known = self._sequences.get(key["list"])
        if known is None:
            return None
        event = None
        if said is not None:
            event = said["timestamp"], self.types[said["type"]], said["item"], said["session"]
        name = key["event_id"], key["owner"]
        return Change(entity_of(known[1], key["key"]), "lists", known[0], name, event)

    def _distinct(self, key: Row, said: Row | None) -> Change | None:
        known = self._distincts.get(key["counted"])
        if known is None:
            return None
        name = key["tile"], int(key["digest"], 16)
        row = None if said is None else ()
        return Change(entity_of(known[1], key["key"]), "hashes", known[0], name, row)

    def _link(self, key: Row, said: Row | None) -> Change | None:
        """Of the session; `merging.py` hands it on to the users. Flink never takes one back."""
        if said is None:
            return None
        return link_of(entity_of("user_id", f"s:{said['session']}"), (
            said["timestamp"], key["event_id"], said["session"], said["user"]
        ))  # fmt: skip


def _known(plan: Plan) -> tuple[Known, Known, Known]:
    """Families, sequences and sketches of which the store holds anything."""
    fields = set(keys_of(plan))
    families = {family_name(plan, f): (at, f.key) for at, f in enumerate(plan.families)}
    sequences = {sequence_name(plan, s): (at, s.key) for at, s in enumerate(plan.sequences)}
    distincts = {distinct_name(plan, d): (at, d.key) for at, d in enumerate(plan.distincts)}

    def read(known: Known) -> Known:
        return {name: spec for name, spec in known.items() if spec[1] in fields}

    return read(families), read(sequences), read(distincts)


ATOM = ("n", "offset", "sum", "sq_low", "sq_high", "min", "max")
"""What is kept of an atom, in this order."""


def link_of(entity: Entity, link: tuple[int, str, str, str]) -> Change:
    """A link (timestamp, event_id, session, user) as a row of an entity."""
    return Change(entity, "links", 0, link, ())


def inputs_of(plan: Plan) -> dict[str, int]:
    """The inputs of atoms, numbered."""
    found = {slot_input(plan, slot) for family in plan.families for slot in family.slots}
    return {name: at for at, name in enumerate(sorted(found))}


def entity_of(field: str, key: str) -> Entity:
    """From a key as facts name it: of people `u:…` and `s:…`."""
    if field == "user_id":
        return Entity(field, (key[0] + key[2:]).encode())
    return Entity(field, (key[2:] if field == "session_id" else key).encode())
