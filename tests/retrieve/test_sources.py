"""Each source against a slow version of itself, over random sessions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.model import Event, Model
from tests.retrieve.slow import PLAN, Slow

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve import scans as scan
from afresh.retrieve.covisits import COVISITS, covisits
from afresh.retrieve.index import VISITS
from afresh.retrieve.nearby import Walk, near
from afresh.retrieve.next_item import NEXT, next_item
from afresh.retrieve.rules import RULES, rules
from afresh.retrieve.scans import Scans
from afresh.retrieve.sessions import Neighbourhood, session_neighbours
from afresh.retrieve.trending import Trending
from afresh.retrieve.two_hops import FIRST, LATEST, SECOND, two_hops
from afresh.store.replica import Replica

START = 20_000 * 86_400_000
ITEMS = [f"i{n}" for n in range(6)]


@st.composite
def visits(draw: st.DrawFn) -> list[Event]:
    """Events of few items in few sessions, so that they meet; some out of reach, some tied."""
    kinds = st.sampled_from(["view", "cart", "buy", "ping"])
    moments = draw(st.sampled_from([[0, 1, 2, 60_000], [0, 0, 3_600_000, 3_600_001, 7_000_000]]))
    made = []
    for n in range(draw(st.sampled_from([1, 3, 9, 25, 40]))):
        user, visit = draw(st.sampled_from([("u", None), (None, "a"), ("u", "b"), ("w", "c")]))
        ts = START + draw(st.sampled_from(moments))
        item = draw(st.sampled_from([*ITEMS, "i0", "i0", "i0", "i1"]))
        made.append(Event(f"{draw(st.integers(0, 9))}.{n}", draw(kinds), ts, user, item, visit))
    return made


def named(state: State, found: Candidates) -> dict[str, float]:
    assert sorted(found.scores, reverse=True) == found.scores.tolist()
    assert len(set(found.items.tolist())) == len(found.items)
    return dict(zip(state.items.texts(found.items), found.scores.tolist(), strict=True))


Request = tuple[list[Event], list[str], list[str]]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    context = draw(st.lists(st.sampled_from([*ITEMS, "new"]), min_size=1, max_size=5, unique=True))
    own = draw(st.lists(st.sampled_from(["s:a", "u:u", "s:b"]), max_size=2, unique=True))
    return draw(visits()), context, own


NEIGHBOURHOODS = st.builds(
    Neighbourhood,
    depth=st.just(500),
    neighbours=st.just(500),
    items=st.sampled_from([1, 3, 10]),
    rarity=st.booleans(),
    earlier=st.sampled_from([1.0, 0.5]),
    reach=st.sampled_from([1_000_000, 1, 2]),
    recency=st.sampled_from([0.0, 1e6]),
    visits=st.sampled_from([VISITS, 0, 5, 12]),
    nearest=st.sampled_from([0, 1, 2]),
)
WALKS = st.builds(
    Walk,
    depth=st.sampled_from([1, 2, 500]),
    steps=st.sampled_from([1, 2, 50]),
    backward=st.sampled_from([0.0, 0.6]),
    by_distance=st.booleans(),
    normalised=st.sampled_from([0.0, 0.5, 1.0]),
    common=st.sampled_from([0.0, 0.25, 1.0]),
    itself=st.booleans(),
    visits=st.sampled_from([VISITS, 0, 2, 7, 30]),
    nearest=st.sampled_from([0, 1, 3]),
)


def opened(request: Request, now: int | None = None) -> tuple[State, Context, list[str]]:
    """The state of a request, its context, and the items of the context that are known."""
    events, context, own = request
    state = State(PLAN)
    for at in range(0, len(events), 9):
        state.fold(batch_of(PLAN, events[at : at + 9]))
    numbers = state.find("item_id", context)
    parties = [state.parties.find_one(p[2:], p[:1].encode()) for p in own]
    known = [name for name, number in zip(context, numbers, strict=True) if number >= 0]
    now = state.newest + 1 if now is None else now
    return state, Context(numbers[numbers >= 0], np.array(parties, np.int64), now), known


@settings(max_examples=60)
@given(requests(), NEIGHBOURHOODS, st.booleans(), st.sampled_from([0, 1, 3_600_001]))
def test_neighbours_equal_the_slow_ones(
    request: Request, wanted: Neighbourhood, sweep: bool, ago: int
) -> None:
    now = max(e.ts for e in request[0]) + 1 - ago
    state, asked, known = opened(request, now)
    if sweep:
        state.sweep()
    slow, space = Slow(request[0], now), Workspace()
    for _ in range(2):  # scratch is left clean
        found = named(state, session_neighbours(state, asked, space, wanted=wanted))
        assert found == pytest.approx(slow.neighbours(known, set(request[2]), wanted))


@settings(max_examples=60)
@given(requests(), WALKS, st.booleans(), st.sampled_from([0, 1, 3_600_001]))
def test_walks_equal_the_slow_ones(request: Request, wanted: Walk, sweep: bool, ago: int) -> None:
    now = max(e.ts for e in request[0]) + 1 - ago
    state, asked, known = opened(request, now)
    if sweep:
        state.sweep()
    slow, space = Slow(request[0], now), Workspace()
    weights = [1.0 / (n + 1) for n in range(len(known))]
    for _ in range(2):
        found = named(state, near(state, asked, space, wanted, asked.items, np.array(weights), 99))
        assert found == pytest.approx(slow.walk(known, weights, set(request[2]), wanted))


@settings(max_examples=40)
@given(requests())
def test_rules_next_item_covisits_and_two_hops_are_such_walks(request: Request) -> None:
    state, asked, known = opened(request)
    slow, space, own = Slow(request[0]), Workspace(), set(request[2])
    weights = [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5][: len(known)]
    expected = slow.walk(known, weights, own, RULES)
    assert named(state, rules(state, asked, space)) == pytest.approx(expected)
    last = known[:1]
    found = named(state, next_item(state, asked, space))
    assert found == pytest.approx(slow.walk(last, [1.0] * len(last), own, NEXT))
    found = named(state, covisits(state, asked, space))
    assert found == pytest.approx(slow.walk(last, [1.0] * len(last), own, COVISITS))
    expected = slow.walk(known[:LATEST], weights[:LATEST], own, FIRST)
    found = named(state, two_hops(state, asked, space))
    assert found == pytest.approx(slow.walk(list(expected), [*expected.values()], own, SECOND))


@settings(max_examples=40)
@given(requests(), st.sampled_from([1, 3, 100]))
def test_all_scans_at_once_are_the_scans_one_by_one(request: Request, n: int) -> None:
    state, asked, _ = opened(request)
    scans, space = Scans(), Workspace()
    first = scans(state, asked, n)
    again = scans(state, asked, n)
    assert np.array_equal(first.items, again.items)
    assert np.array_equal(first.scores, again.scores)
    alone = [session_neighbours(state, asked, space, wanted=w) for w in scan.NEIGHBOURHOODS]
    for wanted, (a, b) in zip(scan.WALKS, scan.SPEAKING, strict=True):
        items = asked.items[a:b]
        weights = 1.0 / np.arange(1, len(items) + 1)
        alone.append(near(state, asked, space, wanted, items, weights, 500))
    for wanted, source in zip(scan.HOPPING, (scan.RULES, 0), strict=True):
        top = alone[source]
        alone.append(near(state, asked, space, wanted, top.items, top.scores, 500))
    blended: dict[int, float] = {}
    for column, source in enumerate(alone):
        scores = dict(zip(source.items.tolist(), source.scores.tolist(), strict=True))
        assert first.best[column] == pytest.approx(max(scores.values(), default=0.0))
        here = [scores.get(item, 0.0) for item in first.items.tolist()]
        assert first.scores[:, column].tolist() == pytest.approx(here)
        for item, score in scores.items():
            share = scan.FIXED[column] * score / first.best[column]
            blended[item] = blended.get(item, 0.0) + share
    top_n = sorted((s for s in blended.values() if s > 0), reverse=True)[:n]
    assert first.blend.tolist() == pytest.approx(top_n)


def test_only_the_most_recent_and_then_the_most_similar_sessions_vote() -> None:
    events = [Event(f"a{n}", "view", START + n, None, "i0", f"v{n}") for n in range(6)]
    events += [Event(f"b{n}", "view", START + 10 + n, None, f"i{n}", f"v{n}") for n in range(1, 6)]
    state = State(PLAN)
    state.fold(batch_of(PLAN, events))
    asked = Context(state.find("item_id", ["i0", "i4"]), np.empty(0, np.int64), START + 99)
    recent = session_neighbours(state, asked, Workspace(), wanted=Neighbourhood(depth=2))
    assert set(named(state, recent)) == {"i0", "i4", "i5"}
    wanted = Neighbourhood(neighbours=1)
    assert set(named(state, session_neighbours(state, asked, Workspace(), wanted=wanted))) == {
        "i0",
        "i4",
    }


@settings(max_examples=40)
@given(
    visits(), st.sampled_from([t.name for t in PLAN.trends if not t.by]), st.integers(1, 8_000_000)
)
def test_trends_are_weighted_events_of_the_window(
    events: list[Event], window: str, later: int
) -> None:
    replica = Replica(PLAN)
    trending, feature = Trending(replica), next(t for t in PLAN.trends if t.name == window)
    for at in range(0, len(events), 7):
        replica.fold_events(batch_of(PLAN, events[at : at + 7]), at)
        so_far = events[: at + 7]
        now = max(e.ts for e in so_far) + later
        model = Model(PLAN, so_far)
        scores: dict[str, float] = {}
        for item in {str(e.item) for e in so_far}:
            mine = [e for e in model.events if e.item == item]
            value = model._read(feature.read, mine, mine, now)
            if value:
                scores[item] = value
        assert named(replica.state, trending.top(window, now, 100)) == scores
        top = named(replica.state, trending.top(window, now, 2))
        assert list(top.values()) == sorted(scores.values(), reverse=True)[:2]


def test_when_lists_are_trimmed_shows_in_no_score() -> None:
    events = [Event(f"{n}", "view", START + n, None, "i1", f"v{n}") for n in range(7)]
    events += [Event(f"x{n}", "view", START + n, None, "i2", f"v{n}") for n in range(7)]
    state = State(PLAN)
    state.fold(batch_of(PLAN, events))
    asked = Context(state.find("item_id", ["i1"]), state.find("item_id", []), START + 9)
    before = named(state, session_neighbours(state, asked, Workspace()))
    state.sweep()
    assert named(state, session_neighbours(state, asked, Workspace())) == before


def long_lists(gap: int) -> State:
    """Ten people who look at forty films each in the same order, `gap` ms apart."""
    state = State(PLAN)
    events = [
        Event(f"{u}-{at}", "view", 1_700_000_000_000 + u + at * gap, f"u{u}", f"f{at:02}")
        for u in range(10)
        for at in range(40)
    ]
    state.fold(batch_of(PLAN, events))
    return state


@pytest.mark.parametrize(("gap", "near"), [(1_100, True), (1, False)])
def test_long_sessions_speak_near_the_match_unless_they_were_written_at_once(
    gap: int, near: bool
) -> None:
    state = long_lists(gap)
    asked = Context(state.find("item_id", ["f20"]), np.empty(0, np.int64), state.newest + 1)
    wanted = Neighbourhood(visits=60, rarity=False)
    found = named(state, session_neighbours(state, asked, Workspace(), wanted=wanted))
    kept = PLAN.postings.per_session
    assert (len(found) < min(40, kept)) is (near and kept > 11)


def test_a_walk_that_cannot_look_at_all_stays_near_in_all() -> None:
    state, space = long_lists(5_000), Workspace()
    asked = Context(state.find("item_id", ["f38"]), np.empty(0, np.int64), state.newest + 1)
    far, close = Walk(visits=10, steps=9), Walk(visits=10, steps=9, nearest=1)
    weights = np.ones(1)
    found = [named(state, near(state, asked, space, w, asked.items, weights, 99))
             for w in (far, close)]  # fmt: skip
    assert set(found[1]) <= {"f37", "f39"}
    assert set(found[1]) <= set(found[0])
