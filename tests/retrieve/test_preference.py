"""The real-time preference against its definition, in loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.everything import app
from tests.model import Event

from afresh.errors import NotFound
from afresh.retrieve import Context
from afresh.retrieve.preference import acted, action_weights, preference
from afresh.store.replica import Replica
from afresh.vectors.hashing import HashedText
from afresh.vectors.items import ItemVectors

PLAN = app.plan()
START = 20_000 * 86_400_000
TEXTS = {
    "i0": "red running shoe",
    "i1": "red running shoes for men",
    "i2": "tomato soup",
    "i3": "canned tomato soup, large",
    "i4": "garden hose",
    "i5": "garden hose, green",
}
ENCODER = HashedText(64)


def opened(events: list[Event]) -> tuple[Replica, ItemVectors]:
    replica = Replica(PLAN)
    lines = [f'{{"item_id":"{i}","category":"{text}"}}'.encode() for i, text in TEXTS.items()]
    replica.fold_items(b"\n".join(lines), 1)
    for at in range(0, len(events), 3):
        replica.fold_events(batch_of(PLAN, events[at : at + 3]), 2 + at)
    return replica, ItemVectors(replica, ENCODER)


def asked(replica: Replica, now: int, user: str = "u", items: tuple[str, ...] = ()) -> Context:
    state = replica.state
    parties = state.find("user_id", [user])
    return Context(state.find("item_id", list(items)), parties[parties >= 0], now)


def named(replica: Replica, numbers: np.ndarray) -> list[str]:  # type: ignore[type-arg]
    return replica.state.items.texts(numbers)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    # Each type but ping stands in the history of all; few enough that nothing is pushed out.
    made = []
    for n in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["view", "cart", "buy", "ping"]))
        ts = START + draw(st.sampled_from([0, 1, 60_000, 120_000]))
        item = draw(st.sampled_from([*TEXTS, "unknown"]))
        user, visit = draw(st.sampled_from([("u", None), ("u", "v"), ("w", "v")]))
        made.append(Event(f"e{n}", kind, ts, user, item, visit))
    return made


WEIGHTS = st.fixed_dictionaries(
    {"view": st.sampled_from([1.0, -1.0]), "cart": st.just(0.0), "buy": st.sampled_from([5.0])}
)


@settings(max_examples=80)
@given(histories(), WEIGHTS, st.sampled_from([1, 60_000, 10**9]), st.integers(0, 120_001))
def test_it_is_the_decayed_weighted_mean(
    events: list[Event], said: dict[str, float], half_life: int, back: int
) -> None:
    replica, vectors = opened(events)
    now = START + 120_001 - back
    context = asked(replica, now)
    weights = action_weights(PLAN, said)
    mine = [e for e in events if e.user == "u" and e.ts < now and said.get(e.type, 0.0)]
    pull: dict[str, float] = {}
    newest = max((e.ts for e in mine), default=0)
    for event in mine:
        worth = said[event.type] * 0.5 ** ((newest - event.ts) / half_life)
        pull[str(event.item)] = pull.get(str(event.item), 0.0) + worth
    items, found = acted(replica.state, context, weights, half_life)
    assert dict(zip(named(replica, items), found.tolist(), strict=True)) == pytest.approx(pull)

    got = preference(replica.state, context, vectors, weights=weights, half_life=half_life)
    mean = sum(
        (w * ENCODER.encode([TEXTS[i]])[0].astype(float) for i, w in pull.items() if i in TEXTS),
        np.zeros(64),
    )
    if not any(w > 0 for i, w in pull.items() if i in TEXTS) or np.linalg.norm(mean) < 1e-6:
        assert not len(got.items)
        return
    mean /= np.linalg.norm(mean)
    cosines = {i: float(ENCODER.encode([t])[0] @ mean) for i, t in TEXTS.items()}
    right = {i: c for i, c in cosines.items() if c > 1e-5 and pull.get(i, 0.0) >= 0}
    near = dict(zip(named(replica, got.items), got.scores.tolist(), strict=True))
    assert {i: c for i, c in near.items() if c > 1e-5} == pytest.approx(right, abs=1e-4)


def test_the_last_click_turns_it_and_the_context_is_left_out() -> None:
    events = [Event("a", "view", START, "u", "i0"), Event("b", "view", START + 60_000, "u", "i2")]
    replica, vectors = opened(events)
    context = asked(replica, START + 60_001, items=("i2", "i0"))
    found = preference(replica.state, context, vectors, half_life=1_000)
    assert named(replica, found.items)[0] == "i3"
    assert not {"i0", "i2"} & set(named(replica, found.items))
    before = asked(replica, START + 60_000, items=("i0",))
    found = preference(replica.state, before, vectors, half_life=1_000)
    assert named(replica, found.items)[0] == "i1"


def test_a_dislike_pushes_what_is_like_it_away() -> None:
    liked = [Event("a", "buy", START, "u", "i0"), Event("b", "buy", START, "u", "i2")]
    disliked = Event("c", "view", START + 1, "u", "i3")
    replica, vectors = opened([*liked, disliked])
    context = asked(replica, START + 2)
    weights = action_weights(PLAN, {"view": -8.0})
    scores = {}
    for name, table in (("with", weights), ("without", action_weights(PLAN, {"view": 0.0}))):
        found = preference(replica.state, context, vectors, weights=table)
        scores[name] = dict(zip(named(replica, found.items), found.scores.tolist(), strict=True))
    assert "i3" not in scores["with"]
    assert scores["with"].get("i2", 0.0) < scores["without"]["i2"] - 0.1
    assert scores["with"]["i1"] > scores["without"]["i1"]


def test_dislikes_alone_point_nowhere() -> None:
    replica, vectors = opened([Event("a", "view", START, "u", "i0")])
    weights = action_weights(PLAN, {"view": -1.0})
    context = asked(replica, START + 1)
    assert not len(preference(replica.state, context, vectors, weights=weights).items)


def test_somebody_unknown_has_no_preference() -> None:
    replica, vectors = opened([Event("a", "view", START, "u", "i0")])
    context = asked(replica, START + 1, user="nobody")
    assert not len(preference(replica.state, context, vectors).items)


def test_a_type_that_is_not_declared_is_named() -> None:
    with pytest.raises(NotFound, match="'vew'") as missing:
        action_weights(PLAN, {"vew": -1.0})
    assert "view" in missing.value.hint


def test_what_only_the_request_knows_counts_once() -> None:
    """Facts that no list has, as an evaluation behind the stream gives, and one that a list has."""
    replica, _ = opened([Event("a", "view", START, "u", "i0")])
    facts, items = replica.state.facts, replica.state.items.find_texts(["i3"])
    _, late = facts.append(
        np.array([START + 1]), facts.kind[:1].copy(), b"late", items, np.zeros(1, np.int64), 0
    )
    context = asked(replica, START + 1)  # of a state that is behind
    context.unlisted = np.array([late[0], late[0]])
    found, pull = acted(replica.state, context, action_weights(PLAN), 10**9)
    assert named(replica, found) == ["i0", "i3"]
    assert pull == pytest.approx([1, 1])
