"""Filter expressions: alike with a plain evaluation an item at a time; wrong ones say where."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from afresh import App, Catalog, decimal
from afresh.arrange.expression import Scene, expression, holds
from afresh.errors import BadRequest
from afresh.store.replica import Replica

NOW = 1_767_603_600_000
"""2026-01-05T09:00:00Z"""

app = App("places")


class Places(Catalog):
    brand: str
    category: str
    price: Any = decimal(2)
    stars: int
    lat: float
    lon: float
    open: bool
    opened_at: str
    listed_at: int
    tags: list[str]


Places._annotations["price"] = "Decimal"
app.event("view")
PLAN = app.plan()
CONTEXT: dict[str, str | float] = {"lat": 52.5, "lon": 13.4, "brand": "acme", "most": 3}


def scene(*records: dict[str, Any]) -> Scene:
    replica = Replica(PLAN)
    for at, record in enumerate(records):
        replica.fold_items(msgspec.json.encode({"item_id": f"i{at}", **record}), at)
    return Scene(replica.catalog, CONTEXT, NOW)


def which(text: str, *records: dict[str, Any]) -> list[bool]:
    here = scene(*records)
    found = holds(expression(text, here, "$.f"), np.arange(len(records)), here)
    assert found.dtype == np.bool_
    return [bool(each) for each in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('price < 50 and category in ["shoes", "socks"]', [True, False, False]),
        ("brand == 'acme'", [True, True, False]),
        ("brand != 'acme'", [False, False, False]),
        ("brand == context.brand and 'acme' == brand", [True, True, False]),
        ("not open", [False, True, True]),
        ("open == false", [False, True, False]),
        ("open is null or brand is null", [False, False, True]),
        ("open is not null", [True, True, False]),
        ("price == 12.50", [True, False, False]),
        ("price * 2 - 1 >= 24", [True, True, False]),
        ("price / 0 > 0", [False, False, False]),
        ("-price < -20", [False, True, False]),
        ("stars < context.most", [False, True, False]),
        ("stars not in [2, 3]", [True, False, False]),
        ("brand == category", [False, True, False]),
        ("true", [True, True, True]),
        ("distance_km(lat, lon, context.lat, context.lon) < 5", [True, False, False]),
        ("age_hours(opened_at) < 24", [True, False, False]),
        ("age_hours(listed_at) == 1", [True, False, False]),
        (f"age_hours('1970-01-02T00:00:00+00:00') == {NOW / 3_600_000 - 24}", [True] * 3),
        (f"age_hours({NOW - 7_200_000}) == 2", [True] * 3),
        ("age_hours('2026-01-05T08:00:00') > -1000000", [False] * 3),
        ("price<50or stars==2", [True, True, False]),
        (r'brand == "ac\"me" or "it\\s" == "it\\s"', [True, True, True]),
    ],
)
def test_what_holds(text: str, expected: list[bool]) -> None:
    records = (
        {"brand": "acme", "category": "shoes", "price": 12.5, "stars": 5, "lat": 52.51, "lon": 13.4,
         "open": True, "opened_at": "2026-01-05T08:00:00+00:00", "listed_at": NOW // 1000 - 3600},
        {"brand": "acme", "category": "acme", "price": 80, "stars": 2, "lat": 48.1, "lon": 11.6,
         "open": False, "opened_at": "2026-01-03T08:00:00Z", "listed_at": 0},
        {"opened_at": "yesterday"},
    )  # fmt: skip
    assert which(text, *records) == expected


def test_the_distance_is_that_of_the_sphere() -> None:
    """A degree along a meridian is 1/360 of it; Paris to London are 344 km."""
    paris = {"lat": 48.8566, "lon": 2.3522}
    for text in (
        "distance_km(0, 0, 1, 0) > 111.19 and distance_km(0, 0, 1, 0) < 111.2",
        "distance_km(lat, lon, 51.5074, -0.1278) > 343 and distance_km(lat, lon, 51.5074, -0.1278)"
        " < 345",
        "distance_km(0, 0, 0, 180) > 20015 and distance_km(0, 179.9, 0, -179.9) < 23",
    ):
        assert which(text, paris) == [True]


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("price < 5 and categry == 'a'", 15, "no field 'categry'", "Did you mean category?"),
        ("context.lta < 5", 1, "no 'lta'", "Did you mean context.lat?"),
        ("age_hour(opened_at) < 5", 1, "no function 'age_hour'", "Did you mean age_hours?"),
        ("age_hours() < 5", 1, "takes 1 values, not 0", "Write age_hours(published_at)."),
        ("brand < 5", 1, "'brand' is a text, not a number", "< compares numbers."),
        ("price == 'a'", 10, "'a' is a text, not a number", "== compares values of one type."),
        ("stars in [1, 'a']", 14, "'a' is a text", "All in a list are of one type."),
        ("stars in [price]", 11, "fixed values", "=="),
        ("price", 1, "'price' is a number, not true or false", "A filter says yes or no."),
        ("price and open", 1, "'price' is a number", "And joins conditions."),
        ("brand + 1 > 2", 1, "'brand' is a text", "Arithmetic"),
        ("tags == 'a'", 1, "'tags' is a list[str]", "text, numbers"),
        ("price = 5", 7, "'=' means nothing", "Write ==."),
        ("brand == null", 10, "'null'", "is null"),
        ("1 < price < 5", 11, "do not chain", "a < b and b < c"),
        ("brand == 'a", 10, "no end", "Close it"),
        ("(price < 5", 11, "')' is expected, not 'the end'", ""),
        ("price < 5 open", 11, "'open' is not expected", "and"),
        ("", 1, "a value is expected", ""),
        ("price < 1e999", 9, "too large", ""),
        ("__import__('os') == 1", 1, "no function", ""),
        ("price.real < 1", 1, "no field 'price.real'", ""),
        ("(" * 70 + "true" + ")" * 70, 66, "nested deeper than 64", ""),
        ("not " * 400 + "true", 261, "nested deeper", ""),
        ("1" + " + 1" * 400 + " > 2", 255, "nested deeper", ""),
        ("true" + " " * 2000, 2000, "longer than 2,000", ""),
    ],
)
def test_a_wrong_one_says_where_and_what_instead(
    text: str, column: int, message: str, hint: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        which(text)
    assert caught.value.message.startswith(f"At column {column}: "), caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert (caught.value.path, caught.value.code) == ("$.f", "bad_expression")


PIECES = st.sampled_from(
    ["price", "brand", "open", "context.lat", "'a'", "5", "(", ")", "[", "]", ",", "and", "or",
     "not", "in", "is", "null", "true", "<", "==", "-", "+", "/", "age_hours", "distance_km", "."]
)  # fmt: skip


@settings(max_examples=400)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=30).map(" ".join)))
@example("\ud800")
@example("'\x00' == brand")
@example("brand == '\ud800'")
def test_no_text_at_all_does_anything_but_hold_or_be_refused(text: str) -> None:
    with suppress(BadRequest):
        assert len(which(text, {"brand": "a", "price": 1}, {})) == 2


# A plain model: (text, function of one record). Null is None; a comparison with it is false.
Part = tuple[str, Callable[[dict[str, Any]], Any]]
NUMBERS: st.SearchStrategy[Part] = st.one_of(
    st.sampled_from([(n, operator.methodcaller("get", n)) for n in ("price", "stars", "lat")]),
    st.integers(0, 4).map(lambda n: (str(n), lambda _: n)),
    st.just(("context.most", lambda _: CONTEXT["most"])),
)
TEXTS: st.SearchStrategy[Part] = st.one_of(
    st.sampled_from([(n, operator.methodcaller("get", n)) for n in ("brand", "category")]),
    st.sampled_from(["a", "b", "never"]).map(lambda t: (f"'{t}'", lambda _: t)),
)


def arithmetic(parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
    def made(sign: str, a: Part, b: Part) -> Part:
        def run(record: dict[str, Any]) -> Any:
            x, y = a[1](record), b[1](record)
            if x is None or y is None or (sign == "/" and y == 0):
                return None
            does = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
            return does[sign](float(x), float(y))

        return f"({a[0]} {sign} {b[0]})", run

    return st.builds(made, st.sampled_from("+-*/"), parts, parts)


def compared(sign: str, a: Part, b: Part) -> Part:
    does = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
            "==": operator.eq, "!=": operator.ne}[sign]  # fmt: skip

    def run(record: dict[str, Any]) -> bool:
        x, y = a[1](record), b[1](record)
        return x is not None and y is not None and bool(does(x, y))

    return f"{a[0]} {sign} {b[0]}", run


def among(a: Part, values: list[str], negated: bool) -> Part:
    def run(record: dict[str, Any]) -> bool:
        x = a[1](record)
        return x is not None and (x in values) != negated

    return f"{a[0]} {'not ' * negated}in {values!r}", run


def joined(word: str, a: Part, b: Part) -> Part:
    does = {"and": lambda r: a[1](r) and b[1](r), "or": lambda r: a[1](r) or b[1](r)}
    return f"({a[0]} {word} {b[0]})", does[word]


SUMS = st.recursive(NUMBERS, arithmetic, max_leaves=4)
CONDITIONS: st.SearchStrategy[Part] = st.recursive(
    st.one_of(
        st.builds(compared, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), SUMS, SUMS),
        st.builds(compared, st.sampled_from(["==", "!="]), TEXTS, TEXTS),
        st.builds(among, TEXTS, st.lists(st.sampled_from(["a", "b", "x"])), st.booleans()),
        st.just(("open", lambda r: r.get("open") is True)),
        st.just(("brand is null", lambda r: r.get("brand") is None)),
        SUMS.map(lambda a: (f"{a[0]} is not null", lambda r: a[1](r) is not None)),
    ),
    lambda parts: st.one_of(
        st.builds(joined, st.sampled_from(["and", "or"]), parts, parts),
        parts.map(lambda a: (f"not ({a[0]})", lambda r: not a[1](r))),
    ),
    max_leaves=6,
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "brand": st.sampled_from(["a", "b", "c"]),
        "category": st.sampled_from(["a", "b", "d"]),
        "price": st.sampled_from([0.0, 0.01, 1.0, 2.5, 3.0]),
        "stars": st.integers(-2, 4),
        "lat": st.sampled_from([0.0, 0.1, 3.0, -7.25]),
        "open": st.booleans(),
    },
)


@settings(max_examples=300)
@given(CONDITIONS, st.lists(RECORDS, max_size=6))
def test_it_agrees_with_a_plain_evaluation(condition: Part, records: list[dict[str, Any]]) -> None:
    text, run = condition
    assert which(text, *records) == [bool(run(record)) for record in records]


def test_an_item_without_a_record_is_all_null() -> None:
    here = scene({"brand": "a"})
    found = holds(expression("brand is null and lat is null", here, "$"), np.array([0, 77]), here)
    assert found.tolist() == [False, True]
    assert math.isclose(CONTEXT["most"], 3)  # type: ignore[arg-type]
