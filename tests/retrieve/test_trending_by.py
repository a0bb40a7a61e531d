"""Trends of a segment: a city, a category, an hour of day, against the model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import deliveries, histories
from tests.everything import app
from tests.model import DAY, Event, Model

from afresh import App, hour_of_day, trending
from afresh.features.engines.embedded import State
from afresh.features.plan import Trend
from afresh.retrieve.segment import NOT_SAID, UNHEARD_OF, segment
from afresh.retrieve.trending import FEW, REFRESH_MS, Trending
from afresh.store.replica import Replica

PLAN = app.plan()
SPLIT = [trend for trend in PLAN.trends if trend.by]
HOUR = 3_600_000
SAID: dict[str, dict[str | None, str | float]] = {
    "level": {"<0": -3, "0-4": 0, ">=5": 7},
    "grade": {"<2": 1, "2-4": 2.0, ">=5": 5},
    "price": {"<1000": 9.99, "1000-2499": "10", ">=2500": 25},
}
"""What a context says for a group, where that is not its name."""


def test_the_trends_of_every_kind_of_split_are_there() -> None:
    assert {trend.name for trend in SPLIT} == {
        "1h by brand", "24h by category", "24h by level", "7d by grade", "7d by price",
        "7d by hour_of_day", "3d by hour_of_day",
    }  # fmt: skip


def expected(model: Model, trend: Trend, label: str, now: int) -> dict[str, float]:
    assert trend.split is not None
    scores = {}
    for item in {str(e.item) for e in model.events if e.item}:
        mine = [e for e in model.events if e.item == item]
        here = [e for e in mine if model.group(e, trend.split) == label]
        value = model._read(trend.read, here, mine, now)
        if value:
            scores[item] = value
    return scores


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[Event]]:
    return draw(deliveries(draw(histories())))


@settings(max_examples=60)
@given(arrivals(), st.sampled_from(SPLIT), st.integers(1, 2 * HOUR), st.booleans())
def test_a_segment_has_its_weighted_events_whenever_they_arrive(
    batches: list[list[Event]], trend: Trend, later: int, sweep: bool
) -> None:
    replica = Replica(PLAN)
    trends, known = Trending(replica), list[Event]()
    for at, events in enumerate(batches):
        if not events:
            continue
        known += events
        replica.fold_events(batch_of(PLAN, events), at)
        if sweep:
            replica.sweep()
        now = max(e.ts for e in known) + later
        model = Model(PLAN, known)
        labels = {model.group(e, trend.split) for e in known} - {None}  # type: ignore[arg-type]
        for label in labels:
            said = {trend.by: SAID.get(trend.by, {}).get(label, str(label))}
            group = segment(replica.state, trend, said, now)
            found = trends.top(trend.name, now, 100, group=group)
            names = replica.state.items.texts(found.items)
            here = dict(zip(names, found.scores.tolist(), strict=True))
            assert here == expected(model, trend, str(label), now)
            assert found.scores.tolist() == sorted(here.values(), reverse=True)


def hours(offset: str) -> tuple[State, Trend]:
    made = App("hours", features=[])
    made.event("view")
    made.surface("home", sources=[trending("7d", by=hour_of_day(offset))])
    plan = made.plan()
    return State(plan), next(t for t in plan.trends if t.by)


@pytest.mark.parametrize(
    ("offset", "at", "hour"),
    [
        ("+00:00", 20_000 * DAY - 1, 23),
        ("+00:00", 20_000 * DAY, 0),
        ("+00:00", 20_000 * DAY + HOUR - 1, 0),
        ("+00:00", 20_000 * DAY + HOUR, 1),
        ("+05:30", 20_000 * DAY - 5 * HOUR - 1_800_001, 23),
        ("+05:30", 20_000 * DAY - 5 * HOUR - 1_800_000, 0),
        ("-03:30", 20_000 * DAY + 3 * HOUR + 1_799_999, 23),
        ("-03:30", 20_000 * DAY + 3 * HOUR + 1_800_000, 0),
    ],
)
def test_now_says_the_hour_unless_the_context_does(offset: str, at: int, hour: int) -> None:
    state, trend = hours(offset)
    assert segment(state, trend, {}, at) == 1 + hour
    state.fold(batch_of(state.plan, [Event("e", "view", at, "u", "i")]))
    assert segment(state, trend, {"hour_of_day": "13"}, at) == 14
    assert segment(state, trend, {"hour_of_day": 23.99}, at) == 24
    for strange in (24, -1, "noon", "nan", "inf"):
        assert segment(state, trend, {"hour_of_day": strange}, at) == NOT_SAID
    trends = {t.name: t for t in state.plan.trends}
    assert trends["7d"].split is None  # what is popular at any hour stands in


def test_what_a_context_can_say() -> None:
    state = State(PLAN)
    brand = next(t for t in SPLIT if t.by == "brand")
    category = next(t for t in SPLIT if t.by == "category")
    level = next(t for t in SPLIT if t.by == "level")
    fields = {"brand": "red", "item.category": "7", "level": 0}
    state.fold(batch_of(PLAN, [Event("e", "buy", DAY, "u", "i", None, fields)]))
    assert segment(state, brand, {}, DAY) == NOT_SAID
    assert segment(state, brand, {"brand": ""}, DAY) == NOT_SAID
    assert segment(state, brand, {"brand": "blue"}, DAY) == UNHEARD_OF
    assert segment(state, brand, {"brand": "re\0d"}, DAY) == UNHEARD_OF
    assert segment(state, brand, {"brand": "red"}, DAY) > 0
    assert segment(state, category, {"category": 7.0}, DAY) > 0
    assert segment(state, category, {"category": 7.5}, DAY) == NOT_SAID
    for given_, group in ((-0.5, 1), (0, 2), (4.9, 2), (5, 3), ("5", 3)):
        assert segment(state, level, {"level": given_}, DAY) == group
    assert segment(state, level, {"level": "high"}, DAY) == NOT_SAID
    assert segment(state, level, {"level": float("nan")}, DAY) == NOT_SAID


def test_of_several_old_walks_a_request_renews_one() -> None:
    replica = Replica(PLAN)
    replica.fold_events(batch_of(PLAN, [Event("e", "view", DAY, "u", "i")]), 1)
    trends, now = Trending(replica), DAY + 1

    def asked(at: int) -> list[int]:
        found = [trends.top(name, at, 9) for name in ("1h", "24h", "7d")]
        assert all(replica.state.items.texts(each.items) == ["i"] for each in found)
        return [trends._walks[name].at for name in ("1h", "24h", "7d")]

    assert asked(now) == [now] * 3
    assert asked(now + REFRESH_MS) == [now] * 3
    later = now + REFRESH_MS + 1
    assert asked(later) == [later, now, now]
    assert asked(later) == [later, now, now]
    assert asked(later + 1) == [later, later + 1, now]
    assert asked(later + 2) == [later, later + 1, later + 2]


@pytest.mark.parametrize("many", [FEW, FEW + 1, 200])
def test_many_items_may_be_touched_between_two_requests(many: int) -> None:
    events = [Event(f"a{n}", "view", DAY, "u", f"i{n}") for n in range(100)]
    replica = Replica(PLAN)
    trends = Trending(replica)
    replica.fold_events(batch_of(PLAN, events), 1)
    assert len(trends.top("1h", DAY + 1, 999).items) == 100
    more = [Event(f"b{n}", "view", DAY + 1, "u", f"i{n + 50}") for n in range(many)]
    replica.fold_events(batch_of(PLAN, more), 2)
    found = trends.top("1h", DAY + 2, 999)
    counts = dict.fromkeys([f"i{n}" for n in range(max(100, 50 + many))], 0.0)
    for event in events + more:
        counts[str(event.item)] += 1.0
    names = replica.state.items.texts(found.items)
    assert dict(zip(names, found.scores.tolist(), strict=True)) == counts
