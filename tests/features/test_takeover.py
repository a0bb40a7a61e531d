"""What is taken over answers as a fold from nothing would; what is not, warms."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import histories
from tests.everything import ByBrand, ByCategory, ByItem, BySession, ByUser, Goods
from tests.everything import app as everything
from tests.features.test_reader_borders import same
from tests.model import Event

from afresh import App, Catalog, Features, count, daily, decimal, last, sliding, total, tumbling
from afresh.features.aggregates import Aggregate
from afresh.features.definition import DeclaredClass
from afresh.features.dump import dump_state, restore_state
from afresh.features.engines.embedded import State
from afresh.features.plan import Plan, PlanCatalog
from afresh.features.reading import Reader
from afresh.features.takeover import obstacle, taken_over

GROUPS = (ByItem, ByUser, BySession, ByBrand, ByCategory)
NAMES = [n for group in GROUPS for n, v in vars(group).items() if isinstance(v, Aggregate)]
FULL = everything.plan()


def part(names: set[str], events: list[Any]) -> Plan:
    """The definition with every feature, reduced to some, its events in another order."""
    made = App("part", catalog=Goods, features=[], session_length=3, postings_per_item=4)
    made._keep = everything._keep
    made._events = events
    made._features = [
        DeclaredClass(g.__name__, (Features,), {n: vars(g)[n] for n in chosen}, key=g._key)
        for g in GROUPS
        if (chosen := [n for n in vars(g) if n in names])
    ]
    return made.plan()


def adopted(old: State, new: Plan) -> tuple[State, set[str]]:
    """The old state under the new plan's questions, and what warms."""
    taken = taken_over(old.plan, new)
    facts, arrays = dump_state(old)
    state = State(taken.plan)
    restore_state(state, facts, {name: array.copy() for name, array in arrays.items()})
    assert not taken.lists
    assert not taken.trends
    return state, set(taken.features)


def entities(events: list[Event]) -> dict[str, list[str]]:
    users = {e.user for e in events} | {f"s:{e.session}" for e in events if e.session}
    brands = {e.fields.get("brand") for e in events} | {e.fields.get("item.brand") for e in events}
    return {
        "user_id": sorted(u for u in users if u),
        "item_id": sorted({e.item for e in events if e.item}),
        "session_id": sorted({e.session for e in events if e.session}),
        "brand": sorted(str(b) for b in brands if b),
        "item.category": ["red", "blue"],
        "category": ["red", "blue"],
    }


@settings(max_examples=60, deadline=None)
@given(
    histories(),
    st.sets(st.sampled_from(NAMES)),
    st.sets(st.sampled_from(NAMES)),
    st.permutations(everything._events),
    st.integers(0, 24),
    st.sampled_from([1, 60_000, 3_600_000]),
)
def test_what_is_taken_over_answers_as_a_fold_from_nothing(
    events: list[Event], before: set[str], after: set[str], order: list[Any], cut: int, later: int
) -> None:
    old, new = part(before, list(everything._events)), part(after, order)
    assert obstacle(old, new) is None
    state, whole = State(old), State(new)
    for piece in (events[:cut], events[cut:]):
        if piece is not events[:cut] or cut >= len(events):
            state, warming = adopted(state, new)
        state.fold(batch_of(FULL, piece))
        whole.fold(batch_of(FULL, piece))
    assert not warming & before, "what both definitions have need not warm"
    reader, wanted = Reader(state), Reader(whole)
    assert reader.by_name.keys() == after - warming
    now = max(event.ts for event in events) + later
    for name in after - warming:
        here, there = reader.feature(name), wanted.feature(name)
        for entity in entities(events)[there.key]:
            (got,) = reader.values(here.key, [entity], [here], now)
            (said,) = wanted.values(there.key, [entity], [there], now)
            assert same(got[name], said[name]), (name, entity, got, said)


class Things(Catalog):
    category: str


def shop(make: Any = None, *, weight: int = 1, types: tuple[str, ...] = ("view", "buy")) -> Plan:
    """A small definition; `make` gives the features of a group by item from its event types."""
    app = App("shop", catalog=Things, features=[])
    events = {name: app.event(name, weight, price=decimal(2)) for name in types}
    attributes = make(events) if make else {}
    app._features = [DeclaredClass("ByUser", (Features,), attributes, key="user_id")]
    return app.plan()


def warming(before: Any, after: Any) -> tuple[str, ...]:
    return taken_over(shop(before), shop(after)).features


def test_a_longer_look_back_warms_a_shorter_one_does_not() -> None:
    def days(n: int) -> Any:
        return lambda e: {"bought": count(e["buy"], window=daily(n))}

    assert warming(days(2), days(4)) == ("bought",)
    assert warming(days(4), days(2)) == ()


def test_what_looks_back_farther_than_anything_before_is_told() -> None:
    def days(n: int) -> Any:
        return lambda e: {"bought": count(e["buy"], window=daily(n)), "new": last(e["buy"], n=1)}

    assert taken_over(shop(), shop(days(89))).farther == ()
    assert taken_over(shop(), shop(days(90))).farther == ()
    assert taken_over(shop(), shop(days(91))).farther == ("bought",)


def test_another_sum_over_the_same_tiles_warms_alone() -> None:
    def one(e: Any) -> dict[str, Any]:
        return {"bought": count(e["buy"], window=tumbling("1h"))}

    def two(e: Any) -> dict[str, Any]:
        return {**one(e), "spent": total(e["buy"].price, window=tumbling("1h"))}

    assert warming(one, two) == ("spent",)
    assert warming(two, one) == ()


def test_a_name_that_means_something_else_warms() -> None:
    def by(kind: str) -> Any:
        return lambda e: {"done": count(e[kind], window=sliding("1h"))}

    assert warming(by("view"), by("buy")) == ("done",)


def test_a_longer_list_warms_a_shorter_one_does_not() -> None:
    def newest(n: int) -> Any:
        return lambda e: {"bought": last(e["buy"], n=n)}

    assert warming(newest(3), newest(4)) == ("bought",)
    assert warming(newest(4), newest(3)) == ()


def test_other_weights_warm_what_trends_and_what_is_scanned() -> None:
    taken = taken_over(shop(), shop(weight=2))
    assert taken.lists
    assert taken.trends == {"1h", "24h", "7d"}
    assert len(taken.plan.trends) == 3, "meanwhile it trends as it did"


def test_a_new_event_type_warms_what_counts_it() -> None:
    taken = taken_over(shop(), shop(types=("like", "view", "buy")))
    assert taken.lists
    assert [e.name for e in taken.plan.events] == ["view", "buy"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"types": ("view",)}, "the event type buy is gone"),
        ({}, None),
        ({"types": ("view", "buy", "like")}, None),
    ],
)
def test_what_cannot_be_taken_over_is_said(change: dict[str, Any], why: str | None) -> None:
    assert obstacle(shop(), shop(**change)) == why


def test_a_catalogue_field_of_another_type_cannot_be_taken_over() -> None:
    plan = shop()
    (field,) = plan.catalog.fields
    other = msgspec.structs.replace(field, kind="int")
    changed = msgspec.structs.replace(plan, catalog=PlanCatalog(fields=(other,)))
    assert obstacle(plan, changed) == "the catalogue's field category has another type"
    assert obstacle(plan, msgspec.structs.replace(plan, catalog=PlanCatalog())) is None
