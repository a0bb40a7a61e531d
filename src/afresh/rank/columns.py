"""Columns: what a trained ranker is told of each candidate, one number a column.

One definition for the answer and for the rows that are learned from: what the scans gave, the
terms of the softmax blend that say more than those, what the visitor did with it, what a caller's
list says of it, what each source of the surface gave, and the app's own features of the item and
of the person, read by the one reader. Nothing here knows what happened afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.features.plan import Feature, Plan, Read
from afresh.features.reading import Reader
from afresh.rank.given import PLACED, number_names, numbered, placed, to
from afresh.rank.inputs import Inputs
from afresh.rank.terms import SHARED, terms
from afresh.rank.visitor import VISITOR, idle_minutes, newest_first, with_each
from afresh.retrieve import Context
from afresh.retrieve.scans import RULES, SCANS, Scanned

VERSION = 2
"""Of what the columns that are not features mean; a model of another one is refused."""

QUESTION = (
    "length of this session", "items of the visitor", "minutes since this visitor's latest event",
    "place by sessions", "place by rules",
)  # fmt: skip
"""The first three are the same for all candidates of a question; places count from 0."""
POSITION = "position"
"""Where an item was shown, from 0: learned from impressions, and 0 for all when serving, so that
nothing is recommended for having stood high (the usual way, as Guo et al., "PAL", RecSys 2019,
describe it)."""
NO_PLACE = 1000.0
"""The place of what no scan has found."""

_SAID = [at for at, name in enumerate(SHARED) if not name.startswith("log ")]
"""A tree cannot tell a number from its logarithm; what OWN say, it is told of the sources."""


class Columns:
    """The columns of one surface, of what it brings. only: the features that are wanted.

    Features are those of an item or a user that are one number, under their own names. features:
    those that columns are made of, by the column.
    """

    def __init__(self, plan: Plan, inputs: Inputs, only: Collection[str] | None = None) -> None:
        wanted = [f for f in plan.features if only is None or f.name in only]
        self.items = tuple(f for f in wanted if f.key == "item_id" and f.is_number)
        self.people = tuple(f for f in wanted if f.key == "user_id" and f.is_number)
        known = {f.name: f for f in plan.features}
        held = {name: known.get(against) for name, against in inputs.given}
        self.numbers = tuple(held)
        self.against = tuple((name, f) for name, f in held.items() if f is not None)
        said = [n for name, f in held.items() for n in number_names(name, f.name if f else "")]
        self.ours = (
            *(f"{name}: score" for name in SCANS),
            *(SHARED[at] for at in _SAID),
            *QUESTION,
            POSITION,
            *VISITOR,
            *PLACED,
            *said,
            *(f"source {label}" for label in inputs.labels),
        )
        own = {f.name: f for f in (*self.items, *self.people)}
        self.features = own | {number_names(name, f.name)[-1]: f for name, f in self.against}
        self.names = (*self.ours, *own)

    def __call__(
        self, reader: Reader, context: Context, scanned: Scanned, items: NDArray[np.int64],
        rows: NDArray[np.int64], parts: NDArray[np.float64],
    ) -> NDArray[np.float32]:  # fmt: skip
        """float32[n, names] of items int64[n], as of context.now; where the context has a given
        list, they are that list's, in its order, -1 for one never met.

        rows: int64[n], where each stands among those scanned, -1 for one that no scan found;
        parts: float64[n, sources], what each source gave it.
        """
        n = len(items)
        out = np.empty((n, len(self.names)), np.float32)
        at = len(SCANS)
        out[:, :at] = (
            np.where(rows[:, None] >= 0, scanned.scores[rows], 0.0) if len(scanned.items) else 0.0
        )
        end = at + len(_SAID)
        out[:, at:end] = terms(reader.state, context, scanned, items, rows)[:, _SAID]
        at, end = end, end + len(QUESTION)
        facts = newest_first(reader.state, context)
        out[:, at] = len(context.visit)
        out[:, at + 1] = len(context.items)
        out[:, at + 2] = idle_minutes(reader.state, context, facts)
        for column, scan in ((at + 3, 0), (at + 4, RULES)):
            out[:, column] = _places(scanned.scores[:, scan], rows)
        out[:, end] = 0.0
        at, end = end + 1, end + 1 + len(VISITOR)
        out[:, at:end] = with_each(reader.state, context, facts, items)
        who = np.array([context.person], np.int64)
        self._listed(out[:, end : len(self.ours) - parts.shape[1]], out[:, at], reader, context,
                     facts, who)  # fmt: skip
        at = len(self.ours)
        out[:, at - parts.shape[1] : at] = parts
        if self.items:
            out[:, at : at + len(self.items)] = reader.matrix(items, self.items, context.now)
        if self.people:
            out[:, at + len(self.items) :] = reader.matrix(who, self.people, context.now)
        return out

    def _listed(
        self, out: NDArray[np.float32], times: NDArray[np.float32], reader: Reader,
        context: Context, facts: NDArray[np.int64], who: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Fill in what the given list says: out float32[n, columns]. times: float32[n], how often
        the visitor touched each."""
        given = context.given
        if given is None:
            out[:] = np.nan
            return
        latest = reader.state.facts.item[facts].astype(np.int64)
        out[:, : len(PLACED)] = placed(given, context.visit, latest, times.astype(np.float64))
        at, against = len(PLACED), dict(self.against)
        for name in self.numbers:
            values = given.numbers.get(name)
            out[:, at : at + 3] = numbered(values, len(out))
            at += 3
            if name in against:
                usual = float(reader.matrix(who, (against[name],), context.now)[0, 0])
                out[:, at] = np.nan if values is None else to(values, usual)
                at += 1


def _places(scores: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The place of each of rows int64[n] by scores float64[m], the greatest first; NO_PLACE of
    -1."""
    place = np.empty(len(scores) + 1)
    place[-1] = NO_PLACE
    place[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return place[rows]


def fingerprint(plan: Plan, feature: Feature) -> str:
    """16 hex digits of what a feature means, whatever else the plan holds: its own name left out,
    tiles and inputs written out instead of their places in the plan."""
    said = msgspec.to_builtins(feature)
    for name in ("name", "group", "reads", "session", "distinct", "sequence"):
        said.pop(name, None)
    said["reads"] = [_read(plan, read) for read in feature.reads]
    if feature.session is not None:
        said["session"] = _read(plan, feature.session)
    if feature.distinct is not None:
        kept = plan.distincts[feature.distinct]
        told = msgspec.to_builtins(kept) | {"types": _types(plan, kept.types), "reach": 0}
        said["distinct"] = told | {"input": _input(plan, kept.input)}
    document = msgspec.json.encode(said, order="deterministic")
    return hashlib.sha256(document).hexdigest()[:16]


def _read(plan: Plan, read: Read) -> list[object]:
    family = plan.families[read.family]
    slots = [family.slots[at] for at in (read.slot, *(read.touch or ()))]
    said = [(slot.op, _types(plan, slot.types), _input(plan, slot.input)) for slot in slots]
    return [family.key, family.width, _input(plan, family.split), said, read.window]


def _types(plan: Plan, types: Sequence[int]) -> list[tuple[str, int]]:
    return [(plan.events[code].name, plan.events[code].weight) for code in types]


def _input(plan: Plan, at: int | None) -> object:
    return None if at is None else plan.inputs[at]
