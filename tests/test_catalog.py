"""Catalogue declarations become plan fields, or problems with their line."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from afresh import Catalog, decimal
from afresh.catalog import compile_catalog
from afresh.events.types import Field
from afresh.features.plan import PlanField


class Products(Catalog):
    name: str
    price: Decimal = decimal(2)
    pages: int | None
    rating: float = 0.5
    tags: list[str]
    in_stock: bool = True


def test_every_type_and_default() -> None:
    catalog, problems = compile_catalog(Products)
    assert problems == []
    assert catalog.fields == (
        PlanField(name="name", kind="str"),
        PlanField(name="price", kind="decimal", places=2),
        PlanField(name="pages", kind="int"),
        PlanField(name="rating", kind="float", default=0.5),
        PlanField(name="tags", kind="list[str]"),
        PlanField(name="in_stock", kind="bool", default=True),
    )


def test_annotations_that_are_not_text_mean_the_same() -> None:
    annotations = {"name": str, "tags": list[str], "pages": int | None, "price": Decimal}
    made = types.new_class("Made", (Catalog,), exec_body=_body(annotations, price=decimal(2)))
    catalog, problems = compile_catalog(made)
    assert problems == []
    assert [field.kind for field in catalog.fields] == ["str", "list[str]", "int", "decimal"]


def _body(annotations: dict[str, Any], **names: Any) -> Callable[[dict[str, Any]], None]:
    """The body of a class with these annotations and attributes."""
    return lambda namespace: namespace.update(names, __annotations__=annotations)


def test_an_attribute_is_a_reference() -> None:
    reference: object = Products.in_stock
    assert isinstance(reference, Field)
    assert str(reference) == "Products.in_stock"


def test_no_catalogue_and_an_empty_one() -> None:
    class Empty(Catalog):
        pass

    assert compile_catalog(None)[0].fields == ()
    assert compile_catalog(Empty)[0].fields == ()


def test_mistakes_are_all_found() -> None:
    class Bad(Catalog):
        item_id: str
        price: Decimal
        colour: complex
        stock: bool = 1  # type: ignore[assignment]
        untyped = 3

    _, problems = compile_catalog(Bad)
    said = [problem.message for problem in problems]
    assert said == [
        "Bad.item_id takes a reserved name",
        "Bad.price needs its decimal places",
        "Bad.colour has the type complex, which a catalogue cannot keep",
        "Bad.stock is bool, but its default is 1",
        "Bad.untyped has no type",
    ]
    assert {problem.file for problem in problems} == {__file__}
    if sys.version_info < (3, 14):
        first = problems[0].line
        assert [problem.line - first for problem in problems[:4]] == [0, 1, 2, 3]


@given(st.integers(0, 9))
def test_any_decimal_places(places: int) -> None:
    body = _body({"price": Decimal}, price=decimal(places))
    catalog, problems = compile_catalog(types.new_class("Made", (Catalog,), exec_body=body))
    assert problems == []
    assert catalog.fields[0].places == places
