"""Definitions compile to plans: facts shared, order irrelevant, every feature readable."""

from __future__ import annotations

import random
import types
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh import (
    App,
    Catalog,
    Features,
    bands,
    count,
    daily,
    decayed,
    decimal,
    last,
    maximum,
    mean,
    minimum,
    ratio,
    session,
    sliding,
    total,
    tumbling,
)
from afresh.events.types import EventType
from afresh.features.aggregates import Aggregate
from afresh.features.compile import HISTORY
from afresh.features.plan import DAY_MS, Feature, Input, Plan, Slot, plan_from_json

Make = Callable[[EventType, EventType], dict[str, Aggregate]]


class Products(Catalog):
    category: str
    price: int
    pages: int
    in_stock: bool = True


def compiled(make: Make, key: str = "item_id", **options: Any) -> Plan:
    """The plan of view (with price: int, store: str) and buy, and the features `make` gives."""
    app = App("test", catalog=Products, **options)
    view = app.event("view", price=int, store=str)
    buy = app.event("buy", weight=10, value=decimal(3))
    features = make(view, buy)
    group = types.new_class("Group", (Features,), {"key": key}, lambda body: body.update(features))
    app._features = [group]
    return app.plan()


def feature(plan: Plan, name: str) -> Feature:
    return next(f for f in plan.features if f.name == name)


def read(plan: Plan, name: str, at: int = 0) -> tuple[Slot, Input | None]:
    """The slot of a feature's read, and its input."""
    wanted = feature(plan, name).reads[at]
    slot = plan.families[wanted.family].slots[wanted.slot]
    return slot, None if slot.input is None else plan.inputs[slot.input]


def test_features_share_tiles_of_equal_key_width_and_split() -> None:
    plan = compiled(
        lambda view, buy: {
            "week": count(view, window=daily(7)),
            "month": count(view, window=daily(30)),
            "sold": count(buy, window=daily(30)),
            "rate": ratio(count(buy, window=daily(7)), count(view, window=daily(7)), prior=(1, 50)),
        }
    )
    days = [f for f in plan.families if f.width == DAY_MS]
    assert len(days) == 1
    assert days[0].reach == 31 * DAY_MS
    assert [(slot.op, slot.types) for slot in days[0].slots] == [
        ("n", (0,)),
        ("n", (1,)),
        ("weight", (0, 1)),
    ]
    assert feature(plan, "rate").prior == (1.0, 50.0)
    assert [read(plan, "rate", at)[0].types for at in (0, 1)] == [(1,), (0,)]


def test_a_property_falls_back_to_the_catalogue() -> None:
    plan = compiled(
        lambda view, buy: {
            "own": total(view.price, window=daily(1)),
            "item": total(buy.price, window=daily(1)),
            "both": total(view.price, buy.price, window=daily(1)),
        }
    )
    own, item, both = (read(plan, name)[1] for name in ("own", "item", "both"))
    assert own == Input(name="price", kind="number", fallback="item.price")
    assert item == Input(name="item.price", kind="number")
    assert both == own
    assert read(plan, "both")[0].types == (0, 1)


def test_value_has_the_places_that_were_declared() -> None:
    plan = compiled(lambda view, buy: {"spend": total(buy.value, window=daily(1))})
    assert [event.value_places for event in plan.events] == [3, 3]
    assert feature(plan, "spend").places == 3
    assert read(plan, "spend")[1] == Input(name="value", kind="number", places=3)


def test_a_mean_counts_only_the_events_that_have_the_number() -> None:
    plan = compiled(lambda view, buy: {"m": mean(view.price, window=daily(1))})
    (added, column), (counted, same) = read(plan, "m", 0), read(plan, "m", 1)
    assert (added.op, counted.op) == ("sum", "n")
    assert column == same == Input(name="price", kind="number", fallback="item.price")


def test_minimum_and_maximum() -> None:
    plan = compiled(
        lambda view, buy: {
            "low": minimum(view.price, window=daily(1)),
            "high": maximum(view.price, window=daily(1)),
        }
    )
    assert [feature(plan, name).kind for name in ("low", "high")] == ["min", "max"]
    assert [read(plan, name)[0].op for name in ("low", "high")] == ["min", "max"]


def test_splits() -> None:
    plan = compiled(
        lambda view, buy: {
            "category": count(view, by=Products.category, window=decayed("2h")),
            "stock": count(view, by=Products.in_stock, window=decayed("2h")),
            "store": count(view, by=view.store, window=decayed("2h")),
            "cheap": count(view, buy, by=view.price.bands(10, 50), window=decayed("2h")),
            "items": count(view, by=bands(Products.pages, 100), window=decayed("2h")),
        },
        key="user_id",
    )
    split = {f.name: plan.inputs[f.split] for f in plan.features if f.split is not None}
    assert split["category"] == Input(name="item.category", kind="text")
    assert split["stock"] == Input(name="item.in_stock", kind="text")
    assert split["store"] == Input(name="store", kind="text")
    assert split["cheap"] == Input(
        name="price", kind="number", bands=(10, 50), fallback="item.price"
    )
    assert split["items"] == Input(name="item.pages", kind="number", bands=(100,))
    for f in plan.features:
        assert plan.families[f.reads[0].family].split == f.split


def test_bands_of_a_decimal_are_written_in_its_unit() -> None:
    plan = compiled(
        lambda view, buy: {"b": count(buy, by=buy.value.bands("9.99", 50), window=daily(1))}
    )
    assert [i.bands for i in plan.inputs] == [(9990, 50000)]


def test_a_session_window_reads_the_activity_of_every_type() -> None:
    plan = compiled(lambda view, buy: {"now": count(buy, window=session("30m"))}, key="session_id")
    (wanted,) = feature(plan, "now").reads
    assert wanted.touch is not None
    slots = plan.families[wanted.family].slots
    assert [(slots[i].op, slots[i].types) for i in wanted.touch] == [
        ("min_ts", (0, 1)),
        ("max_ts", (0, 1)),
    ]


def test_sequences_are_shared() -> None:
    plan = compiled(
        lambda view, buy: {
            "a": last(buy, view, n=5),
            "b": last(view, buy, n=5),
            "c": last(view, n=5, within="7d"),
        },
        key="user_id",
    )
    assert [(s.types, s.n, s.within) for s in plan.sequences] == [
        ((0,), 5, 7 * DAY_MS),
        ((0, 1), HISTORY, 90 * DAY_MS),
    ]
    assert [feature(plan, name).sequence for name in "abc"] == [1, 1, 0]
    assert plan.history == 1


@pytest.mark.parametrize(
    ("key", "kept"), [("user_id", "user_id"), ("store", "store"), ("category", "item.category")]
)
def test_keys(key: str, kept: str) -> None:
    plan = compiled(lambda view, buy: {"views": count(view, window=daily(1))}, key=key)
    assert feature(plan, "views").key == kept
    assert kept in ("user_id", *(i.name for i in plan.inputs if i.kind == "text"))


def test_trends_sum_the_weights_of_what_counts() -> None:
    plan = compiled(lambda view, buy: {})
    said = [(t.name, t.read.window.kind, t.read.window.width) for t in plan.trends]
    assert said == [
        ("1h", "sliding", 60_000),
        ("24h", "sliding", 1_800_000),
        ("7d", "daily", DAY_MS),
    ]
    for trend in plan.trends:
        family = plan.families[trend.read.family]
        assert (family.key, family.split, family.width) == (
            "item_id",
            None,
            trend.read.window.width,
        )
        assert family.slots[trend.read.slot].op == "weight"


WINDOWS = [tumbling("5m"), sliding("1h"), daily(7), session("30m"), decayed("2h")]


def some(view: EventType, buy: EventType) -> list[tuple[str, Aggregate]]:
    """One of everything, over every window."""
    made: list[tuple[str, Aggregate]] = []
    for at, window in enumerate(WINDOWS):
        made += [
            (f"count{at}", count(view, buy, window=window)),
            (f"total{at}", total(view.price, window=window)),
            (f"mean{at}", mean(buy.value, window=window)),
            (f"split{at}", count(view, by=Products.category, window=window)),
            (f"ratio{at}", ratio(count(buy, window=window), count(view, window=window))),
        ]
    return [*made, ("recent", last(view, n=3))]


@given(st.randoms(use_true_random=False))
def test_neither_order_nor_names_change_the_facts(shuffler: random.Random) -> None:
    plain = compiled(lambda view, buy: dict(some(view, buy)), key="user_id")

    def shuffled(view: EventType, buy: EventType) -> dict[str, Aggregate]:
        features = some(view, buy)
        shuffler.shuffle(features)
        return {f"renamed_{name}": made for name, made in features}

    other = compiled(shuffled, key="user_id")
    assert other.hash == plain.hash
    assert (other.families, other.inputs, other.sequences) == (
        plain.families,
        plain.inputs,
        plain.sequences,
    )


@given(st.sets(st.integers(0, 25)))
def test_every_subset_round_trips_and_reads_what_exists(chosen: set[int]) -> None:
    def make(view: EventType, buy: EventType) -> dict[str, Aggregate]:
        return dict(made for at, made in enumerate(some(view, buy)) if at in chosen)

    plan = compiled(make, key="user_id")
    assert compiled(make, key="user_id").to_json() == plan.to_json()
    assert plan_from_json(plan.to_json()) == plan
    for reads in [f.reads for f in plan.features] + [(t.read,) for t in plan.trends]:
        for wanted in reads:
            family = plan.families[wanted.family]
            assert family.width == wanted.window.width
            assert 0 <= wanted.slot < len(family.slots)
            assert family.reach <= plan.reach
    used = {f.split for f in plan.families} | {s.input for f in plan.families for s in f.slots}
    assert used - {None} == set(range(len(plan.inputs)))
