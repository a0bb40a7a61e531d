"""What rises, against the formula over a list of events."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.model import Event

from afresh import App, hour_of_day, rising, trending
from afresh.errors import BadRequest, DefinitionError, NotFound
from afresh.retrieve.rising import rising as risen
from afresh.retrieve.segment import segment
from afresh.retrieve.trending import Trending
from afresh.store.replica import Replica
from afresh.surface import Query, Surfaces

HOUR = 3_600_000
DAY = 24 * HOUR
MIDNIGHT = 20_000 * DAY
WEIGHTS = {"view": 1, "buy": 10}


def app() -> App:
    made = App("rising")
    made.events("view", "buy", weights=(1, 10))
    made.surface("home", sources=[rising("1h"), trending("24h", weight=0.01)], filters=[])
    return made


def opened(events: list[Event]) -> Replica:
    replica = Replica(app().plan())
    for at in range(0, len(events), 50):
        replica.fold_events(batch_of(replica.plan, events[at : at + 50]), at)
    return replica


def expected(events: list[Event], now: int) -> dict[str, float]:
    """By the formula: an hour in whole minutes against seven whole days and today so far."""
    begun = -(-(now - HOUR) // 60_000) * 60_000  # the first minute that begins within the hour
    first = now // DAY * DAY - 7 * DAY
    scores = {}
    for item in {str(e.item) for e in events}:
        mine = [(e.ts, WEIGHTS[e.type]) for e in events if e.item == item and e.ts < now]
        lately = sum(weight for ts, weight in mine if ts >= begun)
        before = sum(weight for ts, weight in mine if first <= ts < begun)
        usual = before * (now - begun) / (begun - first)
        score = (lately - usual) / (usual + 5 * 10)
        if score > 0:
            scores[item] = score
    return scores


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 59, 61, 300, 1439, 1441, 5000, 10_079, 10_081, 11_519, 11_521]),
            st.integers(0, 59_999), st.sampled_from(["view", "buy"]), st.sampled_from("abcd"),
        ),
        min_size=1, max_size=80,
    ),
    st.sampled_from([0, 1, 59_999, 60_000, 7 * HOUR, DAY - 1]),
)  # fmt: skip
def test_it_is_the_formula_over_the_events(
    rows: list[tuple[int, int, str, str]], past_midnight: int
) -> None:
    now = MIDNIGHT + past_midnight
    events = [
        Event(f"{n}", kind, now - 1 - minutes * 60_000 - ms, "u", item)
        for n, (minutes, ms, kind, item) in enumerate(rows)
    ]
    replica = opened(events)
    now = max(now, replica.state.newest + 1)
    found = risen(Trending(replica), "1h", now, 99)
    names = replica.state.items.texts(found.items)
    assert dict(zip(names, found.scores.tolist(), strict=True)) == pytest.approx(
        expected(events, now)
    )
    assert sorted(found.scores, reverse=True) == found.scores.tolist()


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 59, 61, 300, 1441, 10_079, 11_521]),
            st.sampled_from(["view", "buy"]), st.sampled_from("ab"),
            st.sampled_from([None, "Vienna", "Rome"]),
        ),
        min_size=1, max_size=60,
    ),
    st.sampled_from([0, 59_999, 60_000, 7 * HOUR]),
)  # fmt: skip
def test_in_a_city_it_is_the_formula_over_the_city_s_events(
    rows: list[tuple[int, str, str, str | None]], past_midnight: int
) -> None:
    now = MIDNIGHT + past_midnight
    events = [
        Event(f"{n}", kind, now - 1 - minutes * 60_000, "u", item, None, {"city": city})
        for n, (minutes, kind, item, city) in enumerate(rows)
    ]
    made = App("cities", features=[])
    view, _ = made.events("view", "buy", weights=(1, 10), city=str)
    made.surface("home", sources=[rising("1h", by=view.city)], filters=[])
    replica = Replica(made.plan())
    replica.fold_events(batch_of(replica.plan, events), 1)
    trends, now = Trending(replica), max(now, replica.state.newest + 1)
    trend = trends.trend("1h by city")
    assert trend is not None
    for city in {str(city) for *_, city in rows if city}:
        group = segment(replica.state, trend, {"city": city}, now)
        found = risen(trends, "1h", now, 99, by="city", group=group)
        names = replica.state.items.texts(found.items)
        here = [e for e in events if e.fields["city"] == city]
        assert dict(zip(names, found.scores.tolist(), strict=True)) == pytest.approx(
            expected(here, now)
        )
    assert not len(risen(trends, "1h", now, 99, by="city", group=-1).items)


def test_an_hour_of_day_has_no_usual() -> None:
    made = App("hours", features=[])
    made.event("view")
    made.surface("home", sources=[rising("1h", by=hour_of_day())])
    with pytest.raises(DefinitionError, match="hour of day has no usual"):
        made.plan()


def many(item: str, n: int, ago: int, kind: str = "view") -> list[Event]:
    return [Event(f"{item}{ago}{n}{at}", kind, MIDNIGHT - ago - at, "u", item) for at in range(n)]


def test_what_is_always_popular_does_not_rise_and_one_purchase_does_not_win() -> None:
    events = [e for hours in range(1, 7 * 24) for e in many("always", 40, hours * HOUR + HOUR)]
    events += many("always", 40, 1000) + many("more", 60, 1000) + many("one", 1, 5, "buy")
    events += many("more", 20, 30 * HOUR)
    surfaces = Surfaces(app().surfaces, opened(events))
    now = MIDNIGHT + 1
    found = risen(surfaces.sources.trending, "1h", now, 9)
    assert surfaces.replica.state.items.texts(found.items)[:2] == ["more", "one"]
    assert found.scores[1] < found.scores[0] / 4
    answer = surfaces.recommend(Query(), now)
    assert answer.degraded == []
    assert answer.items[0].item_id == "more"
    assert answer.items[0].reason == "More than usual in the last 1h"


def test_a_window_of_a_day_rises_and_a_longer_one_is_refused() -> None:
    replica = opened(many("a", 9, 1000))
    made = Trending(replica)
    assert len(risen(made, "24h", MIDNIGHT, 9).items) == 1
    with pytest.raises(BadRequest, match="week"):
        risen(made, "7d", MIDNIGHT, 9)
    long = App("long")
    long.event("view")
    long.surface("home", sources=[rising("2d")])
    with pytest.raises(DefinitionError, match="week"):
        long.plan()
    with pytest.raises(NotFound):
        risen(made, "3h", MIDNIGHT, 9)
