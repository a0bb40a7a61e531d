"""A session turns out to be a user: what it did counts for them, in any order of arrival."""

from __future__ import annotations

from itertools import permutations

import pytest
from tests.batches import batch_of
from tests.everything import app
from tests.model import Event, Model

from afresh.features.canonical import canonical
from afresh.features.dump import dump_state, restore_state
from afresh.features.engines.embedded import State
from afresh.features.links import SESSIONS
from afresh.features.plan import Plan
from afresh.features.reading import Reader

PLAN = app.plan()
NOON = 20_000 * 86_400_000 + 43_200_000
COUNTED = ["range_", "recent", "spent", "strays"]


def view(name: str, at: int, session: str, item: str, user: str | None = None) -> Event:
    return Event(
        name, "view", NOON + at, user, item, session, {"price": 1000 + at % 7, "brand": "red"}
    )


def identify(name: str, at: int, session: str, user: str) -> Event:
    return Event(name, "identify", NOON + at, user, None, session)


def folded(events: list[Event], plan: Plan = PLAN) -> State:
    state = State(plan)
    for event in events:
        state.fold(batch_of(plan, [event]))
    return state


def values(state: State, user: str) -> dict[str, object]:
    reader = Reader(state)
    features = [reader.feature(name) for name in COUNTED]
    (row,) = reader.values("user_id", [user], features, NOON + 60_000)
    return dict(row)


def test_at_login_what_the_session_did_counts_for_the_user_in_any_order() -> None:
    told = [
        view("a", 1_000, "s1", "i1"),
        identify("b", 2_000, "s1", "ann"),
        view("c", 3_000, "s1", "i2"),
        view("d", 4_000, "other", "i3"),
        view("e", 5_000, "home", "i4", user="ann"),
    ]
    for order in permutations(told):
        got = values(folded(list(order)), "ann")
        assert got["recent"] == ["i4", "i2", "i1"]
        assert got["range_"] == {"1000-2499": 3}


def test_the_first_to_say_so_is_right() -> None:
    told = [
        view("a", 1_000, "s1", "i1"),
        identify("c", 2_000, "s1", "bob"),
        identify("b", 2_000, "s1", "ann"),
    ]
    state = folded(told)
    assert state.links.user("s1", state.newest) == "ann"
    assert values(state, "ann")["recent"] == ["i1"]
    assert values(state, "bob")["recent"] == []


def test_only_the_latest_sessions_are_merged() -> None:
    told = [view(f"v{at:02}", at, f"s{at:02}", f"i{at:02}") for at in range(SESSIONS + 3)]
    told += [identify(f"l{at:02}", 100 + at, f"s{at:02}", "ann") for at in range(SESSIONS + 3)]
    assert values(folded(told), "ann")["range_"] == {"1000-2499": SESSIONS}


def test_a_link_counts_only_after_it_was_made() -> None:
    state = folded([view("a", 0, "s1", "i1"), identify("b", 30_000, "s1", "ann")])
    assert state.links.sessions("ann", state.newest, NOON + 30_000) == []
    assert state.links.sessions("ann", state.newest, NOON + 30_001) == ["s1"]


@pytest.mark.parametrize("user", ["ann", "bob"])
def test_merged_values_are_those_of_the_model(user: str) -> None:
    told = [view(f"v{at}", 700 * at, f"s{at % 4}", f"i{at % 5}") for at in range(40)]
    told += [identify(f"l{at}", 900 * at, f"s{at}", ("ann", "bob")[at % 2]) for at in range(4)]
    state, model = folded(told), Model(PLAN, told)
    reader, now = Reader(state), NOON + 60_000
    features = [f for f in PLAN.features if f.key == "user_id" and f.split is None]
    (row,) = reader.values("user_id", [user], features, now)
    assert row == {"user_id": user} | {f.name: model.value(f, f"u:{user}", now) for f in features}
    for feature in PLAN.features:
        if feature.key == "user_id" and feature.split is not None:
            number = int(state.find("user_id", [user])[0])
            assert reader.groups(number, feature, now) == model.value(feature, f"u:{user}", now)


def test_a_snapshot_and_a_sweep_keep_it() -> None:
    told = [view("a", 1_000, "s1", "i1"), identify("b", 2_000, "s1", "ann")]
    state = folded(told)
    facts, arrays = dump_state(state)
    fresh = State(PLAN)
    restore_state(fresh, facts, {name: array.copy() for name, array in arrays.items()})
    fresh.sweep()
    assert canonical(fresh) == canonical(state) == Model(PLAN, told).canonical()
    assert values(fresh, "ann") == values(state, "ann")
