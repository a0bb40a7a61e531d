"""Numbers as JSON has them: the same as asking each float32 for its text."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afresh.features.readable import readable


def expected(value: np.float32) -> float | int | None:
    if np.isnan(value):
        return None
    return int(value) if float(value).is_integer() else float(str(value))


def check(values: np.ndarray) -> None:  # type: ignore[type-arg]
    (said,) = readable(values.astype(np.float32)[None])
    wanted = [expected(value) for value in values.astype(np.float32)]
    assert said == wanted
    assert [type(value) for value in said] == [type(value) for value in wanted]


@given(st.lists(st.floats(width=32), max_size=50))
def test_any_float32_is_said_shortest(values: list[float]) -> None:
    check(np.array(values, np.float32))


def test_many_bit_patterns_and_decimals() -> None:
    rng = np.random.default_rng(5)
    check(rng.integers(0, 2**32, 20_000, np.uint32).view(np.float32))
    check(rng.integers(-(10**8), 10**8, 20_000) / 10.0 ** rng.integers(0, 9, 20_000))
    check(rng.random(20_000) * 1000)


def test_borders_of_what_is_worked_out() -> None:
    powers = 2.0 ** np.arange(-149, 128)
    edges = np.concatenate([powers, -powers, [0.0, -0.0, np.inf, -np.inf, np.nan, 0.1, 16777216.5]])
    beside = np.nextafter(edges.astype(np.float32), np.float32(np.inf))
    check(np.concatenate([edges, beside, 0.5 + np.arange(2**20, 2**20 + 100)]))
