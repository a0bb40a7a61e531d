"""How facts are shared: families, slots, sequences and inputs, each kept once.

While features are compiled they ask for facts by what those are; at the end
everything is sorted by a stable key and numbered. So the order and the names of
features do not change the state, and equal definitions give equal bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, get_args

from afresh.features.plan import (
    Distinct,
    Family,
    Feature,
    Input,
    Op,
    Read,
    Sequence,
    Slot,
    Window,
)

OPS: tuple[Op, ...] = get_args(Op)


class SlotNeed(NamedTuple):
    op: Op
    types: tuple[int, ...]
    input: Input | None = None


class FamilyNeed(NamedTuple):
    key: str
    width: int
    split: Input | None


class ReadNeed(NamedTuple):
    """A read before families and slots are numbered."""

    family: FamilyNeed
    slot: SlotNeed
    window: Window
    touch: tuple[SlotNeed, SlotNeed] | None


class DistinctNeed(NamedTuple):
    """A sketch before it is numbered. value: an id, or a text column."""

    key: str
    width: int
    types: tuple[int, ...]
    value: str | Input


@dataclass(slots=True)
class Draft:
    """A feature whose facts are not numbered yet."""

    made: Feature
    reads: list[ReadNeed] = field(default_factory=list)
    sequence: tuple[str, tuple[int, ...], int] | None = None
    split: Input | None = None
    distinct: DistinctNeed | None = None
    session: ReadNeed | None = None


@dataclass(slots=True)
class Layout:
    """Collects needs, then numbers them. `all_types` are the codes of every event type."""

    all_types: tuple[int, ...]
    _inputs: set[Input] = field(default_factory=set)
    _families: dict[FamilyNeed, tuple[int, set[SlotNeed]]] = field(default_factory=dict)
    _sequences: dict[tuple[str, tuple[int, ...], int], int] = field(default_factory=dict)
    _distincts: dict[DistinctNeed, int] = field(default_factory=dict)

    def need_input(self, column: Input) -> None:
        self._inputs.add(column)

    def need_read(
        self, key: str, split: Input | None, slot: SlotNeed, window: Window, reach: int
    ) -> ReadNeed:
        """A window over one slot; its family lives as long as its farthest reader asks."""
        self._inputs |= {i for i in (split, slot.input) if i is not None}
        touch = None
        if window.kind == "session":  # activity of any type keeps a session open
            touch = SlotNeed("min_ts", self.all_types), SlotNeed("max_ts", self.all_types)
        family = FamilyNeed(key, window.width, split)
        old, slots = self._families.get(family, (0, set()))
        self._families[family] = max(old, reach), slots | {slot, *(touch or ())}
        return ReadNeed(family, slot, window, touch)

    def need_distinct(
        self, key: str, types: tuple[int, ...], value: str | Input, width: int, reach: int
    ) -> DistinctNeed:
        """Distinct values of a field; sketches live as long as their farthest reader asks."""
        if isinstance(value, Input):
            self._inputs.add(value)
        need = DistinctNeed(key, width, types, value)
        self._distincts[need] = max(reach, self._distincts.get(need, 0))
        return need

    def need_sequence(self, key: str, types: tuple[int, ...], n: int, within: int) -> None:
        """Sequences that differ in n alone are one, as long as the longest."""
        need = (key, types, within)
        self._sequences[need] = max(n, self._sequences.get(need, 0))

    def inputs(self) -> tuple[Input, ...]:
        return tuple(sorted(self._inputs, key=_input_order))

    def families(self) -> tuple[Family, ...]:
        return tuple(
            Family(
                key=need.key,
                width=need.width,
                reach=self._families[need][0],
                split=self.input_at(need.split),
                slots=tuple(
                    Slot(op=slot.op, types=slot.types, input=self.input_at(slot.input))
                    for slot in self._slots(need)
                ),
            )
            for need in self._ordered()
        )

    def sequences(self) -> tuple[Sequence, ...]:
        return tuple(
            Sequence(key=key, types=types, n=n, within=within)
            for (key, types, within), n in sorted(self._sequences.items())
        )

    def distincts(self) -> tuple[Distinct, ...]:
        return tuple(
            Distinct(
                key=need.key,
                width=need.width,
                reach=self._distincts[need],
                types=need.types,
                value=need.value if isinstance(need.value, str) else "",
                input=self.input_at(need.value) if isinstance(need.value, Input) else None,
            )
            for need in self._ordered_distincts()
        )

    def distinct_at(self, need: DistinctNeed) -> int:
        return self._ordered_distincts().index(need)

    def read(self, need: ReadNeed) -> Read:
        slots = self._slots(need.family)
        return Read(
            family=self._ordered().index(need.family),
            slot=slots.index(need.slot),
            window=need.window,
            touch=(slots.index(need.touch[0]), slots.index(need.touch[1])) if need.touch else None,
        )

    def sequence_at(self, key: str, types: tuple[int, ...], within: int) -> int:
        return sorted(self._sequences).index((key, types, within))

    def input_at(self, column: Input | None) -> int | None:
        return None if column is None else self.inputs().index(column)

    def _ordered(self) -> list[FamilyNeed]:
        return sorted(self._families, key=lambda f: (f.key, f.width, _input_order(f.split)))

    def _ordered_distincts(self) -> list[DistinctNeed]:
        def order(need: DistinctNeed) -> tuple[object, ...]:
            column = need.value if isinstance(need.value, Input) else None
            name = need.value if isinstance(need.value, str) else ""
            return need.key, need.width, need.types, name, _input_order(column)

        return sorted(self._distincts, key=order)

    def _slots(self, family: FamilyNeed) -> list[SlotNeed]:
        slots = self._families[family][1]
        return sorted(slots, key=lambda s: (OPS.index(s.op), s.types, _input_order(s.input)))


def _input_order(column: Input | None) -> tuple[str, str, tuple[int, ...], int]:
    if column is None:
        return "", "", (), 0
    return column.name, column.kind, column.bands, column.offset
