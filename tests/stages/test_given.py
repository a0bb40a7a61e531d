"""Numbers that a caller says of a list's items: taken as they are, or refused by name."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh import App
from afresh.errors import BadRequest
from afresh.stages.given import numbers_of
from afresh.surfaces.spec import Surface


def surface(*names: str) -> Surface:
    app = App("given")
    app.event("view")
    app.surface("hotels", given=names)
    return app.surfaces[0]


LISTED = st.lists(st.one_of(st.none(), st.floats(width=32), st.just(1e300)), max_size=6)


@settings(max_examples=200, deadline=None)
@given(LISTED, st.integers(0, 6), st.sampled_from(["price", "prise"]))
def test_numbers_are_read_or_refused(values: list[float | None], items: int, name: str) -> None:
    beyond = [v is not None and not math.isnan(v) and abs(v) > 3.5e38 for v in values]
    wanted = None
    if name != "price":
        wanted = "$.given.prise"
    elif len(values) != items:
        wanted = "$.given.price"
    elif any(beyond):
        wanted = f"$.given.price[{beyond.index(True)}]"
    if wanted is None:
        found = numbers_of(name, values, items, surface("price", "distance"))
        again = [math.nan if value is None else value for value in values]
        assert np.array_equal(found, again, equal_nan=True)
        return
    with pytest.raises(BadRequest) as caught:
        numbers_of(name, values, items, surface("price", "distance"))
    assert caught.value.path == wanted
    assert caught.value.hint


def test_the_refusals_say_what_to_do() -> None:
    told: list[tuple[list[float | None], str, str]] = [
        ([1.0], "1 numbers of 'price' were given for 2 items", "null where it is not known"),
        ([1.0, math.inf], "inf is no number of 'price'", "finite"),
    ]
    for values, message, hint in told:
        with pytest.raises(BadRequest, match=re.escape(message)) as caught:
            numbers_of("price", values, 2, surface("price"))
        assert hint in caught.value.hint
    for declared, hint in ((("price",), "Did you mean price?"), ((), 'given=("prise",)')):
        with pytest.raises(BadRequest, match="is given no 'prise'") as caught:
            numbers_of("prise", [1.0], 1, surface(*declared))
        assert hint in caught.value.hint
