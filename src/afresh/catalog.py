"""`class Products(Catalog)`: the fields of what can be recommended.

Every field is optional in a record: a missing one is null, or its default.
`Products.category` refers to the field; a name that does not exist is reported
with the rest of the definition's mistakes.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from afresh.events.types import DecimalType, Field
from afresh.features.definition import DeclaredClass
from afresh.features.plan import PlanCatalog, PlanField
from afresh.problems import Place, Problem, here, suggest

KINDS: dict[str, Any] = {k: k for k in ("str", "int", "float", "bool", "list[str]")}
RESERVED = ("item_id", "deleted")


class CatalogClass(DeclaredClass):
    """Makes `Products.category` a reference instead of the default value."""

    _annotations: dict[str, object]
    _defaults: dict[str, object]
    _places: dict[str, Place]

    def __new__(meta, name: str, bases: tuple[type, ...], body: dict[str, Any], **_: Any) -> Any:
        made = super().__new__(meta, name, bases, body)
        made._annotations = inspect.get_annotations(made)
        made._defaults = {}
        made._places = getattr(body.get("__annotations__"), "places", {})
        public = [n for n in (*made._annotations, *vars(made)) if not n.startswith("_")]
        for attribute in dict.fromkeys(public):
            if attribute in vars(made):
                made._defaults[attribute] = vars(made)[attribute]
            setattr(made, attribute, Field(attribute, catalog=name, place=made._place))
        return made

    if not TYPE_CHECKING:  # a type checker should refuse an unknown field by itself

        def __getattr__(cls, name: str) -> Field:
            if name.startswith("_"):
                raise AttributeError(name)
            return Field(name, catalog=cls.__name__, place=here())


class Catalog(metaclass=CatalogClass):
    """What can be recommended, field by field.

    Types: str, int, bool, float, list[str], and `price: Decimal = decimal(2)` for exact
    decimals. A default (`in_stock: bool = True`) stands where a record says nothing.
    """


def compile_catalog(catalog: type[Catalog] | None) -> tuple[PlanCatalog, list[Problem]]:
    """The plan's catalogue and what is wrong with its declaration."""
    if catalog is None:
        return PlanCatalog(), []
    problems = list(catalog._problems)
    fields = []
    for name in dict.fromkeys([*catalog._annotations, *catalog._defaults]):
        if name.startswith("_"):
            continue
        made = _field(catalog, name)
        if isinstance(made, PlanField):
            fields.append(made)
        else:
            message, hint = made
            place = catalog._places.get(name, catalog._place)
            problems.append(Problem(*place, f"{catalog.__name__}.{name} {message}", hint))
    return PlanCatalog(name=catalog.__name__, fields=tuple(fields)), problems


def _field(catalog: type[Catalog], name: str) -> PlanField | tuple[str, str]:
    """One field, or what is wrong with it and what to write."""
    if name not in catalog._annotations:
        return "has no type", f"Write {name}: str, or another type."
    if name in RESERVED:
        return "takes a reserved name", "Every record has it already; leave it out."
    annotation, default = catalog._annotations[name], catalog._defaults.get(name)
    written = annotation if isinstance(annotation, str) else _written(annotation)
    written = re.sub(r"\s*\|\s*None$|^None\s*\|\s*", "", written.strip())
    if written in ("Decimal", "decimal.Decimal"):
        if not isinstance(default, DecimalType) or not 0 <= default.places <= 9:
            return "needs its decimal places", f"Write {name}: Decimal = decimal(2)."
        return PlanField(name=name, kind="decimal", places=default.places)
    if written not in KINDS:
        return f"has the type {written}, which a catalogue cannot keep", (
            suggest(written, [*KINDS, "Decimal"])
        )
    if default is None:
        return PlanField(name=name, kind=KINDS[written])
    if type(default).__name__ != written:
        return f"is {written}, but its default is {default!r}", "Give a default of that type."
    assert isinstance(default, bool | int | float | str)
    return PlanField(name=name, kind=KINDS[written], default=default)


def _written(annotation: Any) -> str:
    """A type as it is written in a file."""
    return annotation.__name__ if type(annotation) is type else str(annotation)
