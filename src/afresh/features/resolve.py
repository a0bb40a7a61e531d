"""Names become columns: which input of the fold a field of the definition reads.

A property of the event comes first; where it is missing, the field of the same
name that the door wrote into the event from the catalogue (`item.<field>`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from afresh.errors import DefinitionError
from afresh.events.types import HOUR_OF_DAY, Bands, EventType, Field, HourOfDay
from afresh.features.plan import Input, PlanCatalog, PlanEvent, PlanField
from afresh.problems import Place, suggest

IDS = ("item_id", "user_id", "session_id")
LIMIT = 2**31
_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")


def failure(message: str, hint: str, place: Place) -> DefinitionError:
    return DefinitionError(message, hint=hint, file=place.file, line=place.line)


@dataclass(frozen=True, slots=True)
class Names:
    """Everything a definition can refer to: its event types (by code) and its catalogue."""

    types: tuple[EventType, ...]
    events: tuple[PlanEvent, ...]
    catalog: PlanCatalog

    def codes(self, types: Sequence[object], place: Place) -> tuple[int, ...]:
        """The type codes of some event types, ascending."""
        if not types:
            hint = f"Name one: {', '.join(event.name for event in self.events)}."
            raise failure("No event type is given", hint, place)
        known = {id(event): code for code, event in enumerate(self.types)}
        for given in types:
            if not isinstance(given, EventType):
                what = str(given) if isinstance(given, Field) else repr(given)
                hint = "Pass what app.events(...) returned, such as view."
                raise failure(f"{what} is not an event type", hint, place)
            if id(given) not in known:
                hint = "Declare it on this app with app.event(...)."
                raise failure(f"{given!r} belongs to another app", hint, place)
        return tuple(sorted({known[id(given)] for given in types}))

    def number(self, fields: Sequence[object], codes: tuple[int, ...], place: Place) -> Input:
        """The number column that `fields` (one name, of several event types) stand for."""
        name = self._one_name(fields, place)
        if name == "value" and codes:
            return Input(name="value", kind="number", places=self.events[codes[0]].value_places)
        made, column, fallback = self._column(name, codes, place)
        if made.kind not in ("int", "decimal"):
            fix = "declare it with decimal(2)" if made.kind == "float" else "take a number field"
            raise failure(
                f"{name} is {made.kind}, and only exact numbers add up", f"To use it, {fix}.", place
            )
        return Input(name=column, kind="number", places=made.places, fallback=fallback)

    def group(self, by: object, codes: tuple[int, ...], place: Place) -> Input:
        """The column that splits a feature into groups."""
        if isinstance(by, Bands):
            return self._bands(by, codes)
        if isinstance(by, HourOfDay):
            return _hour(by)
        if not isinstance(by, Field):
            hint = "Pass a field, such as Products.category, or bands(Products.price, 10, 50)."
            raise failure(f"A feature cannot be split by {by!r}", hint, place)
        name = self._one_name([by], place)
        if name == "value" and by.owner is not None:
            raise failure("value is a number", "Cut it: view.value.bands(10).", place)
        hint = f"Cut it into bands: {by}.bands(10, 50), or take a text field."
        return self.text(name, () if by.owner is None else codes, place, hint)

    def counted(
        self, fields: Sequence[object], codes: tuple[int, ...], place: Place
    ) -> str | Input:
        """What distinct values are counted of: an id, or a text column."""
        name = self._one_name(fields, place)
        if name in IDS:
            return name
        return self.text(name, codes, place, "Count the values of an id or of a text field.")

    def text(self, name: str, codes: tuple[int, ...], place: Place, hint: str) -> Input:
        """The text column of a name; without type codes, the catalogue's."""
        made, column, fallback = self._column(name, codes, place)
        from_catalog = column.startswith("item.")
        if made.kind != "str" and not (from_catalog and made.kind in ("int", "bool")):
            hint = hint if made.kind in ("int", "decimal") else "Take a text field."
            raise failure(f"{name} is {made.kind}, which makes no groups", hint, place)
        return Input(name=column, kind="text", fallback=fallback)

    def key(self, name: str, place: Place) -> str | Input:
        """What a group is keyed by: an id, or a text column."""
        if name in IDS:
            return name
        known = {f.name for e in self.events for f in e.fields}
        known |= {f.name for f in self.catalog.fields}
        if not name or name not in known:
            message = f"No event carries the key {name!r}" if name else "The group has no key"
            hint = suggest(name, {*known, *IDS}) if name else 'Write key="item_id".'
            raise failure(message, hint, place)
        return self.text(name, self.carriers(name), place, "Take a text field.")

    def carriers(self, name: str) -> tuple[int, ...]:
        """Type codes of the events that declare a property of this name."""
        return tuple(
            code
            for code, event in enumerate(self.events)
            if any(field.name == name for field in event.fields)
        )

    def _column(
        self, name: str, codes: tuple[int, ...], place: Place
    ) -> tuple[PlanField, str, str | None]:
        """The declared field, its column, and the catalogue column behind it."""
        item = next((f for f in self.catalog.fields if f.name == name), None)
        declared = [
            next((f for f in self.events[code].fields if f.name == name), None) for code in codes
        ]
        found = next((f for f in declared if f is not None), None)
        if item is None and (found is None or None in declared):
            self._unknown(name, codes, place)
        if found is None:
            assert item is not None
            return item, f"item.{name}", None
        if item is None:
            return found, name, None
        if (item.kind, item.places) != (found.kind, found.places):
            raise failure(
                f"{name} is {spell(found)} in the event and {spell(item)} in {self.catalog.name}",
                "Declare both alike, so that one can stand in for the other.",
                place,
            )
        return found, name, f"item.{name}"

    def _unknown(self, name: str, codes: tuple[int, ...], place: Place) -> None:
        missing = [e for e in map(self.events.__getitem__, codes) if name not in _names(e.fields)]
        owner = missing[0].name if missing else self.catalog.name
        known = {"value", *_names(missing[0].fields)} if missing else set()
        hint = suggest(name, known | _names(self.catalog.fields), prefix=f"{owner}.")
        raise failure(f"{owner} has no field {name!r}", hint, place)

    def _bands(self, by: Bands, codes: tuple[int, ...]) -> Input:
        if not isinstance(by.field, Field):
            hint = "Write view.price.bands(10, 50) or bands(Products.price, 10, 50)."
            raise failure(f"{by.field!r} is not a field", hint, by.place)
        of = () if by.field.owner is None else codes
        column = self.number([by.field], of, by.place)
        edges = []
        for edge in by.edges:
            try:
                scaled = Decimal(str(edge)).scaleb(column.places)
            except InvalidOperation:
                scaled = Decimal("NaN")
            if not scaled.is_finite() or scaled != int(scaled) or abs(scaled) >= LIMIT:
                hint = f"This field has {column.places} decimal places."
                raise failure(f"{edge!r} cannot be an edge of a band", hint, by.place)
            edges.append(int(scaled))
        if not edges or edges != sorted(set(edges)):
            raise failure("The edges of bands must ascend", "Write bands(10, 50, 100).", by.place)
        return Input(
            name=column.name,
            kind="number",
            places=column.places,
            bands=tuple(edges),
            fallback=column.fallback,
        )

    def _one_name(self, fields: Sequence[object], place: Place) -> str:
        names = set()
        for given in fields:
            if not isinstance(given, Field):
                hint = "Pass fields of events, such as buy.price_cents."
                raise failure(f"{given!r} is not a field", hint, place)
            names.add(given.name)
        if len(names) != 1:
            message = "No field is given" if not names else f"{' and '.join(sorted(names))} differ"
            raise failure(message, "Pass one field, of one or several event types.", place)
        return names.pop()


def _hour(by: HourOfDay) -> Input:
    said = _OFFSET.fullmatch(by.offset) if isinstance(by.offset, str) else None
    if said is None:
        hint = 'Write hour_of_day("+05:30"): at most 14 hours ahead of UTC, or behind it.'
        raise failure(f"{by.offset!r} is no offset from UTC", hint, by.place)
    ms = (int(said[2]) * 60 + int(said[3])) * 60_000
    return Input(name=HOUR_OF_DAY, kind="hour", offset=-ms if said[1] == "-" else ms)


def spell(field: PlanField) -> str:
    """A field's type as a user writes it."""
    return f"decimal({field.places})" if field.kind == "decimal" else field.kind


def _names(fields: Sequence[PlanField]) -> set[str]:
    return {field.name for field in fields}
