"""How many visits went on from one item to another, against loops over the events."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.model import Event
from tests.retrieve.slow import PLAN
from tests.retrieve.test_sources import Request, opened, requests

from afresh import App
from afresh.features.engines.embedded import State
from afresh.retrieve import Context, Workspace
from afresh.retrieve.passages import passages

WINDOWS = [60_000, 3_600_000, 90 * 86_400_000]


def latest_steps(events: list[Event], start: str, now: int) -> dict[str, list[int]]:
    """By item, for each visit that came to it from `start`, when its latest such step began."""
    visits = defaultdict(list)
    for event in sorted(events, key=lambda e: e.order):
        if event.item and event.type != "ping" and event.ts < now:
            visits[event.visit].append(event)
    found: dict[str, list[int]] = defaultdict(list)
    for visit in visits.values():
        for item in {e.item for e in visit if e.item and e.item != start}:
            last = max(at for at, e in enumerate(visit) if e.item == item)
            begun = [e.ts for e in visit[:last] if e.item == start]
            if begun:
                found[item].append(max(begun))
    return found


def told(events: list[Event], start: str, item: str, now: int) -> list[int]:
    steps = latest_steps(events, start, now)[item]
    return [sum(ts >= now - window for ts in steps) for window in WINDOWS]


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Few items in few visits, spread over days."""
    moments = st.sampled_from([0, 1, 2, 59_999, 60_000, 60_001, 3_599_999, 3_600_000, 9_000_000])
    rows = st.tuples(moments, st.sampled_from("abcd"), st.sampled_from("xyz"))
    start = 1_700_000_000_000
    return [
        Event(f"{n}", "view", start + ts, None, item, visit)
        for n, (ts, visit, item) in enumerate(draw(st.lists(rows, min_size=1, max_size=40)))
    ]


def counted(
    app: App, events: list[Event], **bounds: int
) -> tuple[dict[tuple[str, str], tuple[list[int], list[bool]]], int]:
    """Of each two items: the counts by window, and whether they are whole; and the moment."""
    plan = app.plan()
    state = State(plan)
    for at in range(0, len(events), 7):
        state.fold(batch_of(plan, events[at : at + 7]))
    now, names = state.newest + 1, sorted({str(e.item) for e in events})
    numbers = state.find("item_id", names)
    context = Context(numbers, np.empty(0, np.int64), now)
    space = Workspace()
    for _ in range(2):  # scratch is left clean
        counts, whole = passages(
            state, context, numbers, np.array(WINDOWS), space, items=len(names), **bounds
        )
    assert not space.matched.any()
    assert (space.row == -1).all()
    return {
        (a, b): (counts[i, j].tolist(), whole[i].tolist())
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if a != b
    }, now


@settings(max_examples=60)
@given(histories())
def test_counts_are_those_of_loops_over_the_events(events: list[Event]) -> None:
    app = App("passages")
    app.event("view")
    found, now = counted(app, events)
    for (a, b), (counts, whole) in found.items():
        assert counts == told(events, a, b, now)
        assert all(whole)


@settings(max_examples=60)
@given(
    histories(), st.sampled_from([2, 3, 50]), st.sampled_from([2, 4, 50]),
    st.sampled_from([1, 3, 200]), st.sampled_from([0, 4, 9, 4096]),
)  # fmt: skip
def test_what_is_said_to_be_whole_is_and_the_rest_is_a_least_number(
    events: list[Event], session: int, postings: int, depth: int, visits: int
) -> None:
    app = App("bounded", session_length=session, postings_per_item=postings)
    app.event("view")
    found, now = counted(app, events, depth=depth, visits=visits)
    for (a, b), (counts, whole) in found.items():
        for count, exact, all_ in zip(counts, whole, told(events, a, b, now), strict=True):
            assert count == all_ if exact else count <= all_


@settings(max_examples=30)
@given(requests())
def test_the_visitors_own_visits_do_not_count(request: Request) -> None:
    state, asked, known = opened(request)
    alive = [e for e in request[0] if e.ts > state.newest - PLAN.postings.within]
    others = [e for e in alive if e.visit not in request[2]]
    shown = state.find("item_id", sorted({str(e.item) for e in request[0]}))
    shown = shown[shown >= 0]
    counts, whole = passages(
        state, asked, shown, np.array([PLAN.postings.within]), Workspace(), items=3
    )
    for i, start in enumerate(known[:3]):
        steps = latest_steps(others, start, asked.now)
        for j, item in enumerate(state.items.texts(shown)):
            all_ = len(steps[item]) if item != start else 0
            assert counts[i, j, 0] == all_ if whole[i, 0] else counts[i, j, 0] <= all_
