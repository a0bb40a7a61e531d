"""Filters: which points a search may name. Every backend means exactly the same by them.

An absent field is in no set and in no range, so that its negation lets it pass. Each backend
translates them into its own language with negations pushed down to the fields, as databases
differ in what they make of a negation and of what is absent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from afresh.errors import BadRequest
from afresh.problems import suggest

if TYPE_CHECKING:
    from afresh.vectors.databases import Field

T = TypeVar("T")
TYPES = {"text": (str,), "number": (int, float), "flag": (bool,)}


@dataclass(frozen=True, slots=True)
class OneOf:
    """A field has one of some values."""

    field: str
    values: tuple[str | float | bool, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """A number is not below `least` and not above `most`; None: no such border."""

    field: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class And:
    """All of some filters."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What a filter does not let pass."""

    part: Filter


Filter = OneOf | Between | And | Not


class Language(Protocol[T]):
    """What a backend's own filters are made with. `none_of` and `outside` let pass what is
    absent."""

    def one_of(self, field: Field, values: Sequence[str | float | bool]) -> T: ...

    def none_of(self, field: Field, values: Sequence[str | float | bool]) -> T: ...

    def between(self, field: Field, least: float | None, most: float | None) -> T: ...

    def outside(self, field: Field, least: float | None, most: float | None) -> T: ...

    def both(self, parts: Sequence[T]) -> T: ...

    def either(self, parts: Sequence[T]) -> T: ...


def translated(
    where: Filter, fields: Sequence[Field], language: Language[T], negated: bool = False
) -> T:
    """A filter in a backend's language. Raises BadRequest for one that does not fit the fields."""
    match where:
        case Not(part):
            return translated(part, fields, language, not negated)
        case And(parts):
            if not parts:
                raise _refused("`And` has no parts", "Leave it out.")
            made = [translated(part, fields, language, negated) for part in parts]
            return language.either(made) if negated else language.both(made)
        case OneOf(name, values):
            field = _field(name, fields)
            _check(field, values)
            one, none = language.one_of, language.none_of
            return (none if negated else one)(field, values)
        case Between(name, least, most):
            field = _field(name, fields)
            borders = [border for border in (least, most) if border is not None]
            if field.kind != "number":
                raise _refused(f"{name!r} is no number", "`Between` is for numbers.")
            _check(field, borders)
            inside, outside = language.between, language.outside
            return (outside if negated else inside)(field, least, most)


def fits(value: object, field: Field) -> bool:
    """Whether a value is of a field's kind."""
    is_flag = isinstance(value, bool)
    return isinstance(value, TYPES[field.kind]) and is_flag == (field.kind == "flag")


def _field(name: str, fields: Sequence[Field]) -> Field:
    for field in fields:
        if field.name == name:
            return field
    raise _refused(f"there is no field {name!r}", suggest(name, [field.name for field in fields]))


def _check(field: Field, values: Sequence[object]) -> None:
    if not values:
        raise _refused(f"nothing is said of {field.name!r}", "Give a value or a border.")
    for value in values:
        if not fits(value, field) or (isinstance(value, float) and not math.isfinite(value)):
            raise _refused(f"{value!r} is no {field.kind}", f"{field.name!r} is a {field.kind}.")


def _refused(why: str, hint: str) -> BadRequest:
    return BadRequest(f"The filter does not fit: {why}.", hint=hint, code="vector_filter")
