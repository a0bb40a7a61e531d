"""The total order of a batch, for few and for many events of one moment."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events_made import IDS

from afresh.features.event_order import MANY, RUN
from afresh.features.facts import total_order

SIZES = (2, RUN - 1, RUN, RUN + 1, 2 * RUN + 1, MANY - 1, MANY, 3 * MANY)
SHAPES = {
    "hex": lambda r, k: f"{r.getrandbits(128):032x}",
    "the same first half": lambda r, k: f"{7:016x}{r.getrandbits(64):016x}",
    "the same last half": lambda r, k: f"{r.getrandbits(64):016x}{7:016x}",
    "counted": lambda r, k: f"event-{k * 7919 % 100_003}",
    "dates": lambda r, k: f"2026-01-01T00:00:{k % 60:02}.{r.getrandbits(20):07}",
    "long": lambda r, k: f"an id of more than sixteen bytes {r.getrandbits(40)}",
    "mixed": lambda r, k: (f"{r.getrandbits(128):032x}", f"e{k}", "x" * 20 + str(k))[k % 3],
}


def ordered(moments: list[int], ids: list[str]) -> list[int]:
    order = total_order(np.array(moments, np.int64), "\0".join(ids).encode())
    return list(range(len(ids))) if order is None else order.tolist()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", SIZES)
def test_many_events_of_one_moment_are_in_the_order_of_their_ids(shape: str, size: int) -> None:
    source = random.Random(size)
    ids = list(dict.fromkeys(SHAPES[shape](source, k) for k in range(size)))
    source.shuffle(ids)
    moments = [5 if k % 40 else 4 for k in range(len(ids))]
    found = ordered(moments, ids)
    assert found == sorted(range(len(ids)), key=lambda i: (moments[i], ids[i].encode()))


@settings(max_examples=60, deadline=None)
@given(st.lists(IDS, min_size=1, max_size=MANY + 40, unique=True), st.integers(1, MANY))
def test_any_ids_are_ordered_by_their_bytes(ids: list[str], together: int) -> None:
    moments = [k // together for k in range(len(ids))]
    found = ordered(moments, ids)
    assert found == sorted(range(len(ids)), key=lambda i: (moments[i], ids[i].encode()))
