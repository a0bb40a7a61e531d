"""Whole requests: nothing that may not be shown, and always something."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.everything import app
from tests.model import Event, Model
from tests.retrieve.test_sources import ITEMS, START, visits

from afresh import App
from afresh.errors import NotFound
from afresh.store.replica import Replica
from afresh.surface import Query, Surfaces
from afresh.surfaces.declare import SOURCES, preference
from afresh.surfaces.spec import Source, Surface

PLAN = app.plan()


def replica_of(events: list[Event], records: dict[str, bool | None]) -> Replica:
    """records: item -> in stock, or None for one that was deleted."""
    replica = Replica(PLAN)
    for at in range(0, len(events), 9):
        replica.fold_events(batch_of(PLAN, events[at : at + 9]), at)
    for item, stock in records.items():
        put(replica, item, in_stock=bool(stock))
        if stock is None:
            put(replica, item, deleted=True)
    return replica


def put(replica: Replica, item: str, **values: object) -> None:
    replica.fold_items(msgspec.json.encode({"item_id": item, **values}), replica.offset)


def bought(events: list[Event], user: str | None, visit: str | None) -> set[str | None]:
    """What the person, or this session, bought, as far as it is remembered."""
    model, p = Model(PLAN, events), PLAN.postings
    history = PLAN.sequences[PLAN.history]
    lists = dict(model._newest("user_id", history.types, history.n, history.within))
    visits = dict(model._newest("visit", p.types, p.per_session, p.within))
    held = [*lists.get(f"u:{user}", []), *visits.get(f"s:{visit}", [])]
    return {str(e[3]) for e in held if e[2] == "buy"}


@settings(max_examples=60)
@given(
    visits(),
    st.dictionaries(
        st.sampled_from([*ITEMS, "j1", "j2"]), st.sampled_from([True, True, False, None])
    ),
    st.sampled_from([("u", "b"), ("w", None), (None, "a"), ("nobody", None), ("u", "none")]),
    st.integers(1, 9),
)
def test_nothing_forbidden_is_shown_and_nothing_allowed_is_missed(
    events: list[Event],
    records: dict[str, bool | None],
    who: tuple[str | None, str | None],
    n: int,
) -> None:
    replica = replica_of(events, records)
    surfaces = Surfaces(app.surfaces, replica)
    query = Query(user_id=who[0], session_id=who[1], n=n)
    now = replica.state.newest + 1
    answer = surfaces.recommend(query, now)
    shown = [item.item_id for item in answer.items]
    assert answer.degraded == []
    assert len(shown) == len(set(shown))
    hidden = bought(events, *who)
    assert not hidden & set(shown)
    if any(stock is not None for stock in records.values()):
        allowed = {item for item, stock in records.items() if stock} - hidden
        assert set(shown) <= allowed
        assert len(shown) == min(n, len(allowed))
    assert all(item.sources and item.reason for item in answer.items)
    assert [item.score for item in answer.items] == sorted(
        (item.score for item in answer.items), reverse=True
    )
    assert surfaces.recommend(query, now) == answer


def test_an_unknown_user_gets_what_trends() -> None:
    events = [Event(f"{n}", "view", START + n, "u", f"i{min(n, 2)}") for n in range(9)]
    surfaces = Surfaces(app.surfaces, replica_of(events, {}))
    answer = surfaces.recommend(Query(user_id="nobody"), START + 100)
    assert [item.item_id for item in answer.items] == ["i2", "i0", "i1"]
    assert {source for item in answer.items for source in item.sources} == {"trending"}


def test_a_click_changes_the_next_list() -> None:
    pairs = [("a", "i1"), ("a", "i2"), ("b", "i1"), ("b", "i2"), ("c", "i3"), ("c", "i4")]
    events = [Event(f"{n}", "view", START + n, None, i, v) for n, (v, i) in enumerate(pairs)]
    replica = replica_of(events, {})
    surfaces = Surfaces(app.surfaces, replica)

    def first(item: str) -> str:
        click = Event(f"click {item}", "view", START + 50, None, item, f"mine {item}")
        replica.fold_events(batch_of(PLAN, [click]), 0)
        answer = surfaces.recommend(Query(session_id=f"mine {item}"), START + 100)
        return next(i.item_id for i in answer.items if i.item_id != item)

    assert first("i1") == "i2"
    assert first("i3") == "i4"


def test_one_item_in_stock_behind_many_that_are_not_is_found() -> None:
    replica = replica_of([], {"there": True, **{f"gone {n}": False for n in range(2000)}})
    surfaces = Surfaces(app.surfaces, replica)
    answer = surfaces.recommend(Query(user_id="u"), START)
    assert [item.item_id for item in answer.items] == ["there"]


def test_nothing_at_all_is_an_empty_list() -> None:
    assert Surfaces(app.surfaces, Replica(PLAN)).recommend(Query(), START).items == []


def test_an_unknown_surface_is_named() -> None:
    with pytest.raises(NotFound, match="hoem"):
        Surfaces(app.surfaces, Replica(PLAN)).recommend(Query(surface="hoem"), START)


def test_a_source_that_fails_is_left_out_and_named() -> None:
    events = [Event("e", "view", START, "u", "i1")]
    surfaces = Surfaces(app.surfaces, replica_of(events, {}))

    def fails(*_: object) -> None:
        raise RuntimeError("broken")

    surfaces.sources.by_name["sessions"] = fails  # type: ignore[assignment]
    answer = surfaces.recommend(Query(user_id="w"), START + 1)
    assert answer.degraded == ["source:sessions"]
    assert [item.item_id for item in answer.items] == ["i1"]


@pytest.mark.parametrize(
    ("source", "first"),
    [
        (preference(), "shoe"),  # a purchase counts more than a look
        (preference(half_life="1s"), "soup"),  # a minute ago is long ago
        (preference(actions={"buy": 0}), "soup"),
        (preference(actions={"buy": -1}), "soup"),
        (preference(actions={"view": 100}), "soup"),
    ],
)
def test_a_preference_weighs_and_forgets_as_it_is_told(source: Source, first: str) -> None:
    events = [
        Event("a", "buy", START, "u", "shoe"),
        Event("b", "view", START + 60_000, "u", "soup"),
    ]
    replica = replica_of(events, {})
    for item, text in {"shoe": "red running shoes", "soup": "canned tomato soup"}.items():
        for name in (item, f"{item} too"):
            put(replica, name, category=text, in_stock=True)
    surfaces = Surfaces((Surface("home", (source,), ()),), replica)
    answer = surfaces.recommend(Query(user_id="u"), START + 60_001)
    assert answer.degraded == []
    assert answer.items[0].item_id == f"{first} too"


def test_before_the_first_event_nothing_is_degraded() -> None:
    every = App("empty")
    every.event("view")
    every.surface("home", sources=sorted(SOURCES), filters=[], scorer="learned")
    answer = Surfaces(every.surfaces, Replica(every.plan())).recommend(Query(user_id="w"), START)
    assert (answer.items, answer.degraded) == ([], [])
