"""Each source against a slow version of itself, over random sessions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.everything import app
from tests.model import Event, Model, batch_of

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.rules import BACKWARD, CONTEXT, STEPS, rules
from afresh.retrieve.sessions import session_neighbours
from afresh.retrieve.trending import Trending
from afresh.store.replica import Replica

PLAN = app.plan()
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


class Slow:
    """The sources in dictionaries and loops, over the model's lists."""

    def __init__(self, events: list[Event]) -> None:
        model, p = Model(PLAN, events), PLAN.postings
        rows = model._newest("item_id", p.types, p.per_item, p.within)
        self.postings = {item: [tuple(e) for e in rows] for item, rows in rows}
        rows = model._newest("visit", p.types, p.per_session, p.within)
        self.sessions = {visit: [tuple(e) for e in rows] for visit, rows in rows}
        owners = {f"u:{e.user}" for e in events if e.user}
        self.parties = owners | {f"s:{e.session}" for e in events if e.session}

    def neighbours(self, context: list[str], own: set[str], depth: int) -> dict[str, float]:
        likeness: dict[str, float] = {}
        for at, item in enumerate(context):
            newest = self.postings.get(item, [])[-depth:]
            for visit in {e[4] for e in newest} - own:
                likeness[visit] = likeness.get(visit, 0.0) + (len(context) - at) / len(context)
        scores: dict[str, float] = {}
        for visit, alike in likeness.items():
            for item in {e[3] for e in self.sessions[visit]}:
                scores[item] = scores.get(item, 0.0) + alike
        rarity = {i: math.log(1 + len(self.parties) / len(self.postings[i])) for i in scores}
        return {item: score * rarity[item] for item, score in scores.items()}

    def rules(self, context: list[str], own: set[str], depth: int) -> dict[str, float]:
        scores: dict[str, float] = {}
        context = context[:CONTEXT]
        for at, item in enumerate(context):
            newest = self.postings.get(item, [])[-depth:]
            for event in newest:
                visit = self.sessions[event[4]]
                if event[4] in own or event not in visit:
                    continue
                here = visit.index(event)
                for step in range(-STEPS, STEPS + 1):
                    near = here + step
                    if step == 0 or not 0 <= near < len(visit) or visit[near][3] == item:
                        continue
                    worth = (len(context) - at) / len(context) / len(newest) / abs(step)
                    worth *= BACKWARD if step < 0 else 1
                    scores[visit[near][3]] = scores.get(visit[near][3], 0.0) + worth
        return scores


def named(state: State, found: Candidates) -> dict[str, float]:
    assert sorted(found.scores, reverse=True) == found.scores.tolist()
    assert len(set(found.items.tolist())) == len(found.items)
    return dict(zip(state.items.texts(found.items), found.scores.tolist(), strict=True))


@st.composite
def requests(draw: st.DrawFn) -> tuple[list[Event], list[str], list[str], int]:
    context = draw(st.lists(st.sampled_from([*ITEMS, "new"]), min_size=1, max_size=5, unique=True))
    own = draw(st.lists(st.sampled_from(["s:a", "u:u", "s:b"]), max_size=2, unique=True))
    return draw(visits()), context, own, draw(st.sampled_from([1, 2, 500]))


@settings(max_examples=60)
@given(requests(), st.booleans())
def test_scans_equal_the_slow_ones(
    request: tuple[list[Event], list[str], list[str], int], sweep: bool
) -> None:
    events, context, own, depth = request
    state = State(PLAN)
    for at in range(0, len(events), 9):
        state.fold(batch_of(PLAN, events[at : at + 9]))
    if sweep:
        state.sweep()
    numbers = state.find("item_id", context)
    parties = [state.parties.find_one(p[2:], p[:1].encode()) for p in own]
    known = [name for name, number in zip(context, numbers, strict=True) if number >= 0]
    asked = Context(numbers[numbers >= 0], state.find("item_id", [])[:0], state.newest + 1)
    asked.sessions = numbers.__class__(len(parties), int) if parties else asked.sessions
    if parties:
        asked.sessions[:] = parties
    slow, space = Slow(events), Workspace()
    for _ in range(2):  # scratch is left clean
        found = named(state, session_neighbours(state, asked, space, depth=depth))
        assert found == pytest.approx(slow.neighbours(known, set(own), depth))
        found = named(state, rules(state, asked, space, depth=depth))
        assert found == pytest.approx(slow.rules(known, set(own), depth))


@settings(max_examples=40)
@given(visits(), st.sampled_from([t.name for t in PLAN.trends]), st.integers(1, 8_000_000))
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
