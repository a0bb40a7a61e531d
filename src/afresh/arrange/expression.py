"""A filter expression over many items at once.

Two-valued: a comparison with a null is false, a null flag is false, and `not` turns that round;
`x is null` asks for it. Numbers are float64, a null one NaN; dividing by zero gives null. Texts
are compared as the numbers of their labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.arrange.functions import age_hours, distance_km, epoch_ms, moment_ms
from afresh.arrange.meaning import CONTEXT, need, type_of
from afresh.arrange.syntax import ExpressionError, Node, parse
from afresh.catalog_state import CatalogState
from afresh.errors import BadRequest
from afresh.events.batch import NULL
from afresh.features.interning import Interner

ContextValues = Mapping[str, str | float]


@dataclass(slots=True)
class Scene:
    """What an expression can see: the catalogue, the request's context, and now (UTC ms)."""

    catalog: CatalogState
    context: ContextValues
    now: int


@dataclass(frozen=True, slots=True)
class _Texts:
    """A text field of the items: numbers int64[n] among labels, -1 for null."""

    labels: Interner
    numbers: NDArray[np.int64]


def expression(text: str, scene: Scene, path: str) -> Node:
    """A condition that is sound for this catalogue and context, to be given to `holds`.

    Raises BadRequest with the column; path: where in the request it stands.
    """
    fields = tuple((name, field.kind) for name, field in scene.catalog.fields.items())
    kinds = {n: "text" if isinstance(v, str) else "number" for n, v in scene.context.items()}
    try:
        return _compiled(text, fields, tuple(sorted(kinds.items())))
    except ExpressionError as error:
        raise BadRequest(
            f"At column {error.at}: {error.message}.",
            hint=error.hint,
            path=path,
            code="bad_expression",
        ) from None


@lru_cache(maxsize=256)
def _compiled(
    text: str, fields: tuple[tuple[str, str], ...], context: tuple[tuple[str, str], ...]
) -> Node:
    tree = parse(text)
    need(tree, type_of(tree, dict(fields), dict(context)), "flag", "a filter says yes or no")
    return tree


def holds(tree: Node, items: NDArray[np.int64], scene: Scene) -> NDArray[np.bool_]:
    """bool[n]: for which items it is true."""
    with np.errstate(all="ignore"):
        found = _truth(_value(tree, items, scene))
    return np.array(np.broadcast_to(found, len(items)))


def _value(node: Node, items: NDArray[np.int64], scene: Scene) -> Any:
    """Numbers float64[n], conditions bool[n], flags float64[n], texts _Texts; or one for all."""
    kind, parts = node.kind, node.parts
    if kind in ("number", "flag"):
        return float(node.value)
    if kind == "text":
        return node.value
    if kind == "name":
        return _named(str(node.value), items, scene)
    if kind in ("and", "or"):
        truths = [_truth(_value(part, items, scene)) for part in parts]
        return np.logical_and.reduce(_alike(truths, len(items))) if kind == "and" else (
            np.logical_or.reduce(_alike(truths, len(items)))
        )  # fmt: skip
    if kind == "not":
        return ~_truth(_value(parts[0], items, scene))
    if kind in ("in", "not in"):
        left = _value(parts[0], items, scene)
        found = _among(left, parts[1].parts, items, scene)
        return found if kind == "in" else ~(found | _null(left))
    values = [_value(part, items, scene) for part in parts]
    if kind == "call":
        return _called(str(node.value), values, scene)
    if kind == "negative":
        return -values[0]
    if kind in ("is null", "is not null"):
        return _null(values[0]) == (kind == "is null")
    if kind in _ARITHMETIC:
        return _ARITHMETIC[kind](*values)
    if kind in ("==", "!="):
        same, known = _equal(*values)
        return known & (same == (kind == "=="))
    return np.asarray(_ORDER[kind](*values))


def _divided(a: Any, b: Any) -> Any:
    return np.where(np.equal(b, 0.0), np.nan, np.divide(a, b))


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": _divided,
}  # fmt: skip
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip


def _alike(truths: list[Any], n: int) -> NDArray[np.bool_]:
    return np.stack([np.broadcast_to(each, n) for each in truths])


def _truth(value: Any) -> Any:
    """A condition, or a flag that is set."""
    array = np.asarray(value)
    return array if array.dtype == np.bool_ else array == 1.0


def _named(name: str, items: NDArray[np.int64], scene: Scene) -> Any:
    if name.startswith(CONTEXT):
        value = scene.context[name.removeprefix(CONTEXT)]
        return value if isinstance(value, str) else float(value)
    column, field = scene.catalog.take(name, items), scene.catalog.fields[name]
    if field.kind == "str":
        return _Texts(scene.catalog.labels[name], column.astype(np.int64))
    numbers = column.astype(np.float64)
    if field.kind != "float":
        numbers[column == NULL] = np.nan
    return numbers / 10.0**field.places if field.places else numbers


def _null(value: Any) -> Any:
    if isinstance(value, _Texts):
        return value.numbers < 0
    return np.False_ if isinstance(value, str) else np.isnan(value)


def _equal(left: Any, right: Any) -> tuple[Any, Any]:
    """Whether two values are the same, and whether both are known."""
    known = ~(np.asarray(_null(left)) | _null(right))
    if isinstance(left, str) and not isinstance(right, str):
        left, right = right, left
    if not isinstance(left, _Texts):
        return np.asarray(left == right), known
    if isinstance(right, str):
        return left.numbers == left.labels.find_one(right), known
    distinct, where = np.unique(left.numbers, return_inverse=True)
    texts = ["" if number < 0 else left.labels.text(number) for number in distinct.tolist()]
    return right.labels.find_texts(texts)[where] == right.numbers, known


def _among(left: Any, parts: tuple[Node, ...], items: Any, scene: Scene) -> Any:
    """Whether a value is one of a list of fixed ones."""
    values = [_value(part, items, scene) for part in parts]
    if isinstance(left, _Texts):
        return np.isin(left.numbers, left.labels.find_texts(values)) & (left.numbers >= 0)
    if isinstance(left, str):
        return np.asarray(left in values)
    return np.isin(np.asarray(left, np.float64), np.array(values, np.float64))


def _called(name: str, values: list[Any], scene: Scene) -> Any:
    if name == "distance_km":
        return distance_km(*values)
    moment = values[0]
    if isinstance(moment, str):
        return age_hours(moment_ms(moment), scene.now)
    if isinstance(moment, _Texts):
        distinct, where = np.unique(moment.numbers, return_inverse=True)
        named = ["" if n < 0 else moment.labels.text(n) for n in distinct.tolist()]
        return age_hours(np.array([moment_ms(t) for t in named], np.float64)[where], scene.now)
    return age_hours(epoch_ms(moment), scene.now)
